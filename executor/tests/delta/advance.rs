//! What came since a proven version, and commits that say something else than they should.

use lakedr::delta::json::RawObject;
use lakedr::observe::verify::{Advance, Proof, prove_advance};
use lakedr::plan::diff::{AddAction, RemoveAction};
use lakedr::publish::write_checksum;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clone::{local, store};

const HEAD: &str = concat!(
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
    "\n",
    r#"{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{}}}"#,
    "\n",
);

fn file(path: &str, size: u64) -> Value {
    json!({"path": path, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": true})
}

fn raw(file: &Value) -> RawObject {
    RawObject::parse(&file.to_string()).unwrap()
}

/// A table in a directory, whose first version holds the files `a` and `b`.
struct Made {
    directory: TempDir,
}

impl Made {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::create_dir(directory.path().join("_delta_log")).unwrap();
        let made = Self { directory };
        let adds = ["a", "b"].map(|path| json!({"add": file(path, 1)}).to_string());
        made.commit(0, &format!("{HEAD}{}", adds.join("\n")));
        made
    }

    fn commit(&self, version: u64, body: &str) {
        std::fs::write(self.directory.path().join(format!("_delta_log/{version:020}.json")), body).unwrap();
    }

    /// Proves version 1 from version 0: the source has added `c` and removed `a`.
    async fn proof(&self) -> Proof {
        let root = self.directory.path().canonicalize().unwrap();
        let (target, delta) = (store(&root), local(&root));
        let listing = delta.listing().await.unwrap();
        let proven = delta.snapshot(&listing, Some(0)).await.unwrap().head;
        let advance = Advance {
            target: &target,
            proven: &proven,
            version: 1,
            source: &proven,
            adds: &[AddAction { raw: raw(&file("c", 3)), data_change: true }],
            removes: &[RemoveAction { raw: raw(&file("a", 1)), data_change: true }],
            after: (2, Some(4)),
        };
        prove_advance(advance).await.unwrap().unwrap()
    }
}

fn actions(actions: &[Value]) -> String {
    actions.iter().map(|action| format!("{action}\n")).collect()
}

fn remove(path: &str) -> Value {
    json!({"remove": {"path": path, "deletionTimestamp": 1, "dataChange": true}})
}

#[tokio::test]
async fn a_commit_that_makes_the_difference_is_proven_and_summed_up() {
    let made = Made::new();
    made.commit(1, &actions(&[json!({"add": file("c", 3)}), remove("a")]));
    let proof = made.proof().await;
    assert!(proof.equal(), "{proof:?}");
    assert_eq!(proof.describe(), "equal, 2 file(s) checked, 0 bytes compared, second implementation: agrees");
    let target = store(&made.directory.path().canonicalize().unwrap());
    write_checksum(&target, 1, proof.checksum().unwrap()).await.unwrap();
    let written = target.table().checksum_bytes(1).await.unwrap().unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!((&written["numFiles"], &written["tableSizeBytes"]), (&json!(2), &json!(4)));
}

#[tokio::test]
async fn a_commit_that_says_something_else_is_found_out() {
    let cases: [(&[Value], &[&str]); 5] = [
        (&[remove("a")], &["file `c`: the source adds it, the target's log does not"]),
        (
            &[json!({"add": file("c", 4)}), remove("a")],
            &["file `c`: the target's log says something else of it than the source's"],
        ),
        (&[json!({"add": file("c", 3)})], &["file `a`: the source removes it, the target's log does not"]),
        (
            &[json!({"add": file("c", 3)}), remove("a"), remove("b")],
            &["file `b`: the target's log removes it, the source does not"],
        ),
        (
            &[
                json!({"add": file("c", 3)}),
                remove("a"),
                json!({"add": file("d", 3)}),
                json!({"metaData": {
                    "id": "t", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [],
                    "schemaString": "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}",
                    "configuration": {"delta.appendOnly": "true"}
                }}),
            ],
            &[
                "property `delta.appendOnly`: source absent, target true",
                "file `d`: the target's log adds it, the source does not",
            ],
        ),
    ];
    for (commit, expected) in cases {
        let made = Made::new();
        made.commit(1, &actions(commit));
        let proof = made.proof().await;
        assert_eq!(proof.differences().collect::<Vec<_>>(), expected);
        assert!(!proof.equal() && proof.checksum().is_none());
    }
}
