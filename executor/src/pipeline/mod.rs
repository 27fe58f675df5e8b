//! One group from its spec to a recovery point: the stages in order, and what they share.

mod attempt;
mod due;
mod follow;
mod home;
mod leg;
mod point;
mod prepare;
mod present;
mod proof;
mod receive;
mod retry;
mod scene;
mod table;
mod warehouse;

pub use attempt::{End, attempt};
pub(crate) use attempt::{allowed, regions_fit, settled_or_stop};
pub use due::is_due;
pub use leg::{Asked, Base, Here, Leg, NotStaged, legs};
pub use point::{PointProof, prove_point};
pub use prepare::{Prepared, prepare};
pub use retry::{Task, sync_group};
pub use scene::{Scene, Stop};
pub(crate) use table::{Copies, HeldTable, difference, plan_between};
pub use warehouse::{Cloning, to_clone};
