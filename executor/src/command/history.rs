use lakedr_control::group_log::{Entry, Event, IntentKind, WholeLog};
use lakedr_control::time;
use serde::Serialize;

use super::context::{CommandError, Context};
use super::logs::show_logs;
use crate::exit::Exit;
use crate::pipeline::Scene;

#[derive(Serialize)]
struct GroupHistory {
    group: String,
    entries: Vec<Entry>,
}

/// `lakedr history`
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let show = async |scene: &Scene<'_>, log: WholeLog| GroupHistory {
        group: scene.group.name.to_string(),
        entries: log.entries,
    };
    show_logs(context, show, text).await
}

fn text(history: &GroupHistory) -> String {
    let mut lines = vec![format!("{}:", history.group)];
    lines.extend(history.entries.iter().map(line));
    lines.join("\n")
}

fn line(entry: &Entry) -> String {
    let detail = match &entry.event {
        Event::Created { role, .. } => format!("active {}, standby {}", role.active, role.standby),
        Event::Intent { kind, cut, slots, replaces, .. } => {
            let kind = match kind {
                IntentKind::Publish => "",
                IntentKind::Rollback => "rollback to ",
                IntentKind::Restore => "restore of ",
            };
            let replaces = replaces.map(|seq| format!(", replaces {seq}")).unwrap_or_default();
            format!("{kind}{}, {} slot(s){replaces}", cut.describe(), slots.len())
        }
        Event::Landed { cut, .. } => cut.describe(),
        Event::Published { intent, cut, publish_window_ms } => {
            format!("{}, intent {intent}, window {publish_window_ms} ms", cut.describe())
        }
        Event::Abandoned { intent, reason } => format!("intent {intent}: {reason}"),
        Event::Failed { message, .. } => message.clone(),
        Event::Role { role, from, approved_by, .. } => {
            let from = from.map(|seq| format!(" from recovery point {seq}")).unwrap_or_default();
            format!("active {}, standby {}{from}, approved by {approved_by}", role.active, role.standby)
        }
        Event::Moved { to_region } => format!("to {to_region}"),
        Event::Paused { operator } | Event::Resumed { operator } => format!("by {operator}"),
        Event::Shutdown { service, wanted, seen, attempts, note, .. } => {
            let note = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("{service}: wanted {wanted}, seen {seen}, {attempts} attempt(s){note}")
        }
        Event::Acknowledged { subject, operator } => format!("{subject}, by {operator}"),
    };
    format!(
        "  {:>6}  epoch {}  {}  {:<12} {detail}",
        entry.seq,
        entry.epoch,
        time::format(entry.at),
        entry.event.tag()
    )
}
