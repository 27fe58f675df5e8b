//! Large files: uploads in parts, that appear whole or not at all, and never over another file.

mod local;
mod open;
mod parts;

pub(super) use local::remove_leftovers;
pub(super) use open::{Held, OpenUploads};
pub(super) use parts::{Completed, Upload, taken};
