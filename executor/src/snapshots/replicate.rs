//! Making tables equal to others at a version: planned all together, then copied, committed and read back. What a snapshot
//! is taken with, and what it is restored with.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use uuid::Uuid;

use super::error::SnapshotError;
use super::partition::Partitions;
use super::partition_seen::Seen;
use crate::cli::Level;
use crate::copy::{Manifest, copy_all};
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::observe::source::{Head, pin};
use crate::observe::table_error::TableError;
use crate::observe::verify::{Look, Pinned, prove};
use crate::pipeline::{HeldTable, Stop, plan_between};
use crate::plan::classes::Classes;
use crate::plan::commit_body::CloneContext;
use crate::plan::diff::FileChange;
use crate::plan::group::TablePlan;
use crate::publish::{commit_table, keep_checkpointed, write_checksum};
use crate::report::Progress;
use crate::spec::{Sides, TableStore};
use crate::world::World;

/// Tables that are worked on at the same time.
pub(super) const IN_FLIGHT: usize = 4;

/// A table to make equal to another one.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Where it is read.
    pub(crate) source: TableStore,
    /// At which version.
    pub(crate) version: u64,
    /// Where it is written.
    pub(crate) target: TableStore,
    /// The partitions that are meant; all when none is named.
    pub(super) partitions: Partitions,
    /// Whether the target is there for this alone, and may be a table of these partitions only.
    pub(super) of_its_own: bool,
}

/// What the commits say of themselves.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// In whose name they are made: `snapshots/weekly`.
    pub(crate) by: String,
    /// Id of the snapshot.
    pub(crate) id: String,
    /// Version of the catalog that they were begun in.
    pub(crate) seq: u64,
}

/// A table that is equal to its source.
#[derive(Debug)]
pub(crate) struct Replica {
    /// What it took.
    pub(super) plan: TablePlan,
    /// Its version.
    pub(crate) version: u64,
    /// How long that took.
    pub(super) took: Duration,
    /// What was seen of the partitions that are meant, on both sides.
    pub(super) seen: Seen,
    /// What was asked for.
    wanted: Wanted,
}

impl Wanted {
    /// All of a table.
    pub(crate) fn whole(source: TableStore, version: u64, target: TableStore) -> Self {
        Self { source, version, target, partitions: Partitions::default(), of_its_own: false }
    }
}

impl Replica {
    /// The table.
    pub(crate) fn name(&self) -> &TableName {
        self.plan.name()
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &StoreUrl {
        &self.plan.target.table.url
    }
}

/// All of the results, or all of the failures.
pub(super) fn failed<T>(results: Vec<Result<T, Failure>>) -> Result<Vec<T>, SnapshotError> {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(done) } else { Err(SnapshotError::Tables { failures }) }
}

/// Plans every table. Nothing is written.
pub(crate) async fn plan(wanted: Vec<Wanted>) -> Result<Vec<Replica>, SnapshotError> {
    let plans = wanted.into_iter().map(|wanted| async move {
        let begin = Instant::now();
        let (plan, seen) = plan_table(wanted.clone()).await?;
        let version = plan.version_after().unwrap_or_default();
        Ok(Replica { plan, version, took: begin.elapsed(), seen, wanted })
    });
    let plans: Vec<_> = plans.collect();
    failed(stream::iter(plans).buffered(IN_FLIGHT).collect().await)
}

async fn plan_table(wanted: Wanted) -> Result<(TablePlan, Seen), Failure> {
    let Wanted { source, version, target, partitions, of_its_own } = wanted;
    let name = source.name.clone();
    let listing = source.table().listing().await.at(Stage::Observe, &name)?;
    let head = Head { table: source, listing, known: None, newer: None };
    let whole = async { pin(&head, version).await?.into_snapshot().await };
    let (pinned, snapshot) = whole.await.map_err(|stop| match stop {
        Stop::Failed(failure) => failure,
        Stop::Refused(refusal) => Unreadable(refusal).at(Stage::Observe, &name),
    })?;
    let held = held(target).await.at(Stage::Plan, &name)?;
    let mut seen = Seen::default();
    for side in
        [Some(&snapshot), held.snapshot.as_ref()].into_iter().flatten().filter(|_| !partitions.is_empty())
    {
        // a target that has no such columns is refused below
        if let Ok(chosen) = partitions.of(&name, &side.head) {
            seen.add(Seen::of(&chosen, side).await.at(Stage::Plan, &name)?);
        }
    }
    let mut plan = plan_between(pinned, snapshot, held).await?;
    if plan.source.table.url == plan.target.table.url {
        // a table that goes back to a version of its own has its files where they belong
        plan.copies = Manifest::new();
        let totals = &mut plan.diff.totals;
        (totals.copied_data_files, totals.copied_data_bytes) = (0, 0);
        (totals.copied_vector_files, totals.copied_vector_bytes) = (0, 0);
    }
    let plan = match &plan.diff.files {
        _ if partitions.is_empty() => plan,
        FileChange::Everything if of_its_own => partitions.begin(plan).await?,
        _ => partitions.restrict(plan, of_its_own).at(Stage::Plan, &name)?,
    };
    Ok((plan, seen))
}

/// A version of the source can no longer be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unreadable(crate::cut::Refusal);

impl crate::error::Classify for Unreadable {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        lakedr_control::group_log::FailureClass::Damaged
    }
}

/// A table as it is.
pub(super) async fn held(table: TableStore) -> Result<HeldTable, TableError> {
    let delta = table.table();
    let listing = match delta.listing().await {
        Err(TableError::NotATable { .. }) => {
            return Ok(HeldTable { table, snapshot: None, commit_size: None, proven: false });
        }
        listing => listing?,
    };
    let snapshot = delta.snapshot(&listing, None).await?;
    let commit_size = listing.commit(snapshot.head.version).map(|entry| entry.size);
    Ok(HeldTable { table, snapshot: Some(snapshot), commit_size, proven: false })
}

/// Carries out plans: every file of every table first, then the commits, then each table is read back by two
/// implementations and compared with its source.
pub(crate) async fn carry_out(
    world: &World,
    mut replicas: Vec<Replica>,
    sides: &Sides,
    said: &Said,
    progress: &Progress,
) -> Result<Vec<Replica>, SnapshotError> {
    let means = world.copying.alone(None);
    let files = replicas.iter().map(|replica| replica.plan.copies.len()).sum();
    let bytes = replicas.iter().map(|replica| replica.plan.copies.bytes()).sum();
    progress.begin(&said.by, files, bytes);
    let copies = replicas.iter_mut().map(|replica| async {
        let begin = Instant::now();
        let copied = copy_all(&replica.plan.copies, sides, &means, progress).await;
        replica.took += begin.elapsed();
        copied.map(drop)
    });
    let copies: Vec<_> = copies.collect();
    let copied = stream::iter(copies).buffer_unordered(IN_FLIGHT).collect().await;
    progress.end();
    failed(copied)?;
    let commits = replicas.into_iter().map(|mut replica| async move {
        let begin = Instant::now();
        commit(world, &replica.plan, said).await?;
        if replica.wanted.partitions.is_empty() {
            read_back(world, &replica).await?;
        } else {
            read_back_partitions(&replica).await?;
        }
        replica.took += begin.elapsed();
        Ok(replica)
    });
    let commits: Vec<_> = commits.collect();
    failed(stream::iter(commits).buffered(IN_FLIGHT).collect().await)
}

async fn commit(world: &World, plan: &TablePlan, said: &Said) -> Result<(), Failure> {
    let Some(target_version) = plan.slots().next() else { return Ok(()) };
    let table = plan.name().to_string();
    let context = CloneContext {
        target_table_id: table_id(&plan.target.table),
        group: &said.by,
        table: &table,
        source_url: plan.source.table.url.as_str(),
        cut_id: &said.id,
        seq: said.seq,
        now_ms: world.now().timestamp_millis(),
        target_version,
        previous_in_commit_timestamp: plan.target.head.as_ref().and_then(|head| head.in_commit_timestamp),
        source_commit_timestamp_ms: plan.source.time_ms,
        txn_id: world.fresh_id(),
    };
    commit_table(world, plan, context).await.map(drop)
}

/// Id of a table that is made here: always the same for a place.
fn table_id(table: &TableStore) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, table.url.as_str().as_bytes())
}

/// Compares the partitions that were brought back once more: nothing may be left to do.
async fn read_back_partitions(replica: &Replica) -> Result<(), Failure> {
    let (again, _) = plan_table(replica.wanted.clone()).await?;
    if again.diff.is_empty() {
        return Ok(());
    }
    let totals = &again.diff.totals;
    let differences = vec![format!(
        "{} file(s) are missing in the partitions, {} are too many",
        totals.copied_data_files, totals.removed_files
    )];
    let (url, source_version) = (again.target.table.url.to_string(), again.source.head.version);
    let version = replica.version;
    let error = SnapshotError::ReadsBackOtherwise { url, version, source_version, differences };
    Err(error.at(Stage::Verify, again.name()))
}

async fn read_back(world: &World, replica: &Replica) -> Result<(), Failure> {
    let (plan, version) = (&replica.plan, replica.version);
    let (head, target) = (&plan.source.head, &plan.target.table);
    keep_checkpointed(plan, world.now().timestamp_millis()).await;
    let classes = Classes::none(head.version, &head.metadata.id);
    let pinned = Pinned {
        source: &plan.source.table,
        source_version: head.version,
        source_id: &head.metadata.id,
        target,
        target_version: Some(version),
        classes: &classes,
    };
    let look = Look { level: Level::Log, settled: false };
    let name: &TableName = plan.name();
    let proof = prove(pinned, look).await.at(Stage::Verify, name)?;
    if !proof.equal() {
        let differences = proof.differences().map(str::to_owned).collect();
        let (url, source_version) = (target.url.to_string(), head.version);
        let error = SnapshotError::ReadsBackOtherwise { url, version, source_version, differences };
        return Err(error.at(Stage::Verify, name));
    }
    if let Some(checksum) = proof.checksum()
        && let Err(error) = write_checksum(target, version, checksum).await
    {
        tracing::warn!(table = %name, "no checksum at version {version}: {}", crate::error::chain(&error));
    }
    Ok(())
}
