//! Proving a snapshot: against its source while that can still be read, and by itself otherwise.

use futures::TryStreamExt as _;
use lakedr_control::snapshots::{SnapshotDocument, SnapshotId, SnapshotTable};
use serde::Serialize;

use super::desk::Desk;
use super::source::origins;
use crate::cli::Level;
use crate::error::{At as _, Failure, Stage};
use crate::exit::Exit;
use crate::observe::snapshot::Columns;
use crate::observe::table_error::TableError;
use crate::observe::verify::{Look, Pinned, Proof, VerifyError, prove};
use crate::plan::classes::Classes;
use crate::spec::TableStore;

/// What a table of a snapshot was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// Its source, at the version that was copied.
    Source,
    /// What its document says of it: the source cannot be read at that version any more.
    Document,
}

/// What was found about one table of a snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct TableProof {
    /// The table.
    pub name: String,
    /// Version of the copy.
    pub version: u64,
    /// Version of the source.
    pub source_version: u64,
    /// What it was compared with.
    pub against: Against,
    /// What the document says and the copy does not.
    pub missing: Option<String>,
    /// The comparison.
    #[serde(flatten)]
    pub proof: Proof,
}

impl TableProof {
    /// Whether nothing differs.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.missing.is_none() && self.proof.equal()
    }
}

/// What was found about a snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct SnapshotProof {
    /// The schedule.
    pub schedule: String,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// How deep it was looked at.
    pub level: Level,
    /// Whether nothing differs.
    pub equal: bool,
    /// Its tables.
    pub tables: Vec<TableProof>,
}

impl SnapshotProof {
    /// The exit code that this snapshot asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.equal { Exit::Ok } else { Exit::Failed }
    }
}

/// Proves a snapshot.
///
/// # Errors
/// When there is no such snapshot, or a store cannot be read. That something differs is not an error.
pub async fn verify(desk: &Desk<'_>, id: &SnapshotId, level: Level) -> Result<SnapshotProof, Failure> {
    let catalog = desk.read().await?;
    let document = desk.document(&catalog, id).await?;
    // a source that is out of reach is no reason not to look at the copy
    let sources = origins(desk, &document).await.unwrap_or_default();
    let mut tables = Vec::new();
    for table in &document.tables {
        let source = sources.iter().find(|source| source.name == table.name);
        tables.push(prove_table(desk, &document, table, source, level).await?);
    }
    let equal = tables.iter().all(TableProof::holds);
    Ok(SnapshotProof { schedule: desk.schedule.name.to_string(), snapshot: id.clone(), level, equal, tables })
}

async fn prove_table(
    desk: &Desk<'_>,
    document: &SnapshotDocument,
    table: &SnapshotTable,
    source: Option<&TableStore>,
    level: Level,
) -> Result<TableProof, Failure> {
    let name = &table.name;
    let copy = desk.stores.copy(name, &table.path).at(Stage::Verify, name)?;
    let missing = match counted(&copy, table.version).await {
        Ok(found) if found == (table.files, table.bytes) => None,
        Ok((files, bytes)) => Some(format!(
            "the document of {} says {} file(s) of {} bytes, the copy has {files} of {bytes}",
            document.id, table.files, table.bytes
        )),
        Err(
            error @ (TableError::NotATable { .. }
            | TableError::VersionExpired { .. }
            | TableError::VersionNotYet { .. }),
        ) => Some(error.to_string()),
        Err(error) => return Err(error).at(Stage::Verify, name),
    };
    let (against, proof) = match source {
        Some(source) if still_has(source, table).await => {
            let proof = compare(source, table.source_version, &copy, table, level).await;
            (Against::Source, proof.at(Stage::Verify, name)?)
        }
        _ if missing.is_some() => (Against::Document, Proof::default()),
        _ => {
            let proof = compare(&copy, table.version, &copy, table, level).await;
            (Against::Document, proof.at(Stage::Verify, name)?)
        }
    };
    let (version, source_version) = (table.version, table.source_version);
    Ok(TableProof { name: name.to_string(), version, source_version, against, missing, proof })
}

/// Whether the source is still the table that was copied, and can be read at that version.
async fn still_has(source: &TableStore, table: &SnapshotTable) -> bool {
    let delta = source.table();
    let head = async {
        let listing = delta.listing().await?;
        delta.snapshot(&listing, Some(table.source_version)).await
    };
    let head = head.await;
    source.url.as_str() == table.source_url
        && head.is_ok_and(|snapshot| snapshot.head.metadata.id == table.source_table_id)
}

async fn compare(
    source: &TableStore,
    source_version: u64,
    copy: &TableStore,
    table: &SnapshotTable,
    level: Level,
) -> Result<Proof, VerifyError> {
    let classes = Classes::none(source_version, &table.source_table_id);
    let (target, target_version) = (copy, Some(table.version));
    // the copy itself has an id of its own, and the source has been looked at
    let source_id = "";
    let pinned = Pinned { source, source_version, source_id, target, target_version, classes: &classes };
    prove(pinned, Look { level, settled: false }).await
}

/// Live files of a version, and their bytes.
async fn counted(copy: &TableStore, version: u64) -> Result<(u64, u64), TableError> {
    let delta = copy.table();
    let snapshot = delta.snapshot(&delta.listing().await?, Some(version)).await?;
    let files = snapshot.files(Columns::Identity);
    files.try_fold((0, 0), async |(files, bytes), (_, add)| Ok((files + 1, bytes + add.size))).await
}
