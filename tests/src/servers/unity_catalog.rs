//! A stand-in for Unity Catalog: for the open-source server, which no package registry has, and for the workspace that has
//! it in Databricks, with its logins and secret scopes. The few calls that lakedr makes, as the API documentation
//! describes them. It keeps everything in memory.
//!
//! What is committed to it are names; the files of a table are written by whoever commits.

mod calls;
mod locations;
mod workspace;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::stand_in::{self, Answer};
use calls::{Catalog, OLDER_API};

/// A running stand-in. It answers as long as the process lives, unless it is [stopped](Self::stop).
#[derive(Debug)]
pub struct UnityCatalog {
    address: SocketAddr,
    catalog: Arc<Mutex<Catalog>>,
}

impl UnityCatalog {
    /// Starts a catalog that has its managed tables below `root`, and asks for this token.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(root: &Path, token: &str) -> Result<Self> {
        let catalog = Arc::new(Mutex::new(Catalog::new(root, token)));
        let served = Arc::clone(&catalog);
        let address = stand_in::serve(move |request| {
            let (status, body) = served.lock().unwrap_or_else(PoisonError::into_inner).asked(request);
            Answer::new(status, body)
        })?;
        Ok(Self { address, catalog })
    }

    /// Its URL, as a group names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on every call is answered with this status.
    pub fn stop(&self, status: u16) {
        self.lock().stopped = Some(status);
    }

    /// Ends what [`Self::stop`] began.
    pub fn go_on(&self) {
        self.lock().stopped = None;
    }

    /// Makes a managed Delta table, with its catalog and schema: its id and where it has to lie.
    ///
    /// # Errors
    /// The name has no three parts, or there is a table of that name.
    pub fn create(&self, name: &str) -> Result<(String, String)> {
        let [catalog, schema, table]: [&str; 3] =
            name.split('.').collect::<Vec<_>>().try_into().ok().context("three parts")?;
        let staged = self.call(
            "POST",
            "/staging-tables",
            &json!({"catalog_name": catalog, "schema_name": schema, "name": table}),
        )?;
        let made = self.call(
            "POST",
            "/tables",
            &json!({
                "catalog_name": catalog, "schema_name": schema, "name": table, "columns": [],
                "table_type": "MANAGED", "data_source_format": "DELTA",
                "storage_location": staged["staging_location"],
            }),
        )?;
        let text = |field: &str| made[field].as_str().map(str::to_owned).context(field.to_owned());
        Ok((text("table_id")?, text("storage_location")?))
    }

    /// Ratifies a staged commit of a table.
    ///
    /// # Errors
    /// It is not the next one.
    pub fn ratify(&self, (id, location): &(String, String), version: u64, file: &Path) -> Result<()> {
        let commit = json!({
            "version": version,
            "timestamp": version,
            "file_name": file.file_name().map(|name| name.to_string_lossy()),
            "file_size": file.metadata()?.len(),
            "file_modification_timestamp": version,
        });
        let body = json!({"table_id": id, "table_uri": location, "commit_info": commit});
        self.call("POST", "/delta/preview/commits", &body).map(drop)
    }

    /// Says that all commits up to a version are published.
    ///
    /// # Errors
    /// There are none.
    pub fn published(&self, (id, location): &(String, String), version: u64) -> Result<()> {
        let body = json!({"table_id": id, "table_uri": location, "latest_backfilled_version": version});
        self.call("POST", "/delta/preview/commits", &body).map(drop)
    }

    /// Has a table of this kind: `EXTERNAL`, `VIEW`, … Nothing is written.
    ///
    /// # Errors
    /// The name has no three parts.
    pub fn register(&self, name: &str, kind: &str, format: Option<&str>, location: &str) -> Result<()> {
        let [catalog, schema, table]: [&str; 3] =
            name.split('.').collect::<Vec<_>>().try_into().ok().context("three parts")?;
        self.lock().register(json!({
            "catalog_name": catalog, "schema_name": schema, "name": table, "columns": [],
            "table_type": kind, "data_source_format": format, "storage_location": location,
        }));
        Ok(())
    }

    /// Gives these temporary credentials to everybody who asks; refuses them when there are none.
    pub fn vend(&self, credentials: Option<Value>) {
        self.lock().vended = credentials;
    }

    /// From now on external locations are as the open-source server has them: without `read_only`.
    pub fn have_locations_as_open_source(&self) {
        self.lock().locations.open_source = true;
    }

    /// From now on temporary credentials are where a workspace has them, under an older version of the API.
    pub fn vend_as_a_workspace(&self) {
        self.lock().vends_at = OLDER_API;
    }

    /// What temporary credentials were asked for: the call, and its body.
    #[must_use]
    pub fn vending(&self) -> Vec<(String, Value)> {
        self.lock().vending.clone()
    }

    /// Keeps a secret in a scope.
    pub fn keep(&self, scope: &str, key: &str, value: &str) {
        self.lock().workspace.secrets.insert((scope.to_owned(), key.to_owned()), value.to_owned());
    }

    /// Lets a service principal log in.
    pub fn let_in(&self, id: &str, secret: &str) {
        self.lock().workspace.client = Some((id.to_owned(), secret.to_owned()));
    }

    /// The external locations of the catalog, by name.
    #[must_use]
    pub fn locations(&self) -> BTreeMap<String, Value> {
        self.lock().locations.known.clone()
    }

    /// Has an external location that somebody else registered.
    pub fn add_location(&self, fields: &Value) {
        self.lock().locations.create(fields);
    }

    /// Changes an external location behind everybody's back; without fields it is removed.
    pub fn change_location(&self, name: &str, fields: Option<&Value>) {
        let mut catalog = self.lock();
        let _ = match fields {
            Some(fields) => catalog.locations.one("PATCH", name, fields),
            None => catalog.locations.one("DELETE", name, &Value::Null),
        };
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.lock().answer(method, path, body);
        ensure!(status == 200, "{method} {path}: {status}: {answer}");
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
