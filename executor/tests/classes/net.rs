//! The plain difference, case by case.

use std::collections::BTreeSet;

use lakedr::plan::classes::{RangeError, net};

use crate::log::{commit, key, lines, show, shown};

/// Operation and file actions of each commit; uncertain files; the difference when none of them was live,
/// and when all were.
type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (&[], "", "", ""),
    (&[("WRITE", "+a! +b!")], "", "+a! +b!", "+a! +b!"),
    (&[("WRITE", "+a!"), ("DELETE", "-a!")], "", "", ""),
    (&[("DELETE", "-a!"), ("RESTORE", "+a!")], "", "=a", "=a"),
    (&[("DELETE", "-a!"), ("RESTORE", "+a!"), ("DELETE", "-a!")], "", "-a!", "-a!"),
    (&[("DELETE", "-a! +a/v!")], "", "~a/v! -a!", "~a/v! -a!"),
    (&[("DELETE", "-a! +a/v!"), ("DELETE", "-a/v! +a/w!")], "", "~a/w! -a!", "~a/w! -a!"),
    (&[("DELETE", "-a! +a/v!"), ("RESTORE", "-a/v! +a!")], "", "=a", "=a"),
    (&[("WRITE", "+a!"), ("DELETE", "-a! +a/v!")], "", "+a/v!", "+a/v!"),
    // compaction, counted; not counted; of what the range wrote; beside an append
    (&[("OPTIMIZE", "-a:1 -b:2 +x:3")], "", "+x -a -b", "+x -a -b"),
    (&[("OPTIMIZE", "-a:1 -b:2 +x:4")], "", "+x! -a! -b!", "+x! -a! -b!"),
    (&[("OPTIMIZE", "-a -b +x:3")], "", "+x! -a! -b!", "+x! -a! -b!"),
    (&[("OPTIMIZE", "-a:1 -b:2 +x:3"), ("OPTIMIZE", "-x -c:1 +y:4")], "", "+y -a -b -c", "+y -a -b -c"),
    (&[("WRITE", "+a:1!"), ("OPTIMIZE", "-a:1 +x:1")], "", "+x!", "+x!"),
    (&[("WRITE", "-a:1 +x:1")], "", "+x! -a!", "+x! -a!"),
    // words about files: their truth is a matter of the state before
    (&[("COMPUTE STATS", "+a:1")], "a", "+a!", "=a"),
    (&[("ROW TRACKING BACKFILL", "+a"), ("OPTIMIZE", "-b:1 +x:1")], "a", "+a! +x! -b!", "=a +x -b"),
    (&[("COMPUTE STATS", "+a:1"), ("OPTIMIZE", "-a:1 +x:1")], "a", "+x!", "+x -a"),
    (&[("WRITE", "+b!"), ("COMPUTE STATS", "+b:1")], "", "+b!", "+b!"),
    (&[("Deletion Vector Tombstones", "-d")], "d", "", "-d!"),
    (&[("OPTIMIZE", "-a:1 +x:1"), ("Manual Update", "+a")], "", "=a +x!", "=a +x!"),
    // writers without a habit
    (&[("Manual Update", "+a!")], "", "+a!", "+a!"),
    (&[("Manual Update", "+a!"), ("DELETE", "-a!")], "a", "", "-a!"),
];

#[test]
fn every_net_effect() {
    for (commits, uncertain, when_absent, when_live) in CASES {
        let numbered = commits.iter().zip(5..);
        let commits: Vec<_> =
            numbered.map(|((operation, files), version)| commit(version, operation, &lines(files))).collect();
        let found = net(&commits).unwrap();
        let asked: Vec<String> = found.uncertain().iter().map(shown).collect();
        assert_eq!(asked.join(" "), *uncertain, "{commits:?}");
        let held = found.uncertain().clone();
        assert_eq!(show(&found.clone().settle(&BTreeSet::new(), false)), *when_absent, "{commits:?}");
        assert_eq!(show(&found.settle(&held, false)), *when_live, "{commits:?}");
    }
}

#[test]
fn append_only_tables_see_no_removes_that_change_data() {
    let commits = [commit(1, "WRITE", &lines("+c:1!")), commit(2, "OPTIMIZE", &lines("-a:1 -c:1 +x:2"))];
    let changes = net(&commits).unwrap().settle(&BTreeSet::new(), true);
    assert_eq!(show(&changes), "+x! -a");
    assert_eq!(changes.transfer_bytes(), 10);
}

#[test]
fn tombstones_are_built_from_the_file_that_the_target_has() {
    let commits = [commit(1, "DELETE", &lines("-a:7! +b:1!")), commit(2, "RESTORE", &lines("+a:8! -b!"))];
    let commits = [&commits[..], &[commit(3, "DELETE", &lines("-a:9!"))]].concat();
    let changes = net(&commits).unwrap().settle(&BTreeSet::new(), false);
    assert_eq!(changes.removes.len(), 1);
    assert!(changes.removes[0].raw.text().contains(r#"numRecords\":7"#), "{changes:?}");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let gap = net(&[commit(1, "WRITE", &[]), commit(3, "WRITE", &[])]);
    assert_eq!(gap.unwrap_err(), RangeError::Gap { expected: 2, found: Some(3) });
    let both = net(&[commit(1, "WRITE", &lines("+a! -a!"))]);
    assert_eq!(both.unwrap_err(), RangeError::BothWays { version: 1, path: "a".to_owned() });
    assert!(net(&[commit(1, "DELETE", &lines("-a! +a/v!"))]).is_ok());
    assert_eq!(key("a/v"), commit(1, "DELETE", &lines("+a/v!")).adds[0].0);
}
