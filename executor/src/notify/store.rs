use futures::future::join;
use lakedr_control::group_log::History;
use lakedr_control::layout;
use lakedr_control::notification::Ledger;
use lakedr_control::store::{DocStoreRef, StoreError, Tag, Written};
use lakedr_control::validate::SideName;

use crate::error::chain;
use crate::pipeline::Scene;

/// Where the ledger of a group is kept.
///
/// At home it lies beside the log. While that place is out of reach, and after the log has moved, there may be one in the
/// group's other location; it is taken over as soon as the home can be written.
#[derive(Debug)]
pub(super) struct Place {
    key: String,
    store: DocStoreRef,
    tag: Option<Tag>,
    /// The other location, when it holds a ledger.
    other: Option<DocStoreRef>,
}

impl Place {
    /// Reads the ledger; none when neither location can be read.
    pub(super) async fn open(scene: &Scene<'_>, history: Option<&History>) -> Option<(Self, Option<Ledger>)> {
        let key = layout::notification_ledger(&scene.group.name);
        let standby = scene.stores.location(scene.group.initial_active.other());
        let home = history.map_or(standby, |history| scene.log.home_store(history).clone());
        let sides = SideName::BOTH;
        let other =
            sides.map(|side| scene.stores.location(side)).into_iter().find(|at| at.url() != home.url())?;
        let (at_home, elsewhere) = join(home.read(&key), other.read(&key)).await;
        let elsewhere = known(elsewhere);
        let Some(at_home) = known(at_home) else {
            let found = elsewhere?;
            let ledger = found.as_ref().and_then(|object| decode(scene, &object.bytes));
            let tag = found.map(|object| object.tag);
            return Some((Self { key, store: other, tag, other: None }, ledger));
        };
        let ledger = at_home.as_ref().and_then(|object| decode(scene, &object.bytes));
        let strayed = elsewhere.flatten().and_then(|object| decode(scene, &object.bytes));
        let other = strayed.is_some().then_some(other);
        let place = Self { key, store: home, tag: at_home.map(|object| object.tag), other };
        Some((place, merged(ledger, strayed)))
    }

    /// Whether there is no other ledger to take over.
    pub(super) fn is_settled(&self) -> bool {
        self.other.is_none()
    }

    /// Writes the ledger; none when somebody else has written it meanwhile.
    pub(super) async fn write(self, ledger: &Ledger) -> Result<Option<Self>, String> {
        let bytes = ledger.encode().map_err(|error| chain(&error))?;
        let written = match &self.tag {
            Some(tag) => self.store.replace(&self.key, &bytes, tag).await,
            None => self.store.create(&self.key, &bytes).await,
        };
        let tag = match written.map_err(|error| chain(&error))? {
            Written::Done(tag) => tag,
            Written::Lost => return Ok(None),
        };
        if let Some(other) = &self.other
            && let Err(error) = other.delete(&self.key).await
        {
            tracing::debug!("a ledger of notifications stays in {}: {}", other.url(), chain(&error));
        }
        Ok(Some(Self { tag: Some(tag), other: None, ..self }))
    }
}

/// What was read, if the store answers.
fn known<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::debug!("no ledger of notifications: {}", chain(error))).ok()
}

fn decode(scene: &Scene<'_>, bytes: &[u8]) -> Option<Ledger> {
    let decoded = Ledger::decode(&scene.group.name, bytes);
    decoded.inspect_err(|error| tracing::warn!(group = %scene.group.name, "the ledger of notifications is begun anew, an incident may be told twice: {}", chain(error))).ok()
}

/// One ledger out of the one at home and the one that was kept elsewhere meanwhile.
fn merged(home: Option<Ledger>, strayed: Option<Ledger>) -> Option<Ledger> {
    let (mut home, strayed) = match (home, strayed) {
        (Some(home), Some(strayed)) => (home, strayed),
        (home, strayed) => return home.or(strayed),
    };
    home.since = home.since.min(strayed.since);
    home.told_up_to = home.told_up_to.max(strayed.told_up_to);
    for standing in strayed.standing {
        if !home.standing.iter().any(|known| (known.event, known.part) == (standing.event, standing.part)) {
            home.standing.push(standing);
        }
    }
    home.outbox.extend(strayed.outbox);
    Some(home)
}
