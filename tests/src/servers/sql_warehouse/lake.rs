//! Tables in folders, read and written by hand: what a warehouse does to the files and logs of managed tables.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use chrono::Utc;
use serde_json::{Value, json};

/// A version, as its commit has it.
pub(super) struct Commit {
    pub(super) version: u64,
    pub(super) actions: Vec<Value>,
}

/// A table at a version.
struct State {
    protocol: Value,
    metadata: Value,
    files: BTreeMap<String, Value>,
}

impl Commit {
    pub(super) fn info(&self) -> Value {
        self.actions.iter().find_map(|action| action.get("commitInfo")).cloned().unwrap_or_default()
    }

    pub(super) fn operation(&self) -> String {
        self.info()["operation"].as_str().unwrap_or_default().to_owned()
    }
}

fn slot(folder: &Path, version: u64) -> PathBuf {
    folder.join("_delta_log").join(format!("{version:020}.json"))
}

/// The commits of a table, oldest first.
pub(super) fn commits(folder: &Path) -> Result<Vec<Commit>> {
    let mut commits = Vec::new();
    loop {
        let version = commits.len() as u64;
        let Ok(text) = fs::read_to_string(slot(folder, version)) else { return Ok(commits) };
        let actions = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        commits.push(Commit { version, actions });
    }
}

fn state(folder: &Path, version: u64) -> Result<State> {
    let mut state = State { protocol: Value::Null, metadata: Value::Null, files: BTreeMap::new() };
    let commits = commits(folder)?;
    ensure!(commits.len() as u64 > version, "[DELTA_VERSION_NOT_FOUND] no version {version}");
    for action in
        commits.iter().take_while(|commit| commit.version <= version).flat_map(|commit| &commit.actions)
    {
        let path = |file: &Value| file["path"].as_str().unwrap_or_default().to_owned();
        if let Some(protocol) = action.get("protocol") {
            state.protocol = protocol.clone();
        } else if let Some(metadata) = action.get("metaData") {
            state.metadata = metadata.clone();
        } else if let Some(add) = action.get("add") {
            state.files.insert(path(add), add.clone());
        } else if let Some(remove) = action.get("remove") {
            state.files.remove(&path(remove));
        }
    }
    Ok(state)
}

/// Writes the next version, unless somebody else was faster.
pub(super) fn commit(
    folder: &Path,
    version: u64,
    operation: &str,
    parameters: &Value,
    actions: &[Value],
) -> Result<()> {
    let info = json!({"commitInfo": {
        "timestamp": Utc::now().timestamp_millis(), "operation": operation, "operationParameters": parameters,
        "userName": "warehouse@example.com", "engineInfo": "Databricks-Runtime/16.4",
    }});
    let lines: String = std::iter::once(&info).chain(actions).map(|action| format!("{action}\n")).collect();
    let slot = slot(folder, version);
    fs::create_dir_all(slot.parent().context("a folder")?)?;
    match fs::File::create_new(&slot) {
        Ok(mut file) => Ok(file.write_all(lines.as_bytes())?),
        Err(_) => bail!("[DELTA_CONCURRENT_MODIFICATION] somebody else has written version {version}"),
    }
}

fn remove(path: &str) -> Value {
    json!({"remove": {"path": path, "deletionTimestamp": Utc::now().timestamp_millis(), "dataChange": true}})
}

/// Makes the next version of a table a copy of a version of another one. Its files get names of their own.
pub(super) fn clone(folder: &Path, (source, url, version): (&Path, &str, u64)) -> Result<()> {
    let (wanted, held) = (state(source, version)?, commits(folder)?.len() as u64);
    let before = if held == 0 { BTreeMap::new() } else { state(folder, held - 1)?.files };
    fs::create_dir_all(folder)?;
    let mut metadata = wanted.metadata;
    metadata["id"] = json!(format!("managed-{}", folder.file_name().unwrap_or_default().to_string_lossy()));
    let mut actions = vec![json!({"protocol": wanted.protocol}), json!({"metaData": metadata})];
    actions.extend(before.keys().map(|path| remove(path)));
    for (index, (path, add)) in wanted.files.iter().enumerate() {
        ensure!(add["deletionVector"].is_null(), "the stand-in knows no deletion vectors");
        let path = percent_encoding::percent_decode_str(path).decode_utf8()?.into_owned();
        let name = format!("clone-{held}-{index}.parquet");
        fs::copy(source.join(path), folder.join(&name))?;
        let mut add = add.clone();
        add["path"] = json!(name);
        actions.push(json!({"add": add}));
    }
    let parameters = json!({"source": format!("delta.`{url}`"), "sourceVersion": version.to_string()});
    commit(folder, held, "CLONE", &parameters, &actions)
}

/// Makes the next version of a table what an older one was.
pub(super) fn restore(folder: &Path, version: u64) -> Result<()> {
    let next = commits(folder)?.len() as u64;
    let (wanted, held) = (state(folder, version)?, state(folder, next - 1)?);
    let mut actions = vec![json!({"protocol": wanted.protocol}), json!({"metaData": wanted.metadata})];
    actions
        .extend(held.files.keys().filter(|path| !wanted.files.contains_key(*path)).map(|path| remove(path)));
    let missing = wanted.files.iter().filter(|(path, _)| !held.files.contains_key(*path));
    actions.extend(missing.map(|(_, add)| json!({ "add": add })));
    commit(folder, next, "RESTORE", &json!({"version": version.to_string(), "timestamp": null}), &actions)
}

/// The bytes of the files of a table at a version, or at its newest one, in order.
pub(super) fn contents(folder: &Path, version: Option<u64>) -> Result<Vec<Vec<u8>>> {
    let newest = (commits(folder)?.len() as u64).checked_sub(1).context("no table")?;
    let state = state(folder, version.unwrap_or(newest))?;
    let files = state.files.keys().map(|path| Ok(fs::read(folder.join(path))?));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
