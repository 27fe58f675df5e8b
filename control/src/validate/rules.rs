//! Rules for single values. Each reports to a [`Report`] and gives back the typed value if it is good.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use super::plain_options::{Betrayal, betrayal};
use super::{Step, Violation};
use crate::id::{Name, TableName};
use crate::location::StoreUrl;
use crate::secret::SecretRef;
use crate::service_url::keeps_secrets;
use crate::time::parse_duration;

/// Collects violations below one path.
#[derive(Debug)]
pub(super) struct Report<'a> {
    path: Vec<Step>,
    found: &'a mut Vec<Violation>,
}

impl<'a> Report<'a> {
    pub(super) fn new(found: &'a mut Vec<Violation>) -> Self {
        Self { path: Vec::new(), found }
    }

    pub(super) fn at(&mut self, attribute: &str) -> Report<'_> {
        self.step(Step::Attribute(attribute.to_owned()))
    }

    pub(super) fn index(&mut self, index: usize) -> Report<'_> {
        self.step(Step::Index(index))
    }

    pub(super) fn key(&mut self, key: &str) -> Report<'_> {
        self.step(Step::Key(key.to_owned()))
    }

    fn step(&mut self, step: Step) -> Report<'_> {
        let mut path = self.path.clone();
        path.push(step);
        Report { path, found: self.found }
    }

    pub(super) fn violation(&mut self, problem: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Violation {
            path: self.path.clone(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    pub(super) fn parsed<T>(&mut self, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let text = error.to_string();
                let (problem, remedy) = text.split_once(": ").unwrap_or((&text, "correct the value"));
                self.violation(problem, remedy);
                None
            }
        }
    }

    pub(super) fn name(&mut self, given: &str) -> Option<Name> {
        self.parsed(Name::from_str(given))
    }

    pub(super) fn table_name(&mut self, given: &str) -> Option<TableName> {
        self.parsed(TableName::from_str(given))
    }

    pub(super) fn store_url(&mut self, given: &str) -> Option<StoreUrl> {
        self.parsed(StoreUrl::from_str(given))
    }

    pub(super) fn secret_ref(&mut self, given: &str) -> Option<SecretRef> {
        self.parsed(SecretRef::from_str(given))
    }

    pub(super) fn duration(&mut self, given: &str) -> Option<Duration> {
        self.parsed(parse_duration(given))
    }

    /// A duration above zero.
    pub(super) fn positive_duration(&mut self, given: &str) -> Option<Duration> {
        let duration = self.duration(given)?;
        if duration.is_zero() {
            self.violation("a duration of zero", "give a duration above zero, for example 15m");
            return None;
        }
        Some(duration)
    }

    /// A region: anything that is one word.
    pub(super) fn region(&mut self, given: &str) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if given.is_empty() || !given.chars().all(good) {
            self.violation(
                format!("{given:?} is not a region"),
                "write the provider's name of the region, for example eastus2 or eu-west-1",
            );
            return None;
        }
        Some(given.to_owned())
    }

    /// An `https://` URL of a service; `http://` is accepted for loopback addresses only.
    pub(super) fn service_url(&mut self, given: &str) -> Option<url::Url> {
        let remedy = "write https://host, for example https://adb-123.4.azuredatabricks.net";
        let Ok(url) = url::Url::parse(given) else {
            self.violation(format!("{given:?} is not a URL"), remedy);
            return None;
        };
        if url.password().is_some() || !url.username().is_empty() || url.query().is_some() {
            self.violation(
                "the URL holds credentials or a query, which may be a secret (the URL is not shown)",
                "give the URL without them, and the credentials by reference",
            );
            return None;
        }
        if keeps_secrets(&url) {
            return Some(url);
        }
        self.violation(format!("{given:?} is not an https URL"), remedy);
        None
    }

    pub(super) fn email(&mut self, given: &str) {
        if !is_email(given) {
            self.violation(format!("{given:?} is not an e-mail address"), "write user@example.com");
        }
    }

    /// Options of a store, which are stored in plain text.
    pub(super) fn storage_options(&mut self, options: &BTreeMap<String, String>) {
        for (key, value) in options {
            let problem = match betrayal(key, value) {
                None => continue,
                Some(Betrayal::Key) => format!("the option {key} is a secret"),
                Some(Betrayal::Login) => format!("the option {key} holds a user or a password (not shown)"),
            };
            self.key(key).violation(
                format!("{problem}, and this attribute is stored in plain text"),
                "move it to secret_options with a reference, for example env://NAME",
            );
        }
    }

    pub(super) fn secret_options(
        &mut self,
        options: &BTreeMap<String, String>,
    ) -> BTreeMap<String, SecretRef> {
        let mut resolved = BTreeMap::new();
        for (key, reference) in options {
            if let Some(reference) = self.key(key).secret_ref(reference) {
                resolved.insert(key.clone(), reference);
            }
        }
        resolved
    }
}

/// Whether a text is a mail address, roughly: one `@` between two texts without spaces.
pub(crate) fn is_email(given: &str) -> bool {
    let parts: Vec<&str> = given.split('@').collect();
    let good =
        matches!(parts[..], [user, host] if !user.is_empty() && host.contains('.') && !host.ends_with('.'));
    good && !given.chars().any(|c| c.is_whitespace() || c.is_control())
}
