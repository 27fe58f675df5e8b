use bytes::Bytes;
use lakedr_control::cut::Cut;
use lakedr_control::digest;
use lakedr_control::group_log::{Appended, Event, FIRST_SEQ, FailureClass, History, IntentKind, IntentSlot};
use lakedr_control::id::{Name, TableName};
use lakedr_control::layout;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::{DocStoreRef, Written};

use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::Scene;

/// A commit that an intent offers to anybody who finishes it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The table.
    pub table: TableName,
    /// Its URL.
    pub url: StoreUrl,
    /// The version slot.
    pub version: u64,
    /// The exact commit.
    pub body: Bytes,
}

impl Offer {
    fn slot(&self) -> IntentSlot {
        IntentSlot {
            table: self.table.clone(),
            url: self.url.to_string(),
            version: self.version,
            body_digest: digest::of_bytes(&self.body),
        }
    }
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

/// Stores the bodies, then appends the intent behind `history`. `None` when somebody else was first.
///
/// # Errors
/// When the home of the log cannot be written.
pub async fn announce(
    scene: &Scene<'_>,
    history: History,
    intention: Intention,
    offers: &[Offer],
) -> Result<Option<History>, Failure> {
    let group = &scene.group.name;
    let seq = history.state.as_ref().map_or(FIRST_SEQ, |state| state.next_seq);
    let home = scene.log.home_store(&history);
    for offer in offers {
        store_body(home, group, seq, offer).await?;
    }
    let Intention { kind, replaces, spec_digest, cut } = intention;
    let slots = offers.iter().map(Offer::slot).collect();
    let event = Event::Intent { kind, replaces, spec_digest, cut, slots };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    Ok(match appended.at(Stage::Publish, group)? {
        Appended::Done(history) => Some(*history),
        Appended::Lost => None,
    })
}

async fn store_body(home: &DocStoreRef, group: &Name, seq: u64, offer: &Offer) -> Result<(), Failure> {
    let key = layout::pending_commit(group, seq, &offer.table, &digest::of_bytes(&offer.body));
    match home.create(&key, &offer.body).await.at(Stage::Publish, &offer.table)? {
        Written::Done(_) => Ok(()),
        Written::Lost => Err(BodyTaken { key }.at(Stage::Publish, &offer.table)),
    }
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
