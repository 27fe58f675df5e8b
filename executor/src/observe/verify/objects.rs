//! The objects of a target: their sizes, their bytes.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

use super::proof::VerifyError;
use crate::cli::Level;
use crate::copy::FileKind;
use crate::delta::fingerprint::text_id;
use crate::delta::state::FileKey;
use crate::error::DataError;
use crate::observe::snapshot::{Columns, Snapshot};
use crate::plan::classes::{Class, Classes};
use crate::plan::diff::{DiffRefusal, FileCopy};
use crate::plan::followed::objects as objects_of;
use crate::spec::TableStore;

/// Objects that are looked at at the same time.
const IN_FLIGHT: usize = 16;

/// What looking at objects found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: u64,
    pub(super) bytes_compared: u64,
    pub(super) differences: Vec<String>,
}

/// An object that the target must have.
#[derive(Debug, Clone)]
struct Object {
    copy: FileCopy,
    /// The source may have deleted it since: its rows were compacted.
    may_be_gone: bool,
}

/// Looks at every object that the target must have by the source's log, but for those of compactions that it does not
/// follow.
pub(super) async fn check_objects(
    source: &TableStore,
    target: &TableStore,
    wanted: &Snapshot,
    classes: &Classes,
    level: Level,
) -> Result<Found, VerifyError> {
    let translation = source.translation()?;
    let image = |key: &FileKey| classes.iter().any(|class| class.image().contains_key(key));
    let live = wanted.files(Columns::Identity).map_err(VerifyError::from);
    let live =
        live.try_filter(|(key, _)| std::future::ready(!image(key))).map_ok(|(key, add)| (key, add, false));
    let preimages = classes.iter().flat_map(Class::preimage);
    let preimages =
        preimages.filter_map(|(key, member)| Some(Ok((key.clone(), member.add()?.clone(), true))));
    let mut seen = HashSet::new();
    let objects = live.chain(stream::iter(preimages)).and_then(|(key, add, may_be_gone)| {
        let objects = translation.file(&key, &add).map_err(DiffRefusal::File).map_err(VerifyError::from);
        let objects = objects.map(|file| {
            let fresh =
                objects_of(&file).into_iter().filter(|copy| seen.insert(text_id(copy.target_key.as_ref())));
            stream::iter(fresh.map(|copy| Ok(Object { copy, may_be_gone })).collect::<Vec<_>>())
        });
        std::future::ready(objects)
    });
    let checks = objects.try_flatten().map_ok(|object| check(source, target, object, level));
    let mut found = Found::default();
    let mut checks = std::pin::pin!(checks.try_buffered(IN_FLIGHT));
    while let Some((difference, bytes)) = checks.try_next().await? {
        found.objects += 1;
        found.bytes_compared += bytes;
        found.differences.extend(difference);
    }
    Ok(found)
}

/// What differs about one object, and how many bytes were compared.
async fn check(
    source: &TableStore,
    target: &TableStore,
    object: Object,
    level: Level,
) -> Result<(Option<String>, u64), VerifyError> {
    let Object { copy, may_be_gone } = object;
    let url = format!("{}/{}", target.url, copy.target_key);
    let path = target.place(&copy.target_key);
    let size = match target.store.head(&path).await {
        Ok(meta) => meta.size,
        Err(Error::NotFound { .. }) => return Ok((Some(format!("{url} is missing")), 0)),
        Err(cause) => return Err(DataError { verb: "look at", url, cause }.into()),
    };
    if copy.kind == FileKind::Data && size != copy.size {
        return Ok((Some(format!("{url} has {size} bytes instead of {}", copy.size)), 0));
    }
    if level < Level::Content {
        return Ok((None, 0));
    }
    match source_digest(source, &copy).await? {
        None if may_be_gone => Ok((None, 0)),
        None => {
            let gone = source.object_url(&copy.source);
            Ok((Some(format!("{gone} is gone from the source, so its copy cannot be compared")), size))
        }
        Some(wanted) => {
            let found = digest(target.store.as_ref(), &path, &url).await?;
            let differs = (Some(wanted) != found).then(|| format!("{url} has other bytes than its source"));
            Ok((differs, size))
        }
    }
}

async fn source_digest(source: &TableStore, file: &FileCopy) -> Result<Option<Vec<u8>>, VerifyError> {
    let undecoded = file.undecoded_source_key.clone().map(|key| file.source.with_key(key));
    for object in [Some(&file.source), undecoded.as_ref()].into_iter().flatten() {
        let url = source.object_url(object);
        let (store, path) = source.object(object)?;
        if let Some(found) = digest(store.as_ref(), &path, &url).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// SHA-256 of a file; none when there is none.
async fn digest(store: &dyn ObjectStore, path: &Path, url: &str) -> Result<Option<Vec<u8>>, DataError> {
    let failed = |cause| DataError { verb: "read", url: url.to_owned(), cause };
    let found = match store.get(path).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut hasher = Sha256::new();
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.next().await {
        hasher.update(chunk.map_err(failed)?);
    }
    Ok(Some(hasher.finalize().to_vec()))
}
