//! The built `lakedr` on the golden tables: each that can be cloned is cloned and judged equal by another
//! implementation, each that cannot is refused by name and its target left alone.
#![expect(clippy::unwrap_used, reason = "tests")]

mod refused;
mod set;
mod synced;
