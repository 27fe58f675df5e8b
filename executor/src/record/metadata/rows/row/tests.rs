use bytes::Bytes;
use lakedr_control::cut::{CutRun, Pin};
use lakedr_control::group_log::Author;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::record::reader::RowIter;

use super::super::columns::{COLUMNS, SYNC_METADATA};
use super::super::encode;
use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_161_600 + second, 0).unwrap()
}

fn role(active: &str, standby: &str) -> Role {
    Role { active: active.to_owned(), standby: standby.to_owned() }
}

fn cut() -> Cut {
    let run = CutRun { id: "123".to_owned(), ended_at: at(0) };
    let pin = |name: &str, source_version| Pin {
        table: name.parse().unwrap(),
        source_table_id: "id".to_owned(),
        source_version,
    };
    let mut cut = Cut::of_run(&"etl".parse().unwrap(), run, vec![pin("c.s.a", 7), pin("c.s.b", 2)]);
    for (table, bytes) in cut.tables.iter_mut().zip([1_000, 24]) {
        (table.target_version, table.files_copied, table.bytes_copied) = (Some(3), 2, bytes);
    }
    cut
}

fn entry(seq: u64, epoch: u64, event: Event) -> Entry {
    let by = Author { executor: "0.1.0".to_owned(), host: "box".to_owned(), run: "call".to_owned() };
    let at = at(i64::try_from(seq).unwrap());
    Entry { format: 1, group: "etl".parse().unwrap(), seq, epoch, at, by, event }
}

fn log() -> Vec<Entry> {
    let intent = |kind| Event::Intent {
        kind,
        replaces: None,
        spec_digest: "sha256:1".to_owned(),
        cut: cut(),
        slots: Vec::new(),
    };
    let published = |intent| Event::Published { intent, cut: cut(), publish_window_ms: 12 };
    vec![
        entry(1, 1, Event::Created { spec_digest: "sha256:1".to_owned(), role: role("east", "west") }),
        entry(
            2,
            1,
            Event::Failed {
                attempt: 2,
                stage: "copy".to_owned(),
                class: FailureClass::Unreachable,
                message: "no answer".to_owned(),
            },
        ),
        entry(3, 1, Event::Landed { spec_digest: "sha256:1".to_owned(), cut: cut() }),
        entry(4, 1, intent(IntentKind::Publish)),
        entry(5, 1, published(4)),
        entry(
            6,
            2,
            Event::Role {
                role: role("west", "east"),
                from: Some(5),
                approved_by: "me".to_owned(),
                plan: None,
            },
        ),
        entry(7, 2, intent(IntentKind::Restore)),
        entry(8, 2, published(7)),
    ]
}

fn declared(active: &str) -> Declared {
    Declared { workspace_name: Some(format!("ws-{active}")), ..Declared::default() }
}

#[test]
fn a_row_for_each_entry_that_people_ask_for() {
    let rows = rows(&log(), &BTreeMap::new(), &role("west", "east"), declared);
    insta::assert_json_snapshot!(rows);
}

#[test]
fn a_stretch_gives_the_rows_that_the_whole_log_gives() {
    let (log, behind) = (log(), role("west", "east"));
    let whole = rows(&log, &BTreeMap::new(), &behind, declared);
    for known in 0..log.len() {
        let intents = log[..known].iter().map(|entry| (entry.seq, entry.clone())).collect();
        let some = rows(&log[known..], &intents, &behind, declared);
        let expected: Vec<Row> = whole.iter().filter(|row| row.seq > known as u64).cloned().collect();
        assert_eq!(some, expected, "behind entry {known}");
    }
}

#[test]
fn a_row_has_every_column_and_no_other_field() {
    let Value::Object(row) = serde_json::to_value(Row::default()).unwrap() else { panic!("an object") };
    let mut columns: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    columns.sort_unstable();
    let mut fields: Vec<&str> = row.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, columns);
}

#[test]
fn a_file_holds_the_rows_and_their_types() {
    let rows = rows(&log(), &BTreeMap::new(), &role("west", "east"), declared);
    let bytes = Bytes::from(encode(SYNC_METADATA, &rows).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr().root_schema().clone();
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, &schema);
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
    let read = parquet::file::reader::SerializedFileReader::new(bytes).unwrap();
    let read: Vec<String> =
        RowIter::from_file_into(Box::new(read)).map(|row| row.unwrap().to_string()).collect();
    assert_eq!(read.len(), rows.len());
    assert!(read[0].contains("error_class: \"unreachable\""), "{}", read[0]);
}
