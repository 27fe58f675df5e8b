//! What a plan can already say about documents that others have written.

use lakedr_control::spec::Spec;
use lakedr_control::store::ControlStoreError;
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
    let judged =
        async { Ok((K::foreseen(session, &spec).await?, K::doubts_with_others(session, &spec).await?)) };
    let judged: Result<Result<_, ControlStoreError>, _> = timeout(PATIENCE, judged).await;
    match judged {
        Ok(Ok((violations, doubts))) => {
            let kind = <K::Spec as Spec>::KIND;
            let violations = violations.iter().map(|violation| report::foreseen(kind, violation));
            violations.chain(doubts.iter().map(|doubt| report::doubt(kind, doubt))).collect()
        }
        Ok(Err(_)) | Err(_) => Diagnostics::new(),
    }
}
