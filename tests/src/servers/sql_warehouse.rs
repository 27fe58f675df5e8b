//! A stand-in for a SQL warehouse of a Databricks workspace, which cannot be had: the calls of the Statement Execution API
//! and of the query history that lakedr makes, as their documentation describes them, on tables in folders.
//!
//! It understands the statements that lakedr sends and no others, keeps a history for each table, and refuses a commit that
//! somebody else has made meanwhile. What a warehouse does with files is its own affair: here a clone has files of other
//! names.

mod calls;
mod statement;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::UnityCatalog;
use super::stand_in::{self, Answer};
use crate::lake;
use calls::Workspace;

/// Requests that are counted, and the one that the stand-in stops at.
#[derive(Debug, Default)]
struct Gate {
    seen: usize,
    stop_at: Option<usize>,
    stopped: bool,
    drop: bool,
}

/// A running stand-in. It answers as long as the process lives.
#[derive(Debug)]
pub struct SqlWarehouse {
    address: SocketAddr,
    workspace: Arc<Mutex<Workspace>>,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

impl SqlWarehouse {
    /// Starts a workspace with one warehouse, whose managed tables lie below `root` and are known to a catalog.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(token: &str, warehouse: &str, root: &Path, catalog: Arc<UnityCatalog>) -> Result<Self> {
        let workspace = Arc::new(Mutex::new(Workspace {
            token: token.to_owned(),
            warehouse: warehouse.to_owned(),
            catalog,
            root: root.to_owned(),
            tables: std::collections::BTreeMap::new(),
            sent: Vec::new(),
            held: false,
            refused: Vec::new(),
            remade: Vec::new(),
        }));
        let gate = Arc::<(Mutex<Gate>, Condvar)>::default();
        let (served, passed) = (Arc::clone(&workspace), Arc::clone(&gate));
        let address = stand_in::serve(move |request| {
            if pass(&passed) {
                served.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
            } else {
                Answer::new(503, json!({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "dropped"}))
            }
        })?;
        Ok(Self { address, workspace, gate })
    }

    /// URL of its workspace, as a group names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has a table in a folder that somebody else has made.
    ///
    /// # Errors
    /// The catalog does not take it.
    pub fn adopt(&self, table: &str, folder: &Path) -> Result<()> {
        let mut workspace = self.lock();
        workspace.catalog.register(
            table,
            "MANAGED",
            Some("DELTA"),
            &format!("file://{}", folder.display()),
        )?;
        workspace.tables.insert(table.to_owned(), folder.to_owned());
        Ok(())
    }

    /// The bytes of the files of a table, at a version or at the newest one, in order.
    ///
    /// # Errors
    /// There is no such table.
    pub fn contents(&self, table: &str, version: Option<u64>) -> Result<Vec<Vec<u8>>> {
        lake::contents(self.lock().folder(table)?, version)
    }

    /// The operations of a table's versions, oldest first.
    ///
    /// # Errors
    /// There is no such table.
    pub fn operations(&self, table: &str) -> Result<Vec<String>> {
        Ok(lake::commits(self.lock().folder(table)?)?.iter().map(lake::Commit::operation).collect())
    }

    /// Somebody else commits to a table, without changing its files.
    ///
    /// # Errors
    /// There is no such table.
    pub fn commit(&self, table: &str, operation: &str) -> Result<()> {
        let workspace = self.lock();
        let folder = workspace.folder(table)?;
        lake::commit(folder, lake::commits(folder)?.len() as u64, operation, &json!({}), &[])
    }

    /// From now on scripts stop behind their check, with all that is left to do.
    pub fn hold(&self) {
        self.lock().held = true;
    }

    /// From now on scripts are carried out. What is held stays so.
    pub fn hold_no_more(&self) {
        self.lock().held = false;
    }

    /// Ends what [`Self::hold`] began: what is held goes on.
    pub fn release(&self) {
        self.lock().release();
    }

    /// The next script on a table fails with this code and message.
    pub fn refuse(&self, table: &str, code: &str, message: &str) {
        self.lock().refused.push((table.to_owned(), code.to_owned(), message.to_owned()));
    }

    /// Right before the next script on a table begins, somebody drops it and makes another one of its name, with so many
    /// commits.
    pub fn remake_before_script(&self, table: &str, commits: u64) {
        self.lock().remade.push((table.to_owned(), commits));
    }

    /// Somebody drops a table, and makes another one of its name, with so many commits.
    ///
    /// # Errors
    /// There is no such table.
    pub fn remake(&self, table: &str, commits: u64) -> Result<()> {
        self.lock().remake(table, commits)
    }

    /// Somebody sends a statement, now.
    pub fn send(&self, text: &str) {
        self.lock().send(text);
    }

    /// The scripts so far, and their states.
    #[must_use]
    pub fn scripts(&self) -> Vec<(String, &'static str)> {
        let workspace = self.lock();
        let scripts = workspace.sent.iter().filter(|sent| sent.text.starts_with("BEGIN"));
        scripts.map(|sent| (sent.text.clone(), sent.state)).collect()
    }

    /// Scripts that are held while their senders ask for them.
    #[must_use]
    pub fn waited_for(&self) -> usize {
        self.lock().sent.iter().filter(|sent| sent.state == "RUNNING" && sent.asked_for).count()
    }

    /// From now on the stand-in stops at the request of this number, counted from one, and does not answer it.
    pub fn stop_at(&self, request: usize) {
        *self.gate() = Gate { stop_at: Some(request), ..Gate::default() };
    }

    /// Waits until the stand-in has stopped; false when it has not within that time.
    #[must_use]
    pub fn has_stopped(&self, within: Duration) -> bool {
        let waited = self.gate.1.wait_timeout_while(self.gate(), within, |gate| !gate.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// Goes on. The request that it stopped at is carried out, or has never arrived.
    pub fn go_on(&self, arrived: bool) {
        let mut gate = self.gate();
        (gate.stop_at, gate.drop) = (None, !arrived);
        gate.stopped = false;
        self.gate.1.notify_all();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folder of a table.
    ///
    /// # Errors
    /// There is no such table.
    pub fn folder(&self, table: &str) -> Result<std::path::PathBuf> {
        self.lock().folder(table).map(Path::to_owned).context("a table")
    }
}

/// Waits at the gate, if this is the request that stops there. Whether the request goes on.
fn pass(gate: &(Mutex<Gate>, Condvar)) -> bool {
    let (state, changed) = gate;
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.seen += 1;
    if state.stop_at != Some(state.seen) {
        return true;
    }
    state.stopped = true;
    changed.notify_all();
    let state = changed.wait_while(state, |state| state.stop_at.is_some());
    !state.unwrap_or_else(PoisonError::into_inner).drop
}
