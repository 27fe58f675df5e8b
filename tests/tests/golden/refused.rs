//! Tables that must not be cloned, each in a group of its own.

use lakedr_e2e::world::{Group, World};

use crate::set::unpack;

#[test]
fn every_refused_table_says_why_and_its_target_stays_away() {
    let reasons = [
        ("catalog_owned_preview", "feature `catalogManaged`"),
        ("deltalog-invalid-protocol-version", "minReaderVersion 99 is beyond 3"),
        ("missing-metadata", "no metaData action up to version"),
        ("without-protocol", "no protocol action up to version"),
    ];
    let world = World::new().unwrap();
    let mut tables = unpack(&world.source(""), &["refuse?"]);
    // other readers refuse it; its log and files are carried as they are
    tables.retain(|table| table.name != "data/table-with-geo");
    assert_eq!(tables.len(), reasons.len());
    let group = |number: usize| format!("refused-{number}");
    let groups: Vec<Group> =
        tables.iter().enumerate().map(|(number, table)| Group::of(&group(number), &[&table.name])).collect();
    world.declare(&groups).unwrap();

    let synced = world.lakedr(&["sync", "--force"]).unwrap();
    assert!(matches!(synced.code, Some(3 | 4)), "{synced}");
    let report = synced.json().unwrap();
    for (number, table) in tables.iter().enumerate() {
        let (_, reason) = reasons.iter().find(|(name, _)| table.name.contains(name)).unwrap();
        let groups = report["groups"].as_array().unwrap();
        let found = groups.iter().find(|found| found["group"] == group(number).as_str()).unwrap();
        let message = found["error"]["message"].as_str().unwrap_or_else(|| panic!("{}: {found}", table.name));
        assert!(message.contains(reason), "{}: {message}", table.name);
        assert!(!world.target(&table.name).exists(), "{}", table.name);
    }
}
