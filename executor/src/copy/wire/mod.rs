//! Requests that the stores' clients have no call for, signed with their credentials and sent over their connections.

pub(super) mod azure;
pub(super) mod gcs;
pub(super) mod s3;
mod said;
mod send;

pub(super) use send::{Answer, Request, Signing, send};
