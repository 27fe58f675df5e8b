//! A clone by hand: the steps of a sync, one after the other, on local directories.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lakedr::delta::compare::{Difference, differences};
use lakedr::delta::feature::{Exceptions, gate};
use lakedr::delta::path::SourceObject;
use lakedr::delta::root::TableRoot;
use lakedr::delta::state::{TableHead, TableState};
use lakedr::observe::delta_table::DeltaTable;
use lakedr::observe::table_error::TableError;
use lakedr::observe::verify::{Advance, prove_advance};
use lakedr::plan::commit_body::CloneContext;
use lakedr::plan::diff::{FileChange, FileCopy, FileKind, TableDiff};
use lakedr::spec::TableStore;
use lakedr_control::store::OpenedStore;
use object_store::local::LocalFileSystem;
use tempfile::TempDir;
use uuid::Uuid;

/// A fixed clock: bodies are a function of their inputs.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// The table in a local directory.
pub(crate) fn local(root: &Path) -> DeltaTable {
    let store = Arc::new(LocalFileSystem::new_with_prefix(root).unwrap());
    let url = url::Url::from_directory_path(root).unwrap();
    DeltaTable::new(store, object_store::path::Path::ROOT, url.to_string())
}

/// The table in a local directory, for writing.
pub(crate) fn store(root: &Path) -> TableStore {
    let place = OpenedStore {
        store: Arc::new(LocalFileSystem::new_with_prefix(root).unwrap()),
        root: object_store::path::Path::ROOT,
        url: url::Url::from_directory_path(root).unwrap().as_str().parse().unwrap(),
        cloud: None,
    };
    TableStore::at("cat.s.t".parse().unwrap(), place)
}

/// The state of a table in a local directory.
pub(crate) async fn state(root: &Path, version: Option<u64>) -> Result<TableState, TableError> {
    let table = local(root);
    table.state(&table.listing().await?, version).await
}

/// A replica in a directory of its own.
pub(crate) struct Replica {
    directory: TempDir,
    versions: u64,
    /// The source is a declared shallow clone.
    shallow_clone: bool,
}

/// What one step of a replica did.
pub(crate) struct Step {
    pub(crate) diff: TableDiff,
    pub(crate) copies: Vec<FileCopy>,
    /// Copies for which the target had no object yet.
    pub(crate) fresh: Vec<FileCopy>,
    pub(crate) source: TableState,
    pub(crate) body: String,
}

impl Replica {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), versions: 0, shallow_clone: false }
    }

    pub(crate) fn of_shallow_clone() -> Self {
        Self { shallow_clone: true, ..Self::new() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    pub(crate) async fn state(&self) -> TableState {
        state(&self.path(), None).await.unwrap()
    }

    /// Brings the replica to a version of the source; errors are texts, for there are several kinds.
    pub(crate) async fn follow(&mut self, source_root: &Path, version: Option<u64>) -> Result<Step, String> {
        let source = state(source_root, version).await.map_err(|error| chain(&error))?;
        gate(&source.head, &Exceptions::default())
            .map_err(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let target = if self.versions == 0 { None } else { Some(self.state().await) };
        let root = TableRoot::parse(&source.head.url).unwrap().with_files_elsewhere(self.shallow_clone);
        let (diff, copies) =
            TableDiff::between_at(root, &source, target.as_ref()).map_err(|error| chain(&error))?;
        let fresh = self.copy(source_root, &copies)?;
        let context = context(&source, target.as_ref(), self.versions);
        let body = String::from_utf8(diff.commit_body(&context)).unwrap();
        if !diff.is_empty() {
            self.commit(&body);
        }
        Ok(Step { diff, copies, fresh, source, body })
    }

    pub(crate) async fn differences(&self, source: &TableState) -> Vec<Difference> {
        differences(source, &self.state().await)
    }

    /// The replica without its files, if there is one.
    pub(crate) async fn head(&self) -> Option<TableHead> {
        if self.versions == 0 { None } else { Some(self.state().await.head) }
    }

    /// Proves the newest version from the one before it, whose head is `proven`; whether there was anything to prove.
    pub(crate) async fn advance(&self, proven: Option<&TableHead>, step: &Step) -> Result<bool, String> {
        let (Some(proven), FileChange::Listed { adds, removes }) = (proven, &step.diff.files) else {
            return Ok(false);
        };
        if step.diff.is_empty() {
            return Ok(false);
        }
        let target = store(&self.path());
        let proof = prove_advance(Advance {
            target: &target,
            proven,
            version: self.versions - 1,
            source: &step.source.head,
            adds,
            removes,
            after: (step.source.files.len() as u64, Some(step.source.bytes())),
        });
        let proof = proof.await.map_err(|error| chain(&error))?.ok_or("the kernel begins behind it")?;
        if proof.equal() { Ok(true) } else { Err(format!("the advance is not proven: {proof:?}")) }
    }

    pub(crate) fn commit(&mut self, body: &str) {
        let log = self.path().join("_delta_log");
        std::fs::create_dir_all(&log).unwrap();
        let slot = log.join(format!("{:020}.json", self.versions));
        assert!(!slot.exists());
        std::fs::write(slot, body).unwrap();
        self.versions += 1;
    }

    fn copy(&self, source_root: &Path, copies: &[FileCopy]) -> Result<Vec<FileCopy>, String> {
        let from = |copy: &FileCopy| match &copy.source {
            SourceObject::InTable(key) => source_root.join(key.as_ref()),
            SourceObject::Elsewhere { root, key } => Path::new("/").join(root.path()).join(key.as_ref()),
        };
        if let Some(lost) = copies.iter().find(|copy| !from(copy).is_file()) {
            return Err(format!("source file {} is gone", lost.source.key()));
        }
        let mut fresh = Vec::new();
        for copy in copies {
            let to = self.path().join(copy.target_key.as_ref());
            let size = from(copy).metadata().unwrap().len();
            match copy.kind {
                FileKind::Data => assert_eq!(size, copy.size, "{}", copy.source.key()),
                FileKind::DeletionVector => assert!(size >= copy.size, "{}", copy.source.key()),
            }
            if to.is_file() {
                continue;
            }
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from(copy), to).unwrap();
            fresh.push(copy.clone());
        }
        Ok(fresh)
    }
}

/// The context of the commit that fills a version slot.
pub(crate) fn context<'a>(
    source: &'a TableState,
    target: Option<&TableState>,
    version: u64,
) -> CloneContext<'a> {
    CloneContext {
        target_table_id: Uuid::from_u128(7),
        group: "golden",
        table: "cat.s.t",
        source_url: &source.head.url,
        cut_id: "cut-1",
        seq: version + 10,
        now_ms: NOW_MS,
        target_version: version,
        previous_in_commit_timestamp: target.and_then(|state| state.head.in_commit_timestamp),
        source_commit_timestamp_ms: 5,
        txn_id: Uuid::from_u128(u128::from(version)),
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
