//! The protocol, and what can be left out of it.

/// A rule that keeps a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A change of roles finishes what is open first.
    SettlesBeforeRole,
    /// An executor reads the log before it looks at the tables.
    ReadsLogFirst,
    /// A broken intent is replaced by the rollback in one event.
    Replaces,
    /// Whoever has not read the newest entry announces nothing.
    AnnouncesBehindWhatWasRead,
    /// What the region that became standby holds behind the recovery point is kept before it is replaced.
    KeepsWhatWasNotSent,
    /// A sender commits to the landing tables before it says that a cut has landed.
    LandsBeforeSayingSo,
    /// A receiver publishes what an entry says has landed, and not what lies in the landing area.
    WaitsForLanded,
}

/// The protocol as a search runs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    without: Option<Rule>,
}

impl Protocol {
    pub(crate) const WHOLE: Self = Self { without: None };

    pub(crate) const fn without(rule: Rule) -> Self {
        Self { without: Some(rule) }
    }

    pub(crate) fn has(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
