//! Which objects beside the group log are spent: bodies of commits that are made, records of recovery points that are
//! gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::retention::GRACE;

/// An object beside the group log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataObject {
    /// The body of a commit, stored for the intent with this sequence number.
    Body(u64),
    /// What is known of a table since the entry with this sequence number was published, or had landed.
    Record(u64),
}

/// What the group log says about them.
#[derive(Debug, Clone)]
pub struct LogView {
    /// When each entry was written.
    pub written: BTreeMap<u64, DateTime<Utc>>,
    /// What records are kept for: the intents of kept recovery points, and the newest cut that has landed.
    pub kept_records: BTreeSet<u64>,
}

/// Whether an object is spent. No intent is open, so every body whose number the log has gone past belongs to an intent
/// that is closed, or that lost the race for its number; a number that the log has not reached may be announced yet.
#[must_use]
pub fn is_spent(object: MetadataObject, log: &LogView, now: DateTime<Utc>) -> bool {
    let (MetadataObject::Body(seq) | MetadataObject::Record(seq)) = object;
    let Some(written) = log.written.get(&seq) else { return false };
    match object {
        MetadataObject::Body(_) => !GRACE.holds(written.timestamp_millis(), now.timestamp_millis()),
        MetadataObject::Record(_) => !log.kept_records.contains(&seq),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn spent_when_the_log_has_gone_past_it() {
        let now: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let ago = |days| now - TimeDelta::days(days);
        let log = LogView {
            written: [(1, ago(30)), (2, ago(8)), (4, ago(7)), (6, ago(6)), (8, ago(1))].into(),
            kept_records: [4, 8].into(),
        };
        let cases = [
            (MetadataObject::Body(2), true),
            (MetadataObject::Body(4), true),
            (MetadataObject::Body(6), false),
            (MetadataObject::Body(9), false),
            (MetadataObject::Record(2), true),
            (MetadataObject::Record(4), false),
            (MetadataObject::Record(6), true),
            (MetadataObject::Record(8), false),
            (MetadataObject::Record(9), false),
        ];
        for (object, expected) in cases {
            assert_eq!(is_spent(object, &log, now), expected, "{object:?}");
        }
    }
}
