//! Delta tables in folders, read and written by hand: no code of lakedr and none of any Delta library.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema};
use chrono::Utc;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

/// What every table of [`append`] is.
const SCHEMA: &str =
    r#"{"type":"struct","fields":[{"name":"x","type":"string","nullable":true,"metadata":{}}]}"#;

/// A version, as its commit has it.
#[derive(Debug)]
pub struct Commit {
    /// The version.
    pub version: u64,
    /// Its actions.
    pub actions: Vec<Value>,
}

/// A table at a version.
struct State {
    protocol: Value,
    metadata: Value,
    files: BTreeMap<String, Value>,
}

impl Commit {
    /// Its `commitInfo`.
    #[must_use]
    pub fn info(&self) -> Value {
        self.actions.iter().find_map(|action| action.get("commitInfo")).cloned().unwrap_or_default()
    }

    /// The operation that it says it is of.
    #[must_use]
    pub fn operation(&self) -> String {
        self.info()["operation"].as_str().unwrap_or_default().to_owned()
    }
}

fn slot(folder: &Path, version: u64) -> PathBuf {
    folder.join("_delta_log").join(format!("{version:020}.json"))
}

/// The commits of a table, oldest first.
///
/// # Errors
/// A commit is no JSON.
pub fn commits(folder: &Path) -> Result<Vec<Commit>> {
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
///
/// # Errors
/// The version is there, or cannot be written.
pub fn commit(
    folder: &Path,
    version: u64,
    operation: &str,
    parameters: &Value,
    actions: &[Value],
) -> Result<()> {
    let info = json!({"commitInfo": {
        "timestamp": Utc::now().timestamp_millis(), "operation": operation, "operationParameters": parameters,
        "userName": "somebody@example.com", "engineInfo": "by-hand",
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
///
/// # Errors
/// A file is not there, or the version is.
pub fn clone(folder: &Path, (source, url, version): (&Path, &str, u64)) -> Result<()> {
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
///
/// # Errors
/// There is no such version.
pub fn restore(folder: &Path, version: u64) -> Result<()> {
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
///
/// # Errors
/// There is no such version, or a file of it is not there.
pub fn contents(folder: &Path, version: Option<u64>) -> Result<Vec<Vec<u8>>> {
    let newest = (commits(folder)?.len() as u64).checked_sub(1).context("no table")?;
    let state = state(folder, version.unwrap_or(newest))?;
    let files = state.files.keys().map(|path| Ok(fs::read(folder.join(path))?));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// A Parquet file with one row.
///
/// # Errors
/// None that is known.
pub fn file(text: &str) -> Result<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Utf8, true)]));
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema)).build_decoder()?;
    decoder.serialize(&[json!({ "x": text })])?;
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None)?;
    writer.write(&decoder.flush()?.context("a row")?)?;
    Ok(writer.into_inner()?)
}

/// Makes the next version of a table, which has one more file with one row. Version 0 makes the table.
///
/// # Errors
/// The version is there, or a file cannot be written.
pub fn append(folder: &Path, text: &str) -> Result<()> {
    let version = commits(folder)?.len() as u64;
    // as those of real writers, no two files have one name
    let words: Vec<&str> = text.split(' ').take(4).collect();
    let (name, file) = (format!("part-{version}-{}.parquet", words.join("-")), file(text)?);
    fs::create_dir_all(folder)?;
    fs::write(folder.join(&name), &file)?;
    let head = [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": format!("of-{}", folder.display()), "format": {"provider": "parquet", "options": {}},
            "schemaString": SCHEMA, "partitionColumns": [], "configuration": {}, "createdTime": 1,
        }}),
    ];
    let add = json!({"add": {
        "path": name, "partitionValues": {}, "size": file.len(), "modificationTime": 1, "dataChange": true,
        "stats": "{\"numRecords\":1}",
    }});
    let actions: Vec<Value> = head.into_iter().filter(|_| version == 0).chain([add]).collect();
    commit(folder, version, "WRITE", &json!({}), &actions)
}
