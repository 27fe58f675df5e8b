//! Which parcels a call delivers, and what the ledger says of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::notification::{Ledger, Notice, Notifications, Parcel, Taken};

/// A parcel that another call took is left to it for this long.
const LEFT_FOR: TimeDelta = TimeDelta::minutes(2);

fn may_take(parcel: &Parcel, by: &str, now: DateTime<Utc>) -> bool {
    parcel.taken.as_ref().is_none_or(|taken| {
        let for_how_long = now.signed_duration_since(taken.at);
        // a moment in the future is the error of a clock
        taken.by == by || for_how_long >= LEFT_FOR || for_how_long < -LEFT_FOR
    })
}

/// Takes every parcel that no other call is delivering, and drops those whose target is no longer declared.
pub fn take(ledger: &mut Ledger, rules: &Notifications, by: &str, now: DateTime<Utc>) {
    let declared = rules.targets();
    ledger.outbox.retain(|parcel| declared.contains(parcel.target.as_str()));
    for parcel in ledger.outbox.iter_mut().filter(|parcel| may_take(parcel, by, now)) {
        parcel.taken = Some(Taken { by: by.to_owned(), at: now });
    }
}

/// What this call has taken, in order, by target.
#[must_use]
pub fn due(ledger: &Ledger, by: &str) -> BTreeMap<String, Vec<Notice>> {
    let mut due: BTreeMap<String, Vec<Notice>> = BTreeMap::new();
    let taken = |parcel: &&Parcel| parcel.taken.as_ref().is_some_and(|taken| taken.by == by);
    for parcel in ledger.outbox.iter().filter(taken) {
        due.entry(parcel.target.clone()).or_default().push(parcel.notice.clone());
    }
    due
}

/// The ledger without what has been delivered; the rest of what this call took may be taken by the next one.
#[must_use]
pub fn delivered(mut ledger: Ledger, told: &[(String, String)], by: &str) -> Ledger {
    let is_told =
        |parcel: &Parcel| told.iter().any(|(target, id)| *target == parcel.target && *id == parcel.notice.id);
    ledger.outbox.retain(|parcel| !is_told(parcel));
    for parcel in &mut ledger.outbox {
        parcel.taken.take_if(|taken| taken.by == by);
    }
    ledger
}
