//! What a SQL warehouse is told, as texts. Pure.
//!
//! No statement of Delta is conditional on the version that it replaces. So it is wrapped in a script that looks at the
//! history of the table first: one that is late, because whoever sent it had been asleep, finds that the table has moved on,
//! or that there is another table of its name, and does nothing. (Databricks SQL, "SQL scripting": warehouses, and runtimes
//! from 16.3 on.)

use lakedr_control::group_log::{WarehouseAct, WarehouseSlot};
use lakedr_control::id::{Name, TableName};

/// Operations that change no rows, which the owner of a managed table runs whenever it likes (predictive optimization).
const MAINTENANCE: &[&str] =
    &["OPTIMIZE", "VACUUM START", "VACUUM END", "REORG", "ANALYZE", "COMPUTE STATISTICS"];

/// Rows of a history that are looked at: what comes behind the recorded version is a handful.
const ROWS: usize = 100;

/// When a version was committed, in milliseconds since 1970: a timestamp as text would depend on the session's time zone.
const COMMITTED_AT: &str = "unix_millis(timestamp)";

/// The columns of a row of [`history`], in their order.
pub(super) const COLUMNS: usize = 8;

/// What tells the statements of a group from all others that a warehouse runs.
pub(super) fn group_mark(group: &Name) -> String {
    format!("lakedr:{group}:")
}

/// What tells the statements of an intent.
pub(super) fn mark(group: &Name, seq: u64) -> String {
    format!("{}{seq}", group_mark(group))
}

/// Whether a text is a statement with this mark, which another one may begin with.
pub(super) fn is_marked(text: &str, mark: &str) -> bool {
    text.contains(&literal(mark))
}

/// The history of a table without its maintenance, newest first.
pub(super) fn history(table: &TableName) -> String {
    format!(
        "SELECT version, operation, operationParameters['source'], operationParameters['sourceVersion'], \
         operationParameters['version'], userName, engineInfo, {COMMITTED_AT} FROM (DESCRIBE HISTORY {}) WHERE {} \
         ORDER BY version DESC LIMIT {ROWS}",
        quoted(table),
        no_maintenance()
    )
}

/// The script of a slot.
pub(super) fn statement(mark: &str, table: &TableName, slot: &WarehouseSlot) -> String {
    // grammars of scripts know no clones in their statements; as a text, each is read by the grammar of Delta
    let act = format!("EXECUTE IMMEDIATE {}", literal(&act(table, slot)));
    let act = match slot.after {
        // fails when there is such a table
        None => format!("  {act};"),
        Some(after) => format!(
            "  IF (SELECT {} FROM (DESCRIBE HISTORY {})) THEN\n    {act};\n  END IF;",
            condition(after, slot.after_committed_at),
            quoted(table)
        ),
    };
    format!("BEGIN\n  DECLARE lakedr_intent STRING DEFAULT {};\n{act}\nEND", literal(mark))
}

/// Whether a table is still the one that was looked at, and nobody has written to it since: of its history.
///
/// A table that was dropped and made anew counts from 0 again. It may have fewer versions than the one before it, or just as
/// many, so the expected version is told by when it was committed. Where the history did not go back to it any more, it does
/// not come back either: whatever is so old is of another table.
fn condition(after: u64, committed_at: Option<i64>) -> String {
    let behind = no_maintenance();
    match committed_at {
        Some(at) => format!(
            "count_if(version = {after} AND {COMMITTED_AT} = {at}) = 1 AND count_if(version > {after} AND {behind}) = 0"
        ),
        None => format!("count_if(version <= {after} OR {behind}) = 0"),
    }
}

fn act(table: &TableName, slot: &WarehouseSlot) -> String {
    let table = quoted(table);
    match &slot.act {
        WarehouseAct::Restore { version } => format!("RESTORE TABLE {table} TO VERSION AS OF {version}"),
        WarehouseAct::Clone { source, version } => {
            let verb = if slot.after.is_some() { "CREATE OR REPLACE TABLE" } else { "CREATE TABLE" };
            format!("{verb} {table} DEEP CLONE delta.{} VERSION AS OF {version}", identifier(source))
        }
    }
}

fn no_maintenance() -> String {
    let operations: Vec<String> = MAINTENANCE.iter().map(|operation| literal(operation)).collect();
    format!("operation NOT IN ({})", operations.join(", "))
}

/// A delimited identifier (Databricks SQL, "Identifiers").
fn identifier(part: &str) -> String {
    format!("`{}`", part.replace('`', "``"))
}

/// A string literal (Databricks SQL, "STRING type").
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn quoted(table: &TableName) -> String {
    table.parts().map(identifier).join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> TableName {
        name.parse().unwrap()
    }

    fn clone(after: Option<u64>) -> WarehouseSlot {
        let source = "s3://dr-west/cat/mart/go`ld".to_owned();
        let after_committed_at = after.map(|_| 1_763_600_000_123);
        WarehouseSlot { after, after_committed_at, act: WarehouseAct::Clone { source, version: 3 } }
    }

    #[test]
    fn texts() {
        let mark = mark(&"etl".parse().unwrap(), 12);
        let gold = table("cat.mart.gold");
        let act = WarehouseAct::Restore { version: 7 };
        let restore = WarehouseSlot { after: Some(8), after_committed_at: Some(1_763_600_000_456), act };
        let texts = [
            statement(&mark, &gold, &clone(None)),
            statement(&mark, &gold, &clone(Some(7))),
            statement(&mark, &gold, &WarehouseSlot { after_committed_at: None, ..clone(Some(7)) }),
            statement(&mark, &gold, &restore),
            history(&gold),
        ];
        insta::assert_snapshot!(texts.join("\n\n"));
    }

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(identifier("a`; DROP TABLE x; `b"), "`a``; DROP TABLE x; ``b`");
        assert_eq!(literal(r"it's \' it"), r"'it\'s \\\' it'");
    }

    #[test]
    fn the_mark_of_one_intent_is_no_part_of_another_s() {
        let group = "etl".parse().unwrap();
        let many = literal(&mark(&group, 120));
        assert!(is_marked(&many, &mark(&group, 120)) && !is_marked(&many, &mark(&group, 12)));
        assert!(many.contains(&group_mark(&group)));
        assert!(!many.contains(&group_mark(&"et".parse().unwrap())));
    }
}
