use lakedr_control::cut::Cut;
use lakedr_control::group_log::{FailureClass, History};
use lakedr_control::id::Name;
use serde::Serialize;

use crate::cut::Refusal;
use crate::error::{Failure, chain};
use crate::exit::Exit;

/// How a group came out of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new recovery point.
    Published,
    /// A cut is complete in the landing area.
    Landed,
    /// A plan was made, nothing was changed.
    Planned,
    /// The newest recovery point holds the newest finished state.
    UpToDate,
    /// Its schedule says later.
    NotDue,
    /// There must not be a new recovery point.
    Refused,
    /// A stage failed.
    Failed,
}

/// A group that was brought to its newest finished state.
#[derive(Debug, Clone)]
pub struct Done {
    outcome: Outcome,
    seq: Option<u64>,
    epoch: Option<u64>,
    cut: Option<Cut>,
    publish_window_ms: Option<u64>,
    history: Option<Box<History>>,
}

impl Done {
    /// The group log as it was left.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.history.as_deref()
    }

    /// The outcome, with what the newest recovery point says.
    #[must_use]
    pub fn new(outcome: Outcome, history: &History) -> Self {
        let state = history.state.as_ref();
        let point = state.and_then(|state| state.recovery_point());
        Self {
            outcome,
            seq: point.map(|point| point.seq),
            epoch: state.map(|state| state.epoch),
            cut: point.map(|point| point.cut.clone()),
            publish_window_ms: point.map(|point| point.publish_window_ms),
            history: Some(Box::new(history.clone())),
        }
    }
}

impl Done {
    /// The outcome of a sender, with what has landed last.
    #[must_use]
    pub fn landed(outcome: Outcome, history: &History) -> Self {
        let state = history.state.as_ref();
        let landed = state.and_then(|state| state.landed.as_ref());
        Self {
            outcome,
            seq: landed.map(|landed| landed.seq),
            epoch: state.map(|state| state.epoch),
            cut: landed.map(|landed| landed.cut.clone()),
            publish_window_ms: None,
            history: Some(Box::new(history.clone())),
        }
    }
}

/// Why a group has no new recovery point.
#[derive(Debug, Clone, Serialize)]
pub struct ReportedError {
    /// Type of the refusal, or class of the failure.
    pub r#type: String,
    /// Where, what, cause and remedy.
    pub message: String,
    #[serde(skip)]
    exit: Option<Exit>,
}

/// What a call says of one group (DESIGN section 8).
#[derive(Debug, Clone, Serialize)]
pub struct GroupReport {
    /// The group.
    pub group: String,
    /// How it came out.
    pub outcome: Outcome,
    /// Sequence number of its newest recovery point; of a sender, of what has landed last.
    pub seq: Option<u64>,
    /// Its epoch.
    pub epoch: Option<u64>,
    /// What its newest recovery point holds, what has landed last, or what a plan would make of it.
    pub cut: Option<Cut>,
    /// Milliseconds between the first and the last slot of the newest recovery point.
    pub publish_window_ms: Option<u64>,
    /// Price of a plan's transfer, if the group has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Why it was refused or failed.
    pub error: Option<ReportedError>,
}

fn class_tag(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Diverged => "diverged",
        FailureClass::Unreachable => "unreachable",
        FailureClass::Denied => "denied",
        FailureClass::Damaged => "damaged",
        FailureClass::Unsupported => "unsupported",
        FailureClass::Configuration => "configuration",
        FailureClass::Internal => "internal",
    }
}

impl GroupReport {
    /// A group that is where it should be.
    #[must_use]
    pub fn done(group: &Name, done: Done) -> Self {
        Self {
            group: group.to_string(),
            outcome: done.outcome,
            seq: done.seq,
            epoch: done.epoch,
            cut: done.cut,
            publish_window_ms: done.publish_window_ms,
            cost: None,
            error: None,
        }
    }

    /// A group that the other region has to look after.
    #[must_use]
    pub fn not_here(group: &Name) -> Self {
        let nothing = Done {
            outcome: Outcome::NotDue,
            seq: None,
            epoch: None,
            cut: None,
            publish_window_ms: None,
            history: None,
        };
        Self::done(group, nothing)
    }

    /// What a sync would do.
    #[must_use]
    pub fn planned(group: &Name, history: &History, cut: Cut, cost: Option<f64>) -> Self {
        let mut report = Self::done(group, Done::new(Outcome::Planned, history));
        report.cut = Some(cut);
        report.cost = cost;
        report.publish_window_ms = None;
        report
    }

    /// A group that must stay where it is.
    #[must_use]
    pub fn refused(group: &Name, refusal: &Refusal) -> Self {
        Self::stopped(group, Outcome::Refused, refusal.tag(), refusal.to_string(), Exit::Refused)
    }

    /// A group that must stay where it is, for a reason of this type.
    #[must_use]
    pub fn refused_as(group: &Name, tag: &str, message: String) -> Self {
        Self::stopped(group, Outcome::Refused, tag, message, Exit::Refused)
    }

    /// A group of which a stage failed.
    #[must_use]
    pub fn failed(group: &Name, failure: &Failure) -> Self {
        let exit = match failure.class {
            FailureClass::Unreachable => Exit::Unreachable,
            FailureClass::Configuration => Exit::Usage,
            FailureClass::Internal if !failure.retryable => Exit::Bug,
            _ => Exit::Failed,
        };
        Self::stopped(group, Outcome::Failed, class_tag(failure.class), chain(failure), exit)
    }

    fn stopped(group: &Name, outcome: Outcome, tag: &str, message: String, exit: Exit) -> Self {
        Self {
            group: group.to_string(),
            outcome,
            seq: None,
            epoch: None,
            cut: None,
            publish_window_ms: None,
            cost: None,
            error: Some(ReportedError { r#type: tag.to_owned(), message, exit: Some(exit) }),
        }
    }

    /// The exit code that this group asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.error.as_ref().and_then(|error| error.exit).unwrap_or(Exit::Ok)
    }

    /// For people: a line, and one per table.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let head = match self.outcome {
            Outcome::Published => "published",
            Outcome::Landed => "landed",
            Outcome::Planned => "would publish",
            Outcome::UpToDate => "up to date",
            Outcome::NotDue => "not due",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        };
        match (&self.error, &self.cut) {
            (Some(error), _) => {
                lines.push(format!("{}: {head} ({}): {}", self.group, error.r#type, error.message));
            }
            (None, Some(cut)) => lines.push(format!("{}: {head}: {}", self.group, cut.describe())),
            (None, None) => lines.push(format!("{}: {head}", self.group)),
        }
        if let (Some(cut), Outcome::Published | Outcome::Landed | Outcome::Planned) =
            (&self.cut, self.outcome)
        {
            lines.extend(cut.tables.iter().map(table_line));
            lines.extend(self.cost.map(|cost| format!("  estimated egress cost: {cost:.4}")));
        }
        lines.join("\n")
    }
}

fn table_line(table: &lakedr_control::cut::CutTable) -> String {
    let target = table
        .target_version
        .or(table.landed_version)
        .map_or_else(|| "none".to_owned(), |version| version.to_string());
    format!(
        "  {}: version {} as version {target}, {} new file(s) ({}), {} reused, {} removed",
        table.name,
        table.source_version,
        table.files_copied,
        super::bytes_text(table.bytes_copied),
        table.files_reused,
        table.files_removed
    )
}
