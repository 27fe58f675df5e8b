use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use url::Url;

use super::EventKind;
use crate::secret::SecretRef;
use crate::service_url::keeps_secrets;

/// Host of Slack's incoming webhooks.
const SLACK_HOST: &str = "hooks.slack.com";

/// A URL of which nothing but scheme, host and port is ever shown: path and query of a webhook are its password.
#[derive(Clone, PartialEq, Eq)]
pub struct HiddenUrl(Url);

impl HiddenUrl {
    /// Scheme, host and port, without trailing slash.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Path and query, for the request itself.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let query = self.0.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.0.path())
    }
}

impl fmt::Display for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.origin())
    }
}

impl fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HiddenUrl({self})")
    }
}

/// Where people are told. Displays as what it is and where, and never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `mailto:user@example.com`
    Mail(String),
    /// `https://…`: the event as a JSON document.
    Webhook(HiddenUrl),
    /// An incoming webhook of Slack: a URL at its host, or `slack+https://…` for a server that takes the same.
    Slack(HiddenUrl),
    /// `pagerduty://<reference of the routing key>`: Events API v2.
    PagerDuty(SecretRef),
    /// A secret reference; the secret is the text of one of the others.
    Secret(SecretRef),
}

/// A text that is no target. It is never repeated: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is nowhere to tell anybody (the value is not shown, it may be a secret): write mailto:user@example.com, https://…, \
     pagerduty://env://NAME, or a reference to a secret that holds such a text or slack+https://…"
)]
pub struct NoTarget;

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(given: &str) -> Result<Self, NoTarget> {
        if let Some(address) = given.strip_prefix("mailto:") {
            let good = crate::validate::is_email(address);
            return if good { Ok(Self::Mail(address.to_owned())) } else { Err(NoTarget) };
        }
        if let Some(key) = given.strip_prefix("pagerduty://") {
            return key.parse().map(Self::PagerDuty).map_err(|_| NoTarget);
        }
        if let Ok(reference) = given.parse() {
            return Ok(Self::Secret(reference));
        }
        let (given, slack) = match given.strip_prefix("slack+") {
            Some(rest) => (rest, true),
            None => (given, false),
        };
        let url = Url::parse(given).ok().filter(keeps_secrets).ok_or(NoTarget)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NoTarget);
        }
        let slack = slack || url.host_str() == Some(SLACK_HOST);
        Ok(if slack { Self::Slack(HiddenUrl(url)) } else { Self::Webhook(HiddenUrl(url)) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(address) => write!(f, "mailto:{address}"),
            Self::Webhook(url) => write!(f, "webhook {url}"),
            Self::Slack(url) => write!(f, "Slack at {url}"),
            Self::PagerDuty(key) => write!(f, "pagerduty://{key}"),
            Self::Secret(reference) => reference.fmt(f),
        }
    }
}

/// Whom a group tells of what, as its specification says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notifications {
    /// Told of failures, recoveries, staleness and retentions; each as it is declared.
    pub on_failure: Vec<String>,
    /// Told of recovery points.
    pub on_success: Vec<String>,
    /// What is told of.
    pub events: BTreeSet<EventKind>,
}

impl Notifications {
    /// Whether there is anybody to tell anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on_failure.is_empty() && self.on_success.is_empty()
    }

    /// The declared targets that are told of an event.
    #[must_use]
    pub fn told_of(&self, kind: EventKind) -> &[String] {
        match kind {
            _ if !self.events.contains(&kind) => &[],
            EventKind::Success => &self.on_success,
            _ => &self.on_failure,
        }
    }

    /// Every declared target once.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<&str> {
        self.on_failure.iter().chain(&self.on_success).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (given, shown) in [
            ("mailto:user@example.com", "mailto:user@example.com"),
            ("https://hooks.example.com/hunter2?sig=hunter2", "webhook https://hooks.example.com/…"),
            ("http://127.0.0.1:8080/hunter2", "webhook http://127.0.0.1:8080/…"),
            ("https://hooks.slack.com/services/T/B/hunter2", "Slack at https://hooks.slack.com/…"),
            ("slack+https://chat.example.com/hooks/hunter2", "Slack at https://chat.example.com/…"),
            ("pagerduty://env://PD_KEY", "pagerduty://env://PD_KEY"),
            ("file:///run/secrets/hook", "file:///run/secrets/hook"),
        ] {
            let target: Target = given.parse().unwrap();
            assert_eq!(target.to_string(), shown);
            assert!(!format!("{target:?}").contains("hunter2"), "{target:?}");
        }
        for bad in [
            "mailto:nobody",
            "pagerduty://hunter2",
            "http://hooks.example.com/hunter2",
            "https://user:hunter2@example.com",
            "slack+env://SLACK",
            "hunter2",
            "",
        ] {
            let error = bad.parse::<Target>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_request_needs_all_of_the_url() {
        let Ok(Target::Webhook(url)) = "https://h.example.com:8443/a/b?sig=c".parse() else {
            panic!("a webhook")
        };
        assert_eq!(url.origin() + &url.path_and_query(), "https://h.example.com:8443/a/b?sig=c");
    }
}
