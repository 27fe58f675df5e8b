//! What is wrong, and what is not.

use chrono::{DateTime, Utc};

use crate::notify::news::{Condition, Drill, DrillAge, Lag, Problem, Seen};
use crate::report::duration_text;

/// What is known of one kind of incident.
pub(super) enum Verdict {
    Unknown,
    Fine,
    Wrong(Problem, String),
}

pub(super) fn failure(seen: &Seen<'_>) -> Verdict {
    match &seen.condition {
        Condition::Good => Verdict::Fine,
        Condition::Open => Verdict::Unknown,
        Condition::Bad(problem) => Verdict::Wrong(problem.clone(), format!("{} fails", seen.part.as_str())),
    }
}

pub(super) fn stale(lag: Lag, since: DateTime<Utc>, seen: &Seen<'_>) -> Verdict {
    let target = duration_text(lag.target);
    let (lag, message) = match lag.lag {
        Some(late) if late > lag.target => {
            let holds = seen.points.last().map(|point| point.described.as_str()).unwrap_or_default();
            let late = duration_text(late);
            (
                late.clone(),
                format!(
                    "the RPO lag is {late}, and the target is {target}; the standby region holds {holds}"
                ),
            )
        }
        None if seen.now.signed_duration_since(since).to_std().is_ok_and(|watched| watched > lag.target) => (
            "never".to_owned(),
            format!(
                "nothing has ever been published, and the RPO target is {target}: a failover has nothing to go on from"
            ),
        ),
        Some(_) => return Verdict::Fine,
        None => return Verdict::Unknown,
    };
    let why = match &seen.condition {
        Condition::Bad(problem) => format!(". The last call: {}", problem.message),
        Condition::Good | Condition::Open => ". See `lakedr status` and `lakedr history`".to_owned(),
    };
    let title = if lag == "never" { "never published" } else { "RPO target missed" };
    Verdict::Wrong(
        Problem { class: "stale".to_owned(), message: message + &why, seq: None },
        title.to_owned(),
    )
}

pub(super) fn retention(findings: &[String]) -> Verdict {
    if findings.is_empty() {
        return Verdict::Fine;
    }
    let message = findings.join("\n");
    Verdict::Wrong(
        Problem { class: "retention".to_owned(), message, seq: None },
        "source retention is too short".to_owned(),
    )
}

pub(super) fn services(findings: &[String]) -> Verdict {
    if findings.is_empty() {
        return Verdict::Fine;
    }
    let problem = Problem {
        class: "services".to_owned(),
        message: format!(
            "{}\nEvery sync tries again; stop or start them yourself if that helps",
            findings.join("\n")
        ),
        seq: None,
    };
    Verdict::Wrong(problem, "services are not as the failover wants them".to_owned())
}

pub(super) fn drill_failed(drill: &Drill) -> Verdict {
    if drill.passed {
        return Verdict::Fine;
    }
    let (region, number) = &drill.of;
    let problem = Problem { class: "drill_failed".to_owned(), message: drill.text.clone(), seq: None };
    Verdict::Wrong(problem, format!("drill {number} failed: {region} could not take over as it should"))
}

pub(super) fn drill_age(age: &DrillAge, now: DateTime<Utc>) -> Verdict {
    let DrillAge { region, passed_at, failed, every } = age;
    let wrong = |class: &str, message: String, title: &str| {
        Verdict::Wrong(Problem { class: class.to_owned(), message, seq: None }, title.to_owned())
    };
    if let Some(failed) = failed {
        return wrong("drill_failed", failed.clone(), "the newest drill failed");
    }
    let old = passed_at.map(|at| now.signed_duration_since(at).to_std().unwrap_or_default());
    if old.is_some_and(|old| old <= *every) {
        return Verdict::Fine;
    }
    let passed = match passed_at {
        Some(at) => format!("the newest one that passed was on {}", lakedr_control::time::format(*at)),
        None => "none ever passed".to_owned(),
    };
    let message = format!(
        "a failover to {region} has to be rehearsed every {}, and {passed}; run `lakedr drill` there",
        duration_text(*every)
    );
    wrong("drill_due", message, "drill due")
}
