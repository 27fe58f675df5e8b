//! One group of all golden tables that can be cloned.

use std::fs;
use std::path::PathBuf;

use lakedr_e2e::judge::{compare, unequal};
use lakedr_e2e::world::{Group, World};

use crate::set::unpack;

fn everything() -> (World, Vec<String>) {
    let world = World::new().unwrap();
    let tables = unpack(&world.source(""), &["copy", "empty"]);
    let names: Vec<String> = tables.into_iter().map(|table| table.name).collect();
    let paths: Vec<&str> = names.iter().map(String::as_str).collect();
    world.declare(&[Group::of("golden", &paths)]).unwrap();
    (world, names)
}

#[test]
fn every_table_is_cloned_and_judged_equal() {
    let (world, names) = everything();
    let synced = world.lakedr(&["sync", "--force"]).unwrap();
    assert_eq!(synced.code, Some(0), "{synced}");
    let report = synced.json().unwrap();
    assert_eq!(report["groups"][0]["outcome"], "published", "{synced}");
    assert_eq!(report["groups"][0]["cut"]["tables"].as_array().unwrap().len(), names.len());

    let verified = world.lakedr(&["verify", "--level", "log"]).unwrap();
    assert_eq!(verified.code, Some(0), "{verified}");

    let pairs: Vec<(PathBuf, PathBuf)> =
        names.iter().map(|name| (world.source(name), world.target(name))).collect();
    let judged = compare(&pairs).unwrap();
    assert_eq!(unequal(&judged).unwrap(), Vec::<String>::new());
    assert_eq!(judged.code, Some(0), "{judged}");

    let again = world.lakedr(&["sync", "--force"]).unwrap();
    assert_eq!(again.json().unwrap()["groups"][0]["outcome"], "up_to_date", "{again}");
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let world = World::new().unwrap();
    let name = "golden_data/snapshot-data3/snapshot-data3/delta".to_owned();
    unpack(&world.source(""), &["copy"]);
    world.declare(&[Group::of("golden", &[&name])]).unwrap();
    let synced = world.lakedr(&["sync", "--force"]).unwrap();
    assert_eq!(synced.code, Some(0), "{synced}");
    let pair = [(world.source(&name), world.target(&name))];
    assert_eq!(unequal(&compare(&pair).unwrap()).unwrap(), Vec::<String>::new());

    let commit = world.target(&name).join("_delta_log/00000000000000000000.json");
    let body = fs::read_to_string(&commit).unwrap();
    let last = body.lines().rfind(|line| line.starts_with("{\"add\"")).unwrap();
    fs::write(&commit, body.replace(&format!("{last}\n"), "")).unwrap();
    let judged = compare(&pair).unwrap();
    assert_eq!(judged.code, Some(1), "{judged}");
    let verdict = judged.json().unwrap();
    assert_eq!(verdict["pairs"][0]["outcome"], "different", "{judged}");
    let facets = verdict["pairs"][0]["differences"].as_array().unwrap();
    for facet in ["files", "rows"] {
        assert!(facets.iter().any(|found| found["facet"] == facet), "{judged}");
    }

    fs::remove_file(&commit).unwrap();
    let judged = compare(&pair).unwrap();
    assert_eq!((judged.code, &judged.json().unwrap()["counts"]["unreadable"]), (Some(1), &1.into()));
}
