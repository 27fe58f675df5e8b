//! Shallow clones: tables whose log names files of another table by absolute URIs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lakedr::delta::action::{ActionKind, line};
use lakedr::delta::deletion_vector::Descriptor;
use lakedr::delta::json::RawObject;
use lakedr::delta::path::SourceObject;
use lakedr::delta::replica::file::replica_file;
use lakedr::delta::root::TableRoot;
use lakedr::delta::state::TableState;
use serde_json::json;
use tempfile::TempDir;

use crate::clone::{Replica, state};
use crate::golden::{Kind, table, tables};

/// A spelling of the absolute URI of a file, another for each `number`.
fn spelling(file: &Path, number: usize) -> String {
    let url = url::Url::from_file_path(file).unwrap().to_string();
    match number % 3 {
        0 => url,
        1 => url.replacen("file://", "file:", 1),
        _ => url.replacen("file://", "", 1),
    }
}

/// The file that an add of `of` names, wherever its writer put it.
fn placed(of: &Path, source: &SourceObject, undecoded: Option<&object_store::path::Path>) -> PathBuf {
    let keys = [Some(source.key()), undecoded];
    let mut files = keys.into_iter().flatten().map(|key| of.join(key.as_ref()));
    files.find(|file| file.is_file()).expect("the file of a golden table")
}

/// The add of a shallow clone of a table: path and deletion vector made absolute.
fn absolute(of: &Path, root: &TableRoot, add: &RawObject, number: usize) -> RawObject {
    let fields = add.fields();
    let (key, parsed) = lakedr::delta::state::AddFile::parse(add.clone()).unwrap();
    let file = replica_file(&key, &parsed, "", root).unwrap();
    let data = placed(of, &file.data.source, file.data.undecoded.as_ref());
    let moved = add.with_raw("path", &json!(spelling(&data, number)).to_string());
    let Some(vector) = file.vector else { return moved };
    let raw = fields.get("deletionVector").unwrap();
    let place = spelling(&placed(of, &vector.file.source, None), number + 1);
    let descriptor = RawObject::parse(raw.get())
        .unwrap()
        .with_raw("storageType", "\"p\"")
        .with_raw("pathOrInlineDv", &json!(place).to_string());
    assert!(Descriptor::parse(descriptor.text()).is_ok());
    moved.with_raw("deletionVector", descriptor.text())
}

/// A table whose log is a shallow clone of another's state.
struct ShallowClone {
    directory: TempDir,
    adds: Vec<RawObject>,
}

impl ShallowClone {
    fn of(table: &Path, state: &TableState) -> Self {
        let root = TableRoot::parse(&state.head.url).unwrap();
        let adds = state.files.values().enumerate();
        let adds = adds.map(|(number, add)| absolute(table, &root, &add.raw, number)).collect();
        let clone = Self { directory: TempDir::new().unwrap(), adds };
        let mut log = line(&ActionKind::Protocol, &state.head.protocol.raw);
        log.push('\n');
        log.push_str(&line(&ActionKind::Metadata, &state.head.metadata.raw));
        for add in &clone.adds {
            log.push('\n');
            log.push_str(&line(&ActionKind::Add, add));
        }
        clone.commit(0, &log);
        clone
    }

    fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn commit(&self, version: u64, body: &str) {
        let log = self.path().join("_delta_log");
        std::fs::create_dir_all(&log).unwrap();
        std::fs::write(log.join(format!("{version:020}.json")), body).unwrap();
    }

    /// Removes every second file, under another spelling of its URI.
    fn remove_every_second(&self) {
        let mut body = String::new();
        for (number, add) in self.adds.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
            let path: String = add.fields().required("path").unwrap();
            let plain = path.trim_start_matches("file:").trim_start_matches("//");
            let other = ["file://", "file:", ""][(number + 1) % 3];
            let removed = add.with_raw("path", &json!(format!("{other}{plain}")).to_string());
            body.push_str(&line(&ActionKind::Remove, &removed));
            body.push('\n');
        }
        self.commit(1, &body);
    }
}

/// The files of a replica, which all have to lie below its root, beside those that they are copies of.
fn content_is_equal(replica: &Replica, copies: &TableState, clone: &TableState) {
    let own = TableRoot::parse(&copies.head.url).unwrap();
    let anywhere = TableRoot::parse(&clone.head.url).unwrap().with_files_elsewhere(true);
    for (key, add) in &clone.files {
        let wanted = replica_file(key, add, &clone.head.url, &anywhere).unwrap();
        let held = replica_file(&wanted.key, &copies.files[&wanted.key], &copies.head.url, &own).unwrap();
        let pairs = [
            Some((wanted.data, held.data)),
            wanted.vector.zip(held.vector).map(|(wanted, held)| (wanted.file, held.file)),
        ];
        for (wanted, held) in pairs.into_iter().flatten() {
            assert_eq!(held.source, SourceObject::InTable(wanted.target));
            let SourceObject::Elsewhere { root, key } = wanted.source else { panic!("{:?}", wanted.source) };
            let from = Path::new("/").join(root.path()).join(key.as_ref());
            let to = replica.path().join(held.source.key().as_ref());
            assert!(std::fs::read(from).unwrap() == std::fs::read(to).unwrap(), "{}", held.source.key());
        }
    }
}

#[tokio::test]
async fn a_shallow_clone_of_every_table_becomes_a_table_of_its_own() {
    let mut vectors = 0;
    for golden in tables(&[Kind::Copy]) {
        let original = state(&golden.path, golden.version).await.unwrap();
        let clone = ShallowClone::of(&golden.path, &original);
        let mut replica = Replica::of_shallow_clone();
        let first = replica.follow(&clone.path(), None).await.expect(&golden.name);
        assert_eq!(first.source.files.len(), original.files.len(), "{}", golden.name);
        assert_eq!(replica.differences(&first.source).await, Vec::new(), "{}", golden.name);
        content_is_equal(&replica, &replica.state().await, &first.source);
        vectors += first.source.files.keys().filter(|key| key.vector.is_some()).count();

        let again = replica.follow(&clone.path(), None).await.unwrap();
        assert!(again.diff.is_empty() && again.fresh.is_empty(), "{}", golden.name);

        clone.remove_every_second();
        let second = replica.follow(&clone.path(), None).await.expect(&golden.name);
        assert_eq!(second.source.files.len(), original.files.len() / 2, "{}", golden.name);
        assert!(second.fresh.is_empty(), "{}", golden.name);
        assert_eq!(replica.differences(&second.source).await, Vec::new(), "{}", golden.name);
    }
    assert!(vectors >= 5, "{vectors} deletion vectors are too few to prove anything");
}

#[tokio::test]
async fn an_undeclared_shallow_clone_is_refused_by_name() {
    let golden = table("data/with-short-dv");
    let original = state(&golden.path, golden.version).await.unwrap();
    let clone = ShallowClone::of(&golden.path, &original);
    let mut replica = Replica::new();
    let refused = replica.follow(&clone.path(), None).await.err().expect("refused");
    let uri: String = clone.adds[0].fields().required("path").unwrap();
    assert!(refused.contains(&uri) && refused.contains("`shallow_clone = true`"), "{refused}");
    assert_eq!(std::fs::read_dir(replica.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn two_runs_choose_the_same_names() {
    let golden = table("data/cdf-table-with-cdc-and-dvs/cdf-table-with-cdc-and-dvs");
    let original = state(&golden.path, golden.version).await.unwrap();
    let names = |replica: &TableState| replica.files.keys().cloned().collect::<BTreeSet<_>>();
    let (clone, mut first, mut second) =
        (ShallowClone::of(&golden.path, &original), Replica::of_shallow_clone(), Replica::of_shallow_clone());
    first.follow(&clone.path(), None).await.unwrap();
    second.follow(&clone.path(), None).await.unwrap();
    assert_eq!(names(&first.state().await), names(&second.state().await));
}
