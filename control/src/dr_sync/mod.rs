//! Coming from `dr_sync_job`, the notebook job of the "Lakehouse Disaster Recovery Solution": its JSON configuration as
//! external locations and sync groups, with a note for whatever means something else here.
//!
//! `docs/coming-from-dr-sync.md` says what becomes of each field, and why.

mod config;
mod fields;
mod map;
mod names;
mod note;

pub use config::{Problem, Rejected};
pub use map::{Imported, Places, import};
pub use note::{Concern, Note};
