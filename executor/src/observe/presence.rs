//! Whether the objects that a plan copies are there. Asked before anything is written: a version of which VACUUM has
//! removed files refuses the whole group.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakedr_control::location::StoreUrl;
use lakedr_control::store::OpenedStore;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _};

use crate::copy::{Manifest, ManifestError, Transfer};
use crate::delta::fingerprint::text_id;
use crate::error::{At as _, DataError, Failure, Stage};
use crate::plan::doubt::Doubt;

/// Objects that are asked for one by one in any case.
const ASKED: u64 = 256;

/// One page of a listing shows a thousand objects, but pages come one after the other: it takes about as long as this
/// many questions, a few at a time, and costs as much as a dozen.
const QUESTIONS_PER_PAGE: u64 = 32;
const PAGE: u64 = 1000;

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

/// Where objects are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Searched<'a> {
    /// The root of the table that names them, below which most of them lie.
    pub table: &'a StoreUrl,
    /// Live files of the table: what a listing of it shows.
    pub files: u64,
    /// Which of them may be gone at all.
    pub doubt: &'a Doubt,
}

/// Which objects of a manifest are not at the source. Those that may be gone are asked for one by one, or looked up in
/// a listing of the table where that is cheaper.
///
/// # Errors
/// When the source cannot be asked, or the manifest not be read.
pub async fn gone(
    manifest: &Manifest,
    searched: Searched<'_>,
    open: impl Fn(&StoreUrl) -> Result<OpenedStore, Failure>,
) -> Result<Gone, Failure> {
    let Searched { table, files, doubt } = searched;
    let concerns = |transfer: &Result<Transfer, _>| {
        transfer.as_ref().map_or(true, |transfer| doubt.concerns(transfer, table))
    };
    let doubtful = match doubt {
        Doubt::All => manifest.len(),
        Doubt::Removed(_) => manifest.iter().filter(concerns).count() as u64,
    };
    let listed = if is_listing_cheaper(doubtful, files) {
        Some(Listed::of(manifest.iter().filter(concerns), table, &open(table)?).await?)
    } else {
        None
    };
    let unseen = manifest.iter().filter(concerns).filter(|transfer| match (transfer, &listed) {
        (Ok(transfer), Some(listed)) => !listed.holds(transfer, table),
        _ => true,
    });
    let asked = unseen.map(|transfer| async {
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

fn is_listing_cheaper(questions: u64, files: u64) -> bool {
    questions > ASKED && questions > files.div_ceil(PAGE) * QUESTIONS_PER_PAGE
}

async fn is_there(transfer: &Transfer, source: &OpenedStore) -> Result<bool, DataError> {
    for key in [Some(&transfer.source.key), transfer.undecoded.as_ref()].into_iter().flatten() {
        let path = key.parts().fold(source.root.clone(), object_store::path::Path::join);
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
        transfers: impl Iterator<Item = Result<Transfer, ManifestError>>,
        table: &StoreUrl,
        opened: &OpenedStore,
    ) -> Result<Self, Failure> {
        let mut wanted = Self(HashMap::new());
        for transfer in transfers {
            let transfer = transfer.at(Stage::Plan, "manifest")?;
            // files of other tables are asked for one by one: a whole bucket may be around them
            if transfer.source.root == *table {
                wanted.0.insert(text_id(transfer.source.key.as_ref()), false);
            }
        }
        wanted.list(table, opened).await.at(Stage::Plan, table)?;
        wanted.0.retain(|_, seen| *seen);
        Ok(wanted)
    }

    async fn list(&mut self, root: &StoreUrl, opened: &OpenedStore) -> Result<(), DataError> {
        let prefix = opened.root.as_ref().len();
        let mut objects = opened.store.list(Some(&opened.root));
        while let Some(object) = objects.next().await {
            let failed = |cause| DataError { verb: "list", url: root.to_string(), cause };
            let object = object.map_err(failed)?;
            let key = object.location.as_ref().get(prefix..).unwrap_or_default().trim_start_matches('/');
            if let Some(seen) = self.0.get_mut(&text_id(key)) {
                *seen = true;
            }
        }
        Ok(())
    }

    fn holds(&self, transfer: &Transfer, table: &StoreUrl) -> bool {
        transfer.source.root == *table && self.0.contains_key(&text_id(transfer.source.key.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_listed_only_where_that_is_cheaper() {
        let cases = [
            (256, 1, false),
            (257, 300, true),
            (300, 1_000_000, false),
            (32_000, 1_000_000, false),
            (32_001, 1_000_000, true),
            (1_000_000, 1_000_000, true),
        ];
        for (questions, files, expected) in cases {
            assert_eq!(is_listing_cheaper(questions, files), expected, "{questions} of {files}");
        }
    }
}
