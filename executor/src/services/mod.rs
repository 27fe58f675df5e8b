//! Services of a group: what runs in each region beside the tables, is stopped in the region that a failover leaves, and
//! started in the one that takes over.
//!
//! [`decide`] says what is to be done about a service, from what the shutdown ledger of the group log says of it; [`turn()`]
//! does it, for all services of a side at the same time, and enters into the ledger first what it is about to do. Behind
//! [`Switch`] there is one thin client for each kind of service.

mod airflow_dag;
mod case;
mod cluster;
mod databricks_job;
pub mod decide;
mod fault;
mod hook;
mod instance_pool;
mod ledger;
mod open;
mod paused;
mod quiesce;
mod report;
mod switch;
mod turn;
mod warehouse;

pub(crate) use case::{answers, unusable};
pub use fault::ServiceFault;
pub use hook::HookRequest;
pub use paused::Paused;
pub(crate) use quiesce::{held_back, quiesce, resume};
pub use report::ServiceOutcome;
pub(crate) use report::summary;
pub use switch::{Seen, State, Switch};
pub use turn::retry;
pub(crate) use turn::{Turn, turn};
