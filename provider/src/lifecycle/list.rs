//! `ListResource`: the documents of a kind, for `terraform query`.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _};
use lakedr_control::spec::Spec;

use super::document::{DocumentKind, Outcome};
use super::import::import;
use super::report::control_store;
use super::session::Session;
use crate::wire::{Diagnostic, Schema};

/// Documents that are read at a time.
const READ_AT_ONCE: usize = 16;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What the names begin with.
    pub name_prefix: String,
    /// How many are wanted at most.
    pub limit: usize,
    /// Whether the objects are wanted, and not only their names.
    pub objects: bool,
}

/// One document found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// The state that it describes, if it was asked for.
    pub object: Option<Outcome>,
}

/// Finds documents, in the order of their names. A document that cannot be read does not end the search: it is told.
pub(super) fn list<K: DocumentKind>(
    schema: Arc<Schema>,
    session: Arc<Session>,
    search: Search,
) -> BoxStream<'static, Result<Found, Diagnostic>> {
    let Search { name_prefix, limit, objects } = search;
    let asked = Arc::clone(&session);
    let names = async move {
        match asked.control.names(<K::Spec as Spec>::KIND).await {
            Ok(names) => {
                let wanted = names.into_iter().filter(|name| name.starts_with(&name_prefix)).take(limit);
                wanted.map(Ok).collect()
            }
            Err(error) => vec![Err(control_store(asked.control.url(), &error))],
        }
    };
    let names = stream::once(names).flat_map(stream::iter);
    let found = names.map(move |name| {
        let (schema, session) = (Arc::clone(&schema), Arc::clone(&session));
        async move {
            let name = name?;
            let object = if objects { Some(import::<K>(&schema, &session, &name).await) } else { None };
            Ok(Found { name, object })
        }
    });
    found.buffered(READ_AT_ONCE).boxed()
}
