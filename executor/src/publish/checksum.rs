//! Version checksums at the targets: readers check what they replayed against them.

use futures::{StreamExt as _, stream};
use object_store::{Error, PutMode, PutOptions, PutPayload};

use super::bodies::TableBodies;
use crate::delta::checksum::{Checksum, name};
use crate::error::{DataError, chain};
use crate::plan::group::{GroupPlan, TablePlan};

/// Checksums that are written at the same time.
const IN_FLIGHT: usize = 16;

/// Writes the checksum of every new version. Nothing rests on one: a checksum that fails is a debug line.
pub async fn write_checksums(plan: &GroupPlan, written: &[TableBodies]) {
    let writes = plan.tables.iter().zip(written).filter_map(|(table, written)| {
        let head = written.head_after.as_ref()?;
        let (files, bytes) = table.target.after;
        Some((table, head.version, Checksum::of(head, files, bytes?)))
    });
    let writes: Vec<_> = writes.map(|(table, version, checksum)| write(table, version, checksum)).collect();
    stream::iter(writes).buffer_unordered(IN_FLIGHT).collect::<()>().await;
}

async fn write(table: &TablePlan, version: u64, checksum: Checksum) {
    let (path, url) = table.target.table.log_file(&name(version).file_name());
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let put = table.target.table.store.put_opts(&path, PutPayload::from(checksum.text()), options).await;
    match put {
        Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(cause) => {
            let error = DataError { verb: "write", url, cause };
            tracing::debug!(table = %table.name(), "no checksum of version {version}: {}", chain(&error));
        }
    }
}
