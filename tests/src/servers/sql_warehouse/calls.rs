//! What the calls do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::super::UnityCatalog;
use super::super::stand_in::{Answer, Request};
use super::statement::{Act, Column, Condition, Rows, Statement, read};
use crate::lake;

/// Rows of a page of the query history.
const PAGE: usize = 1;

/// A statement, and what became of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) state: &'static str,
    error: Option<(String, String)>,
    rows: Vec<Vec<Option<String>>>,
    /// What is still to be done.
    act: Option<Act>,
    /// Whether its sender knows of it, and asks how far it is.
    pub(super) asked_for: bool,
}

/// Everything that the workspace knows.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) token: String,
    pub(super) warehouse: String,
    pub(super) catalog: Arc<UnityCatalog>,
    pub(super) root: PathBuf,
    pub(super) tables: BTreeMap<String, PathBuf>,
    pub(super) sent: Vec<Sent>,
    /// Scripts that have passed their check stay there.
    pub(super) held: bool,
    /// Errors that the next statements on a table end with: its name, code, message.
    pub(super) refused: Vec<(String, String, String)>,
    /// Tables that somebody drops and makes anew right before the next script on them begins: name, commits.
    pub(super) remade: Vec<(String, u64)>,
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status, json!({"error_code": code, "message": message, "details": []}))
}

impl Workspace {
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        if request.bearer() != Some(self.token.as_str()) {
            return refused(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type");
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["api", "2.0", "sql", "statements"]) => self.execute(request),
            ("GET", ["api", "2.0", "sql", "statements", id]) => self.look(id),
            ("POST", ["api", "2.0", "sql", "statements", id, "cancel"]) => self.cancel(id),
            ("GET", ["api", "2.0", "sql", "history", "queries"]) => self.queries(request),
            _ => refused(404, "ENDPOINT_NOT_FOUND", "No API found"),
        }
    }

    fn execute(&mut self, request: &Request) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if body["warehouse_id"] != self.warehouse.as_str() {
            return refused(400, "INVALID_PARAMETER_VALUE", "the warehouse was not found");
        }
        let Some(text) = body["statement"].as_str() else {
            return refused(400, "INVALID_PARAMETER_VALUE", "statement is missing");
        };
        let id = self.send(text);
        // nothing is waited for: the state is told by the next call
        Answer::new(200, json!({"statement_id": id, "status": {"state": "PENDING"}}))
    }

    /// Carries a statement out, as far as it gets: its id.
    pub(super) fn send(&mut self, text: &str) -> String {
        let id = format!("01ef-{:04}", self.sent.len());
        let mut sent = Sent {
            id: id.clone(),
            text: text.to_owned(),
            state: "SUCCEEDED",
            error: None,
            rows: Vec::new(),
            act: None,
            asked_for: false,
        };
        if let Err(error) = self.begin(text, &mut sent) {
            let message = error.to_string();
            sent.state = "FAILED";
            sent.error = Some(match message.split_once('|') {
                Some((code, message)) => (code.to_owned(), message.to_owned()),
                None => ("BAD_REQUEST".to_owned(), message),
            });
        }
        self.sent.push(sent);
        id
    }

    fn begin(&mut self, text: &str, sent: &mut Sent) -> Result<()> {
        match read(text).map_err(|error| anyhow::anyhow!("[PARSE_SYNTAX_ERROR] {error}"))? {
            Statement::History { columns, table, without, limit } => {
                let mut commits = lake::commits(self.folder(&table)?)?;
                commits.retain(|commit| !without.contains(&commit.operation()));
                let newest = commits.iter().rev().take(usize::try_from(limit)?);
                sent.rows = newest
                    .map(|commit| columns.iter().map(|column| value(column, commit)).collect())
                    .collect();
            }
            Statement::Script { condition, act } => {
                if let Some(at) = self.refused.iter().position(|(table, ..)| table == act.table()) {
                    let (_, code, message) = self.refused.remove(at);
                    bail!("{code}|{message}");
                }
                if let Some(at) = self.remade.iter().position(|(table, _)| table == act.table()) {
                    let (table, commits) = self.remade.remove(at);
                    self.remake(&table, commits)?;
                }
                match condition {
                    Some(condition) if !self.holds(&condition)? => {}
                    _ if self.held => (sent.state, sent.act) = ("RUNNING", Some(act)),
                    _ => self.carry_out(&act)?,
                }
            }
        }
        Ok(())
    }

    fn holds(&self, condition: &Condition) -> Result<bool> {
        let commits = lake::commits(self.folder(&condition.table)?)?;
        let foreign = |commit: &lake::Commit, without: &[String]| !without.contains(&commit.operation());
        let counted = |rows: &Rows, commit: &lake::Commit| match rows {
            Rows::At { version, committed_at } => {
                commit.version == *version && commit.info()["timestamp"] == *committed_at
            }
            Rows::Above { version, without } => commit.version > *version && foreign(commit, without),
            Rows::UpToOrForeign { version, without } => {
                commit.version <= *version || foreign(commit, without)
            }
        };
        let mut counts = condition.counts.iter();
        Ok(counts.all(|count| {
            commits.iter().filter(|commit| counted(&count.rows, commit)).count() as u64 == count.number
        }))
    }

    /// Drops a table and makes another one of its name.
    pub(super) fn remake(&self, table: &str, commits: u64) -> Result<()> {
        let folder = self.folder(table)?;
        std::fs::remove_dir_all(folder)?;
        (0..commits).try_for_each(|commit| lake::append(folder, &format!("anew {commit}")))
    }

    pub(super) fn folder(&self, table: &str) -> Result<&Path> {
        let missing = || format!("[TABLE_OR_VIEW_NOT_FOUND] The table or view {table} cannot be found.");
        self.tables.get(table).map(PathBuf::as_path).with_context(missing)
    }

    fn carry_out(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Restore { table, version } => lake::restore(self.folder(table)?, *version),
            Act::Clone { table, source, version, replace } => {
                let known = self.tables.contains_key(table);
                if known && !replace {
                    bail!(
                        "[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table {table} because it already exists."
                    );
                }
                let folder = self.root.join(format!("managed-{}", self.tables.len()));
                let folder = self.tables.get(table).cloned().unwrap_or(folder);
                let place = source.strip_prefix("file://").context("the stand-in clones folders only")?;
                lake::clone(&folder, (Path::new(place), source, *version))?;
                if !known {
                    let url = format!("file://{}", folder.display());
                    self.catalog.register(table, "MANAGED", Some("DELTA"), &url)?;
                    self.tables.insert(table.clone(), folder);
                }
                Ok(())
            }
        }
    }

    /// What is held goes on.
    pub(super) fn release(&mut self) {
        self.held = false;
        for index in 0..self.sent.len() {
            let Some(act) = self.sent.get_mut(index).and_then(|sent| sent.act.take()) else { continue };
            let outcome = self.carry_out(&act);
            let sent = &mut self.sent[index];
            sent.state = if outcome.is_ok() { "SUCCEEDED" } else { "FAILED" };
            sent.error = outcome.err().map(|error| ("BAD_REQUEST".to_owned(), error.to_string()));
        }
    }

    fn look(&mut self, id: &str) -> Answer {
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.id == id) else {
            return refused(404, "NOT_FOUND", "The statement was not found.");
        };
        sent.asked_for = true;
        let mut answer = json!({"statement_id": id, "status": {"state": sent.state}});
        if let Some((code, message)) = &sent.error {
            answer["status"]["error"] = json!({"error_code": code, "message": message});
            if message.starts_with("[TABLE_OR_VIEW_NOT_FOUND]") {
                answer["status"]["sql_state"] = json!("42P01");
            }
        }
        if sent.state == "SUCCEEDED" {
            answer["manifest"] =
                json!({"format": "JSON_ARRAY", "total_row_count": sent.rows.len(), "truncated": false});
            answer["result"] =
                json!({"chunk_index": 0, "row_count": sent.rows.len(), "data_array": sent.rows});
        }
        Answer::new(200, answer)
    }

    fn cancel(&mut self, id: &str) -> Answer {
        // what has ended stays as it ended
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.id == id && sent.state == "RUNNING") {
            (sent.state, sent.act) = ("CANCELED", None);
        }
        Answer::new(200, json!({}))
    }

    fn queries(&self, request: &Request) -> Answer {
        let of = |name: &str| request.all(name).map(str::to_owned).collect::<Vec<_>>();
        let (warehouses, statuses) = (of("filter_by.warehouse_ids"), of("filter_by.statuses"));
        let from = request.get("page_token").and_then(|token| token.parse().ok()).unwrap_or(0);
        let state = |sent: &Sent| if sent.state == "SUCCEEDED" { "FINISHED" } else { sent.state };
        let found: Vec<&Sent> = self
            .sent
            .iter()
            .rev()
            .filter(|_| warehouses.is_empty() || warehouses.contains(&self.warehouse))
            .filter(|sent| statuses.is_empty() || statuses.iter().any(|status| status == state(sent)))
            .collect();
        let rows: Vec<Value> = found
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|sent| {
                json!({"query_id": sent.id, "status": state(sent), "query_text": sent.text, "warehouse_id": self.warehouse})
            })
            .collect();
        let more = found.len() > from + PAGE;
        let mut answer = json!({"res": rows, "has_next_page": more});
        if more {
            answer["next_page_token"] = json!((from + PAGE).to_string());
        }
        Answer::new(200, answer)
    }
}

fn value(column: &Column, commit: &lake::Commit) -> Option<String> {
    let info = commit.info();
    match column {
        Column::Field(field) if field == "version" => Some(commit.version.to_string()),
        Column::Millis(field) => Some(info[field].to_string()),
        Column::Field(field) => info[field].as_str().map(str::to_owned),
        Column::Parameter(name) => info["operationParameters"][name].as_str().map(str::to_owned),
    }
}
