//! Delta tables below one root, on disk or in an object store: create, append, replace, count.

use std::path::Path as FilePath;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use deltalake::arrow::record_batch::RecordBatch;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, StructField, Transaction};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::{DeltaWriter as _, RecordBatchWriter};
use deltalake::{DeltaTable, ObjectStore};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

/// What a table is when it is made.
pub(crate) struct Table {
    /// `catalog.schema.table`.
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<StructField>,
    pub(crate) partitioned_by: &'static [&'static str],
}

/// Version and rows of a table at its latest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) version: u64,
    pub(crate) rows: usize,
}

/// A lake: the folder or bucket below which the tables lie, `<root>/<catalog>/<schema>/<table>`.
pub(crate) struct Lake {
    root: Url,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Lake {
    /// Opens a directory, which is made if need be, or a URL.
    pub(crate) fn open(root: &str) -> Result<Self> {
        let root = match Url::parse(root) {
            Ok(url) => url,
            Err(_) => directory_url(FilePath::new(root))?,
        };
        let (store, prefix) =
            object_store::parse_url_opts(&root, std::env::vars()).with_context(|| format!("open {root}"))?;
        Ok(Self { root, store: Arc::from(store), prefix })
    }

    fn log_store(&self, name: &str) -> Result<LogStoreRef> {
        let path = name.replace('.', "/");
        let place = Path::from(format!("{}/{path}", self.prefix));
        let url = Url::parse(&format!("{}/{path}/", self.root.as_str().trim_end_matches('/')))?;
        let table: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(&self.store), place));
        Ok(default_logstore(table, Arc::clone(&self.store), &url, &StorageConfig::default()))
    }

    /// The table at its latest version, made if it is not there.
    async fn load(&self, table: &Table) -> Result<DeltaTable> {
        let log_store = self.log_store(table.name)?;
        if log_store.is_delta_table_location().await? {
            let mut loaded = DeltaTable::new(log_store);
            loaded.load().await.with_context(|| format!("load {}", table.name))?;
            return Ok(loaded);
        }
        CreateBuilder::new()
            .with_log_store(log_store)
            .with_columns(table.columns.iter().cloned())
            .with_partition_columns(table.partitioned_by.iter().copied())
            .await
            .with_context(|| format!("create {}", table.name))
    }

    /// Appends the rows of run `number`, once: a run that is called again finds its own mark in the table.
    pub(crate) async fn append(&self, table: &Table, rows: RecordBatch, number: u32) -> Result<()> {
        const WRITER: &str = "example-workflow";
        let mut loaded = self.load(table).await?;
        let last = loaded.snapshot()?.transaction_version(loaded.log_store().as_ref(), WRITER).await?;
        if last.is_some_and(|last| last >= i64::from(number)) {
            return Ok(());
        }
        let mark = Transaction::new(WRITER, i64::from(number));
        let properties = CommitProperties::default().with_application_transaction(mark);
        let mut writer = RecordBatchWriter::for_table(&loaded)?.with_commit_properties(properties);
        writer.write(rows).await?;
        writer.flush_and_commit(&mut loaded).await.with_context(|| format!("append to {}", table.name))?;
        Ok(())
    }

    /// Replaces the files whose value of the partition column is among `replaced`; all files, without one.
    pub(crate) async fn replace(
        &self,
        table: &Table,
        rows: RecordBatch,
        replaced: Option<(&str, &[String])>,
    ) -> Result<()> {
        let loaded = self.load(table).await?;
        let snapshot = loaded.snapshot()?;
        let goes = |values: std::collections::HashMap<String, Option<String>>| match replaced {
            None => true,
            Some((column, among)) => {
                values.get(column).and_then(Option::as_ref).is_some_and(|v| among.contains(v))
            }
        };
        let old = snapshot.log_data();
        let old = old.iter().filter(|file| goes(file.partition_values_map()));
        let mut actions: Vec<Action> = old.map(|file| Action::Remove(file.remove_action(true))).collect();
        let mut writer = RecordBatchWriter::for_table(&loaded)?;
        writer.write(rows).await?;
        actions.extend(writer.flush().await?.into_iter().map(Action::Add));
        let partition_by = table.partitioned_by.iter().map(|&column| column.to_owned()).collect::<Vec<_>>();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: (!partition_by.is_empty()).then_some(partition_by),
            predicate: None,
        };
        CommitBuilder::default()
            .with_actions(actions)
            .build(Some(snapshot), loaded.log_store(), operation)
            .await
            .with_context(|| format!("replace rows of {}", table.name))?;
        Ok(())
    }

    /// What the table holds; `None` where there is none.
    pub(crate) async fn held(&self, name: &str) -> Result<Option<Held>> {
        let log_store = self.log_store(name)?;
        if !log_store.is_delta_table_location().await? {
            return Ok(None);
        }
        let mut table = DeltaTable::new(log_store);
        table.load().await.with_context(|| format!("load {name}"))?;
        let snapshot = table.snapshot()?;
        let counts: Option<Vec<usize>> = snapshot.log_data().iter().map(|file| file.num_records()).collect();
        let rows = counts.with_context(|| format!("{name} has a file without numRecords"))?.iter().sum();
        Ok(Some(Held { version: snapshot.version(), rows }))
    }
}

fn directory_url(dir: &FilePath) -> Result<Url> {
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    Url::from_directory_path(&dir).map_err(|()| anyhow::anyhow!("{} is no absolute path", dir.display()))
}
