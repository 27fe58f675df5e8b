//! What a drill comes to. Pure.

use std::time::Duration;

use lakedr_control::drill::{DrillReport, DrillStep};

use crate::report::duration_text;

/// Sum of the steps that a failover has as well.
pub(super) fn rto_ms(steps: &[DrillStep]) -> u64 {
    steps.iter().filter(|step| step.counts).map(|step| step.took_ms).sum()
}

/// Completes a report by what follows from the rest of it. `passed_before` is when the newest drill before it passed.
pub(super) fn conclude(
    mut report: DrillReport,
    passed_before: Option<chrono::DateTime<chrono::Utc>>,
) -> DrillReport {
    report.rto_ms = rto_ms(&report.steps);
    report.rpo_met = report.rpo_target_seconds.map(|target| report.rpo_seconds <= target);
    report.rto_met = report.rto_target_seconds.map(|target| report.rto_ms <= target.saturating_mul(1_000));
    let mut problems = std::mem::take(&mut report.problems);
    for table in &report.tables {
        problems.extend(table.problems.iter().map(|problem| format!("{}: {problem}", table.name)));
    }
    for service in &report.services {
        problems.extend(
            service
                .problem
                .iter()
                .map(|problem| format!("a failover could not start {}: {problem}", service.service)),
        );
    }
    if let Some(validation) = report.validation.as_ref().filter(|validation| !validation.passed) {
        problems.push(format!("{}: {}", validation.command, validation.ended));
    }
    if report.rpo_met == Some(false) {
        problems.push(missed("RPO", Duration::from_secs(report.rpo_seconds), report.rpo_target_seconds));
    }
    if report.rto_met == Some(false) {
        problems.push(missed("RTO", Duration::from_millis(report.rto_ms), report.rto_target_seconds));
    } else if !problems.is_empty() {
        // a failover that does not work takes no time
        report.rto_met = None;
    }
    report.passed = problems.is_empty();
    report.problems = problems;
    report.last_passed_at = if report.passed { Some(report.ended_at) } else { passed_before };
    report
}

fn missed(what: &str, measured: Duration, target: Option<u64>) -> String {
    let target = duration_text(Duration::from_secs(target.unwrap_or_default()));
    format!("the {what} target is {target}, and this was {}", duration_text(measured))
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::{DateTime, TimeDelta};
    use lakedr_control::drill::{
        DrillValidation, DrilledPoint, DrilledService, DrilledTable, FORMAT, PreviousDrill,
    };
    use lakedr_control::group_log::Author;

    use super::*;

    /// A drill in which all went well.
    pub(in crate::drill) fn report() -> DrillReport {
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        let step = |step: &str, took_ms, counts| DrillStep {
            step: step.to_owned(),
            took_ms,
            counts,
            result: "done".to_owned(),
        };
        DrillReport {
            format: FORMAT,
            group: "etl".parse().unwrap(),
            drill: 2,
            region: "west".to_owned(),
            lost_region: "east".to_owned(),
            epoch: 1,
            begun_at: at(0),
            ended_at: at(60),
            by: Author { executor: "0.1.0".to_owned(), host: "h".to_owned(), run: "r".to_owned() },
            previous: Some(PreviousDrill { drill: 1, digest: "sha256:00".to_owned() }),
            passed: false,
            last_passed_at: None,
            problems: Vec::new(),
            warnings: Vec::new(),
            recovery_point: DrilledPoint {
                seq: 7,
                cut: "run-1".to_owned(),
                holds: "run <1>".to_owned(),
                as_of: at(-600),
            },
            rpo_seconds: 600,
            rpo_target_seconds: Some(900),
            rpo_met: None,
            rto_ms: 0,
            rto_target_seconds: Some(4),
            rto_met: None,
            steps: vec![step("log", 1_000, true), step("check", 2_000, true), step("copy", 50_000, false)],
            tables: vec![DrilledTable {
                name: "c.s.t".to_owned(),
                version: 3,
                files: 4,
                bytes: 5_000,
                opened: 3,
                problems: Vec::new(),
            }],
            services: vec![DrilledService { service: "databricks_job/etl".to_owned(), problem: None }],
            validation: Some(DrillValidation {
                command: "/usr/local/bin/check".to_owned(),
                passed: true,
                ended: "exit status: 0".to_owned(),
                said: "4 rows & <more>".to_owned(),
            }),
            kept: None,
            removed: Vec::new(),
        }
    }

    #[test]
    fn a_drill_passes_when_nothing_is_wrong_and_the_targets_are_met() {
        let passed = conclude(report(), None);
        assert!(passed.passed, "{:?}", passed.problems);
        assert_eq!((passed.rto_ms, passed.rto_met, passed.rpo_met), (3_000, Some(true), Some(true)));
        assert_eq!(passed.last_passed_at, Some(passed.ended_at));
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let before = Some(DateTime::UNIX_EPOCH);
        let mut bad = report();
        bad.tables[0].problems.push("x is missing".to_owned());
        bad.services[0].problem = Some("no answer within 15 seconds".to_owned());
        let judged = DrillValidation {
            passed: false,
            ended: "exit status: 1".to_owned(),
            ..bad.validation.clone().unwrap()
        };
        bad.validation = Some(judged);
        bad.rpo_seconds = 1_000;
        bad.steps[0].took_ms = 3_000;
        let failed = conclude(bad, before);
        assert!(!failed.passed && failed.last_passed_at == before);
        insta::assert_snapshot!(failed.problems.join("\n"));
        let mut broken = report();
        broken.problems.push("the store does not answer".to_owned());
        let broken = conclude(broken, None);
        assert_eq!((broken.passed, broken.rto_met), (false, None), "nothing was shown");
        let untold = conclude(DrillReport { rto_target_seconds: None, ..report() }, None);
        assert_eq!((untold.passed, untold.rto_met), (true, None));
    }
}
