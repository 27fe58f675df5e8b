//! Races, lost answers and interruptions, on a store in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use lakedr_control::spec::ExternalLocationSpec;
use lakedr_control::store::{DocStore, Listed, MemoryStore, Object, StoreError};

use super::*;
use crate::lifecycle::convert::from_spec;
use crate::lifecycle::document::{DocumentResource, Resource as _};
use crate::lifecycle::plan::{PlanRequest, plan};
use crate::resource::ExternalLocation;

/// A store that misbehaves on demand.
#[derive(Debug)]
struct Faulty {
    inner: MemoryStore,
    /// Writes are done, and then reported as lost: the answer got lost, and the repetition was refused.
    loses_answers: AtomicBool,
    /// Writes never come back.
    hangs: AtomicBool,
}

impl Faulty {
    async fn answered(&self, written: Result<Written, StoreError>) -> Result<Written, StoreError> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.loses_answers.load(Ordering::Relaxed) { written.map(|_| Written::Lost) } else { written }
    }
}

#[async_trait]
impl DocStore for Faulty {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.inner.read(key).await
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        self.inner.list_after(folder, after).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        let written = self.inner.create(key, bytes).await;
        self.answered(written).await
    }

    async fn replace(
        &self,
        key: &str,
        bytes: &[u8],
        tag: &lakedr_control::store::Tag,
    ) -> Result<Written, StoreError> {
        let written = self.inner.replace(key, bytes, tag).await;
        self.answered(written).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}

struct Bench {
    store: Arc<Faulty>,
    session: Session,
    resource: DocumentResource<ExternalLocation>,
    stop: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        let store = Arc::new(Faulty {
            inner: MemoryStore::default(),
            loses_answers: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
        });
        let session = Session::over("eastus2".to_owned(), Arc::clone(&store) as Arc<dyn DocStore>);
        Self { store, session, resource: DocumentResource::new(), stop: CancellationToken::new() }
    }

    /// A configuration; the comment tells one from another.
    fn config(&self, comment: &str) -> Value {
        let text = format!(
            r#"{{"name":"west","region":"westus2","url":"s3://b","skip_validation":true,"comment":{comment:?}}}"#
        );
        let spec: ExternalLocationSpec = serde_json::from_str(&text).unwrap();
        let mut config = from_spec(self.resource.schema(), &spec).unwrap();
        for name in ["id", "generation", "digest"] {
            config.set_attribute(name, Value::Null);
        }
        config
    }

    /// Plans and applies as Terraform does.
    async fn apply(&self, prior: &Outcome, config: &Value) -> Outcome {
        let mut proposed = config.clone();
        for name in ["id", "generation", "digest"] {
            proposed.set_attribute(name, prior.state.attribute(name).clone());
        }
        let rewrite = prior.private.damaged;
        let request = PlanRequest { prior: &prior.state, proposed: &proposed, config, rewrite };
        let planned = plan(self.resource.schema(), request).planned;
        let (private, at) = (prior.private.clone(), Utc::now());
        let request = ApplyRequest { prior: &prior.state, planned: &planned, private, stop: &self.stop, at };
        self.resource.apply(&self.session, request).await
    }

    async fn delete(&self, prior: &Outcome) -> Outcome {
        let (private, at) = (prior.private.clone(), Utc::now());
        let request =
            ApplyRequest { prior: &prior.state, planned: &Value::Null, private, stop: &self.stop, at };
        self.resource.apply(&self.session, request).await
    }

    async fn created(&self) -> Outcome {
        let outcome = self.apply(&Outcome::gone(), &self.config("first")).await;
        assert!(outcome.diagnostics.is_empty(), "{outcome:?}");
        outcome
    }
}

fn summary(outcome: &Outcome) -> Vec<&str> {
    outcome.diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()).collect()
}

#[tokio::test]
async fn create_update_read_delete() {
    let bench = Bench::new();
    let created = bench.created().await;
    assert_eq!(created.state.attribute("generation"), &Value::from(1u64));
    let updated = bench.apply(&created, &bench.config("second")).await;
    assert_eq!(updated.state.attribute("generation"), &Value::from(2u64));
    assert_ne!(updated.state.attribute("digest"), created.state.attribute("digest"));
    let read = bench.resource.read(&bench.session, created.state.clone(), created.private.clone()).await;
    assert_eq!(read, updated, "a refresh shows what was written");
    assert_eq!(bench.delete(&updated).await, Outcome::gone());
    assert_eq!(bench.delete(&updated).await, Outcome::gone(), "deleting twice is no error");
}

#[tokio::test]
async fn a_write_whose_answer_got_lost_is_recognised_as_ours() {
    let bench = Bench::new();
    bench.store.loses_answers.store(true, Ordering::Relaxed);
    let created = bench.created().await;
    let updated = bench.apply(&created, &bench.config("second")).await;
    assert!(updated.diagnostics.is_empty(), "{updated:?}");
    let read = bench.resource.read(&bench.session, updated.state.clone(), updated.private.clone()).await;
    assert_eq!(read, updated);
}

#[tokio::test]
async fn of_two_updates_from_one_state_the_second_loses_and_changes_nothing() {
    let bench = Bench::new();
    let created = bench.created().await;
    let winner = bench.apply(&created, &bench.config("winner")).await;
    let loser = bench.apply(&created, &bench.config("loser")).await;
    assert_eq!(summary(&loser), ["The external location was changed by somebody else"]);
    assert_eq!((&loser.state, &loser.private), (&created.state, &created.private));
    let read = bench.resource.read(&bench.session, created.state.clone(), created.private.clone()).await;
    assert_eq!(read.state, winner.state);
}

#[tokio::test]
async fn of_many_creations_one_wins() {
    let bench = Bench::new();
    let configs: Vec<Value> = (0..8).map(|number| bench.config(&number.to_string())).collect();
    let gone = Outcome::gone();
    let outcomes = futures::future::join_all(configs.iter().map(|config| bench.apply(&gone, config))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.diagnostics.is_empty());
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.iter().all(|outcome| summary(outcome) == ["The external location exists already"]));
    assert!(lost.iter().all(|outcome| outcome.state.is_null()));
}

#[tokio::test]
async fn interrupted_before_the_write_nothing_happens() {
    let bench = Bench::new();
    let held = bench.session.admission.lock().await;
    let interrupt = async {
        tokio::task::yield_now().await;
        bench.stop.cancel();
    };
    let config = bench.config("first");
    let gone = Outcome::gone();
    let (outcome, ()) = futures::join!(bench.apply(&gone, &config), interrupt);
    drop(held);
    assert_eq!(summary(&outcome), ["Interrupted"]);
    assert!(outcome.state.is_null());
    assert_eq!(bench.store.list("v1").await.unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_never_comes_back_is_given_up_after_an_interruption() {
    let bench = Bench::new();
    bench.store.hangs.store(true, Ordering::Relaxed);
    let interrupt = async {
        tokio::task::yield_now().await;
        bench.stop.cancel();
    };
    let config = bench.config("first");
    let gone = Outcome::gone();
    let (outcome, ()) = futures::join!(bench.apply(&gone, &config), interrupt);
    assert_eq!(summary(&outcome), ["Interrupted while writing"]);
}
