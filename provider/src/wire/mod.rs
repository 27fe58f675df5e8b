//! The value layer: what Terraform's bytes mean, free of gRPC.
//!
//! [`value`] and [`ty`] are the value system of Terraform (null, unknown and known are three different things),
//! [`msgpack`] and [`json`] are its two encodings, [`schema`] describes resources, [`path`] names places in values and
//! [`diagnostic`] is what the user reads. [`proto`] is the only file that knows the generated message types.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod diagnostic;
pub mod error;
pub mod json;
pub mod msgpack;
pub mod number;
pub mod path;
pub mod proto;
pub mod schema;
pub mod ty;
pub mod value;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use error::{CodecError, Problem};
pub use number::Number;
pub use path::{Path, Step};
pub use schema::{Attribute, Constraint, Kind, Meaning, Nesting, Presence, Schema, Stability};
pub use ty::Type;
pub use value::{Unknown, Value};
