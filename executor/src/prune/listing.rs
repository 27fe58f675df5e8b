//! One look at everything below the root of a table.

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _};

use super::keep::{Count, Counts, Needed, Period, Reason, is_below, kept_for, nested_table};
use crate::error::DataError;
use crate::spec::TableStore;

/// Objects of a table that one call removes at most: their keys are held until all of the table has been seen.
const MOST_AT_ONCE: usize = 500_000;

/// An object that nothing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doomed {
    /// Key below the root of the table.
    pub(crate) key: Path,
    /// Bytes.
    pub(crate) size: u64,
}

/// What lies below the root of a table.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// What nothing needs.
    pub(super) doomed: Vec<Doomed>,
    /// What nothing needs either, and is too much for one call.
    pub(super) left: Count,
    /// What is kept.
    pub(super) kept: Counts,
}

/// How old an object has to be, by which clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    pub(super) period: Period,
    pub(super) now_ms: i64,
}

/// Lists a table once and decides about every object.
pub(super) async fn inventory(table: &TableStore, needed: &Needed, age: Age) -> Result<Inventory, DataError> {
    let failed = |cause| DataError { verb: "list", url: table.url.to_string(), cause };
    let mut found = Inventory::default();
    let mut nested: Vec<Path> = Vec::new();
    let mut objects = table.store.list(Some(&table.root));
    loop {
        let object = match objects.try_next().await {
            Ok(Some(object)) => object,
            Ok(None) | Err(Error::NotFound { .. }) => break,
            Err(cause) => return Err(failed(cause)),
        };
        let Some(key) = object.location.prefix_match(&table.root).map(Iterator::collect::<Path>) else {
            continue;
        };
        if let Some(folder) = nested_table(&key).filter(|folder| !nested.contains(folder)) {
            nested.push(folder);
        }
        let modified_ms = object.last_modified.timestamp_millis();
        match kept_for(&key, modified_ms, needed, age.period, age.now_ms) {
            Some(reason) => found.kept.entry(reason).or_default().add(object.size),
            None if found.doomed.len() < MOST_AT_ONCE => found.doomed.push(Doomed { key, size: object.size }),
            None => found.left.add(object.size),
        }
    }
    found.spare(&nested);
    Ok(found)
}

impl Inventory {
    /// Keeps what belongs to tables below this one: a listing shows their logs in any order.
    fn spare(&mut self, nested: &[Path]) {
        if nested.is_empty() {
            return;
        }
        let (spared, doomed): (Vec<_>, Vec<_>) = std::mem::take(&mut self.doomed)
            .into_iter()
            .partition(|object| nested.iter().any(|folder| is_below(&object.key, folder)));
        self.doomed = doomed;
        for object in spared {
            self.kept.entry(Reason::OtherTable).or_default().add(object.size);
        }
    }

    /// All that nothing needs and that this call removes.
    pub(super) fn doomed_count(&self) -> Count {
        let mut count = Count::default();
        self.doomed.iter().for_each(|object| count.add(object.size));
        count
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lakedr_control::store::OpenedStore;
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt as _, PutPayload};

    use super::*;

    async fn table(keys: &[&str]) -> TableStore {
        let store = InMemory::new();
        for key in keys {
            store.put(&Path::from(*key), PutPayload::from_static(b"12345")).await.unwrap();
        }
        let place = OpenedStore {
            store: Arc::new(store),
            root: "lake/t".into(),
            url: "s3://b/lake/t".parse().unwrap(),
            cloud: None,
        };
        TableStore::at("c.s.t".parse().unwrap(), place)
    }

    #[tokio::test]
    async fn every_object_below_the_root_is_decided_about_and_no_other() {
        let table = table(&[
            "lake/t/_delta_log/00000000000000000000.json",
            "lake/t/live.parquet",
            "lake/t/gone.parquet",
            "lake/t/a/x.parquet",
            "lake/t/a/_delta_log/00000000000000000000.json",
            "lake/t2/other.parquet",
            "lake/other.parquet",
        ])
        .await;
        let mut needed = Needed::default();
        needed.insert(&"live.parquet".into(), Reason::Live);
        let now_ms = chrono::Utc::now().timestamp_millis() + 1_000;
        let age = Age { period: Period::days(0), now_ms };
        let found = inventory(&table, &needed, age).await.unwrap();
        assert_eq!(found.doomed, [Doomed { key: "gone.parquet".into(), size: 5 }]);
        let one = Count { files: 1, bytes: 5 };
        let hidden = Count { files: 2, bytes: 10 };
        let kept = [(Reason::Live, one), (Reason::Hidden, hidden), (Reason::OtherTable, one)];
        assert_eq!(found.kept, Counts::from(kept));
        assert_eq!((found.doomed_count(), found.left), (one, Count::default()));
        let young = inventory(&table, &needed, Age { period: Period::days(7), now_ms }).await.unwrap();
        assert_eq!(young.doomed, []);
    }
}
