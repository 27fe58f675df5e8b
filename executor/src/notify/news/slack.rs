use lakedr_control::notification::Notice;
use serde_json::{Value, json};

use super::cut::shortened;

/// Longest text of a message, in characters: Slack cuts at 40 000, people much earlier.
const LONGEST: usize = 3_000;

/// The body of an incoming webhook of Slack, and of servers that take the same.
#[must_use]
pub fn slack(notice: &Notice) -> Value {
    let owner = notice.owner.as_ref().map(|owner| format!("\nowner: {owner}")).unwrap_or_default();
    let text = format!("{}{owner}", shortened(&notice.text, LONGEST));
    json!({"text": format!("*{}*\n{}\n_{}_", escaped(&notice.title), escaped(&text), escaped(&notice.id))})
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
