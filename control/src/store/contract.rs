//! What every [`DocStore`] must do, as one suite that runs against each of them.
//!
//! The suite writes below a folder of its own and deletes nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;

use super::{DocStore, StoreError, Tag, Written};

/// Writers that race for one key.
const RACERS: usize = 16;

/// Keys that are raced for.
const RACES: usize = 24;

/// A point of the contract that a store broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The store reported an error where it should not.
    #[error("a store operation failed")]
    Store(#[from] StoreError),
    /// The store did something else.
    #[error("{point}: {found}")]
    Point {
        /// What it should have done.
        point: &'static str,
        /// What it did.
        found: String,
    },
}

fn must(holds: bool, point: &'static str, found: impl std::fmt::Debug) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::Point { point, found: format!("{found:?}") }) }
}

/// Runs the whole suite below `folder`, which must be empty.
///
/// # Errors
/// The first point that does not hold.
pub async fn run(store: Arc<dyn DocStore>, folder: &str) -> Result<(), Broken> {
    reads_what_was_written(&*store, folder).await?;
    conditions_hold(&*store, folder).await?;
    lists_in_order(&*store, folder).await?;
    lists_what_comes_after(&*store, folder).await?;
    stamps_tell_replaced_objects(&*store, folder).await?;
    races_have_one_winner(&store, folder).await?;
    Ok(())
}

async fn reads_what_was_written(store: &dyn DocStore, folder: &str) -> Result<(), Broken> {
    let key = format!("{folder}/a/read.json");
    must(store.read(&key).await?.is_none(), "an absent object reads as none", ())?;
    let Written::Done(tag) = store.create(&key, b"one").await? else {
        return must(false, "creating an absent object succeeds", ());
    };
    let object = store.read(&key).await?;
    must(
        object.as_ref().is_some_and(|o| o.bytes == b"one" && o.tag == tag),
        "a read gives the bytes and the tag of the write",
        &object,
    )?;
    store.delete(&key).await?;
    must(store.read(&key).await?.is_none(), "a deleted object is gone", ())?;
    store.delete(&key).await?;
    let large = vec![7_u8; 3 << 20];
    must(
        matches!(store.create(&key, &large).await?, Written::Done(_)),
        "a deleted object can be created again",
        (),
    )?;
    let read = store.read(&key).await?.map(|object| object.bytes.len());
    must(read == Some(large.len()), "a large object reads whole", read)
}

async fn conditions_hold(store: &dyn DocStore, folder: &str) -> Result<(), Broken> {
    let key = format!("{folder}/b/conditions.json");
    let first = store.create(&key, b"one").await?;
    let Written::Done(tag) = first else { return must(false, "creating an absent object succeeds", first) };
    let again = store.create(&key, b"one").await?;
    must(matches!(again, Written::Done(_)), "creating the very same bytes again is success", again)?;
    let other = store.create(&key, b"two").await?;
    must(other == Written::Lost, "creating over other bytes loses", other)?;
    let replaced = store.replace(&key, b"three", &tag).await?;
    let Written::Done(newer) = replaced else {
        return must(false, "replacing with the right tag succeeds", replaced);
    };
    must(newer != tag, "a new content has a new tag", &newer)?;
    let stale = store.replace(&key, b"four", &tag).await?;
    must(stale == Written::Lost, "replacing with an old tag loses", stale)?;
    let bytes = store.read(&key).await?.map(|object| object.bytes);
    must(bytes.as_deref() == Some(b"three"), "a lost write changes nothing", bytes)?;
    let absent = store.replace(&format!("{folder}/b/absent.json"), b"x", &newer).await?;
    must(absent == Written::Lost, "replacing an absent object loses", absent)
}

async fn lists_in_order(store: &dyn DocStore, folder: &str) -> Result<(), Broken> {
    let empty = store.list(&format!("{folder}/nowhere")).await?;
    must(empty.is_empty(), "an absent folder lists as empty", empty)?;
    let mut keys: Vec<String> = (0..12).map(|n| format!("{folder}/c/{n:020}.json")).collect();
    keys.push(format!("{folder}/c/deep/er/x=2e.json"));
    for key in keys.iter().rev() {
        let written = store.create(key, key.as_bytes()).await?;
        must(matches!(written, Written::Done(_)), "creating an absent object succeeds", written)?;
    }
    store.create(&format!("{folder}/cc/other.json"), b"x").await.map(drop)?;
    let listed = store.list(&format!("{folder}/c")).await?;
    must(listed == keys, "a listing holds all keys below the folder in order, and no others", listed)
}

async fn lists_what_comes_after(store: &dyn DocStore, folder: &str) -> Result<(), Broken> {
    let below = format!("{folder}/c");
    let key = |n: u32| format!("{below}/{n:020}.json");
    let all = store.list_after(&below, "").await?;
    must(all.len() == 13, "a listing after nothing holds everything", &all)?;
    for (after, rest) in [(key(0), 1), (key(8), 9), (format!("{below}/{:020}", 8), 8)] {
        let listed = store.list_after(&below, &after).await?;
        must(
            Some(listed.as_slice()) == all.get(rest..),
            "a listing after a key holds what comes after it, in the same order and with the same stamps",
            listed,
        )?;
    }
    let last = all.last().map_or("", |object| &object.key);
    let newer = store.list_after(&below, last).await?;
    must(newer.is_empty(), "a listing after the last key is empty", newer)?;
    let elsewhere = store.list_after(&format!("{folder}/nowhere"), &key(0)).await?;
    must(elsewhere.is_empty(), "an absent folder lists as empty after any key", elsewhere)
}

async fn stamps_tell_replaced_objects(store: &dyn DocStore, folder: &str) -> Result<(), Broken> {
    let below = format!("{folder}/e");
    let (replaced, untouched) = (format!("{below}/1.json"), format!("{below}/2.json"));
    let Written::Done(tag) = store.create(&replaced, b"one").await? else {
        return must(false, "creating an absent object succeeds", ());
    };
    store.create(&untouched, b"one").await.map(drop)?;
    let before = store.list_after(&below, "").await?;
    must(before == store.list_after(&below, "").await?, "stamps stay", &before)?;
    store.replace(&replaced, b"another", &tag).await.map(drop)?;
    let after = store.list_after(&below, "").await?;
    let (Some([was, stays]), Some([is, same])) = (before.first_chunk(), after.first_chunk()) else {
        return must(false, "a listing holds all keys below the folder", (before, after));
    };
    must(was.key == is.key && was.stamp != is.stamp, "a replaced object has another stamp", (was, is))?;
    must(stays == same, "an object that nobody touched keeps its stamp", (stays, same))
}

async fn races_have_one_winner(store: &Arc<dyn DocStore>, folder: &str) -> Result<(), Broken> {
    for race in 0..RACES {
        let key = format!("{folder}/d/{race}.json");
        let created = contend(store, &key, None).await?;
        must(created.len() == 1, "of several creators exactly one wins", &created)?;
        let Some(object) = store.read(&key).await? else {
            return must(false, "the winner's object is there", &key);
        };
        must(created.contains(&object.bytes), "the object is the winner's", &object.bytes)?;
        let replaced = contend(store, &key, Some(object.tag)).await?;
        must(replaced.len() == 1, "of several replacers exactly one wins", &replaced)?;
        let bytes = store.read(&key).await?.map(|object| object.bytes).unwrap_or_default();
        must(replaced.contains(&bytes), "the object is the winning replacer's", &bytes)?;
    }
    Ok(())
}

/// Lets racers write different bytes to one key at once; the bytes of those who were told that they won.
async fn contend(
    store: &Arc<dyn DocStore>,
    key: &str,
    tag: Option<Tag>,
) -> Result<BTreeSet<Vec<u8>>, Broken> {
    let attempts = (0..RACERS).map(|racer| {
        let (tag, what) = (tag.clone(), if tag.is_some() { "replace" } else { "create" });
        async move {
            let bytes = format!("{what} by {racer}").into_bytes();
            let written = match &tag {
                None => store.create(key, &bytes).await?,
                Some(tag) => store.replace(key, &bytes, tag).await?,
            };
            Ok::<_, StoreError>((bytes, written))
        }
    });
    let mut winners = BTreeSet::new();
    for outcome in join_all(attempts).await {
        let (bytes, written) = outcome?;
        if matches!(written, Written::Done(_)) {
            winners.insert(bytes);
        }
    }
    Ok(winners)
}
