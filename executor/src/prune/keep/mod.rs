//! What is kept, and why. Pure.

mod metadata;
mod objects;
mod points;
mod retention;

pub use metadata::{LogView, MetadataObject, is_spent};
pub(crate) use objects::is_of_table;
pub use objects::{Count, Counts, Needed, Reason, is_below, kept_for, nested_table};
pub use points::kept_points;
pub use retention::{GRACE, Period, Retention};
