//! The class algebra, case by case. A table begins with the files `a`, `b`, `c` and `d`; each has ten bytes.

use std::collections::{BTreeMap, BTreeSet};

use lakedr::delta::state::{AddFile, FileKey};
use lakedr::plan::classes::{
    Class, Classes, Decision, RangeError, SkipOptions, ViewError, advance, logical_view, questions,
};

use crate::log::{commit, head, key, lines, show, shown};

const ALL_FEATURES: &str = "deletionVectors rowTracking appendOnly";
/// Bytes of the preimage may be as many as those of the image.
const OPTIONS: SkipOptions = SkipOptions { alpha: 1.01, ..SkipOptions::at(100_000) };

/// A table that a target follows.
struct Followed {
    version: u64,
    live: BTreeMap<FileKey, AddFile>,
    classes: Classes,
    properties: &'static str,
    features: &'static str,
    options: SkipOptions,
    /// Files that the source does not store any more.
    gone: &'static str,
}

impl Followed {
    fn new() -> Self {
        let files = commit(0, "WRITE", &lines("+a:1! +b:1! +c:1! +d:1!")).adds.into_iter().collect();
        let (classes, options) = (Classes::none(0, "t"), OPTIONS);
        Self { version: 0, live: files, classes, properties: "", features: ALL_FEATURES, options, gone: "" }
    }

    /// Commits, and one sync.
    fn sync(&mut self, commits: &[(&str, &str)]) -> Decision {
        let numbered = commits.iter().zip(self.version + 1..);
        let commits: Vec<_> =
            numbered.map(|((operation, files), version)| commit(version, operation, &lines(files))).collect();
        let from = head(self.version, self.features, self.properties);
        self.version += commits.len() as u64;
        let to = head(self.version, self.features, self.properties);
        let known = questions(&self.classes, &commits).unwrap();
        let known = known.iter().filter_map(|key| Some((key.clone(), self.live.get(key)?.clone()))).collect();
        let advanced = advance(&self.classes, &from, &to, &commits, &known, &self.options).unwrap();
        let wanted = advanced.wanted().into_iter().map(|member| member.key().clone());
        let gone: BTreeSet<FileKey> = self.gone.split_whitespace().map(key).collect();
        let exists = wanted.filter(|key| !gone.contains(key)).collect();
        let decision = advanced.decide(&exists);
        for commit in &commits {
            for (key, _) in &commit.removes {
                self.live.remove(key);
            }
            self.live.extend(commit.adds.iter().cloned());
        }
        self.classes = decision.classes.clone();
        decision
    }
}

/// Classes in shorthand: image, then preimage.
fn classes(classes: &Classes) -> String {
    let names = |keys: Vec<&FileKey>| keys.into_iter().map(shown).collect::<Vec<_>>().join(" ");
    let one = |class: &Class| {
        format!("{} = {}", names(class.image().keys().collect()), names(class.preimage().keys().collect()))
    };
    classes.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What a sync came to: the difference, the classes, the reasons of what moves after all.
fn told(decision: &Decision) -> (String, String, String) {
    let reasons = decision.materialised.iter();
    let reasons = reasons.map(|(reason, moved)| format!("{} {reason:?}", moved.files));
    (show(&decision.changes), classes(&decision.classes), reasons.collect::<Vec<_>>().join(", "))
}

/// The commits of each sync; of the last one: difference, classes, reasons.
type Case = (&'static [&'static [(&'static str, &'static str)]], &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    // a compaction stays at home; of a part, of what the range wrote, of a part of partitions
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")]], "", "x = a b", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:1 +y:1")]], "", "x y = a b", ""),
    (&[&[("WRITE", "+e:1!"), ("OPTIMIZE", "-a:1 -e:1 +x:2")]], "+e!", "x = a e", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:1 +y:1")], &[("OPTIMIZE", "-x:1 -c:1 +z:2")]], "", "y z = a b c", ""),
    (&[&[("OPTIMIZE", "-a:1 +x:1")], &[("OPTIMIZE", "-b:1 +y:1")]], "", "x = a; y = b", ""),
    (&[&[("OPTIMIZE", "-a:1 +x:1")], &[("OPTIMIZE", "-x:1 -b:1 +y:2")]], "", "y = a b", ""),
    (&[&[("OPTIMIZE", "-a:1 -b/v:3@p +x:1 +y:2@p")]], "", "x = a; y = b/v", ""),
    // counts
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:3")]], "+x! -a! -b!", "", "1 RowsDiffer"),
    (&[&[("OPTIMIZE", "-a:1 -b:1@p +x:1@p +y:1@q")]], "+x! +y! -a! -b!", "", "2 RowsDiffer"),
    (&[&[("OPTIMIZE", "-a -b +x:2")]], "", "x = a b", ""),
    (&[&[("WRITE", "+e!"), ("OPTIMIZE", "-e +x:2")]], "+x!", "", "1 RowsUnknown"),
    (&[&[("OPTIMIZE", "-a:1 -never +x:1")]], "+x! -a!", "", "1 RowsDiffer"),
    // changes to compacted rows
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("DELETE", "-x:2! +x/v:2!")]], "+x/v! -a! -b!", "", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:1 +y:1")], &[("DELETE", "-x:1!")]], "+y! -a! -b!", "", "1 Changed"),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:1 +y:1")], &[("DELETE", "-x:1! -y:1!")]], "-a! -b!", "", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("RESTORE", "-x:2! +a:1! +b:1!")]], "=a =b", "", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2"), ("RESTORE", "-x:2! +a:1! +b:1!")]], "=a =b", "", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("Manual Update", "+a:1!")]], "=a +x! -b!", "", "1 PathReturned"),
    (
        &[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("REORG", "-c:1 +y:1"), ("OPTIMIZE", "-x:2 +z:2")]],
        "+y! +z -a -b -c!",
        "",
        "1 Rewritten",
    ),
    (&[&[("OPTIMIZE", "-a:2 +a/v:3")]], "~a/v! -a!", "", ""),
    // words about files
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("COMPUTE STATS", "+x:2")]], "", "x = a b", ""),
    (&[&[("COMPUTE STATS", "+a:1"), ("OPTIMIZE", "-a:1 +x:1")]], "", "x = a", ""),
    (&[&[("COMPUTE STATS", "+e:1"), ("OPTIMIZE", "-e:1 +x:1")]], "+e!", "x = e", ""),
    // claims of others
    (&[&[("WRITE", "-a:1 +x:1")]], "+x! -a!", "", ""),
    (&[&[("REORG", "-a:1 +x:1")]], "+x! -a!", "", ""),
    (&[&[("OPTIMIZE", "-a:1 -b:1 +x:2")], &[("REORG", "-c:1 +y:1")]], "+x +y! -a -b -c!", "", "1 Rewritten"),
    (&[&[("OPTIMIZE", "-a:1 +x:1")], &[("DROP FEATURE", "")]], "+x -a", "", "1 Rewritten"),
];

#[test]
fn every_case() {
    for (syncs, changes, left, reasons) in CASES {
        let mut followed = Followed::new();
        let decisions: Vec<Decision> = syncs.iter().map(|commits| followed.sync(commits)).collect();
        let found = told(decisions.last().unwrap());
        assert_eq!(found, ((*changes).to_owned(), (*left).to_owned(), (*reasons).to_owned()), "{syncs:?}");
    }
}

/// What is special about the table; commits; difference, classes, reasons.
type Bound =
    (fn(&mut Followed), &'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

const BOUNDS: &[Bound] = &[
    (|_| (), &[("OPTIMIZE*", "-a:1 +x:1")], "", "x = a", ""),
    (|table| table.properties = TRACKED, &[("OPTIMIZE", "-a:1 +x:1")], "", "x = a", ""),
    (|table| table.properties = TRACKED, &[("OPTIMIZE*", "-a:1 +x:1")], "+x -a", "", "1 RowIdsLost"),
    (|table| table.features = "icebergCompatV2", &[("OPTIMIZE", "-a:1 +x:1")], "+x -a", "", "1 FilesBound"),
    (
        |table| table.features = "appendOnly",
        &[("OPTIMIZE", "-e/v:2 +x:1")],
        "+x -e/v",
        "",
        "1 VectorsForbidden",
    ),
    (
        |table| table.options.max_files = 1,
        &[("OPTIMIZE", "-a:1 -b:1 +x:2")],
        "+x -a -b",
        "",
        "1 TooManyFiles",
    ),
    (|table| table.options.max_age_ms = 98_000, &[("OPTIMIZE", "-a:1 +x:1")], "+x -a", "", "1 TooOld"),
    (|table| table.options.max_age_ms = 99_000, &[("OPTIMIZE", "-a:1 +x:1")], "", "x = a", ""),
    (|table| table.options.alpha = 1.0, FRESH, "+x! -a!", "", "1 NothingSaved"),
    (|table| table.gone = "e", FRESH, "+x! -a!", "", "1 PreimageGone"),
    // an append-only table: what is old and what is new in an image cannot go by one commit
    (|table| table.properties = APPEND_ONLY, FRESH, "+e!", "x = a e", ""),
    (|table| (table.properties, table.options.max_files) = (APPEND_ONLY, 1), FRESH, "+e!", "x = a e", ""),
    (|table| (table.properties, table.gone) = (APPEND_ONLY, "e"), FRESH, "+x! -a", "", "1 PreimageGone"),
    (|table| (table.properties, table.options) = (APPEND_ONLY, EXACT), FRESH, "+x! -a", "", "1 TooManyFiles"),
];

const TRACKED: &str = r#""delta.enableRowTracking":"true""#;
const APPEND_ONLY: &str = r#""delta.appendOnly":"true""#;
const EXACT: SkipOptions = SkipOptions::exact(100_000);
const FRESH: &[(&str, &str)] = &[("WRITE", "+e:1!"), ("OPTIMIZE", "-a:1 -e:1 +x:2")];

#[test]
fn every_bound() {
    for (number, (set, commits, changes, left, reasons)) in BOUNDS.iter().enumerate() {
        let mut followed = Followed::new();
        set(&mut followed);
        let found = told(&followed.sync(commits));
        assert_eq!(found, ((*changes).to_owned(), (*left).to_owned(), (*reasons).to_owned()), "{number}");
    }
}

#[test]
fn an_append_only_table_swaps_once_its_preimage_is_there() {
    let mut followed = Followed::new();
    (followed.properties, followed.options.max_files) = (APPEND_ONLY, 1);
    assert_eq!(show(&followed.sync(FRESH).changes), "+e!");
    let decision = followed.sync(&[("WRITE", "+f:1!")]);
    assert_eq!(told(&decision), ("+f! +x -a -e".into(), String::new(), "1 TooManyFiles".into()));
}

#[test]
fn bytes_that_stay_at_home_are_counted_once() {
    let mut followed = Followed::new();
    let decision = followed.sync(&[("OPTIMIZE", "-a:1 -b:1 +x:1 +y:1")]);
    assert_eq!((decision.skipped_files, decision.skipped_bytes), (2, 20));
    let decision = followed.sync(&[("OPTIMIZE", "-y:1 -c:1 +z:2")]);
    assert_eq!((decision.skipped_files, decision.skipped_bytes), (1, 10));
    assert_eq!(decision.changes.transfer_bytes(), 0);
}

#[test]
fn a_range_that_does_not_fit_is_refused() {
    let (none, known) = (Classes::none(4, "t"), BTreeMap::new());
    let refused = |versions: &[u64], from: u64, to: u64| {
        let commits: Vec<_> = versions.iter().map(|version| commit(*version, "WRITE", &[])).collect();
        let heads = (head(from, "", ""), head(to, "", ""));
        advance(&none, &heads.0, &heads.1, &commits, &known, &OPTIONS).err()
    };
    let gap = |expected, found| Some(RangeError::Gap { expected, found });
    assert_eq!(refused(&[5, 6], 4, 6), None);
    assert_eq!(refused(&[], 4, 4), None);
    assert_eq!(refused(&[6], 4, 6), gap(5, Some(6)));
    assert_eq!(refused(&[5], 4, 6), gap(6, None));
    assert_eq!(refused(&[5, 6, 7], 4, 6), Some(RangeError::Beyond { version: 7, to: 6 }));
    let unbound = RangeError::Unbound { classes: 4, table: "t".to_owned(), from: 5 };
    assert_eq!(refused(&[6], 5, 6), Some(unbound));
}

#[test]
fn classes_of_another_version_do_not_pass_for_a_view() {
    let mut followed = Followed::new();
    let classes = followed.sync(&[("OPTIMIZE", "-a:1 -b:1 +x:2")]).classes;
    assert_eq!(logical_view(&followed.live, &classes).unwrap().len(), 4);
    let mut without = followed.live.clone();
    without.remove(&key("x"));
    assert_eq!(logical_view(&without, &classes).unwrap_err(), ViewError::NotLive { path: "x".into() });
    let mut with = followed.live.clone();
    with.extend(commit(9, "WRITE", &lines("+a:1!")).adds);
    assert_eq!(logical_view(&with, &classes).unwrap_err(), ViewError::StillLive { path: "a".into() });
    let mut other = followed.live.clone();
    other.extend(commit(9, "WRITE", &lines("+x:3!")).adds);
    let rows = ViewError::Rows { path: "x".into(), preimage: Some(2), image: Some(3) };
    assert_eq!(logical_view(&other, &classes).unwrap_err(), rows);
}

#[test]
fn persisted_classes_come_back_byte_for_byte_or_not_at_all() {
    let mut followed = Followed::new();
    let classes = followed.sync(&[("OPTIMIZE", "-a:1 -b:1 +x:2")]).classes;
    let text = serde_json::to_string(&classes).unwrap();
    // Through a reader that knows numbers only as floats, and sorts.
    let sorted: serde_json::Value = serde_json::from_str(&text).unwrap();
    let read: Classes = serde_json::from_str(&sorted.to_string()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    let damages = [
        (r#""format":1"#, r#""format":2"#, "format 2"),
        (r#""format":1"#, r#""format":1,"more":1"#, "unknown field"),
        (r#"\"path\":\"b\""#, r#"\"path\":\"a\""#, "twice"),
        (r#"\"path\":\"b\""#, r#"\"pth\":\"b\""#, "malformed"),
        (r#"[{"add":"{\"path\":\"x"#, r#"[{"remove":"{\"path\":\"x"#, "in an image by a remove"),
    ];
    for (from, to, expected) in damages {
        assert!(text.contains(from), "{text}");
        let error = serde_json::from_str::<Classes>(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
