//! `ImportResourceState`: an existing document comes under the care of Terraform, by its name.

use lakedr_control::id::Name;
use lakedr_control::spec::{Kind, Spec};

use super::document::{DocumentKind, Outcome};
use super::plan::blank;
use super::private::Private;
use super::read::show;
use super::report::{control_store, explain};
use super::session::Session;
use crate::wire::{Diagnostic, Schema, Value};

/// Names that an error lists at most.
const LISTED: usize = 20;

/// The state of the document with this name. Always says so when there is none: Terraform takes an empty answer for
/// success.
pub(super) async fn import<K: DocumentKind>(schema: &Schema, session: &Session, name: &str) -> Outcome {
    let failed = |diagnostic: Diagnostic| Outcome::unchanged(Value::Null, Private::default(), diagnostic);
    let kind = <K::Spec as Spec>::KIND;
    if let Err(cause) = name.parse::<Name>() {
        return failed(Diagnostic::error(
            format!("Cannot import this {kind}"),
            format!("The import id is the name of the {kind}: {}.", explain(&cause)),
        ));
    }
    match session.control.get::<K::Spec>(name).await {
        Ok(Some(stored)) => {
            let mut known = blank(schema);
            known.set_attribute("name", name.into());
            show::<K>(schema, session, &stored, &known).await
        }
        Ok(None) => failed(absent(session, kind, name).await),
        Err(error) => failed(control_store(session.control.url(), &error)),
    }
}

async fn absent(session: &Session, kind: Kind, name: &str) -> Diagnostic {
    let url = session.control.url();
    let names = session.control.names(kind).await.unwrap_or_default();
    let hint = match names.len() {
        0 => "It holds none at all; check control_url and region of the provider.".to_owned(),
        _ => format!("It holds: {}.", names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ")),
    };
    let detail = format!("There is no {kind} {name:?} in the control store {url}. {hint}");
    Diagnostic::error(format!("No such {kind}"), detail)
}
