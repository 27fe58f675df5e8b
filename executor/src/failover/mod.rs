//! Failover and failback: the roles of the regions change places, and what that leaves behind is kept.
//!
//! [`survey()`] looks at a group and says what a change of roles would go on from and lose; [`plan_id`] names what was
//! seen. [`execute()`] carries out the plan that somebody approved. What the region that became standby holds behind the
//! recovery point is kept by the first sync that reaches it.

mod basis;
mod check;
mod execute;
mod hand_over;
mod loss;
mod lost;
mod refusal;
mod report;
mod retention;
mod sample;
mod steps;
mod survey;

pub use basis::{Basis, Kind, plan_id};
pub use check::TableCheck;
pub(crate) use check::{SAMPLE, check};
pub use execute::{Approved, SYNC, Standing, execute, standing};
pub use hand_over::{bring_to_rest, give_up};
pub use loss::TableBehind;
pub(crate) use lost::{keep_lost, keep_lost_of};
pub use refusal::SwitchRefusal;
pub use report::{Facts, Loss, Step, Survey, Switched};
pub use survey::survey;
pub(crate) use survey::{in_the_way, standby_problems};
