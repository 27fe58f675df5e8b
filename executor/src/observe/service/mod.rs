//! Services that are asked over HTTP with JSON: who asks, patience, what their errors mean.

mod client;
mod error;
mod login;
mod patience;

pub use client::{Answer, Service};
pub use error::ServiceError;
pub use login::Login;
