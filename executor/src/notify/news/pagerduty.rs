use lakedr_control::notification::{EventKind, Notice};
use lakedr_control::secret::Secret;
use serde_json::{Value, json};

/// Longest summary that PagerDuty takes, in characters.
const LONGEST_SUMMARY: usize = 1_024;

/// A call of PagerDuty's Events API v2.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Where, below the base URL.
    pub path: &'static str,
    /// The body; it holds the routing key.
    pub body: Value,
}

/// What PagerDuty is told: an alert that begins, goes on or is over under the key of its incident; or, of a success, a failover or a drill that passed, a
/// change, which wakes nobody.
#[must_use]
pub fn page(notice: &Notice, routing_key: &Secret) -> Call {
    let summary: String = notice.title.chars().take(LONGEST_SUMMARY).collect();
    let source = format!("lakedr/{}", notice.group);
    let at = lakedr_control::time::format(notice.at);
    let key = routing_key.reveal();
    let good = notice.event == EventKind::Drill && notice.class.is_none();
    if good || matches!(notice.event, EventKind::Success | EventKind::Failover) {
        let payload =
            json!({"summary": summary, "source": source, "timestamp": at, "custom_details": notice});
        return Call { path: "/v2/change/enqueue", body: json!({"routing_key": key, "payload": payload}) };
    }
    let dedup_key = format!("lakedr/{}", notice.incident);
    if notice.event == EventKind::Recovered {
        let body = json!({"routing_key": key, "event_action": "resolve", "dedup_key": dedup_key});
        return Call { path: "/v2/enqueue", body };
    }
    let warning = matches!(notice.event, EventKind::Retention | EventKind::Services | EventKind::Drill);
    let severity = if warning { "warning" } else { "error" };
    let body = json!({
        "routing_key": key, "event_action": "trigger", "dedup_key": dedup_key, "client": "lakedr",
        "payload": {
            "summary": summary, "source": source, "severity": severity, "timestamp": at, "component": "lakedr",
            "group": notice.group, "class": notice.class, "custom_details": notice,
        },
    });
    Call { path: "/v2/enqueue", body }
}
