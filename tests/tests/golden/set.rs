//! The golden set, unpacked for one test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lakedr_e2e::environment::golden;

/// A row of the index.
#[derive(Debug, Clone)]
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A placeholder in one table's log, for a directory that only exists once unpacked.
const PLACEHOLDER: &str = "{{FOLDER_WITH_SPECIAL_CHAR}}";

/// Unpacks the set and returns the rows of some kinds.
pub(crate) fn unpack(directory: &Path, kinds: &[&str]) -> Vec<Golden> {
    let archive = golden("tables.tar.zst").unwrap();
    let mut zstd = Command::new("zstd").arg("-dc").arg(archive).stdout(Stdio::piped()).spawn().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-x").arg("-C").arg(directory).stdin(zstd.stdout.take().unwrap());
    assert!(tar.status().unwrap().success() && zstd.wait().unwrap().success());
    settle(&directory.join("extra/dv_special_char"));
    let index = std::fs::read_to_string(golden("INDEX.tsv").unwrap()).unwrap();
    let rows = index.lines().map(|row| {
        let columns: Vec<&str> = row.split('\t').collect();
        Golden { name: columns[0].to_owned(), kind: columns[1].to_owned() }
    });
    let chosen: Vec<Golden> = rows.filter(|row| kinds.contains(&row.kind.as_str())).collect();
    assert!(!chosen.is_empty(), "no table of kind {kinds:?}");
    chosen
}

fn settle(table: &Path) {
    let commit = table.join("_delta_log/00000000000000000000.json");
    let place: PathBuf = table.join("folder&with%25special%20char");
    let text = std::fs::read_to_string(&commit).unwrap();
    let written = std::fs::metadata(&commit).unwrap().modified().unwrap();
    std::fs::write(&commit, text.replace(PLACEHOLDER, place.to_str().unwrap())).unwrap();
    // The time of the file is the time of the commit: it stays.
    std::fs::File::options().write(true).open(&commit).unwrap().set_modified(written).unwrap();
}
