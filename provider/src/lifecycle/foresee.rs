//! What a plan can already say about documents that others have written.

use lakedr_control::spec::Spec;
use tokio::time::timeout;

use super::convert::to_spec;
use super::document::DocumentKind;
use super::location::PATIENCE;
use super::report;
use super::session::Session;
use crate::wire::{Diagnostics, Schema, Value};

/// Warnings about a planned state. None while it is not wholly known, and none without the control store: the apply
/// will judge anyhow.
pub(super) async fn foresee<K: DocumentKind>(
    schema: &Schema,
    session: &Session,
    planned: &Value,
) -> Diagnostics {
    let Ok(spec) = to_spec::<K::Spec>(schema, planned) else { return Diagnostics::new() };
    match timeout(PATIENCE, K::foreseen(session, &spec)).await {
        Ok(Ok(violations)) => {
            let kind = <K::Spec as Spec>::KIND;
            violations.iter().map(|violation| report::foreseen(kind, violation)).collect()
        }
        Ok(Err(_)) | Err(_) => Diagnostics::new(),
    }
}
