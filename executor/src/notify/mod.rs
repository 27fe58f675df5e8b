//! Telling people, the last stage: mail, webhooks, Slack, PagerDuty.
//!
//! Best effort: a channel that is broken is a warning and changes no outcome. What has been found to tell is written into
//! the ledger beside the group log ([`lakedr_control::notification::Ledger`]) before it is delivered, and taken out of it
//! afterwards. Killed in between, a call leaves what the next one delivers; what is delivered twice has the same id.

mod channel;
mod look;
pub mod news;
mod store;
mod tell;

pub use channel::{ChannelError, MailServer, MailServerError, reachable};
pub use lakedr_control::notification::Part;
pub use tell::{tell, tell_change, tell_drill, tell_without_stores};
