//! Drills: a failover is rehearsed in the standby region, up to the point where the roles would change.
//!
//! The log is read, the tables are looked at in their place, the services are looked at and not touched. The newest recovery
//! point is then copied aside, within the store, and a command of the user judges the copy. What came of it is written beside
//! the group log, signed on demand; the copy is removed. Nothing else is written.

mod claim;
mod clean;
mod copied;
mod course;
mod page;
mod refusal;
mod rehearse;
mod seal;
mod shelf;
mod validation;
mod verdict;

pub use claim::Claims;
pub use page::page;
pub use refusal::DrillRefusal;
pub use rehearse::{Drilled, NotDrilled, drill};
pub use seal::{SealError, Sealer};
pub use shelf::ShelfError;
pub(crate) use shelf::newest;
pub use validation::{Asked, CopiedTable, ValidationRequest};
