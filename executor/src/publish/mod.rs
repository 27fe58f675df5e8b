//! Making a cut visible: intent, slots, published. All bytes are in place before the intent; a commit body is fixed
//! by its intent and goes to a fixed version slot with put-if-absent, so anybody may finish an intent, and
//! finishing it twice changes nothing.

mod bodies;
mod checkpoint_upload;
mod decide;
mod intent;
mod land;
mod pieces;
mod rollback;
mod settle;
mod slot;
mod upkeep;
mod warehouse;

pub(crate) use bodies::commit_table;
pub use bodies::{TableBodies, store_bodies};
pub use checkpoint_upload::{CheckpointMissed, CheckpointSource, write_checkpoint};
pub use decide::{Next, Slot, SlotState, next};
pub use intent::{Intention, Offer, announce, next_seq, store_body};
pub use land::{commit_landing, say_landed};
pub(crate) use rollback::{RollbackContext, back_to, is_ours};
pub use settle::{Settled, settle};
pub(crate) use slot::author;
pub(crate) use upkeep::keep_checkpointed;
pub use upkeep::{write_checkpoints, write_checksum};
pub use warehouse::Statements;
pub(crate) use warehouse::{Held, Warehouse, clone_offers, held_tables, warehouse_tables};
