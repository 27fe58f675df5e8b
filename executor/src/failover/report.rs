//! What `plan` and `execute` say.

use std::time::{Duration, Instant};

use lakedr_control::cut::Cut;
use lakedr_control::group_log::{Power, RecoveryPoint};
use serde::Serialize;

use super::basis::Kind;
use super::check::TableCheck;
use super::loss::TableBehind;
use crate::exit::Exit;
use crate::other_region::OtherRegion;
use crate::plan::retention::RetentionLeft;
use crate::report::{GroupReport, ReportedError, duration_text};
use crate::services::ServiceOutcome;

/// One group before its roles change.
#[derive(Debug, Serialize)]
pub struct Survey {
    /// The group.
    pub group: String,
    /// Digest over what a plan rests on; none when the group has no log that can be read.
    #[serde(skip)]
    pub part: Option<String>,
    /// How it is.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// How the other region is declared; none when its control store was not named.
    pub other_region: Option<OtherRegion>,
    /// How long the active region keeps what waits to be copied, of the table that keeps it for the shortest time; none when
    /// nothing waits, or when it cannot be seen.
    pub retention: Option<RetentionLeft>,
    /// What it would lose.
    pub loss: Option<Loss>,
    /// What is done, in order; empty when something is in the way.
    pub steps: Vec<String>,
    /// What is in the way.
    #[serde(serialize_with = "errors")]
    pub problems: Vec<GroupReport>,
}

/// How a group is.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// The epoch in force.
    pub epoch: u64,
    /// The region that is active.
    pub active_region: String,
    /// The region that is standby.
    pub standby_region: String,
    /// The newest recovery point.
    pub recovery_point: Option<RecoveryPoint>,
    /// The intent that is finished first.
    pub open_intent: Option<u64>,
    /// What it publishes: the recovery point that is gone on from, unless a foreign commit is in its way.
    pub open_cut: Option<Cut>,
    /// Now minus the state that is gone on from.
    pub rpo_lag_seconds: Option<u64>,
    /// Who paused the group.
    pub paused_by: Option<String>,
    /// Whether the newest recovery point was made with the specification as it is.
    pub spec_is_current: bool,
    /// Whether what has landed last was made with the specification as it is here: the active region sends by its own; none
    /// when nothing has landed.
    pub landed_spec_is_current: Option<bool>,
    /// The newest failure since the newest recovery point.
    pub last_failure: Option<String>,
}

/// What the active region holds that would be lost, as far as it can be seen.
#[derive(Debug, Serialize)]
pub struct Loss {
    /// Finished runs that the recovery point lacks.
    pub runs: Option<usize>,
    /// Runs under way.
    pub runs_under_way: Option<Vec<String>>,
    /// Tables with commits behind the recovery point.
    pub tables: Vec<TableBehind>,
    /// A cut that has landed in the standby region and is not published: `lakedr receive` publishes it, without the
    /// active region.
    pub landed: Option<String>,
    /// What cannot be seen, and why.
    pub unseen: Vec<String>,
}

/// How one group came out of a change of roles.
#[derive(Debug, Serialize)]
pub struct Switched {
    /// The group.
    pub group: String,
    /// Whether its roles are changed, by this call or an earlier one of the same plan.
    pub switched: bool,
    /// Sequence number of the `role` entry.
    pub seq: Option<u64>,
    /// The epoch in force.
    pub epoch: Option<u64>,
    /// The region that is active.
    pub active_region: Option<String>,
    /// The region that is standby.
    pub standby_region: Option<String>,
    /// Who approved it, as the log has it.
    pub approved_by: Option<String>,
    /// What it went on from.
    pub recovery_point: Option<RecoveryPoint>,
    /// The steps of this call, in order, with the time that each took.
    pub steps: Vec<Step>,
    /// What was found in the region that is active.
    pub tables: Vec<TableCheck>,
    /// What became of the services of both regions.
    pub services: Vec<ServiceOutcome>,
    /// All steps together.
    pub total_ms: u64,
    /// The declared target.
    pub rto_target_seconds: Option<u64>,
    /// Whether all steps together were within it; none without a target.
    pub rto_met: Option<bool>,
    /// Why it stopped.
    #[serde(serialize_with = "error")]
    pub error: Option<GroupReport>,
}

/// One step, done.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Which.
    pub step: &'static str,
    /// How long it took.
    pub took_ms: u64,
    /// What it came to.
    pub result: String,
}

/// Milliseconds since then.
pub(super) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn errors<S: serde::Serializer>(reports: &[GroupReport], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reports.iter().filter_map(|report| report.error.as_ref()))
}

fn error<S: serde::Serializer>(report: &Option<GroupReport>, serializer: S) -> Result<S::Ok, S::Error> {
    report.as_ref().and_then(|report| report.error.as_ref()).serialize(serializer)
}

impl Survey {
    /// A group of which the log cannot be read, or does not exist.
    #[must_use]
    pub fn unknown(problem: GroupReport) -> Self {
        let group = problem.group.clone();
        let (facts, other_region, retention, loss) = (None, None, None, None);
        Self {
            group,
            part: None,
            facts,
            other_region,
            retention,
            loss,
            steps: Vec::new(),
            problems: vec![problem],
        }
    }

    /// The exit code that it asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::of_all(self.problems.iter().map(GroupReport::exit))
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = match &self.facts {
            Some(facts) => facts.lines(&self.group),
            None => vec![format!("{}:", self.group)],
        };
        lines.extend(self.declared().into_iter().map(|said| format!("  {said}")));
        lines.extend(self.retention.iter().map(|left| format!("  retention left: {left}")));
        lines.extend(self.loss.iter().flat_map(Loss::lines));
        for (number, step) in self.steps.iter().enumerate() {
            lines.push(format!("  {}. {step}", number + 1));
        }
        let problems = self.problems.iter().filter_map(|problem| problem.error.as_ref());
        lines.extend(
            problems.map(|ReportedError { r#type, message, .. }| format!("  IN THE WAY ({type}): {message}")),
        );
        lines.join("\n")
    }
}

impl Survey {
    /// How the other region is declared.
    fn declared(&self) -> Vec<String> {
        match (&self.other_region, &self.facts) {
            (Some(other), _) => other.lines(),
            (None, Some(_)) => {
                vec!["the other region's specification is not compared: --other-control names its control store".to_owned()]
            }
            (None, None) => Vec::new(),
        }
    }
}

impl Facts {
    fn lines(&self, group: &str) -> Vec<String> {
        let mut lines = vec![format!(
            "{group}: active {}, standby {}, epoch {}",
            self.active_region, self.standby_region, self.epoch
        )];
        match (&self.open_cut, &self.recovery_point) {
            (Some(cut), _) => {
                lines.push(format!("  goes on from: {} (an open intent, finished first)", cut.describe()));
            }
            (None, Some(point)) => {
                lines.push(format!("  goes on from: {} (entry {})", point.cut.describe(), point.seq));
            }
            (None, None) => lines.push("  goes on from: nothing, there is no recovery point".to_owned()),
        }
        if let Some(lag) = self.rpo_lag_seconds {
            lines.push(format!("  RPO lag: {}", duration_text(Duration::from_secs(lag))));
        }
        lines.extend(self.paused_by.iter().map(|by| format!("  paused by {by}")));
        if !self.spec_is_current {
            lines.push("  the specification changed since the newest recovery point".to_owned());
        }
        if self.landed_spec_is_current == Some(false) {
            lines.push(
                "  what has landed last was made with another specification than the one in this region"
                    .to_owned(),
            );
        }
        lines.extend(self.last_failure.iter().map(|message| format!("  last failure: {message}")));
        lines
    }
}

impl Loss {
    fn lines(&self) -> Vec<String> {
        let mut lost: Vec<String> = Vec::new();
        lost.extend(self.runs.filter(|runs| *runs > 0).map(|runs| format!("{runs} finished run(s)")));
        let under_way = self.runs_under_way.iter().filter(|runs| !runs.is_empty());
        lost.extend(under_way.map(|runs| format!("what run(s) {} have written so far", runs.join(", "))));
        lost.extend(self.tables.iter().map(|table| {
            let recovery =
                table.recovery_version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            if table.recreated {
                return format!(
                    "{}: dropped and created anew, at version {}",
                    table.name, table.newest_version
                );
            }
            format!(
                "{}: version {} instead of {recovery}, {} commit(s) that change it",
                table.name, table.newest_version, table.logical_commits
            )
        }));
        let landed = self.landed.iter();
        let landed =
            landed.map(|cut| format!("  landed and not published: {cut}; `lakedr receive` publishes it"));
        let mut lines = match (lost.is_empty(), self.unseen.is_empty()) {
            (true, true) => vec!["  left behind in the active region: nothing".to_owned()],
            (true, false) => Vec::new(),
            (false, _) => vec!["  left behind in the active region:".to_owned()],
        };
        lines.extend(lost.into_iter().map(|lost| format!("    {lost}")));
        lines.extend(landed);
        lines.extend(self.unseen.iter().map(|unseen| format!("  cannot be seen: {unseen}")));
        lines
    }
}

impl Switched {
    /// The exit code that it asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match &self.error {
            Some(error) => error.exit(),
            // a region that is active and not usable is no success
            None if self.tables.iter().any(|table| !table.is_usable()) => Exit::Failed,
            None if !self.is_started() => Exit::Failed,
            None => Exit::Ok,
        }
    }

    /// Whether every service that should be on is, or stays as somebody left it. One that should be off and cannot be
    /// reached is what an outage looks like.
    pub(super) fn is_started(&self) -> bool {
        self.services.iter().all(|service| service.done || service.wanted == Power::Off)
    }

    /// What it came to, in a few words.
    #[must_use]
    pub fn outcome(&self) -> String {
        let usable = self.tables.iter().filter(|table| table.is_usable()).count();
        let open: Vec<String> =
            self.services.iter().filter(|service| !service.done).map(ServiceOutcome::line).collect();
        let mut told = format!(
            "took {} ms{}; {usable} of {} table(s) usable",
            self.total_ms,
            self.target(),
            self.tables.len()
        );
        if let Some(error) = self.error.as_ref().and_then(|report| report.error.as_ref()) {
            told.push_str(&format!("; stopped: {}", error.message));
        }
        open.iter().for_each(|line| told.push_str(&format!("\n{line}")));
        told
    }

    /// For people.
    #[must_use]
    pub fn text(&self, kind: Kind) -> String {
        let head = match (self.switched, &self.active_region, &self.standby_region) {
            (true, Some(active), Some(standby)) => {
                let epoch = self.epoch.unwrap_or_default();
                format!("{}: {active} is active, {standby} is standby, epoch {epoch}", self.group)
            }
            _ => format!("{}: no {}", self.group, kind.command()),
        };
        let mut lines = vec![head];
        lines.extend(
            self.recovery_point
                .iter()
                .map(|point| format!("  goes on from: {} (entry {})", point.cut.describe(), point.seq)),
        );
        lines.extend(
            self.steps.iter().map(|step| format!("  {}: {} ({} ms)", step.step, step.result, step.took_ms)),
        );
        lines.extend(self.tables.iter().flat_map(TableCheck::lines));
        lines.extend(self.services.iter().map(|service| format!("    {}", service.line())));
        if self.services.iter().any(|service| !service.done) {
            lines.push(
                "  services that are not as they should be stay in the ledger: every later `lakedr sync` tries again, and so \
                 does this command"
                    .to_owned(),
            );
        }
        if let Some(ReportedError { r#type, message, .. }) =
            self.error.as_ref().and_then(|report| report.error.as_ref())
        {
            lines.push(format!("  STOPPED ({type}): {message}"));
        }
        if self.switched && self.error.is_none() {
            lines.push(format!("  took {} ms{}", self.total_ms, self.target()));
        }
        lines.join("\n")
    }

    fn target(&self) -> String {
        match (self.rto_target_seconds, self.rto_met) {
            (Some(target), Some(met)) => {
                let met = if met { "met" } else { "MISSED" };
                format!(", RTO target: {} ({met})", duration_text(Duration::from_secs(target)))
            }
            _ => String::new(),
        }
    }
}
