use bytes::Bytes;
use lakedr_control::cut::Cut;
use lakedr_control::digest;
use lakedr_control::group_log::{
    Appended, Event, FIRST_SEQ, FailureClass, History, IntentKind, IntentSlot, WarehouseSlot,
};
use lakedr_control::id::TableName;
use lakedr_control::layout;
use lakedr_control::store::Written;

use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::Scene;

/// A commit that an intent offers to anybody who finishes it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The table.
    pub table: TableName,
    /// Its URL; that of the workspace, where a SQL warehouse commits.
    pub url: String,
    /// The version slot.
    pub version: u64,
    /// No reader sees that version before version 0 of the table is there.
    pub hidden: bool,
    /// The exact commit, or the statement.
    pub body: Bytes,
    /// What a SQL warehouse does, where it commits.
    pub warehouse: Option<WarehouseSlot>,
}

/// What an intent says beside its slots.
#[derive(Debug, Clone)]
pub struct Intention {
    /// What it is about.
    pub kind: IntentKind,
    /// The intent that it replaces.
    pub replaces: Option<u64>,
    /// Digest of the spec.
    pub spec_digest: String,
    /// The cut.
    pub cut: Cut,
}

/// Sequence number of the intent that would follow on a history.
#[must_use]
pub fn next_seq(history: &History) -> u64 {
    history.state.as_ref().map_or(FIRST_SEQ, |state| state.next_seq)
}

/// Stores the body of a commit where the intent that follows on `history` will look for it.
///
/// # Errors
/// When the home of the log cannot be written, or holds a damaged body under that key.
pub async fn store_body(scene: &Scene<'_>, history: &History, offer: &Offer) -> Result<IntentSlot, Failure> {
    let body_digest = digest::of_bytes(&offer.body);
    let key = layout::pending_commit(&scene.group.name, next_seq(history), &offer.table, &body_digest);
    match scene.log.home_store(history).create(&key, &offer.body).await.at(Stage::Publish, &offer.table)? {
        Written::Done(_) => Ok(IntentSlot {
            table: offer.table.clone(),
            url: offer.url.clone(),
            version: offer.version,
            hidden: offer.hidden,
            body_digest,
            warehouse: offer.warehouse.clone(),
        }),
        Written::Lost => Err(BodyTaken { key }.at(Stage::Publish, &offer.table)),
    }
}

/// Appends an intent, whose bodies are stored, behind `history`. `None` when somebody else was first.
///
/// # Errors
/// When the home of the log cannot be written.
pub async fn announce(
    scene: &Scene<'_>,
    history: History,
    intention: Intention,
    slots: Vec<IntentSlot>,
) -> Result<Option<History>, Failure> {
    let Intention { kind, replaces, spec_digest, cut } = intention;
    let event = Event::Intent { kind, replaces, spec_digest, cut, slots };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    Ok(match appended.at(Stage::Publish, &scene.group.name)? {
        Appended::Done(history) => Some(*history),
        Appended::Lost => None,
    })
}

/// The key of a body holds its digest, so other bytes there are damaged ones. No intent is announced on them.
#[derive(Debug, thiserror::Error)]
#[error("{key} holds other bytes than its name says, it is damaged; delete that object and sync again")]
struct BodyTaken {
    key: String,
}

impl Classify for BodyTaken {
    fn class(&self) -> FailureClass {
        FailureClass::Damaged
    }
}
