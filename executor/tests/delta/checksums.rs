//! Version checksums: those of Spark agree with our replay, ours with what they were made from.

use lakedr::delta::checksum::Checksum;
use lakedr::delta::state::TableState;

use crate::clone::{chain, state};
use crate::golden::{Kind, tables};

const EDITED_TIME: &str =
    r#"extra/cdc_ict_table at 1: ["inCommitTimestampOpt: checksum 1783874206883, log 1683874206883"]"#;

/// The versions of a local table that have a checksum.
fn versions(root: &std::path::Path) -> Vec<u64> {
    let files = std::fs::read_dir(root.join("_delta_log")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".crc")?.parse().ok()).collect()
}

fn disagreements(checksum: &[u8], state: &TableState) -> Vec<String> {
    match Checksum::parse(checksum) {
        Ok(checksum) => checksum.disagreements(&state.head, state.files.len() as u64, state.bytes()),
        Err(error) => vec![chain(&error)],
    }
}

#[tokio::test]
async fn every_checksum_of_spark_agrees_with_the_replay() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for table in tables(&[Kind::Copy, Kind::Empty, Kind::LogOnly]) {
        for version in versions(&table.path) {
            let file = table.path.join(format!("_delta_log/{version:020}.crc"));
            let Ok(state) = state(&table.path, Some(version)).await else { continue };
            let found = disagreements(&std::fs::read(file).unwrap(), &state);
            if !found.is_empty() {
                wrong.push(format!("{} at {version}: {found:?}", table.name));
            }
            let ours = Checksum::of(&state.head, state.files.len() as u64, state.bytes());
            assert_eq!(disagreements(ours.text().as_bytes(), &state), Vec::<String>::new());
            checked += 1;
        }
    }
    // Checksums that their makers edited by hand: one describes a table of its own, one has another time than its commit.
    wrong.retain(|line| !line.starts_with("data/crc-full at 0: ") && *line != EDITED_TIME);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked >= 60, "{checked}");
}
