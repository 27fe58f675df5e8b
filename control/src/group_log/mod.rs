//! The group log: the append-only, totally ordered history of one group, and the only thing decisions are made
//! from.
//!
//! Entries are written once each, with put-if-absent at the next sequence number; whoever loses the race reads on
//! and decides again. [`fold`] turns a history into the state of the group and is the only reader of meaning.
//! The log begins in the external location of the initial standby region; `moved` closes it there and it goes on,
//! at the next sequence number, in the other one.
//!
//! Beside the entries lies the [`Head`], a cache of what they come to, so that a reader of a long log reads what is
//! behind it only.

mod entry;
mod fold;
mod head;
mod log;
mod roles;
mod services;
mod warehouse;

pub use entry::{
    Author, Entry, Event, FIRST_EPOCH, FIRST_SEQ, FORMAT, FailureClass, IntentKind, IntentSlot, Role,
};
pub use fold::{
    FoldError, GroupState, Landed, LastFailure, OpenIntent, POINTS_KEPT, RecoveryPoint, TABLES_KEPT, fold,
    fold_from,
};
pub use head::{HEAD_FORMAT, Head, HeadIgnored};
pub use log::{Appended, GroupLog, History, LogError, WholeLog};
pub use roles::{ApprovedPlan, RoleChange};
pub use services::{Power, ServiceRecord};
pub use warehouse::{WarehouseAct, WarehouseSlot};
