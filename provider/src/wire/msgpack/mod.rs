//! The MessagePack encoding of values, directed by their type (protocol sheet, section 4).
//!
//! Unknown values are extension type 0, refined unknown values extension type 12; objects are maps with all of their
//! attributes; a number is an integer, a double, or decimal text, whichever holds it exactly.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;

/// Extension type of an unknown value with refinements.
const REFINED: i8 = 12;
