//! Reading what the operator wants: from the control store, or from a Terraform state.

mod buckets;
mod cloud_state;
mod difference;
mod load;
mod schedule_stores;
mod side_stores;
mod source;
mod stores;
mod stores_error;
mod table_store;

pub use buckets::Sides;
pub use cloud_state::CloudStateError;
pub use difference::Difference;
pub use load::{LoadError, Loaded, load, read};
pub use schedule_stores::ScheduleStores;
pub use source::{SpecSource, read_state};
pub use stores::{GroupStores, apart};
pub use stores_error::StoresError;
pub use table_store::TableStore;
