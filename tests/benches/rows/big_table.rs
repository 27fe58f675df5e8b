//! Tables of very many files: a log as Spark writes it, one checkpoint and some commits after it. It is made once and
//! kept by its shape.

mod checkpoint;
mod content;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use content::{FILE_BYTES, VECTOR_FILE_BYTES, VECTORS_PER_FILE};

/// The version that the checkpoint holds.
pub(crate) const CHECKPOINT: u64 = 10;
/// The newest version.
pub(crate) const NEWEST: u64 = 12;
/// What each version after the checkpoint adds.
pub(crate) const ADDED: u64 = 100;
/// The most files of one append.
const APPENDED: u64 = 1000;
/// Names that one file of a file system can have, with room to spare (ext4: 65,000).
const LINKS: u64 = 50_000;

/// The shape of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Files in the checkpoint.
    pub(crate) files: u64,
    /// Columns with statistics.
    pub(crate) columns: u64,
}

impl Shape {
    /// Files at the newest version.
    pub(crate) fn newest_files(self) -> u64 {
        self.files + (NEWEST - CHECKPOINT) * ADDED
    }

    fn key(self) -> String {
        // a generator that writes something else counts up here
        format!("table-1-{}-files-{}-columns", self.files, self.columns)
    }

    /// Puts the log of the table below a folder.
    pub(crate) fn put_log(self, table: &Path) -> Result<()> {
        let from = self.log()?;
        let to = table.join("_delta_log");
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            // its bytes are shared where they lie on the same disk
            if std::fs::hard_link(entry.path(), &to).is_err() {
                std::fs::copy(entry.path(), &to).with_context(|| format!("write {}", to.display()))?;
            }
        }
        Ok(())
    }

    /// Puts every file that the log names below a folder: many names of few files.
    pub(crate) fn put_files(self, table: &Path) -> Result<()> {
        let names = (0..self.newest_files()).map(content::path);
        link(table, names, FILE_BYTES)?;
        let vectors = self.files.div_ceil(content::VECTOR_EVERY * VECTORS_PER_FILE);
        link(table, (0..vectors).map(content::vector_path), VECTOR_FILE_BYTES)
    }

    /// Appends to a table at the newest version, once or several times: the first time is number 1.
    pub(crate) fn append(self, table: &Path, time: u64, files: u64) -> Result<()> {
        anyhow::ensure!(files <= APPENDED, "an append has at most {APPENDED} files");
        let first = self.newest_files() + time * APPENDED;
        let numbers = first..first + files;
        link(table, numbers.clone().map(content::path), FILE_BYTES)?;
        let version = NEWEST + time;
        let body = content::commit(version, numbers, self.columns);
        std::fs::write(table.join("_delta_log").join(commit_name(version)), body)?;
        Ok(())
    }

    fn log(self) -> Result<PathBuf> {
        let kept = cache()?.join(self.key());
        if kept.exists() {
            return Ok(kept);
        }
        let making = kept.with_extension("making");
        drop(std::fs::remove_dir_all(&making));
        std::fs::create_dir_all(&making)?;
        let file = making.join(format!("{CHECKPOINT:020}.checkpoint.parquet"));
        let rows = checkpoint::write(&file, self)?;
        let bytes = std::fs::metadata(&file)?.len();
        std::fs::write(
            making.join("_last_checkpoint"),
            content::last_checkpoint(CHECKPOINT, rows, self.files, bytes),
        )?;
        std::fs::write(
            making.join(commit_name(CHECKPOINT)),
            content::commit(CHECKPOINT, 0..0, self.columns),
        )?;
        for version in CHECKPOINT + 1..=NEWEST {
            let first = self.files + (version - CHECKPOINT - 1) * ADDED;
            let body = content::commit(version, first..first + ADDED, self.columns);
            std::fs::write(making.join(commit_name(version)), body)?;
        }
        std::fs::rename(&making, &kept)?;
        Ok(kept)
    }
}

fn commit_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// What is kept between runs.
fn cache() -> Result<PathBuf> {
    let default = || lakedr_e2e::environment::checkout().join("target/bench");
    let dir = std::env::var_os("LAKEDR_BENCH_CACHE").map_or_else(default, PathBuf::from);
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}

fn link(table: &Path, names: impl Iterator<Item = String>, bytes: u64) -> Result<()> {
    let mut original = PathBuf::new();
    for (number, name) in (0..).zip(names) {
        let path = table.join(name);
        if number % LINKS == 0 {
            std::fs::create_dir_all(path.parent().context("a folder")?)?;
            std::fs::write(&path, lakedr_e2e::noise::bytes(bytes, number))?;
            original = path;
        } else if std::fs::hard_link(&original, &path).is_err() {
            // the first file of a folder
            std::fs::create_dir_all(path.parent().context("a folder")?)?;
            std::fs::hard_link(&original, &path).with_context(|| format!("link {}", path.display()))?;
        }
    }
    Ok(())
}
