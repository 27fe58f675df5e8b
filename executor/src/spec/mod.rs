//! Reading what the operator wants: from the control store, or from a Terraform state.

mod buckets;
mod load;
mod source;
mod stores;

pub use buckets::Sides;
pub use load::{LoadError, Loaded, load, read};
pub use source::{SpecSource, read_state};
pub use stores::{GroupStores, StoresError, TableStore};
