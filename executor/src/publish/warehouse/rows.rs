//! What the history of a table says of a slot. Pure.

use lakedr_control::group_log::{WarehouseAct, WarehouseSlot};

use crate::publish::SlotState;

/// A version of a table, as its history has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HistoryRow {
    pub(super) version: u64,
    pub(super) operation: String,
    /// What a clone was made of.
    pub(super) source: Option<String>,
    /// Version of what a clone was made of.
    pub(super) source_version: Option<u64>,
    /// Version that a restore brought back.
    pub(super) restored: Option<u64>,
    /// Who did it.
    pub(super) author: String,
}

impl HistoryRow {
    /// Whether it is a clone of a landing table, of whatever version.
    pub(super) fn clones(&self, landing: &str) -> bool {
        self.operation == "CLONE" && self.source.as_deref().is_some_and(|source| names(source, landing))
    }

    /// Whether it brought a version of the table back.
    fn restores(&self, version: u64) -> bool {
        self.operation == "RESTORE" && self.restored == Some(version)
    }

    /// Whether it is what the slot asks for.
    fn carries_out(&self, act: &WarehouseAct) -> bool {
        match act {
            WarehouseAct::Clone { source, version } => {
                self.clones(source) && self.source_version == Some(*version)
            }
            WarehouseAct::Restore { version } => self.restores(*version),
        }
    }

    /// Who wrote it, and how.
    pub(super) fn described(&self) -> String {
        format!("{}, operation {}", self.author, self.operation)
    }
}

/// Whether the source of a clone, ``delta.`…` ``, is the table at a URL. Engines spell the scheme of one bucket
/// differently.
fn names(source: &str, url: &str) -> bool {
    fn place(url: &str) -> &str {
        url.split_once("://").map_or(url, |(_, place)| place).trim_start_matches('/').trim_end_matches('/')
    }
    let quoted = source.split_once('`').and_then(|(_, rest)| rest.rsplit_once('`'));
    let source = quoted.map_or(source, |(path, _)| path).replace("``", "`");
    let path = source.strip_prefix("file:").unwrap_or(&source);
    place(path) == place(url)
}

/// What a slot holds, by the history of its table without maintenance; none for no table. With the version that holds it,
/// once it is filled.
pub(super) fn judge(slot: &WarehouseSlot, history: Option<&[HistoryRow]>) -> (SlotState, Option<u64>) {
    let behind = |row: &&HistoryRow| slot.after.is_none_or(|after| row.version > after);
    let since: Vec<&HistoryRow> = history.unwrap_or_default().iter().filter(behind).collect();
    if let Some(foreign) =
        since.iter().filter(|row| !row.carries_out(&slot.act)).min_by_key(|row| row.version)
    {
        return (SlotState::Foreign { author: foreign.described() }, None);
    }
    match since.iter().map(|row| row.version).max() {
        None => (SlotState::Free, None),
        Some(version) => (SlotState::Filled, Some(version)),
    }
}

/// Where a table of the standby region stands to the newest recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    Absent,
    /// It holds what the recovery point names.
    AtPoint {
        /// Its newest version.
        head: u64,
    },
    /// lakedr alone has written to it, but not what the recovery point names.
    Ours {
        /// Its newest version.
        head: u64,
    },
    /// Somebody else has written to it.
    Foreign {
        /// The oldest version of theirs.
        version: u64,
        /// Who.
        author: String,
        /// The newest version.
        head: u64,
    },
}

/// Where a table stands. `recorded` is its version at the recovery point, with the version of the landing table that it was
/// made of.
pub(super) fn standing(
    landing: &str,
    recorded: Option<(u64, Option<u64>)>,
    history: Option<&[HistoryRow]>,
) -> Standing {
    let Some(rows) = history else { return Standing::Absent };
    let (version, landed) = recorded.unzip();
    let newest = rows.iter().max_by_key(|row| row.version);
    let head = newest.map_or(version.unwrap_or_default(), |row| row.version);
    if let Some(recorded) = version.filter(|recorded| head < *recorded && newest.is_some()) {
        let author = format!("somebody who made the table anew (it should be at version {recorded})");
        return Standing::Foreign { version: head, author, head };
    }
    let behind = |row: &&HistoryRow| version.is_none_or(|version| row.version > version);
    let mut since: Vec<&HistoryRow> = rows.iter().filter(behind).collect();
    since.sort_by_key(|row| row.version);
    let back = |row: &HistoryRow| version.is_some_and(|version| row.restores(version));
    if let Some(foreign) = since.iter().find(|row| !row.clones(landing) && !back(row)) {
        return Standing::Foreign { version: foreign.version, author: foreign.described(), head };
    }
    let same = |row: &&HistoryRow| {
        back(row) || row.source_version.is_some() && row.source_version == landed.flatten()
    };
    match (version, since.last()) {
        (Some(_), None) => Standing::AtPoint { head },
        (Some(_), Some(last)) if same(last) => Standing::AtPoint { head },
        _ => Standing::Ours { head },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANDING: &str = "s3://dr/cat/mart/gold";

    fn row(version: u64, operation: &str) -> HistoryRow {
        let author = "somebody".to_owned();
        let operation = operation.to_owned();
        HistoryRow { version, operation, source: None, source_version: None, restored: None, author }
    }

    fn clone(version: u64, of: u64) -> HistoryRow {
        let source = Some(format!("delta.`{}`", LANDING.replace("s3:", "s3a:")));
        HistoryRow { source, source_version: Some(of), ..row(version, "CLONE") }
    }

    fn slot(after: Option<u64>) -> WarehouseSlot {
        WarehouseSlot { after, act: WarehouseAct::Clone { source: LANDING.to_owned(), version: 3 } }
    }

    #[test]
    fn a_slot_is_filled_by_what_it_asks_for() {
        let judged = |after, rows: &[HistoryRow]| judge(&slot(after), Some(rows));
        assert_eq!(judge(&slot(None), None), (SlotState::Free, None));
        assert_eq!(judged(Some(7), &[row(7, "WRITE")]), (SlotState::Free, None));
        assert_eq!(judged(Some(7), &[clone(8, 3), row(7, "WRITE")]), (SlotState::Filled, Some(8)));
        // whoever came second found maintenance in between, or did the same again
        assert_eq!(judged(Some(7), &[clone(10, 3), clone(8, 3)]), (SlotState::Filled, Some(10)));
        assert_eq!(judged(None, &[clone(0, 3)]), (SlotState::Filled, Some(0)));
    }

    #[test]
    fn a_slot_is_taken_by_anything_else() {
        let foreign = |after, rows: &[HistoryRow]| match judge(&slot(after), Some(rows)) {
            (SlotState::Foreign { author }, None) => author,
            other => panic!("{other:?}"),
        };
        assert_eq!(foreign(Some(7), &[row(8, "WRITE")]), "somebody, operation WRITE");
        foreign(Some(7), &[clone(9, 3), row(8, "WRITE")]);
        foreign(Some(7), &[row(9, "WRITE"), clone(8, 3)]);
        // a late statement of an older intent
        foreign(Some(7), &[clone(9, 2), clone(8, 3)]);
        foreign(None, &[row(0, "CREATE TABLE")]);
        let elsewhere = HistoryRow { source: Some("delta.`s3://dr/cat/mart/silver`".into()), ..clone(8, 3) };
        foreign(Some(7), &[elsewhere]);
    }

    #[test]
    fn a_restore_is_told_by_its_version() {
        let slot = WarehouseSlot { after: Some(8), act: WarehouseAct::Restore { version: 7 } };
        let restored = |version| HistoryRow { restored: Some(version), ..row(9, "RESTORE") };
        assert_eq!(judge(&slot, Some(&[restored(7), clone(8, 3)])), (SlotState::Filled, Some(9)));
        assert!(matches!(judge(&slot, Some(&[restored(6)])), (SlotState::Foreign { .. }, None)));
    }

    #[test]
    fn where_a_table_stands() {
        let of = |recorded, rows: &[HistoryRow]| standing(LANDING, recorded, Some(rows));
        let point = Some((8, Some(3)));
        assert_eq!(standing(LANDING, point, None), Standing::Absent);
        assert_eq!(of(point, &[clone(8, 3)]), Standing::AtPoint { head: 8 });
        // its row has been cleaned up, and only maintenance came since
        assert_eq!(of(point, &[]), Standing::AtPoint { head: 8 });
        assert_eq!(of(point, &[clone(9, 3), clone(8, 3)]), Standing::AtPoint { head: 9 });
        assert_eq!(of(point, &[clone(9, 2), clone(8, 3)]), Standing::Ours { head: 9 });
        let back = HistoryRow { restored: Some(8), ..row(10, "RESTORE") };
        assert_eq!(of(point, &[back, clone(9, 2), clone(8, 3)]), Standing::AtPoint { head: 10 });
        assert_eq!(of(None, &[clone(0, 2)]), Standing::Ours { head: 0 });
        let foreign = |recorded, rows: &[HistoryRow]| match of(recorded, rows) {
            Standing::Foreign { version, .. } => version,
            other => panic!("{other:?}"),
        };
        assert_eq!(foreign(point, &[row(10, "WRITE"), row(9, "MERGE"), clone(8, 3)]), 9);
        assert_eq!(foreign(None, &[row(1, "WRITE"), row(0, "CREATE TABLE")]), 0);
        assert_eq!(foreign(point, &[row(2, "WRITE")]), 2);
    }

    #[test]
    fn one_place_has_many_spellings() {
        for source in ["delta.`s3a://b/t`", "s3://b/t/", "delta.`s3://b/t`"] {
            assert!(names(source, "s3://b/t"), "{source}");
        }
        assert!(names("delta.`file:/lake/t`", "file:///lake/t"));
        assert!(!names("delta.`s3://b/t2`", "s3://b/t"));
        assert!(!names("cat.raw.t", "s3://b/t"));
    }
}
