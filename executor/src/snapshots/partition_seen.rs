//! Which of the chosen partitions there are.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use lakedr_control::id::TableName;

use super::error::SnapshotError;
use super::partition::{Chosen, Partitions};
use crate::delta::json::RawObject;
use crate::observe::snapshot::{Columns, Snapshot};
use crate::observe::table_error::TableError;

/// Partitions that a refusal names.
const NAMED: usize = 5;

/// What was seen of a choice in tables: a value that no file has is most likely one that is misspelt, and bringing nothing
/// back would look like success.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The values that some file has, as they were chosen.
    values: BTreeSet<String>,
    /// Whether some file has one of the values in every column.
    held: bool,
    /// Partitions that there are, by the chosen columns; the last few in the order of their texts.
    some: BTreeSet<String>,
}

impl Seen {
    /// Counts what another table, or its other side, has.
    pub(super) fn add(&mut self, other: Self) {
        self.values.extend(other.values);
        self.held |= other.held;
        other.some.into_iter().for_each(|partition| self.name(partition));
    }

    fn name(&mut self, partition: String) {
        self.some.insert(partition);
        if self.some.len() > NAMED {
            self.some.pop_first();
        }
    }

    /// Counts a file; its partition, to be named if the file is live.
    fn file(&mut self, chosen: &Chosen, file: &RawObject) -> String {
        let (values, partition) = chosen.seen_in(file);
        self.held |= values.len() == chosen.columns();
        self.values.extend(values);
        partition
    }

    /// Looks at all files of a table, also at those that it has removed lately: what a restore has removed was there.
    pub(super) async fn of(chosen: &Chosen, snapshot: &Snapshot) -> Result<Self, TableError> {
        let mut seen = Self::default();
        let mut files = std::pin::pin!(snapshot.files(Columns::All));
        while let Some((_, add)) = files.try_next().await? {
            let partition = seen.file(chosen, &add.raw);
            seen.name(partition);
        }
        let mut removed = std::pin::pin!(snapshot.tombstones());
        while let Some((_, remove)) = removed.try_next().await? {
            // many writers leave out what a removed file was
            if remove.raw.fields().get("partitionValues").is_some() {
                seen.file(chosen, &remove.raw);
            }
        }
        Ok(seen)
    }

    /// Makes sure that every chosen value is there, in some table, and some file with all of them.
    ///
    /// # Errors
    /// [`SnapshotError::NoPartition`]
    pub(super) fn all_of(&self, partitions: &Partitions, tables: &[TableName]) -> Result<(), SnapshotError> {
        let asked = partitions.told();
        let mut missing: Vec<String> =
            asked.iter().filter(|value| !self.values.contains(*value)).cloned().collect();
        if missing.is_empty() && (self.held || asked.is_empty()) {
            return Ok(());
        }
        if missing.is_empty() {
            missing = vec![asked.join(" and ")];
        }
        let known = if self.some.is_empty() {
            "none".to_owned()
        } else {
            self.some.iter().rev().cloned().collect::<Vec<_>>().join("; ")
        };
        let tables = tables.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(SnapshotError::NoPartition { tables, chosen: missing.join(", "), known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_has_is_named_with_what_there_is() {
        let columns = [("date", "date"), ("hour", "integer")];
        let given = |given: &[&str]| {
            Partitions::parse(&given.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        let judge = |asked: &[&str], files: &[(&str, &str)]| {
            let partitions = given(asked);
            let chosen = Chosen::of_columns(&partitions, &columns);
            let mut seen = Seen::default();
            for (date, hour) in files {
                let values =
                    serde_json::json!({"path": "a", "partitionValues": {"date": date, "hour": hour}});
                let mut of_file = Seen::default();
                let partition = of_file.file(&chosen, &RawObject::parse(&values.to_string()).unwrap());
                of_file.name(partition);
                seen.add(of_file);
            }
            seen.all_of(&partitions, &["c.s.t".parse().unwrap()]).map_err(|error| error.to_string())
        };
        let files = [("2026-11-20", "1"), ("2026-11-21", "2")];
        for fine in [&["date=2026-11-20"][..], &["date=2026-11-20", "hour=01"], &["hour=1", "hour=2"]] {
            assert_eq!(judge(fine, &files), Ok(()), "{fine:?}");
        }
        for (asked, told) in [
            (&["date=2026-11-22", "date=2026-11-20"][..], "date=2026-11-22 of"),
            (&["date=2026-11-20", "hour=2"], "date=2026-11-20 and hour=2 of"),
            (&["hour="], "hour= of"),
        ] {
            let error = judge(asked, &files).unwrap_err();
            assert!(error.contains(told) && error.contains("c.s.t"), "{error}");
        }
        let error = judge(&["date=2026-1-1"], &files).unwrap_err();
        assert!(error.contains("date=2026-11-21; date=2026-11-20"), "{error}");
        assert!(judge(&["date=2026-11-20"], &[]).unwrap_err().contains("none"));
        assert_eq!(judge(&[], &files), Ok(()));
    }
}
