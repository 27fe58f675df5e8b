use bytes::Bytes;
use lakedr_control::digest;
use lakedr_control::group_log::IntentSlot;
use object_store::{Error, PutMode, PutOptions, PutPayload};

use super::decide::SlotState;
use crate::delta::history::CommitFacts;
use crate::delta::log_name::LogName;
use crate::error::{At as _, Classify as _, DataError, Failure, Stage};
use crate::spec::TableStore;

/// Looks at one slot.
pub(super) async fn look(slot: &IntentSlot, table: &TableStore) -> Result<SlotState, Failure> {
    let found = table.table().commit_bytes(slot.version).await.at(Stage::Publish, &table.name)?;
    Ok(found.map_or(SlotState::Free, |bytes| compare(slot, &bytes)))
}

fn compare(slot: &IntentSlot, bytes: &Bytes) -> SlotState {
    if digest::of_bytes(bytes) == slot.body_digest {
        SlotState::Filled
    } else {
        SlotState::Foreign { author: author(slot.version, bytes) }
    }
}

/// Who wrote a commit, as far as it says.
pub(crate) fn author(version: u64, bytes: &[u8]) -> String {
    let Ok(facts) = CommitFacts::parse(version, 0, bytes) else { return "unknown".to_owned() };
    let parts: Vec<String> = [
        facts.user_name,
        facts.engine_info,
        facts.operation.map(|operation| format!("operation {operation}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "unknown".to_owned() } else { parts.join(", ") }
}

/// Puts a commit body into its slot, if the slot is free.
pub(super) async fn fill(slot: &IntentSlot, table: &TableStore, body: Bytes) -> Result<SlotState, Failure> {
    let (path, url) = table.log_file(&LogName::Commit { version: slot.version }.file_name());
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let put = table.store.put_opts(&path, PutPayload::from_bytes(body), options).await;
    match put {
        Ok(_) => Ok(SlotState::Filled),
        // the slot is taken, or the answer got lost on the way: what lies there decides
        Err(cause) => match look(slot, table).await? {
            SlotState::Free if !matches!(cause, Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                Err(DataError { verb: "write", url, cause }.at(Stage::Publish, &table.name))
            }
            state => Ok(state),
        },
    }
}
