//! A store that deletes nothing: object lock, or a right that somebody does not have.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::lake;
use lakedr_e2e::running::Outcome;
use lakedr_e2e::servers::{ObjectServer as _, Versitygw};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
const TABLE: &str = "cat.raw.bronze";
const KEEPER: &str = "lakedr-keeper";

/// A schedule that copies a table of the east to the west, and keeps one snapshot.
fn declare(folder: &Path, sides: &[Side; 2]) -> Result<Declared> {
    let group =
        Group { name: "other".to_owned(), tables: vec!["cat.raw.other".to_owned()], ..Group::default() };
    let declared = Declared::in_folder(folder, sides, &[group])?;
    let schedule = json!({
        "name": "weekly", "mode": "incremental",
        "source": {"region": "east", "table_root": sides[0].table_root, "tables": [{"name": TABLE}]},
        "target": {"location": "west", "prefix": "copies"},
        "schedule": {"interval": "7d"}, "retention": {"keep_last": 1},
    });
    declared.add_schedule(&schedule)?;
    Ok(declared)
}

/// Everything but deleting.
fn policy(bucket: &str) -> Value {
    let allow = |actions: &[&str], resource: String| json!({"Effect": "Allow", "Principal": {"AWS": [KEEPER]}, "Action": actions, "Resource": [resource]});
    json!({"Version": "2012-10-17", "Statement": [
        allow(&["s3:ListBucket", "s3:ListBucketMultipartUploads"], format!("arn:aws:s3:::{bucket}")),
        allow(&["s3:GetObject", "s3:PutObject"], format!("arn:aws:s3:::{bucket}/*")),
    ]})
}

fn schedule(outcome: &Outcome) -> Result<Value> {
    Ok(outcome.json().with_context(|| format!("{outcome}"))?["schedules"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_delete_is_told_and_tried_again() -> Result<()> {
    let (server, folder) = (Versitygw::start()?, tempfile::tempdir()?);
    for bucket in ["lake-east", "lake-west", "dr-east", "dr-west"] {
        server.create_bucket(bucket).await?;
    }
    let keeper = server.create_user(KEEPER)?;
    for bucket in ["lake-east", "dr-east", "dr-west"] {
        server.put_policy(bucket, &policy(bucket)).await?;
    }
    let sides = |options: &std::collections::BTreeMap<String, String>| {
        ["east", "west"].map(|region| Side {
            region,
            location: format!("s3://dr-{region}"),
            table_root: format!("s3://lake-{region}"),
            options: options.clone(),
        })
    };
    let declared = declare(folder.path(), &sides(&keeper))?;
    let everything = declared.reached_by(&sides(&server.options()));
    let take = || -> Result<Value> {
        // a snapshot of a list of tables shows an instant that the clocks of all writers have passed
        std::thread::sleep(Duration::from_secs(4));
        schedule(&declared.lakedr(&["snapshot", "take", "--force"], WITHIN)?)
    };

    let table = server.bucket_dir("lake-east").join(TABLE.replace('.', "/"));
    lake::append(&table, "one")?;
    lake::append(&table, "two")?;
    let first = take()?;
    ensure!(first["outcome"] == "taken", "{first}");
    // the file of the second version is of no more use to anybody
    lake::restore(&table, 0)?;
    let newest = take()?["snapshot"].as_str().context("an id")?.to_owned();

    let refused = declared.lakedr(&["snapshot", "prune"], WITHIN)?;
    let report = schedule(&refused)?;
    ensure!(refused.code == Some(4) && report["refused"].as_u64() > Some(0), "{refused}");
    ensure!(report["removed"].as_array().map(Vec::len) == Some(1), "{report}");
    let text = report["said"].to_string().to_lowercase();
    ensure!(text.contains("denied") || text.contains("403") || text.contains("permission"), "{report}");
    let again = everything.lakedr(&["snapshot", "prune"], WITHIN)?;
    let report = schedule(&again)?;
    ensure!(again.code == Some(0) && report["refused"] == 0, "{again}");
    ensure!(
        report["deleted"]["files"].as_u64().or(report["deleted"]["objects"].as_u64()) > Some(0),
        "{report}"
    );
    let proof = everything.lakedr(&["verify", "--snapshot", &newest, "--level", "size"], WITHIN)?;
    ensure!(proof.code == Some(0), "{proof}");
    Ok(())
}
