//! The golden set, unpacked once for the whole test binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// What the index says of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Copy,
    Empty,
    LogOnly,
    Refuse,
}

/// A row of the index.
#[derive(Debug, Clone)]
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) version: Option<u64>,
    pub(crate) live_files: Option<usize>,
}

/// A placeholder of one table's log, for a directory that only exists once unpacked.
const PLACEHOLDER: &str = "{{FOLDER_WITH_SPECIAL_CHAR}}";

fn archive() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden");
    std::env::var_os("LAKEDR_GOLDEN").map_or_else(beside, PathBuf::from).join("tables.tar.zst")
}

/// The rows of the index, of one or more kinds.
pub(crate) fn tables(kinds: &[Kind]) -> Vec<Golden> {
    static TABLES: OnceLock<(TempDir, Vec<Golden>)> = OnceLock::new();
    let (_, tables) = TABLES.get_or_init(|| {
        let archive = archive();
        assert!(archive.is_file(), "golden tables not found at {}: set LAKEDR_GOLDEN", archive.display());
        let directory = TempDir::new().unwrap();
        unpack(&archive, directory.path());
        let index = std::fs::read_to_string(archive.with_file_name("INDEX.tsv")).unwrap();
        let tables = index.lines().map(|row| golden(row, directory.path())).collect();
        (directory, tables)
    });
    let chosen: Vec<Golden> = tables.iter().filter(|table| kinds.contains(&table.kind)).cloned().collect();
    assert!(!chosen.is_empty(), "the golden index has no table of kind {kinds:?}");
    chosen
}

/// One table by its name in the index.
pub(crate) fn table(name: &str) -> Golden {
    let all = tables(&[Kind::Copy, Kind::Empty, Kind::LogOnly, Kind::Refuse]);
    all.into_iter().find(|table| table.name == name).expect(name)
}

fn unpack(archive: &Path, directory: &Path) {
    let mut zstd = Command::new("zstd")
        .arg("-dc")
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()
        .expect("zstd is installed");
    let mut tar = Command::new("tar");
    tar.arg("-x").arg("-C").arg(directory).stdin(zstd.stdout.take().unwrap());
    let unpacked = tar.status().expect("tar is installed");
    assert!(unpacked.success() && zstd.wait().unwrap().success(), "cannot unpack {}", archive.display());
    let table = directory.join("extra/dv_special_char");
    let commit = table.join("_delta_log/00000000000000000000.json");
    let place = table.join("folder&with%25special%20char");
    let text = std::fs::read_to_string(&commit).unwrap();
    assert!(text.contains(PLACEHOLDER));
    std::fs::write(commit, text.replace(PLACEHOLDER, place.to_str().unwrap())).unwrap();
}

fn golden(row: &str, directory: &Path) -> Golden {
    let columns: Vec<&str> = row.split('\t').collect();
    let kind = match columns[1] {
        "copy" => Kind::Copy,
        "empty" => Kind::Empty,
        "log-only" => Kind::LogOnly,
        "refuse?" => Kind::Refuse,
        other => panic!("unknown kind {other}"),
    };
    Golden {
        name: columns[0].to_owned(),
        path: directory.join(columns[0]),
        kind,
        version: columns[2].parse().ok(),
        live_files: columns[3].parse().ok(),
    }
}
