use lakedr_control::digest;
use lakedr_control::notification::Notice;

/// A mail, but for its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `Subject`
    pub subject: String,
    /// `Message-ID`: a double has the same.
    pub message_id: String,
    /// `References`: mails about one incident are one thread.
    pub thread: String,
    /// Plain text.
    pub body: String,
}

/// The mail that tells a notice.
#[must_use]
pub fn mail(notice: &Notice) -> Mail {
    let mut lines = vec![notice.text.clone(), String::new(), format!("group: {}", notice.group)];
    lines.extend(notice.owner.as_ref().map(|owner| format!("owner: {owner}")));
    lines.push(format!("event: {}", notice.event));
    lines.extend(notice.class.as_ref().map(|class| format!("class: {class}")));
    lines.push(format!("at: {}", lakedr_control::time::format(notice.at)));
    lines.push(format!("epoch: {}", notice.epoch));
    lines.extend(notice.seq.map(|seq| format!("recovery point: {seq}")));
    lines.extend(notice.cut.as_ref().map(|cut| format!("cut: {cut}")));
    lines.push(format!("id: {}", notice.id));
    Mail {
        subject: format!("[lakedr] {}", notice.title),
        message_id: message_id("id", &notice.id),
        thread: message_id("incident", &notice.incident),
        body: lines.join("\n") + "\n",
    }
}

/// A message id that follows from what it is about.
fn message_id(kind: &str, about: &str) -> String {
    let digest = digest::of_bytes(about.as_bytes());
    let digits: String = digest.trim_start_matches("sha256:").chars().take(32).collect();
    format!("<{kind}-{digits}@lakedr.invalid>")
}
