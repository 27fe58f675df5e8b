//! Run records → attempts. Pure.

use std::collections::BTreeMap;

use lakedr_control::run_record::RunRecord;

use crate::cut::{Attempt, Moment};

/// The attempts that records tell of, in the order of run and attempt.
pub(super) fn attempts<'a>(records: impl IntoIterator<Item = &'a RunRecord>) -> Vec<Attempt> {
    let mut attempts: BTreeMap<(&str, u32), Attempt> = BTreeMap::new();
    for record in records {
        let attempt = attempts.entry((&record.run, record.attempt)).or_insert_with(|| Attempt {
            run: record.run.clone(),
            attempt: record.attempt,
            started: None,
            finished: None,
        });
        let moment = |at| Moment { at, versions: record.versions.clone(), ids: record.table_ids.clone() };
        match (record.ended_at, record.status, record.started_at) {
            (Some(at), Some(status), _) => attempt.finished = Some((moment(at), status)),
            (_, _, Some(at)) => attempt.started = Some(moment(at)),
            _ => {}
        }
    }
    attempts.into_values().collect()
}
