//! A resource is a document of the control store. This is what the kinds of documents have to say about themselves,
//! and what all of them do alike.

use std::marker::PhantomData;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use lakedr_control::spec::{Kind, Spec};
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::Violation;
use tokio_util::sync::CancellationToken;

use super::apply::{self, ApplyRequest};
use super::identity::search_schema;
use super::list::{self, Found, Search};
use super::private::Private;
use super::session::Session;
use super::{foresee, import, read, validate};
use crate::wire::{Diagnostic, Diagnostics, Path, Schema, Step, Type, Value};

/// A kind of document, as a resource type.
pub trait DocumentKind: Send + Sync + 'static {
    /// What the documents hold.
    type Spec: Spec + 'static;

    /// Rules about one attribute that look at others, too: the attribute, and the others. While one of the others is
    /// unknown, the rule is not judged. Rules about an attribute as a whole need no mention.
    const RESTS_ON: &'static [(&'static str, &'static [&'static str])] = &[];

    /// What a search for documents of this kind finds, in Markdown.
    const SEARCH: &'static str;

    /// What the resource looks like to Terraform.
    fn schema() -> Schema;

    /// The rules that a spec breaks by itself.
    fn violations(spec: &Self::Spec) -> Vec<Violation>;

    /// The rules that a spec breaks together with the other documents of the control store.
    fn references(
        session: &Session,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Vec<Violation>, ControlStoreError>> + Send;

    /// Whether what the spec names can be used, found out before it is written over `prior`.
    fn examine(
        _spec: &Self::Spec,
        _prior: Option<&Self::Spec>,
        _stop: &CancellationToken,
    ) -> impl Future<Output = Diagnostics> + Send {
        async { Diagnostics::new() }
    }

    /// Makes the world outside of the control store fit a spec that is about to be written over `prior`. May be done
    /// again.
    fn establish(
        _spec: &Self::Spec,
        _prior: Option<&Self::Spec>,
        _stop: &CancellationToken,
    ) -> impl Future<Output = Diagnostics> + Send {
        async { Diagnostics::new() }
    }

    /// Takes back what [`Self::establish`] did for a document that is about to be deleted. May be done again.
    fn abolish(_spec: &Self::Spec, _stop: &CancellationToken) -> impl Future<Output = Diagnostics> + Send {
        async { Diagnostics::new() }
    }

    /// The document of this name has been written: what is known of it is out of date.
    fn written(_session: &Session, _name: &str) {}

    /// What breaks no rule and is hardly meant.
    fn doubts(_spec: &Self::Spec) -> Vec<Violation> {
        Vec::new()
    }

    /// The rules that a spec would break together with documents that another configuration may have written. Told when
    /// a change is planned: what the same apply mends is not known yet.
    fn foreseen(
        _session: &Session,
        _spec: &Self::Spec,
    ) -> impl Future<Output = Result<Vec<Violation>, ControlStoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// What breaks no rule together with those documents and is hardly meant. Told when a change is planned.
    fn doubts_with_others(
        _session: &Session,
        _spec: &Self::Spec,
    ) -> impl Future<Output = Result<Vec<Violation>, ControlStoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// The documents that need the one of this name.
    fn users(
        _session: &Session,
        _name: &str,
    ) -> impl Future<Output = Result<Vec<(Kind, String)>, ControlStoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Computed attributes that somebody else decides about. `known` is the last known state.
    fn facts(_session: &Session, _spec: &Self::Spec, _known: &Value) -> impl Future<Output = Facts> + Send {
        async { Facts::default() }
    }
}

/// Computed attributes that somebody else decides about.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Their values.
    pub values: Vec<(&'static str, Value)>,
    /// Why some of them are only last known.
    pub warnings: Vec<Diagnostic>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its state; null when it does not exist.
    pub state: Value,
    /// What is to be remembered with the state.
    pub private: Private,
    /// What is to be said.
    pub diagnostics: Diagnostics,
}

impl Outcome {
    /// The resource does not exist.
    #[must_use]
    pub fn gone() -> Self {
        Self { state: Value::Null, private: Private::default(), diagnostics: Diagnostics::new() }
    }

    /// The resource is as it was known, because of an error.
    #[must_use]
    pub fn unchanged(state: Value, private: Private, diagnostics: impl Into<Diagnostics>) -> Self {
        Self { state, private, diagnostics: diagnostics.into() }
    }
}

/// A resource type, whatever its documents hold.
pub trait Resource: Send + Sync {
    /// Name of the type in Terraform.
    fn type_name(&self) -> &'static str;

    /// What it looks like to Terraform.
    fn schema(&self) -> &Schema;

    /// The type of its states: that of its schema.
    fn ty(&self) -> &Type;

    /// Everything that is wrong with a configuration. Needs no control store.
    fn validate(&self, config: &Value) -> Diagnostics;

    /// What may stand in the way of a planned change. Needs the control store, and is content without.
    fn foresee<'a>(&'a self, session: &'a Session, planned: &'a Value) -> BoxFuture<'a, Diagnostics>;

    /// Brings the known state up to date.
    fn read<'a>(&'a self, session: &'a Session, known: Value, private: Private) -> BoxFuture<'a, Outcome>;

    /// Creates, updates or deletes.
    fn apply<'a>(&'a self, session: &'a Session, request: ApplyRequest<'a>) -> BoxFuture<'a, Outcome>;

    /// The state of an existing document, which was not known before.
    fn import<'a>(&'a self, session: &'a Session, name: &'a str) -> BoxFuture<'a, Outcome>;

    /// What the configuration of a search looks like to Terraform.
    fn search_schema(&self) -> &Schema;

    /// Finds existing documents.
    fn list(&self, session: Arc<Session>, search: Search) -> BoxStream<'static, Result<Found, Diagnostic>>;
}

/// The resource type of a kind of documents.
#[derive(Debug)]
pub struct DocumentResource<K> {
    schema: Arc<Schema>,
    /// Made once: every call needs it, more than once.
    ty: Type,
    search_schema: Schema,
    kind: PhantomData<fn() -> K>,
}

impl<K: DocumentKind> DocumentResource<K> {
    /// The resource type.
    #[must_use]
    pub fn new() -> Self {
        let schema = K::schema();
        let (ty, search_schema) = (schema.ty(), search_schema(K::SEARCH));
        Self { schema: Arc::new(schema), ty, search_schema, kind: PhantomData }
    }
}

impl<K: DocumentKind> Default for DocumentResource<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: DocumentKind> Resource for DocumentResource<K> {
    fn type_name(&self) -> &'static str {
        K::Spec::KIND.resource_type()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn ty(&self) -> &Type {
        &self.ty
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        validate::validate::<K>(&self.schema, config)
    }

    fn foresee<'a>(&'a self, session: &'a Session, planned: &'a Value) -> BoxFuture<'a, Diagnostics> {
        foresee::foresee::<K>(&self.schema, session, planned).boxed()
    }

    fn read<'a>(&'a self, session: &'a Session, known: Value, private: Private) -> BoxFuture<'a, Outcome> {
        read::read::<K>(&self.schema, session, known, private).boxed()
    }

    fn apply<'a>(&'a self, session: &'a Session, request: ApplyRequest<'a>) -> BoxFuture<'a, Outcome> {
        apply::apply::<K>(&self.schema, session, request).boxed()
    }

    fn import<'a>(&'a self, session: &'a Session, name: &'a str) -> BoxFuture<'a, Outcome> {
        import::import::<K>(&self.schema, session, name).boxed()
    }

    fn search_schema(&self) -> &Schema {
        &self.search_schema
    }

    fn list(&self, session: Arc<Session>, search: Search) -> BoxStream<'static, Result<Found, Diagnostic>> {
        list::list::<K>(Arc::clone(&self.schema), session, search)
    }
}

/// The path of nested attributes: `primary.region`.
#[must_use]
pub(super) fn dotted(path: &str) -> Path {
    path.split('.').map(|name| Step::Attribute(name.to_owned())).collect()
}
