//! What the calls do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::stand_in::Request;
use super::locations::Locations;
use super::workspace::{self, Workspace};

/// Most commits that one answer holds.
const PAGE: usize = 10;

/// Where the catalog's API begins.
const API: &str = "/api/2.1/unity-catalog";

/// Where a workspace has the calls for temporary credentials.
pub(super) const OLDER_API: &str = "/api/2.0/unity-catalog";

/// Everything that the catalog knows.
#[derive(Debug)]
pub(super) struct Catalog {
    root: PathBuf,
    pub(super) workspace: Workspace,
    pub(super) stopped: Option<u16>,
    tables: BTreeMap<String, Table>,
    pub(super) locations: Locations,
    /// Answer to every call for temporary credentials.
    pub(super) vended: Option<Value>,
    /// Where these calls are: the open-source server has them where all others are.
    pub(super) vends_at: &'static str,
    /// The bodies of these calls, by the end of their path.
    pub(super) vending: Vec<(String, Value)>,
}

#[derive(Debug)]
struct Table {
    info: Value,
    latest: u64,
    /// Commits that are not known to be published.
    commits: BTreeMap<u64, Value>,
}

pub(super) type Answer = (u16, Value);

pub(super) fn refused(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({"error_code": code, "message": message, "details": []}))
}

impl Catalog {
    pub(super) fn new(root: &Path, token: &str) -> Self {
        Self {
            root: root.to_owned(),
            workspace: Workspace::new(token),
            stopped: None,
            tables: BTreeMap::new(),
            locations: Locations::default(),
            vended: None,
            vends_at: API,
            vending: Vec::new(),
        }
    }

    /// A call from outside.
    pub(super) fn asked(&mut self, request: &Request) -> Answer {
        if let Some(status) = self.stopped {
            return refused(status, "UNAVAILABLE", "the stand-in was told to say so");
        }
        let path = format!("/{}", request.path.join("/"));
        match path.as_str() {
            "/oidc/v1/token" => return self.workspace.issue(request),
            "/.well-known/databricks-config" => return workspace::metadata(&request.host),
            "/oidc/.well-known/oauth-authorization-server" => return workspace::endpoints(&request.host),
            _ => {}
        }
        if !self.workspace.knows(request) {
            return refused(401, "UNAUTHENTICATED", "no valid bearer token");
        }
        if path == "/api/2.0/secrets/get" {
            return self.workspace.secret(request);
        }
        // a form is no JSON, and its content is not looked at
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let vends = path.ends_with("-credentials");
        match path.strip_prefix(if vends { self.vends_at } else { API }) {
            Some(path) => self.answer(&request.method, path, &body),
            None => refused(404, "ENDPOINT_NOT_FOUND", "no such call"),
        }
    }

    pub(super) fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        match (method, path) {
            ("POST", "/staging-tables") => self.stage(body),
            ("POST", "/tables") => self.create(body),
            ("POST", "/delta/preview/commits") => self.commit(body),
            ("GET", "/delta/preview/commits") => self.commits(body),
            ("POST", "/temporary-table-credentials" | "/temporary-path-credentials") => self.vend(path, body),
            ("POST", "/external-locations") => self.locations.create(body),
            (_, path) => match (path.strip_prefix("/tables/"), path.strip_prefix("/external-locations/")) {
                (Some(name), _) if method == "GET" => self.table(name),
                (_, Some(name)) => self.locations.one(method, name, body),
                _ => refused(404, "ENDPOINT_NOT_FOUND", "no such call"),
            },
        }
    }

    /// A table, or anything else that a catalog has under the name of a table.
    pub(super) fn register(&mut self, mut info: Value) {
        info["table_id"] = json!(format!("00000000-0000-0000-0000-{:012}", self.tables.len() + 1));
        self.tables.insert(full_name(&info), Table { info, latest: 0, commits: BTreeMap::new() });
    }

    fn vend(&mut self, path: &str, body: &Value) -> Answer {
        self.vending.push((path.trim_start_matches('/').to_owned(), body.clone()));
        match &self.vended {
            Some(credentials) => (200, credentials.clone()),
            None => refused(403, "PERMISSION_DENIED", "external access is not enabled for this metastore"),
        }
    }

    fn stage(&self, body: &Value) -> Answer {
        let place = self.root.join("__unitystorage").join(full_name(body));
        (200, json!({"staging_location": format!("file://{}", place.display())}))
    }

    fn create(&mut self, body: &Value) -> Answer {
        let name = full_name(body);
        if self.tables.contains_key(&name) {
            return refused(400, "ALREADY_EXISTS", "Table already exists");
        }
        let mut info = body.clone();
        info["table_id"] = json!(format!("00000000-0000-0000-0000-{:012}", self.tables.len() + 1));
        self.tables.insert(name, Table { info: info.clone(), latest: 0, commits: BTreeMap::new() });
        (200, info)
    }

    fn table(&self, name: &str) -> Answer {
        match self.tables.get(name) {
            Some(table) => (200, table.info.clone()),
            None => refused(404, "TABLE_NOT_FOUND", "Table not found"),
        }
    }

    fn by_id(&mut self, body: &Value) -> Result<&mut Table, Answer> {
        let found = self.tables.values_mut().find(|table| table.info["table_id"] == body["table_id"]);
        let table = found.ok_or_else(|| refused(404, "NOT_FOUND", "Table not found"))?;
        if table.info["storage_location"] != body["table_uri"] {
            return Err(refused(400, "INVALID_ARGUMENT", "Table URI does not match"));
        }
        Ok(table)
    }

    fn commit(&mut self, body: &Value) -> Answer {
        let table = match self.by_id(body) {
            Ok(table) => table,
            Err(answer) => return answer,
        };
        if let Some(version) = body["commit_info"]["version"].as_u64() {
            // the first one may have any version: earlier ones were made before the catalog was asked
            if table.latest > 0 && version != table.latest + 1 {
                return refused(400, "INVALID_ARGUMENT", "Commit version must be the next version");
            }
            table.latest = version;
            table.commits.insert(version, body["commit_info"].clone());
        }
        if let Some(published) = body["latest_backfilled_version"].as_u64() {
            table.commits.retain(|version, _| *version > published);
        }
        (200, json!({}))
    }

    fn commits(&mut self, body: &Value) -> Answer {
        let table = match self.by_id(body) {
            Ok(table) => table,
            Err(answer) => return answer,
        };
        let Some(start) = body["start_version"].as_u64() else {
            return refused(400, "INVALID_ARGUMENT", "Field can not be null: start_version");
        };
        let mut page: Vec<&Value> =
            table.commits.range(start..).take(PAGE).map(|(_, commit)| commit).collect();
        page.reverse();
        (200, json!({"commits": page, "latest_table_version": table.latest}))
    }
}

fn full_name(body: &Value) -> String {
    let parts = ["catalog_name", "schema_name", "name"].map(|part| body[part].as_str().unwrap_or_default());
    parts.join(".")
}
