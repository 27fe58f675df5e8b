//! Whether the objects that a plan copies are there. Asked before anything is written: a version of which VACUUM has
//! removed files refuses the whole group.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::location::StoreUrl;
use lakedr_control::store::OpenedStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _};

use crate::copy::{Manifest, Place, Transfer};
use crate::delta::fingerprint::text_id;
use crate::error::{At as _, DataError, Failure, Stage};

/// Objects that are asked for one by one; above it the folder of the table is listed.
const ASKED: u64 = 256;

/// Questions that are under way at the same time.
const IN_FLIGHT: usize = 32;

/// Objects that are named when many are gone.
const NAMED: usize = 5;

/// Objects of a plan that are not at the source.
#[derive(Debug, Default)]
pub struct Gone {
    /// How many.
    pub count: u64,
    /// The first few.
    pub named: Vec<Transfer>,
}

/// Which objects of a manifest are not at the source.
///
/// # Errors
/// When the source cannot be asked, or the manifest not be read.
pub async fn gone(
    manifest: &Manifest,
    open: impl Fn(&StoreUrl) -> Result<OpenedStore, Failure>,
) -> Result<Gone, Failure> {
    let listed = if manifest.len() > ASKED { Some(Listed::of(manifest, &open).await?) } else { None };
    let doubtful = manifest.iter().filter(|transfer| match (transfer, &listed) {
        (Ok(transfer), Some(listed)) => !listed.holds(transfer),
        _ => true,
    });
    let asked = doubtful.map(|transfer| async {
        let transfer = transfer.at(Stage::Plan, "manifest")?;
        let there = is_there(&transfer, &open(&transfer.source.root)?).await;
        let there = there.at(Stage::Plan, &transfer.table)?;
        Ok::<_, Failure>((!there).then_some(transfer))
    });
    let mut gone = Gone::default();
    let mut asked = stream::iter(asked).buffered(IN_FLIGHT);
    while let Some(answer) = asked.try_next().await? {
        let Some(transfer) = answer else { continue };
        gone.count += 1;
        if gone.named.len() < NAMED {
            gone.named.push(transfer);
        }
    }
    Ok(gone)
}

async fn is_there(transfer: &Transfer, source: &OpenedStore) -> Result<bool, DataError> {
    for key in [Some(&transfer.source.key), transfer.undecoded.as_ref()].into_iter().flatten() {
        let path = key.parts().fold(source.root.clone(), Path::join);
        match source.store.head(&path).await {
            Ok(_) => return Ok(true),
            Err(Error::NotFound { .. }) => {}
            Err(cause) => {
                let url = format!("{}/{key}", transfer.source.root);
                return Err(DataError { verb: "look at", url, cause });
            }
        }
    }
    Ok(false)
}

/// The objects of a manifest that listings have shown, a few bytes each.
struct Listed(HashMap<u128, bool>);

impl Listed {
    async fn of(
        manifest: &Manifest,
        open: &impl Fn(&StoreUrl) -> Result<OpenedStore, Failure>,
    ) -> Result<Self, Failure> {
        let mut wanted = Self(HashMap::new());
        let mut folders: BTreeMap<StoreUrl, Path> = BTreeMap::new();
        for transfer in manifest.iter() {
            let Place { root, key } = transfer.at(Stage::Plan, "manifest")?.source;
            wanted.0.insert(object_id(&root, key.as_ref()), false);
            let folder = folders.get(&root).map_or_else(|| folder(&key, &key), |held| folder(held, &key));
            folders.insert(root, folder);
        }
        for (root, folder) in folders {
            wanted.list(&root, &folder, &open(&root)?).await.at(Stage::Plan, &root)?;
        }
        Ok(wanted)
    }

    async fn list(&mut self, root: &StoreUrl, folder: &Path, opened: &OpenedStore) -> Result<(), DataError> {
        let prefix = opened.root.as_ref().len();
        let folder = folder.parts().fold(opened.root.clone(), Path::join);
        let mut objects = opened.store.list(Some(&folder));
        while let Some(object) = objects.next().await {
            let failed = |cause| DataError { verb: "list", url: root.to_string(), cause };
            let object = object.map_err(failed)?;
            let key = object.location.as_ref().get(prefix..).unwrap_or_default().trim_start_matches('/');
            if let Some(seen) = self.0.get_mut(&object_id(root, key)) {
                *seen = true;
            }
        }
        Ok(())
    }

    fn holds(&self, transfer: &Transfer) -> bool {
        let id = object_id(&transfer.source.root, transfer.source.key.as_ref());
        self.0.get(&id).copied().unwrap_or(false)
    }
}

/// The folder that holds both: what the parents of two keys, or a folder and the parent of a key, begin with.
///
/// A shallow clone's files may have a whole bucket for their root, of which they fill one folder.
fn folder(held: &Path, key: &Path) -> Path {
    let parent = key.parts().count().saturating_sub(1);
    held.parts().zip(key.parts().take(parent)).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

fn object_id(root: &StoreUrl, key: &str) -> u128 {
    text_id(&format!("{root}\n{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_many_keys() {
        let cases = [
            (&["lake/t/p=1/x", "lake/t/p=2/x", "lake/t/y"][..], "lake/t"),
            (&["lake/t/x"], "lake/t"),
            (&["lake/t/x", "lake/t/x/y"], "lake/t"),
            (&["x", "lake/y"], ""),
            (&["lake/t", "lake/t2/x"], "lake"),
        ];
        for (keys, expected) in cases {
            let keys: Vec<Path> = keys.iter().map(|key| Path::from(*key)).collect();
            let first = folder(&keys[0], &keys[0]);
            let found = keys.iter().fold(first, |held, key| folder(&held, key));
            assert_eq!(found.as_ref(), expected, "{keys:?}");
        }
    }
}
