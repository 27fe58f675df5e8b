use std::collections::BTreeSet;

use super::rules::Report;
use crate::notification::{EventKind, Notifications, Target};
use crate::spec::SyncGroupSpec;

/// Checks who is told of what.
pub(super) fn notifications(report: &mut Report<'_>, spec: &SyncGroupSpec) -> Notifications {
    let Some(given) = &spec.notifications else { return Notifications::default() };
    let mut report = report.at("notifications");
    let events = events(&mut report, given.events.as_deref());
    for (attribute, targets) in [("on_failure", &given.on_failure), ("on_success", &given.on_success)] {
        for (index, declared) in targets.iter().flatten().enumerate() {
            target(&mut report.at(attribute).index(index), declared);
        }
    }
    Notifications {
        on_failure: given.on_failure.clone().unwrap_or_default(),
        on_success: given.on_success.clone().unwrap_or_default(),
        events,
    }
}

fn events(report: &mut Report<'_>, given: Option<&[String]>) -> BTreeSet<EventKind> {
    let Some(given) = given else { return EventKind::ALL.into() };
    let mut events = BTreeSet::new();
    for (index, event) in given.iter().enumerate() {
        events.extend(report.at("events").index(index).parsed(event.parse::<EventKind>()));
    }
    events
}

/// What a specification may hold in plain text.
fn target(report: &mut Report<'_>, declared: &str) {
    if let Some(address) = declared.strip_prefix("mailto:") {
        return report.email(address);
    }
    match declared.parse::<Target>() {
        Ok(Target::Mail(_) | Target::PagerDuty(_) | Target::Secret(_)) => {}
        Ok(Target::Slack(_)) => report.violation(
            "the URL of a Slack webhook is a secret, and this attribute is stored in plain text (the URL is not shown)",
            "keep the URL where a reference points, and write the reference, for example env://SLACK_URL",
        ),
        Err(cause) if declared.starts_with("pagerduty:") => {
            report.parsed::<Target>(Err(cause));
        }
        Ok(Target::Webhook(_)) | Err(_) => {
            report.service_url(declared);
        }
    }
}
