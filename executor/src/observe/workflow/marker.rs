//! Run records: what `lakedr mark` wrote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::future::join;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::codec::DecodeError;
use lakedr_control::group_log::FailureClass;
use lakedr_control::id::Name;
use lakedr_control::known_runs::{KnownRun, Runs};
use lakedr_control::layout;
use lakedr_control::run_record::{FORMAT, RunRecord, RunStatus, TableStates};
use lakedr_control::store::{DocStoreRef, StoreError, Written};

use super::attempts::attempts;
use super::known::{Held, Sifted, folders, hold_the_newest, remember, sift, usable};
use super::memory::RunMemory;
use crate::cut::Attempt;
use crate::error::Classify;

/// Records that are read at the same time.
const READS_IN_FLIGHT: usize = 16;

/// Why run records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MarkerError {
    /// The store cannot be used.
    #[error("the run records are out of reach")]
    Store(#[from] StoreError),
    /// A record cannot be understood.
    #[error("a run record in {url} cannot be read")]
    Record {
        /// Where the records are.
        url: String,
        /// What is wrong with it.
        #[source]
        cause: DecodeError,
    },
    /// A record cannot be written as JSON; a bug.
    #[error("a run record cannot be written")]
    Encode(#[source] serde_json::Error),
    /// The run is over.
    #[error("run {run} is finished already, as {}; a run that runs again begins with `lakedr mark start`", status_text(*.status))]
    Finished {
        /// The run.
        run: String,
        /// How it ended.
        status: RunStatus,
    },
    /// Another process marked the same run at the same time.
    #[error("another process marks run {run} at this moment; try again")]
    Contended {
        /// The run.
        run: String,
    },
    /// The run began before the roles of the regions changed.
    #[error(
        "run {run} began before the roles of the regions changed, and what it wrote since is not part of the group; {active} is \
         active. Stop that run, and run the workflow in {active}"
    )]
    GivenUp {
        /// The run.
        run: String,
        /// The region that is active.
        active: String,
    },
    /// A record of another group.
    #[error("{url} holds run records of group {found}; give each group a place of its own")]
    OtherGroup {
        /// Where the records are.
        url: String,
        /// Whose they are.
        found: Name,
    },
}

fn status_text(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Success => "success",
        RunStatus::Failed => "failed",
    }
}

impl Classify for MarkerError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store(cause) => cause.class(),
            Self::Record { .. } | Self::Finished { .. } | Self::GivenUp { .. } | Self::OtherGroup { .. } => {
                FailureClass::Configuration
            }
            Self::Contended { .. } => FailureClass::Unreachable,
            Self::Encode(_) => FailureClass::Internal,
        }
    }
}

/// The run records of one group.
#[derive(Debug, Clone)]
pub struct Marker {
    group: Name,
    store: DocStoreRef,
    reign: Option<Reign>,
}

/// The runs that count: those that wrote in a region while it was active.
///
/// Versions of a table in one region say nothing of the table in the other, and what a run of an earlier epoch left behind
/// was either part of the recovery point that the other region went on from, or replaced by it.
#[derive(Debug, Clone)]
pub struct Reign {
    /// The region.
    pub region: String,
    /// Whether it is the one that the group began with, which records without region are of.
    pub is_initial: bool,
    /// The epoch; none when the group log is out of reach.
    pub epoch: Option<u64>,
}

impl Reign {
    fn holds(&self, record: &RunRecord) -> bool {
        let here = record.region.as_ref().map_or(self.is_initial, |region| *region == self.region);
        let since = self.epoch.is_none_or(|epoch| record.epoch.is_none_or(|marked| marked >= epoch));
        here && since
    }
}

impl Marker {
    /// Records of `group` in `store`.
    #[must_use]
    pub fn new(group: Name, store: DocStoreRef) -> Self {
        Self { group, store, reign: None }
    }

    /// Of these records, those of the runs that count. What is marked is marked as one of them.
    #[must_use]
    pub fn within(self, reign: Reign) -> Self {
        Self { reign: Some(reign), ..self }
    }

    /// All attempts of all runs.
    ///
    /// # Errors
    /// See [`MarkerError`].
    pub async fn attempts(&self) -> Result<Vec<Attempt>, MarkerError> {
        self.attempts_below("").await
    }

    /// The attempts that the next choice depends on, and what it says of them is what it would say of all attempts.
    /// Only records that are not in `memory` are read.
    ///
    /// # Errors
    /// See [`MarkerError`].
    pub async fn open_attempts(
        &self,
        memory: RunMemory<'_>,
        held: Held<'_>,
    ) -> Result<Vec<Attempt>, MarkerError> {
        let url = self.store.url();
        let (listed, (known, tag)) = join(self.store.list_after("", ""), memory.recall(url)).await;
        let folders = folders(listed?);
        let mut sifted = sift(&folders, &usable(known, held));
        let mut unseen = self.read_unseen(&mut sifted).await?;
        if !sifted.settled.is_empty() && !hold_the_newest(&sifted.open, held) {
            sifted = sift(&folders, &Runs { open: sifted.open, ..Runs::default() });
            unseen |= self.read_unseen(&mut sifted).await?;
        }
        let records = sifted.open.values().flat_map(|run| &run.records);
        let counts = |record: &&RunRecord| self.reign.as_ref().is_none_or(|reign| reign.holds(record));
        let found = attempts(records.filter(counts));
        if unseen && memory.keeps {
            memory.keep(url, remember(sifted.settled, sifted.open, held), tag.as_ref()).await;
        }
        Ok(found)
    }

    /// Reads the records of runs that are not known, and says whether there were any.
    async fn read_unseen(&self, sifted: &mut Sifted) -> Result<bool, MarkerError> {
        let unseen = std::mem::take(&mut sifted.unseen);
        let keys: Vec<String> = unseen.values().flat_map(|(_, keys)| keys.clone()).collect();
        let mut runs: BTreeMap<String, KnownRun> = unseen
            .into_iter()
            .map(|(folder, (fingerprint, _))| (folder, KnownRun { fingerprint, records: Vec::new() }))
            .collect();
        for (key, record) in keys.iter().zip(self.records(&keys).await?) {
            if let (Some(run), Some(record)) = (runs.get_mut(layout::run_of(key)), record) {
                run.records.push(record);
            }
        }
        sifted.open.append(&mut runs);
        Ok(!keys.is_empty())
    }

    async fn attempts_below(&self, folder: &str) -> Result<Vec<Attempt>, MarkerError> {
        let mut keys = self.store.list(folder).await?;
        keys.retain(|key| layout::is_run_record(key));
        Ok(attempts(self.records(&keys).await?.iter().flatten()))
    }

    /// The records at these keys; none where one was deleted meanwhile.
    async fn records(&self, keys: &[String]) -> Result<Vec<Option<RunRecord>>, MarkerError> {
        // collected first: a lazy iterator over borrowed keys would make this future impossible to send
        let reads: Vec<_> = keys.iter().map(|key| self.record(key)).collect();
        stream::iter(reads).buffered(READS_IN_FLIGHT).try_collect().await
    }

    async fn record(&self, key: &str) -> Result<Option<RunRecord>, MarkerError> {
        let Some(object) = self.store.read(key).await? else { return Ok(None) };
        let url = self.store.url().to_owned();
        let record = RunRecord::decode(key, &object.bytes)
            .map_err(|cause| MarkerError::Record { url: url.clone(), cause })?;
        if record.group != self.group {
            return Err(MarkerError::OtherGroup { url, found: record.group });
        }
        Ok(Some(record))
    }

    /// Says that a run begins. An attempt that never finished is replaced by this one.
    ///
    /// # Errors
    /// See [`MarkerError`].
    pub async fn start(
        &self,
        run: &str,
        at: DateTime<Utc>,
        tables: impl Into<TableStates>,
    ) -> Result<u32, MarkerError> {
        let attempts = self.attempts_below(&layout::run(run)).await?;
        let attempt = 1 + attempts.iter().map(|attempt| attempt.attempt).max().unwrap_or(0);
        let record = RunRecord { started_at: Some(at), ..self.empty(run, attempt, tables.into()) };
        self.write(&layout::run_started(run, attempt), &record).await?;
        Ok(attempt)
    }

    /// Says that a run is over.
    ///
    /// # Errors
    /// When the newest attempt is over already; see [`MarkerError`].
    pub async fn finish(
        &self,
        run: &str,
        at: DateTime<Utc>,
        status: RunStatus,
        tables: impl Into<TableStates>,
    ) -> Result<u32, MarkerError> {
        let attempts = self.attempts_below(&layout::run(run)).await?;
        let newest = attempts.iter().max_by_key(|attempt| attempt.attempt);
        if let Some((_, status)) = newest.and_then(|attempt| attempt.finished.as_ref()) {
            return Err(MarkerError::Finished { run: run.to_owned(), status: *status });
        }
        let attempt = newest.map_or(1, |attempt| attempt.attempt);
        self.began_here(run, attempt).await?;
        let started_at = newest.and_then(|attempt| attempt.started.as_ref()).map(|start| start.at);
        let record = RunRecord {
            started_at,
            ended_at: Some(at),
            status: Some(status),
            ..self.empty(run, attempt, tables.into())
        };
        self.write(&layout::run_finished(run, attempt), &record).await?;
        Ok(attempt)
    }

    /// Refuses the end of a run that began before its region was given up: its end says nothing of the tables that the
    /// workflow writes since.
    async fn began_here(&self, run: &str, attempt: u32) -> Result<(), MarkerError> {
        let (Some(reign), Some(began)) =
            (&self.reign, self.record(&layout::run_started(run, attempt)).await?)
        else {
            return Ok(());
        };
        if reign.holds(&began) {
            return Ok(());
        }
        let (run, active) = (run.to_owned(), reign.region.clone());
        Err(MarkerError::GivenUp { run, active })
    }

    fn empty(&self, run: &str, attempt: u32, tables: TableStates) -> RunRecord {
        RunRecord {
            format: FORMAT,
            group: self.group.clone(),
            run: run.to_owned(),
            attempt,
            region: self.reign.as_ref().map(|reign| reign.region.clone()),
            epoch: self.reign.as_ref().and_then(|reign| reign.epoch),
            started_at: None,
            ended_at: None,
            status: None,
            versions: tables.versions,
            table_ids: tables.ids,
        }
    }

    async fn write(&self, key: &str, record: &RunRecord) -> Result<(), MarkerError> {
        let mut bytes = serde_json::to_vec(record).map_err(MarkerError::Encode)?;
        bytes.push(b'\n');
        match self.store.create(key, &bytes).await? {
            Written::Done(_) => Ok(()),
            Written::Lost => Err(MarkerError::Contended { run: record.run.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lakedr_control::store::MemoryStore;

    use super::*;
    use lakedr_control::run_record::{TableIds, TableVersions};

    use crate::cut::Moment;

    fn marker() -> Marker {
        Marker::new("etl".parse().unwrap(), Arc::new(MemoryStore::default()))
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn versions(version: u64) -> TableVersions {
        [("c.s.t".parse().unwrap(), version)].into()
    }

    #[tokio::test]
    async fn a_run_is_read_back_as_it_was_marked() {
        let marker = marker();
        assert_eq!(marker.start("7", at(1), versions(1)).await.unwrap(), 1);
        assert_eq!(marker.start("7", at(2), versions(2)).await.unwrap(), 2);
        assert_eq!(marker.finish("7", at(3), RunStatus::Success, versions(3)).await.unwrap(), 2);
        let attempts = marker.attempts().await.unwrap();
        assert_eq!(attempts.len(), 2);
        assert_eq!(attempts[0].finished, None);
        assert_eq!(
            attempts[1].started,
            Some(Moment { at: at(2), versions: versions(2), ids: TableIds::new() })
        );
        assert_eq!(
            attempts[1].finished,
            Some((Moment { at: at(3), versions: versions(3), ids: TableIds::new() }, RunStatus::Success))
        );
    }

    #[tokio::test]
    async fn a_run_finishes_once_unless_it_runs_again() {
        let marker = marker();
        marker.finish("7", at(1), RunStatus::Failed, versions(1)).await.unwrap();
        let again = marker.finish("7", at(2), RunStatus::Success, versions(2)).await.unwrap_err();
        assert!(again.to_string().contains("finished already, as failed"), "{again}");
        assert_eq!(marker.start("7", at(3), versions(2)).await.unwrap(), 2);
        assert_eq!(marker.finish("7", at(4), RunStatus::Success, versions(3)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_run_that_began_before_the_roles_changed_does_not_end() {
        let store = Arc::new(MemoryStore::default());
        let within = |region: &str, epoch| {
            let reign = Reign { region: region.to_owned(), is_initial: region == "east", epoch };
            Marker::new("etl".parse().unwrap(), store.clone()).within(reign)
        };
        within("east", Some(1)).start("7", at(1), versions(1)).await.unwrap();
        for later in [within("west", Some(2)), within("west", None), within("east", Some(3))] {
            let error = later.finish("7", at(2), RunStatus::Success, versions(9)).await.unwrap_err();
            assert!(matches!(error, MarkerError::GivenUp { .. }), "{error}");
        }
        let west = within("west", Some(2));
        assert_eq!(west.start("7", at(3), versions(1)).await.unwrap(), 2, "it begins anew");
        assert_eq!(west.finish("7", at(4), RunStatus::Success, versions(2)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn records_of_another_group_are_refused() {
        let store = Arc::new(MemoryStore::default());
        let other = Marker::new("other".parse().unwrap(), store.clone());
        other.start("1", at(1), versions(1)).await.unwrap();
        let error = Marker::new("etl".parse().unwrap(), store).attempts().await.unwrap_err();
        assert!(matches!(error, MarkerError::OtherGroup { .. }), "{error}");
    }
}
