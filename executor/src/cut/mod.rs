//! Choosing a cut: pure. Histories and runs come in; versions or a typed refusal go out.

mod instant;
mod marker;
mod refusal;
mod timed;

pub use instant::at_instant;
pub use marker::{Attempt, Moment, choose_marked, finished_after, is_settled, under_way};
pub use refusal::Refusal;
pub use timed::{
    Before, Began, Doubt, HistoryCommit, Observed, Run, RunState, Spell, Step, TableHistory, choose_timed,
    finished_behind, merged, settles_at,
};

use lakedr_control::cut::CutRun;
use lakedr_control::id::TableName;
use lakedr_control::run_record::TableIds;

/// One version per table, and what pins them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The finished run; none when the tables are pinned at an instant.
    pub run: Option<CutRun>,
    /// The versions, in the order of the group's tables.
    pub versions: Vec<(TableName, u64)>,
    /// Which tables these are versions of.
    pub known: Known,
}

/// What tells the tables of a choice from others that were created in their place since, whose versions begin again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing is needed: the versions were read off the logs that there are.
    ByTime,
    /// Their ids, as far as they are known.
    Ids(TableIds),
    /// The newest recovery point, which names them.
    ByRecoveryPoint,
}

/// What the choice came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These versions are the newest finished state.
    Chosen(Chosen),
    /// The newest recovery point holds the newest finished state already.
    UpToDate,
}
