//! What a spec has to stand before it may be written.

use lakedr_control::spec::Spec;
use lakedr_control::validate::Violation;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::document::DocumentKind;
use super::report::{self, interrupted, refused};
use super::session::{Session, unless_stopped};
use crate::wire::Diagnostics;

/// Holds a spec against all rules, makes the world outside fit it, and gives it the right to be written: while it is held,
/// no other document of this provider is.
pub(super) async fn admit<'s, K: DocumentKind>(
    session: &'s Session,
    spec: &K::Spec,
    prior: Option<&K::Spec>,
    stop: &CancellationToken,
) -> Result<(MutexGuard<'s, ()>, Diagnostics), Diagnostics> {
    let broken = |violations: Vec<Violation>| -> Diagnostics {
        violations.iter().map(|violation| report::violation(<K::Spec as Spec>::KIND, violation)).collect()
    };
    let mut found = broken(K::violations(spec));
    if found.has_errors() {
        return Err(found);
    }
    found.extend(K::examine(spec, prior, stop).await);
    if found.has_errors() {
        return Err(found);
    }
    let admission = admission(session, stop).await?;
    let references = unless_stopped(stop, K::references(session, spec)).await.map_err(|_| interrupted())?;
    found.extend(broken(references.map_err(|error| refused(session, &error))?));
    if found.has_errors() {
        return Err(found);
    }
    found.extend(K::establish(spec, prior, stop).await);
    if found.has_errors() { Err(found) } else { Ok((admission, found)) }
}

pub(super) async fn admission<'s>(
    session: &'s Session,
    stop: &CancellationToken,
) -> Result<MutexGuard<'s, ()>, Diagnostics> {
    unless_stopped(stop, session.admission.lock()).await.map_err(|_| interrupted().into())
}
