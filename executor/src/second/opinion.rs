use std::collections::BTreeMap;

use futures::stream::TryStreamExt as _;
use lakedr_control::group_log::FailureClass;

use super::changes::SecondChanges;
use super::compare::{LiveSet, Match};
use super::error::SecondError;
use super::live_file::LiveFile;
use super::read::{SecondHead, SecondTable, read};
use crate::delta::changes::FileChanges;
use crate::delta::checkpoint::read::Columns;
use crate::delta::json::JsonError;
use crate::delta::root::is_absolute;
use crate::delta::state::{AddFile, FileKey, TableHead};
use crate::error::Classify;
use crate::observe::snapshot::Snapshot;
use crate::observe::table_error::TableError;
use crate::spec::TableStore;

/// Files whose disagreement is spelled out.
const SHOWN: usize = 20;

/// What two implementations make of one version of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Live files that both were asked for.
    pub files: u64,
    /// What they disagree on; of files the first few.
    pub disagreements: Vec<String>,
    /// Number of files that they disagree on.
    pub files_disagreed: u64,
    /// Number of removed files that the second implementation still sees, for a reason that is known: it compares
    /// absolute paths as texts, and the log has removed them under another spelling (`/x`, `file:/x`).
    pub respelled: u64,
}

impl Opinion {
    /// Whether both see the same table.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.disagreements.is_empty() && self.files_disagreed == 0
    }
}

/// Why two implementations cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum OpinionError {
    /// Our side cannot be read.
    #[error(transparent)]
    Ours(#[from] TableError),
    /// A file of our side is malformed.
    #[error("file `{path}` is malformed")]
    Malformed {
        /// The path as logged.
        path: String,
        /// What is wrong with it.
        #[source]
        cause: JsonError,
    },
    /// The other side cannot be read.
    #[error(transparent)]
    Second(#[from] SecondError),
}

impl Classify for OpinionError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Ours(cause) => cause.class(),
            Self::Malformed { .. } => FailureClass::Damaged,
            Self::Second(cause) => cause.class(),
        }
    }
}

/// Has the second implementation read the version of our snapshot, and compares.
///
/// # Errors
/// As [`compare`]; [`SecondError::CannotRead`] inside when the second implementation does not know the table's features.
pub async fn second_opinion(table: &TableStore, ours: &Snapshot) -> Result<Opinion, OpinionError> {
    compare(ours, read(table, ours.head.version).await?).await
}

/// Compares our snapshot with the second implementation's reading of the same version. Our files are read once, and
/// once more when there is a disagreement to be named; neither side is ever held.
///
/// # Errors
/// An [`OpinionError`] when a side cannot be read; that they disagree is not an error.
pub async fn compare(ours: &Snapshot, second: SecondTable) -> Result<Opinion, OpinionError> {
    let mut opinion = Opinion { disagreements: heads(&ours.head, &second.head), ..Opinion::default() };
    let mut open = LiveSet::default();
    let mut ours_again = std::pin::pin!(ours.files(Columns::All));
    while let Some((key, add)) = ours_again.try_next().await? {
        let file = live(key, &add)?;
        opinion.files += 1;
        if !open.insert(&file) {
            opinion.note(&file.key, "we see it twice");
        }
    }
    let mut different = BTreeMap::new();
    let mut theirs = std::pin::pin!(second.files());
    while let Some(file) = theirs.try_next().await? {
        match open.take(&file) {
            Match::Same => {}
            Match::Unknown if is_absolute(&file.key.path) => opinion.respelled += 1,
            Match::Unknown => opinion.note(&file.key, "only the second implementation sees it"),
            Match::Different if different.len() < SHOWN => {
                different.insert(file.key.clone(), file);
            }
            Match::Different => opinion.files_disagreed += 1,
        }
    }
    if !(open.is_empty() && different.is_empty()) {
        name(ours, &open, &different, &mut opinion).await?;
    }
    Ok(opinion)
}

/// Compares what a range of commits leaves changed, and `head`, which it leads to, with the second implementation's
/// reading of the same commits.
///
/// # Errors
/// [`OpinionError::Malformed`]; that they disagree is not an error.
pub fn compare_changes(
    head: &TableHead,
    ours: &FileChanges,
    second: &SecondChanges,
) -> Result<Opinion, OpinionError> {
    let mut opinion = Opinion { disagreements: heads(head, &second.head), ..Opinion::default() };
    opinion.files = (ours.added.len() + ours.removed.len()) as u64;
    let theirs: BTreeMap<&FileKey, &LiveFile> = second.added.iter().map(|file| (&file.key, file)).collect();
    for (key, add) in &ours.added {
        match theirs.get(key) {
            None => opinion.note(key, "the second implementation does not see that it is added"),
            Some(file) => {
                let fields = live(key.clone(), add)?.differing(file).join(", ");
                if !fields.is_empty() {
                    opinion.note(key, &format!("they disagree on {fields}"));
                }
            }
        }
    }
    for key in theirs.into_keys().filter(|key| !ours.added.contains_key(*key)) {
        opinion.note(key, "only the second implementation sees that it is added");
    }
    for key in ours.removed.symmetric_difference(&second.removed) {
        opinion.note(key, "only one of them sees that it is removed");
    }
    Ok(opinion)
}

/// Names what differs in files that both see, and the files that only we see.
async fn name(
    ours: &Snapshot,
    open: &LiveSet,
    different: &BTreeMap<FileKey, LiveFile>,
    opinion: &mut Opinion,
) -> Result<(), OpinionError> {
    let mut files = std::pin::pin!(ours.files(Columns::All));
    while let Some((key, add)) = files.try_next().await? {
        let file = live(key, &add)?;
        if let Some(theirs) = different.get(&file.key) {
            let fields = file.differing(theirs).join(", ");
            opinion.note(&file.key, &format!("they disagree on {fields}"));
        } else if open.has(&file) {
            opinion.note(&file.key, "the second implementation does not see it");
        }
    }
    Ok(())
}

fn live(key: FileKey, add: &AddFile) -> Result<LiveFile, OpinionError> {
    let path = key.path.clone();
    LiveFile::of(key, add).map_err(|cause| OpinionError::Malformed { path: path.into(), cause })
}

impl Opinion {
    fn note(&mut self, key: &FileKey, what: &str) {
        self.files_disagreed += 1;
        if self.disagreements.len() < SHOWN {
            let vector =
                key.vector.as_ref().map_or_else(String::new, |id| format!(" with deletion vector {id}"));
            self.disagreements.push(format!("file `{}`{vector}: {what}", key.path));
        }
    }
}

/// What both implementations disagree on, files aside.
fn heads(ours: &TableHead, second: &SecondHead) -> Vec<String> {
    let fields = ours.metadata.raw.fields();
    let schema: Option<String> = fields.optional("schemaString").ok().flatten();
    let partitions: Option<Vec<String>> = fields.optional("partitionColumns").ok().flatten();
    let parts = [
        ("version", ours.version == second.version),
        ("protocol", ours.protocol.same(&second.protocol)),
        ("id", ours.metadata.id == second.table_id),
        ("schemaString", schema.as_ref() == Some(&second.schema_string)),
        ("partitionColumns", partitions.as_ref() == Some(&second.partition_columns)),
        ("configuration", ours.metadata.configuration == second.configuration),
    ];
    let differing = parts.into_iter().filter(|(_, same)| !same);
    differing.map(|(name, _)| format!("they disagree on the {name}")).collect()
}
