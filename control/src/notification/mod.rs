//! Telling people: what a group tells of, where it tells it, and what of it has been told.
//!
//! The [`Ledger`] lies beside the group log. It remembers which events have been told, so that an incident is told once,
//! and keeps those that could not be delivered, so that a later call delivers them. No decision about tables rests on it.

mod kind;
mod ledger;
mod notice;
mod target;

pub use kind::{EventKind, Part, UnknownEvent};
pub use ledger::{FORMAT, Ledger, LedgerIgnored, Parcel, Standing, Taken};
pub use notice::Notice;
pub use target::{HiddenUrl, NoTarget, Notifications, Target};
