//! The commits of a plan, written and stored one at a time: a table of millions of files is never held whole.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::digest;
use lakedr_control::group_log::{FailureClass, History, IntentSlot};
use lakedr_control::id::TableName;

use super::decide::SlotState;
use super::intent::{Offer, next_seq, store_body};
use super::slot::fill;
use crate::delta::json::JsonError;
use crate::delta::state::TableHead;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::observe::snapshot::{Columns, Snapshot};
use crate::pipeline::Scene;
use crate::plan::commit_body::{CloneContext, CommitBody};
use crate::plan::diff::{AddAction, DiffRefusal, FILES_PER_COMMIT, FileChange};
use crate::plan::group::{GroupPlan, PlannedTarget, Said, TablePlan};
use crate::world::World;

/// Tables whose commits are written at the same time.
const TABLES_IN_FLIGHT: usize = 8;

/// The source was read twice and did not say the same.
#[derive(Debug, thiserror::Error)]
#[error(
    "version {version} of {url} had {planned} live files when it was planned, and has {found}; sync again"
)]
struct SourceChanged {
    url: String,
    version: u64,
    planned: u64,
    found: u64,
}

impl Classify for SourceChanged {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }

    fn retryable(&self) -> bool {
        true
    }
}

/// The stored commits of one table.
#[derive(Debug, Default)]
pub struct TableBodies {
    /// Where they go; empty when the target is equal already.
    pub slots: Vec<IntentSlot>,
    /// Everything but the files of the target once they are there.
    pub head_after: Option<TableHead>,
    /// Bytes of the last of them.
    pub last_size: Option<u64>,
}

/// Where the commits of a plan go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// Beside the log, for the intent that follows.
    Pending,
    /// Into the slots of landing tables, which nobody reads before the log says that the cut has landed.
    Landing,
}

/// Where the commits of one table go.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Beside the log, for the intent that follows on a history.
    Pending(&'a Scene<'a>, &'a History),
    /// Into the slots themselves.
    Slots,
}

/// Somebody else has taken a slot.
#[derive(Debug, thiserror::Error)]
#[error("version {version} of {table} at {url} was written by somebody else meanwhile; look again")]
pub(super) struct SlotTaken {
    table: TableName,
    url: String,
    version: u64,
}

impl Classify for SlotTaken {
    fn class(&self) -> FailureClass {
        FailureClass::Diverged
    }
}

/// Writes and stores every commit of a plan, for the intent that follows on `history`: one entry a table.
///
/// # Errors
/// When a source cannot be read or the home of the log cannot be written.
pub async fn store_bodies(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
    at: DateTime<Utc>,
) -> Result<Vec<TableBodies>, Failure> {
    write_bodies(scene, history, plan, at, Sink::Pending).await
}

/// Writes every commit of a plan, and brings each to where it goes.
pub(super) async fn write_bodies(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
    at: DateTime<Utc>,
    sink: Sink,
) -> Result<Vec<TableBodies>, Failure> {
    let tables = plan.tables.iter().map(|table| async move {
        let name = table.name().to_string();
        let said = Said {
            group: &scene.group.name,
            table: &name,
            cut_id: &plan.cut.id,
            seq: next_seq(history),
            at,
            txn_id: scene.world.fresh_id(),
            landing: sink == Sink::Landing,
        };
        match table.context(said) {
            None => Ok(TableBodies::default()),
            Some(context) => {
                let way = match sink {
                    Sink::Pending => Way::Pending(scene, history),
                    Sink::Landing => Way::Slots,
                };
                write(Writer::new(scene.world, table, context, way)).await
            }
        }
    });
    let tables: Vec<_> = tables.collect();
    stream::iter(tables).buffered(TABLES_IN_FLIGHT).try_collect().await
}

/// Writes every commit of the plan of a table straight into its slots. Nobody may rely on a version before he is told of
/// it: of several commits, the first ones do not hold every file.
///
/// # Errors
/// When the source cannot be read or the target cannot be written, or somebody else has written to it meanwhile.
pub(crate) async fn commit_table(
    world: &World,
    table: &TablePlan,
    context: CloneContext<'_>,
) -> Result<TableBodies, Failure> {
    write(Writer::new(world, table, context, Way::Slots)).await
}

async fn write(mut writer: Writer<'_>) -> Result<TableBodies, Failure> {
    let table = writer.table;
    match (&table.diff.files, &table.source.snapshot) {
        (FileChange::Everything, Some(snapshot)) => everything(&mut writer, snapshot).await?,
        _ => writer.store(table.diff.commit_body(&writer.first)).await?,
    }
    writer.finish()
}

/// The commits of one table, in the order of their versions.
struct Writer<'a> {
    world: &'a World,
    table: &'a TablePlan,
    first: CloneContext<'a>,
    last: CloneContext<'a>,
    way: Way<'a>,
    done: TableBodies,
}

impl<'a> Writer<'a> {
    fn new(world: &'a World, table: &'a TablePlan, first: CloneContext<'a>, way: Way<'a>) -> Self {
        Self { world, table, first, last: first, way, done: TableBodies::default() }
    }

    async fn store(&mut self, body: Vec<u8>) -> Result<(), Failure> {
        self.done.last_size = Some(body.len() as u64);
        let offer = Offer {
            table: self.table.name().clone(),
            url: self.table.target.table.url.to_string(),
            version: self.last.target_version,
            hidden: !self.done.slots.is_empty(),
            body: Bytes::from(body),
            warehouse: None,
        };
        let slot = match self.way {
            Way::Pending(scene, history) => store_body(scene, history, &offer).await?,
            Way::Slots => self.fill(offer).await?,
        };
        self.done.slots.push(slot);
        Ok(())
    }

    /// Commits at once.
    async fn fill(&self, offer: Offer) -> Result<IntentSlot, Failure> {
        let slot = IntentSlot {
            table: offer.table.clone(),
            url: offer.url.clone(),
            version: offer.version,
            hidden: offer.hidden,
            body_digest: digest::of_bytes(&offer.body),
            warehouse: None,
        };
        match fill(&slot, &self.table.target.table, offer.body).await? {
            SlotState::Filled => Ok(slot),
            SlotState::Free | SlotState::Foreign { .. } => {
                let (table, url) = (slot.table.clone(), slot.url);
                let taken = SlotTaken { table, url, version: slot.version };
                Err(taken.at(Stage::Publish, &slot.table))
            }
        }
    }

    fn next(&mut self) -> CommitBody {
        self.last = self.first.later(self.done.slots.len() as u64, self.world.fresh_id());
        CommitBody::further(&self.table.diff, &self.last)
    }

    fn finish(mut self) -> Result<TableBodies, Failure> {
        let PlannedTarget { head, table, .. } = &self.table.target;
        let after = self.table.diff.head.applied(head.as_ref(), table.url.as_str(), &self.first, &self.last);
        self.done.head_after = Some(after.map_err(Malformed).at(Stage::Publish, self.table.name())?);
        Ok(self.done)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the commit of a table is malformed")]
struct Malformed(#[source] JsonError);

impl Classify for Malformed {
    fn class(&self) -> FailureClass {
        FailureClass::Internal
    }
}

/// The commits of a first clone: every live file of the source passes once more.
async fn everything(writer: &mut Writer<'_>, snapshot: &Snapshot) -> Result<(), Failure> {
    let (table, name) = (writer.table, writer.table.name());
    let translation = table.translation().at(Stage::Publish, name)?;
    let files = snapshot.files(Columns::All);
    let mut files = std::pin::pin!(files);
    let mut body = CommitBody::first(&table.diff, &writer.first);
    let (mut found, mut in_body) = (0_u64, 0_u64);
    while let Some((key, add)) = files.try_next().await.at(Stage::Publish, name)? {
        if in_body == FILES_PER_COMMIT {
            writer.store(body.finish()).await?;
            (body, in_body) = (writer.next(), 0);
        }
        let add = translation.file(&key, &add).map_err(DiffRefusal::File).at(Stage::Publish, name)?.add;
        body.add(&AddAction { raw: add.raw, data_change: true });
        in_body += 1;
        found += 1;
    }
    writer.store(body.finish()).await?;
    let planned = table.diff.totals.source_files;
    if found != planned {
        let (url, version) = (table.source.table.url.to_string(), table.diff.source_version);
        return Err(SourceChanged { url, version, planned, found }.at(Stage::Publish, name));
    }
    Ok(())
}
