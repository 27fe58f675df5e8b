//! What the logs of both sides need of a table in the standby region.

use futures::{Stream, TryStreamExt as _};
use lakedr_control::cut::CutTable;

use super::keep::{Needed, Period, Reason, Retention};
use crate::cut::Refusal;
use crate::delta::listing::LogListing;
use crate::delta::state::{AddFile, FileKey, RemoveFile};
use crate::error::{At as _, Stage};
use crate::observe::delta_table::DeltaTable;
use crate::observe::snapshot::{Columns, Snapshot};
use crate::observe::table_error::TableError;
use crate::pipeline::Stop;
use crate::plan::diff::DiffRefusal;
use crate::plan::followed::objects;
use crate::plan::translate::Translation;
use crate::spec::TableStore;

/// Commits that are held at a time.
const COMMITS_AT_ONCE: u64 = 64;

/// A table of the standby region at the newest recovery point.
#[derive(Debug)]
pub(super) struct Standby {
    /// The table.
    pub(super) table: TableStore,
    /// What the recovery point says of it.
    pub(super) held: CutTable,
    /// Its version there.
    pub(super) version: u64,
    /// Its log.
    pub(super) listing: LogListing,
    /// It, at that version.
    pub(super) snapshot: Snapshot,
}

/// The keys that logs name, with the reason.
struct Gathering {
    needed: Needed,
    now_ms: i64,
}

/// What is needed of a table: by its newest version, by every version from `oldest_kept` on, by its own retention, and by
/// any version of the source that a plan in progress may be about.
///
/// A cut never goes back, so such a plan is about the version that the newest recovery point holds or a later one; its
/// files are live at the head of the source, or were removed on the way there.
pub(super) async fn needed(
    standby: &Standby,
    source: &TableStore,
    oldest_kept: u64,
    now_ms: i64,
) -> Result<Needed, Stop> {
    let mut gathering = Gathering { needed: Needed::default(), now_ms };
    gathering.standby(standby, oldest_kept).await?;
    gathering.source(source, &standby.held).await?;
    Ok(gathering.needed)
}

impl Gathering {
    async fn standby(&mut self, standby: &Standby, oldest_kept: u64) -> Result<(), Stop> {
        let Standby { table, version, listing, snapshot, .. } = standby;
        let name = &table.name;
        let names = Names { translation: table.translation().at(Stage::Observe, name)?, foreign: false };
        self.live(snapshot, &names, Reason::Live).await.at(Stage::Observe, name)?;
        // what is older than the log is kept by nobody: it cannot be read any more
        let oldest = listing.commits().next().map_or(*version, |(oldest, _)| oldest);
        let after = oldest_kept.max(oldest.saturating_sub(1));
        let delta = table.table();
        let removed =
            self.removed_since(&delta, listing, after..*version, &names, Reason::RecoveryPoint).await;
        removed.at(Stage::Observe, name)?;
        let retention = Retention::of(&snapshot.head.metadata).removed_files;
        self.tombstones(snapshot.tombstones(), retention, &names, Reason::Removed)
            .await
            .at(Stage::Observe, name)?;
        Ok(())
    }

    async fn source(&mut self, source: &TableStore, held: &CutTable) -> Result<(), Stop> {
        let name = &source.name;
        let delta = source.table();
        let listing = delta.listing().await.at(Stage::Observe, name)?;
        let snapshot = delta.snapshot(&listing, None).await.at(Stage::Observe, name)?;
        let (version, id) = (snapshot.head.version, &snapshot.head.metadata.id);
        if *id != held.source_table_id || version < held.source_version {
            let problem = format!("is another table or has gone back: it is at version {version}");
            return Err(not_followed(source, held, &problem).into());
        }
        let names = Names { translation: source.translation().at(Stage::Observe, name)?, foreign: true };
        self.live(&snapshot, &names, Reason::Source).await.at(Stage::Observe, name)?;
        let range = held.source_version..version;
        match self.removed_since(&delta, &listing, range, &names, Reason::Source).await {
            Err(NeededError::Table(error @ TableError::VersionExpired { .. })) => {
                return Err(not_followed(source, held, &format!("has lost its log: {error}")).into());
            }
            removed => removed.at(Stage::Observe, name)?,
        }
        let retention = Retention::of(&snapshot.head.metadata).removed_files;
        self.tombstones(snapshot.tombstones(), retention, &names, Reason::Source)
            .await
            .at(Stage::Observe, name)?;
        Ok(())
    }

    async fn live(&mut self, snapshot: &Snapshot, names: &Names, reason: Reason) -> Result<(), NeededError> {
        let mut files = std::pin::pin!(snapshot.files(Columns::Identity));
        while let Some((key, add)) = files.try_next().await? {
            self.need(names, &key, &add, reason)?;
        }
        Ok(())
    }

    async fn removed_since(
        &mut self,
        delta: &DeltaTable,
        listing: &LogListing,
        versions: std::ops::Range<u64>,
        names: &Names,
        reason: Reason,
    ) -> Result<(), NeededError> {
        let (mut after, to) = (versions.start, versions.end);
        while after < to {
            let next = to.min(after + COMMITS_AT_ONCE);
            for change in delta.changes(listing, after, next).await? {
                for (key, remove) in change.removes {
                    self.need(names, &key, &as_add(remove), reason)?;
                }
            }
            after = next;
        }
        Ok(())
    }

    async fn tombstones(
        &mut self,
        tombstones: impl Stream<Item = Result<(FileKey, RemoveFile), TableError>>,
        retention: Period,
        names: &Names,
        reason: Reason,
    ) -> Result<(), NeededError> {
        let mut tombstones = std::pin::pin!(tombstones);
        while let Some((key, remove)) = tombstones.try_next().await? {
            if retention.holds(remove.deletion_timestamp.unwrap_or_default(), self.now_ms) {
                self.need(names, &key, &as_add(remove), reason)?;
            }
        }
        Ok(())
    }

    fn need(
        &mut self,
        names: &Names,
        key: &FileKey,
        add: &AddFile,
        reason: Reason,
    ) -> Result<(), NeededError> {
        let file = match names.translation.file(key, add).map_err(DiffRefusal::File) {
            // what cannot be cloned has never come to the standby region
            Err(_) if names.foreign => return Ok(()),
            file => file?,
        };
        for object in objects(&file) {
            self.needed.insert(&object.target_key, reason);
            if let Some(undecoded) = &object.undecoded_source_key {
                self.needed.insert(undecoded, reason);
            }
        }
        Ok(())
    }
}

/// How the files of a log are called in the standby region.
struct Names {
    translation: Translation,
    /// The log is that of the source.
    foreign: bool,
}

/// A removed file names its objects in the same fields as a live one.
fn as_add(remove: RemoveFile) -> AddFile {
    AddFile { raw: remove.raw, size: 0, stats_synthesised: false }
}

fn not_followed(source: &TableStore, held: &CutTable, problem: &str) -> Refusal {
    let reason = format!(
        "{} in the active region {problem}; the newest recovery point holds its version {}, and there is no telling what \
         the next sync needs; sync first, then prune again",
        source.name, held.source_version
    );
    Refusal::Fenced { reason }
}

/// Why the needs of a log are not known.
#[derive(Debug, thiserror::Error)]
enum NeededError {
    /// The log cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file that it names cannot be located.
    #[error(transparent)]
    File(#[from] DiffRefusal),
}

impl crate::error::Classify for NeededError {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        match self {
            Self::Table(error) => error.class(),
            Self::File(error) => error.class(),
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Table(error) => error.retryable(),
            Self::File(error) => error.retryable(),
        }
    }
}
