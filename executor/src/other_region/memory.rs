//! What was seen of the other region, kept beside the group log. Best effort: nothing rests on it.

use lakedr_control::group_log::History;
use lakedr_control::layout;
use lakedr_control::other_region::Sighting;
use lakedr_control::spec::SyncGroupSpec;

use super::look::Other;
use crate::error::{At as _, Failure, Stage, chain};
use crate::patience::in_time;
use crate::pipeline::Scene;
use crate::spec::Loaded;

/// Looks at the other region, where its control store was named, and keeps what it says.
pub async fn remember(scene: &Scene<'_>, loaded: &Loaded, spec: &SyncGroupSpec, history: &History) {
    let Some(other) = Other::of(scene) else { return };
    let kept = async {
        let seen = other.look(loaded, spec).await?;
        let seen = Sighting::new(scene.group.name.clone(), other.control.clone(), scene.world.now(), seen);
        let bytes = seen.encode().map_err(|cause| chain(&cause))?;
        in_time(keep(scene, history, &other, &bytes)).await
    };
    if let Err(why) = kept.await {
        tracing::debug!(group = %scene.group.name, why, "what the other region says is not kept");
    }
}

async fn keep(scene: &Scene<'_>, history: &History, other: &Other<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let (store, key) =
        (scene.log.home_store(history), layout::other_region(&scene.group.name, other.region()));
    let before = store.read(&key).await.at(Stage::Record, &key)?;
    // whoever else wrote meanwhile has seen as much
    let written = match before {
        Some(before) => store.replace(&key, bytes, &before.tag).await,
        None => store.create(&key, bytes).await,
    };
    written.at(Stage::Record, &key).map(drop)
}

/// What was seen of the other region last.
pub(super) async fn recall(scene: &Scene<'_>, other: &Other<'_>) -> Option<Sighting> {
    let key = layout::other_region(&scene.group.name, other.region());
    let read = async {
        let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
        scene.log.home_store(&history).read(&key).await.at(Stage::Observe, &key)
    };
    let object = match in_time(read).await {
        Ok(object) => object?,
        Err(why) => {
            tracing::debug!(group = %scene.group.name, why, "what was seen of the other region is out of reach");
            return None;
        }
    };
    let seen = Sighting::decode(&scene.group.name, &object.bytes);
    seen.inspect_err(|cause| tracing::debug!(%key, %cause, "what was seen of the other region is ignored"))
        .ok()
}
