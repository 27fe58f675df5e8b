//! What to tell, and in which words. Pure.

mod cut;
mod decide;
mod deliver;
mod mail;
mod pagerduty;
mod seen;
mod slack;

pub use decide::decide;
pub use deliver::{delivered, due, take};
pub use mail::{Mail, mail};
pub use pagerduty::{Call, page};
pub use seen::{Change, Condition, Drill, DrillAge, Lag, Point, Problem, Seen};
pub use slack::slack;
