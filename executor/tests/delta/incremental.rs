//! Clones that follow their source version by version.

use std::collections::BTreeSet;

use lakedr::observe::table_error::TableError;

use crate::clone::{Replica, local};
use crate::golden::{Golden, Kind, tables};

/// What following one table came to.
struct Followed {
    versions: usize,
    /// Versions whose data files are not in the set: vacuumed, or never shipped.
    without_data: usize,
    /// Versions that were proven from the version before them.
    advances: usize,
}

async fn follow(table: &Golden) -> Result<Followed, String> {
    let source = local(&table.path);
    let listing = source.listing().await.unwrap();
    let mut replica = Replica::new();
    let mut copied = BTreeSet::new();
    let mut followed = Followed { versions: 0, without_data: 0, advances: 0 };
    for version in 0..=table.version.unwrap() {
        if let Err(TableError::VersionExpired { .. }) = source.state(&listing, Some(version)).await {
            continue;
        }
        let proven = replica.head().await;
        let step = match replica.follow(&table.path, Some(version)).await {
            Ok(step) => step,
            Err(error) if error.contains("is gone") => {
                followed.without_data += 1;
                continue;
            }
            Err(error) => return Err(format!("version {version}: {error}")),
        };
        for copy in &step.fresh {
            if !copied.insert(copy.target_key.clone()) {
                return Err(format!("version {version}: {} was copied twice", copy.target_key));
            }
        }
        let found = replica.differences(&step.source).await;
        if !found.is_empty() {
            return Err(format!("version {version} differs: {found:?}"));
        }
        followed.advances += usize::from(replica.advance(proven.as_ref(), &step).await?);
        followed.versions += 1;
    }
    Ok(followed)
}

#[tokio::test]
async fn every_table_is_followed_version_by_version() {
    let (mut wrong, mut versions, mut without_data, mut advances) = (Vec::new(), 0, 0, 0);
    for table in tables(&[Kind::Copy, Kind::Empty]) {
        match follow(&table).await {
            Ok(followed) => {
                versions += followed.versions;
                without_data += followed.without_data;
                advances += followed.advances;
            }
            Err(error) => wrong.push(format!("{}: {error}", table.name)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(versions >= 250 && without_data <= 10, "{versions} versions equal, {without_data} without data");
    assert!(advances >= 150, "{advances} versions proven from the version before them");
}
