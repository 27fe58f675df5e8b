//! What is shown to people.

use lakedr_control::time;

use super::TakeReport;
use crate::report::{bytes_text, duration_text};
use crate::snapshots::{Against, Listed, ListedSnapshot, Outcome, PruneReport, RestoreReport, SnapshotProof};

pub(super) fn take(report: &TakeReport) -> String {
    let (Outcome::Taken, Some(id)) = (report.outcome, &report.snapshot) else {
        return format!("{}: not due: {}", report.schedule, report.reason.as_deref().unwrap_or_default());
    };
    let holds = report.holds.as_deref().unwrap_or_default();
    let mut lines = vec![format!("{}: taken {id}: {holds}", report.schedule)];
    lines.extend(report.tables.iter().map(|taken| {
        let table = &taken.table;
        let seconds = duration_text(taken.took);
        format!(
            "  {}: version {} as version {} of {}, {} new file(s) ({}) of {} ({}), {seconds}",
            table.name,
            table.source_version,
            table.version,
            table.path,
            table.files_added,
            bytes_text(table.bytes_added),
            table.files,
            bytes_text(table.bytes)
        )
    }));
    lines.join("\n")
}

fn snapshot(snapshot: &ListedSnapshot) -> String {
    let kept = &snapshot.kept;
    let run = kept.run.as_ref().map(|run| format!("run {run}, ")).unwrap_or_default();
    let reasons: Vec<String> = snapshot.kept_because.iter().map(ToString::to_string).collect();
    let because = if reasons.is_empty() {
        "no rule, goes with the next pruning".to_owned()
    } else {
        reasons.join(", ")
    };
    format!(
        "  {}: {run}as of {}, {} table(s), {} ({} added); kept: {because}",
        kept.id,
        time::format(kept.as_of),
        kept.tables,
        bytes_text(kept.bytes),
        bytes_text(kept.bytes_added)
    )
}

/// How a schedule stands, in a line.
fn standing(listed: &Listed) -> String {
    let due = match (listed.due_since, listed.next_due) {
        _ if listed.paused => "paused".to_owned(),
        (Some(since), _) if listed.missed > 0 => {
            format!("due since {}, {} run(s) MISSED", time::format(since), listed.missed)
        }
        (Some(since), _) => format!("due since {}", time::format(since)),
        (None, Some(next)) => format!("next due {}", time::format(next)),
        (None, None) => "never due".to_owned(),
    };
    format!("{}: {} snapshot(s), {due}", listed.schedule, listed.snapshots.len())
}

/// Who is at work, and what failed.
fn events(listed: &Listed) -> impl Iterator<Item = String> {
    let work = listed.under_way.iter().map(|under_way| {
        let state = if under_way.alive { "is at work" } else { "gives no sign of life" };
        format!("  a call on {} {state} since {}", under_way.work.by.host, time::format(under_way.work.since))
    });
    let failure = listed.last_failure.iter();
    work.chain(failure.map(|failure| format!("  failed {}: {}", time::format(failure.at), failure.message)))
}

pub(super) fn list(listed: &Listed) -> String {
    let lines = [standing(listed)].into_iter().chain(listed.snapshots.iter().map(snapshot));
    lines.chain(events(listed)).collect::<Vec<_>>().join("\n")
}

pub(super) fn summary(listed: &Listed) -> String {
    let newest = listed.snapshots.last().map(|newest| {
        format!("  newest snapshot: {}, as of {}", newest.kept.id, time::format(newest.kept.as_of))
    });
    let lines = [format!("snapshots {}", standing(listed))].into_iter().chain(newest);
    lines.chain(events(listed)).collect::<Vec<_>>().join("\n")
}

pub(super) fn prune(report: &PruneReport) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut lines = vec![format!(
        "{}: {} snapshot(s) kept, {} {would}removed; {would}deleted {} file(s) ({})",
        report.schedule,
        report.kept.len(),
        report.removed.len(),
        report.deleted.files,
        bytes_text(report.deleted.bytes)
    )];
    if report.refused > 0 {
        lines.push(format!(
            "  {} file(s) refused by the store; the next pruning tries again: {}",
            report.refused,
            report.said.join("; ")
        ));
    }
    if report.left.files > 0 {
        let left = report.left;
        lines.push(format!("  {} file(s) ({}) left for another call", left.files, bytes_text(left.bytes)));
    }
    lines.extend(report.kept.iter().map(snapshot));
    lines.extend(
        report.removed.iter().map(|removed| format!("  {}: {would}removed: {}", removed.id, removed.because)),
    );
    lines.join("\n")
}

pub(super) fn restore(report: &RestoreReport) -> String {
    let what = match &report.snapshot {
        Some(id) => format!("snapshot {id}"),
        None => "what the source still held".to_owned(),
    };
    let mut lines = vec![format!("{}: restored {what}: {}", report.schedule, report.holds)];
    lines.extend(report.because.iter().map(|because| format!("  picked because {because}")));
    lines.extend(report.warning.iter().map(|warning| format!("  WARNING: {warning}")));
    lines.extend(report.tables.iter().map(|table| {
        let undone = table.undone.as_ref().map(|undone| format!("; undone: {undone}")).unwrap_or_default();
        format!(
            "  {} at {} is version {}, as version {} of {}, {} file(s) ({}) copied{undone}",
            table.name,
            table.url,
            table.version,
            table.of_version,
            table.from,
            table.files_copied,
            bytes_text(table.bytes_copied)
        )
    }));
    lines.join("\n")
}

pub(super) fn verify(proof: &SnapshotProof) -> String {
    let result = if proof.equal { "holds" } else { "DOES NOT HOLD" };
    let mut lines =
        vec![format!("{}: snapshot {} {result} at level {}", proof.schedule, proof.snapshot, proof.level)];
    for table in &proof.tables {
        let against = match table.against {
            Against::Source => format!("compared with version {} of its source", table.source_version),
            Against::Document => "compared with its document, the source is gone".to_owned(),
        };
        lines.push(format!(
            "  {}: version {}, {against}: {}",
            table.name,
            table.version,
            table.proof.describe()
        ));
        lines.extend(table.missing.iter().map(|missing| format!("    {missing}")));
        lines.extend(table.proof.differences().map(|difference| format!("    {difference}")));
    }
    lines.join("\n")
}
