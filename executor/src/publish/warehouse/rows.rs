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
    /// When, in milliseconds since 1970.
    pub(super) committed_at: Option<i64>,
}

/// The newest version of a table but for maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableHead {
    /// The version.
    pub(crate) version: u64,
    /// When it was committed, in milliseconds since 1970; none when the history does not go back so far.
    pub(crate) committed_at: Option<i64>,
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

    /// Whether it can be what a recovery point names, which was made of this version of the landing table: a clone, by
    /// whichever engine the group had then, or what brought an older one back.
    fn can_be_recorded(&self, landing: &str, landed: Option<u64>) -> bool {
        match self.operation.as_str() {
            "RESTORE" => true,
            "CLONE" => !self.clones(landing) || landed.is_none() || self.source_version == landed,
            _ => false,
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
    let rows = history.unwrap_or_default();
    if let Some(author) = slot.after.and_then(|after| made_anew(rows, after, slot.after_committed_at)) {
        return (SlotState::Foreign { author }, None);
    }
    let behind = |row: &&HistoryRow| slot.after.is_none_or(|after| row.version > after);
    let since: Vec<&HistoryRow> = rows.iter().filter(behind).collect();
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

/// Who made a table anew whose newest version was this one; none when nobody has, as far as its history tells.
fn made_anew(rows: &[HistoryRow], version: u64, committed_at: Option<i64>) -> Option<String> {
    let newest = rows.iter().max_by_key(|row| row.version)?;
    let is_other = |row: &&HistoryRow| committed_at.is_some() && row.committed_at != committed_at;
    let other = rows.iter().find(|row| row.version == version).filter(is_other);
    let row = other.or_else(|| (newest.version < version).then_some(newest))?;
    Some(format!("{}, on a table that was made anew", row.described()))
}

/// Where a table of the standby region stands to the newest recovery point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    Absent,
    /// It holds what the recovery point names.
    AtPoint {
        /// Its newest version.
        head: TableHead,
    },
    /// lakedr alone has written to it, but not what the recovery point names.
    Ours {
        /// Its newest version.
        head: TableHead,
    },
    /// Somebody else has written to it.
    Foreign {
        /// The oldest version of theirs.
        version: u64,
        /// Who.
        author: String,
        /// The newest version.
        head: TableHead,
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
    let head = newest.map_or(TableHead { version: version.unwrap_or_default(), committed_at: None }, |row| {
        TableHead { version: row.version, committed_at: row.committed_at }
    });
    let anew = |recorded: u64| {
        let other =
            |row: &&HistoryRow| row.version == recorded && !row.can_be_recorded(landing, landed.flatten());
        made_anew(rows, recorded, None).or_else(|| Some(rows.iter().find(other)?.described()))
    };
    if let Some(author) = version.and_then(anew) {
        let author = format!("somebody who made the table anew ({author})");
        return Standing::Foreign { version: head.version, author, head };
    }
    if version.is_none() && newest.is_none() {
        let author = "somebody whose commits its history has lost".to_owned();
        return Standing::Foreign { version: head.version, author, head };
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

    fn committed_at(version: u64) -> i64 {
        1_000 + i64::try_from(version).unwrap()
    }

    fn head(version: u64) -> TableHead {
        TableHead { version, committed_at: Some(committed_at(version)) }
    }

    fn row(version: u64, operation: &str) -> HistoryRow {
        let author = "somebody".to_owned();
        let operation = operation.to_owned();
        let committed_at = Some(committed_at(version));
        HistoryRow {
            version,
            operation,
            source: None,
            source_version: None,
            restored: None,
            author,
            committed_at,
        }
    }

    fn clone(version: u64, of: u64) -> HistoryRow {
        let source = Some(format!("delta.`{}`", LANDING.replace("s3:", "s3a:")));
        HistoryRow { source, source_version: Some(of), ..row(version, "CLONE") }
    }

    fn slot(after: Option<u64>) -> WarehouseSlot {
        let act = WarehouseAct::Clone { source: LANDING.to_owned(), version: 3 };
        WarehouseSlot { after, after_committed_at: after.map(committed_at), act }
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
    fn a_table_that_was_made_anew_is_somebody_else_s() {
        let slot = slot(Some(7));
        let foreign = |slot: &WarehouseSlot, rows: &[HistoryRow]| {
            matches!(judge(slot, Some(rows)), (SlotState::Foreign { .. }, None))
        };
        let later = |row: HistoryRow| HistoryRow { committed_at: row.committed_at.map(|at| at + 1), ..row };
        assert!(foreign(&slot, &[row(3, "WRITE")]), "fewer versions than the one before it");
        assert!(foreign(&slot, &[later(row(7, "WRITE"))]), "as many");
        assert!(foreign(&slot, &[later(clone(8, 3)), later(row(7, "WRITE"))]), "more");
        // an intent that does not say when tells less
        let unsaid = WarehouseSlot { after_committed_at: None, ..slot.clone() };
        assert!(foreign(&unsaid, &[row(3, "WRITE")]));
        assert_eq!(judge(&unsaid, Some(&[later(row(7, "WRITE"))])), (SlotState::Free, None));
        // a history that was cleaned up, behind the version or as a whole
        assert_eq!(judge(&slot, Some(&[clone(8, 3)])), (SlotState::Filled, Some(8)));
        assert_eq!(judge(&slot, Some(&[])), (SlotState::Free, None));
    }

    #[test]
    fn a_restore_is_told_by_its_version() {
        let slot = WarehouseSlot { act: WarehouseAct::Restore { version: 7 }, ..slot(Some(8)) };
        let restored = |version| HistoryRow { restored: Some(version), ..row(9, "RESTORE") };
        assert_eq!(judge(&slot, Some(&[restored(7), clone(8, 3)])), (SlotState::Filled, Some(9)));
        assert!(matches!(judge(&slot, Some(&[restored(6)])), (SlotState::Foreign { .. }, None)));
    }

    #[test]
    fn where_a_table_stands() {
        let of = |recorded, rows: &[HistoryRow]| standing(LANDING, recorded, Some(rows));
        let point = Some((8, Some(3)));
        assert_eq!(standing(LANDING, point, None), Standing::Absent);
        assert_eq!(of(point, &[clone(8, 3)]), Standing::AtPoint { head: head(8) });
        // its row has been cleaned up, and only maintenance came since
        let unseen = TableHead { version: 8, committed_at: None };
        assert_eq!(of(point, &[]), Standing::AtPoint { head: unseen });
        assert_eq!(of(point, &[clone(9, 3), clone(8, 3)]), Standing::AtPoint { head: head(9) });
        assert_eq!(of(point, &[clone(9, 2), clone(8, 3)]), Standing::Ours { head: head(9) });
        let back = HistoryRow { restored: Some(8), ..row(10, "RESTORE") };
        assert_eq!(of(point, &[back, clone(9, 2), clone(8, 3)]), Standing::AtPoint { head: head(10) });
        assert_eq!(of(None, &[clone(0, 2)]), Standing::Ours { head: head(0) });
        let foreign = |recorded, rows: &[HistoryRow]| match of(recorded, rows) {
            Standing::Foreign { version, .. } => version,
            other => panic!("{other:?}"),
        };
        assert_eq!(foreign(point, &[row(10, "WRITE"), row(9, "MERGE"), clone(8, 3)]), 9);
        assert_eq!(foreign(None, &[row(1, "WRITE"), row(0, "CREATE TABLE")]), 0);
        assert_eq!(foreign(point, &[row(2, "WRITE")]), 2);
        // as many versions as the one that somebody dropped
        assert_eq!(foreign(point, &[row(8, "CREATE TABLE AS SELECT")]), 8);
        assert_eq!(foreign(point, &[clone(8, 2)]), 8);
        // the group was published by lakedr itself when this was recorded
        let native = HistoryRow { source: None, source_version: Some(5), ..clone(8, 3) };
        assert_eq!(of(point, &[native]), Standing::AtPoint { head: head(8) });
        // there has never been a recovery point, and nobody knows what this is
        assert_eq!(foreign(None, &[]), 0);
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
