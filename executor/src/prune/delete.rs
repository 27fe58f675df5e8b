//! Deleting objects of a table, many a request.

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _};

use super::keep::Count;
use super::listing::Doomed;
use crate::error::{DataError, chain};
use crate::spec::TableStore;

/// Objects that are deleted between two looks at whether they may be; as many as one request to S3 takes.
pub(crate) const AT_ONCE: usize = 1_000;

/// Answers of a store that are shown.
const SHOWN: usize = 3;

/// What became of objects that were to be deleted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// Objects that are gone.
    pub(crate) done: Count,
    /// Objects that the store did not delete: locked ones, missing rights.
    pub(crate) refused: u64,
    /// What it said, a few different answers.
    pub(crate) said: Vec<String>,
}

/// Deletes objects below the root of a table. One that cannot be deleted stops no other.
pub(crate) async fn delete(table: &TableStore, doomed: &[Doomed], deleted: &mut Deleted) {
    let mut waiting: HashMap<Path, u64> =
        doomed.iter().map(|object| (table.place(&object.key), object.size)).collect();
    let mut gone_before = 0;
    let paths: Vec<_> = waiting.keys().cloned().map(Ok).collect();
    let mut answers = table.store.delete_stream(stream::iter(paths).boxed());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(path) => {
                if let Some(size) = waiting.remove(&path) {
                    deleted.done.add(size);
                }
            }
            Err(Error::NotFound { .. }) => gone_before += 1,
            Err(cause) => deleted.hear(table, cause),
        }
    }
    // one answer may stand for a whole request, so what counts is what is not known to be gone
    deleted.refused += (waiting.len() as u64).saturating_sub(gone_before);
}

impl Deleted {
    fn hear(&mut self, table: &TableStore, cause: Error) {
        let said = chain(&DataError { verb: "delete a file of", url: table.url.to_string(), cause });
        if self.said.len() < SHOWN && !self.said.contains(&said) {
            self.said.push(said);
        }
    }
}
