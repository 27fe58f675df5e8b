//! How far the rows of a group are known to go. A cache: without it the table itself is asked.
//!
//! | format | since | changes |
//! |---|---|---|
//! | 1 | 0.1.0 | the first |

use lakedr_control::group_log::History;
use lakedr_control::layout;
use lakedr_control::store::{DocStoreRef, Object};
use serde::{Deserialize, Serialize};

use crate::error::chain;
use crate::pipeline::Scene;

const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    group: String,
    seq: u64,
}

/// What was found at the place of a mark.
#[derive(Debug)]
pub(super) struct Mark {
    found: Option<Object>,
    /// Entry of the group log up to which every row is in the table.
    pub(super) seq: u64,
}

impl Mark {
    /// Reads the mark of a group; one that is of no use says nothing.
    pub(super) async fn read(scene: &Scene<'_>, history: &History) -> Self {
        let key = layout::metadata_mark(&scene.group.name);
        let found = scene.log.home_store(history).read(&key).await.unwrap_or_default();
        let document =
            found.as_ref().and_then(|object| serde_json::from_slice::<Document>(&object.bytes).ok());
        let fits =
            |document: &Document| document.format == FORMAT && document.group == scene.group.name.as_str();
        let seq = document.filter(fits).map_or(0, |document| document.seq);
        Self { found, seq }
    }

    /// Writes the mark. Best effort.
    pub(super) async fn write(self, scene: &Scene<'_>, history: &History, seq: u64) {
        let (key, store) = (layout::metadata_mark(&scene.group.name), scene.log.home_store(history));
        let document = Document { format: FORMAT, group: scene.group.name.to_string(), seq };
        let Ok(bytes) = serde_json::to_vec(&document) else { return };
        let written = match &self.found {
            Some(object) => store.replace(&key, &bytes, &object.tag).await,
            None => store.create(&key, &bytes).await,
        };
        if let Err(error) = written {
            tracing::debug!(group = %scene.group.name, "{key} is not up to date: {}", chain(&error));
        }
    }
}

/// Removes the marks of all groups in a location: their rows are asked of the table.
pub(super) async fn forget(store: &DocStoreRef, groups: impl Iterator<Item = lakedr_control::id::Name>) {
    for group in groups {
        if let Err(error) = store.delete(&layout::metadata_mark(&group)).await {
            tracing::debug!(%group, "a mark stays: {}", chain(&error));
        }
    }
}
