//! A sender and a receiver on one S3 server, each allowed what examples/staged/policies says and nothing more.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::environment::checkout;
use lakedr_e2e::servers::{ObjectServer as _, Versitygw};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use serde_json::{Value, json};
use tempfile::TempDir;

const WITHIN: Duration = Duration::from_secs(120);
const BUCKETS: [&str; 4] = ["acme-lake-east", "acme-lake-west", "acme-dr-east", "acme-dr-west"];
const USERS: [&str; 4] =
    ["lakedr-sender-east", "lakedr-receiver-east", "lakedr-sender-west", "lakedr-receiver-west"];
const TABLES: [&str; 2] = ["cat.raw.bronze", "cat.mart.gold"];
const HEAD: &str = concat!(
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
    "\n",
    r#"{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"x\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":1}}"#,
    "\n",
);

/// A server with four buckets, their policies, and the users that the policies name.
struct Cloud {
    server: Versitygw,
    users: BTreeMap<&'static str, BTreeMap<String, String>>,
    folder: TempDir,
}

impl Cloud {
    async fn new() -> Result<Self> {
        let server = Versitygw::start()?;
        for bucket in BUCKETS {
            server.create_bucket(bucket).await?;
        }
        let users = USERS.map(|user| Ok((user, server.create_user(user)?)));
        let users = users.into_iter().collect::<Result<_>>()?;
        for bucket in BUCKETS {
            server.put_policy(bucket, &policy(bucket)?).await?;
        }
        Ok(Self { server, users, folder: tempfile::tempdir()? })
    }

    /// Both sides as one user reaches them.
    fn sides(&self, user: &str) -> [Side; 2] {
        ["east", "west"].map(|region| Side {
            region,
            location: format!("s3://acme-dr-{region}"),
            table_root: format!("s3://acme-lake-{region}"),
            options: self.users.get(user).cloned().unwrap_or_default(),
        })
    }

    fn declare(&self) -> Result<Declared> {
        let attributes = json!({"delivery": "staged", "retry":
            {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"}});
        let group = Group {
            name: "etl".to_owned(),
            tables: TABLES.map(str::to_owned).into(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        };
        Declared::in_folder(self.folder.path(), &self.sides(USERS[0]), &[group])
    }

    /// Appends a file to each table of the east: version `version`.
    async fn append(&self, version: u64) -> Result<()> {
        let store = self.server.store("acme-lake-east")?;
        for table in TABLES {
            let root = table.replace('.', "/");
            let rows = format!("rows of {table}, version {version}");
            let name = format!("part-{version}.parquet");
            store.put(&Path::from(format!("{root}/{name}")), PutPayload::from(rows.clone())).await?;
            let add = json!({"add": {"path": name, "partitionValues": {}, "size": rows.len(),
                "modificationTime": 1, "dataChange": true}});
            let commit = if version == 0 { format!("{HEAD}{add}\n") } else { format!("{add}\n") };
            let slot = Path::from(format!("{root}/_delta_log/{version:020}.json"));
            store.put(&slot, PutPayload::from(commit)).await?;
        }
        Ok(())
    }
}

/// The policy of a bucket, as the example has it.
fn policy(bucket: &str) -> Result<Value> {
    let file = checkout().join("examples/staged/policies").join(format!("{bucket}.json"));
    let policy = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    // this server knows users by their access key
    Ok(serde_json::from_str(&policy.replace("arn:aws:iam::111122223333:role/", ""))?)
}

/// One call as a user, in a region; its exit code and what it says of the group.
fn call(cloud: &Cloud, user: &str, region: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let declared = cloud.declare()?.reached_by(&cloud.sides(user));
    let arguments: Vec<&str> = ["--region", region].iter().chain(arguments).copied().collect();
    let outcome = declared.lakedr(&arguments, WITHIN)?;
    let report = outcome.json().with_context(|| format!("{outcome}"))?;
    Ok((outcome.code, report["groups"][0].clone()))
}

async fn bytes(store: &dyn ObjectStore, key: &str) -> Result<bytes::Bytes> {
    Ok(store.get(&Path::from(key)).await?.bytes().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_principal_does_its_half_with_its_own_rights() -> Result<()> {
    let cloud = Cloud::new().await?;
    let (sender, receiver) = ("lakedr-sender-east", "lakedr-receiver-west");
    for version in 0..3 {
        cloud.append(version).await?;
        let (code, landed) = call(&cloud, sender, "east", &["send"])?;
        ensure!((code, &landed["outcome"]) == (Some(0), &json!("landed")), "{landed}");
        assert_eq!(landed["cut"]["tables"][0]["landed_version"], version);
        let (code, idle) = call(&cloud, sender, "east", &["receive"])?;
        ensure!((code, &idle["outcome"]) == (Some(0), &json!("not_due")), "{idle}");
        let (code, published) = call(&cloud, receiver, "west", &["receive"])?;
        ensure!((code, &published["outcome"]) == (Some(0), &json!("published")), "{published}");
        let (code, idle) = call(&cloud, receiver, "west", &["sync"])?;
        ensure!((code, &idle["outcome"]) == (Some(0), &json!("up_to_date")), "{idle}");
    }
    let [east, west] = ["acme-lake-east", "acme-lake-west"].map(|bucket| cloud.server.store(bucket));
    let (east, west) = (east?, west?);
    for (table, version) in TABLES.iter().flat_map(|table| (0..3).map(move |version| (table, version))) {
        let key = format!("{}/part-{version}.parquet", table.replace('.', "/"));
        assert_eq!(bytes(&*east, &key).await?, bytes(&*west, &key).await?, "{key}");
    }
    let (code, status) = call(&cloud, receiver, "west", &["status"])?;
    ensure!(code == Some(0) && status["landed"]["published"] == true, "{status}");
    for (user, region) in [(sender, "east"), (receiver, "west")] {
        let (code, checked) = call(&cloud, user, region, &["validate"])?;
        ensure!(code == Some(0) && checked["valid"] == true, "{checked}");
    }
    Ok(())
}

/// What a principal has no right to, it is denied: nothing of the other half can be done with its credentials.
#[tokio::test(flavor = "multi_thread")]
async fn neither_can_do_the_other_half() -> Result<()> {
    let cloud = Cloud::new().await?;
    let (sender, receiver) = ("lakedr-sender-east", "lakedr-receiver-west");
    cloud.append(0).await?;
    let denied = |(code, report): (Option<i32>, Value)| {
        ensure!(code == Some(4) && report["error"]["type"] == "denied", "{code:?}: {report}");
        Ok(())
    };
    denied(call(&cloud, receiver, "east", &["send"])?)?;
    let (_, landed) = call(&cloud, sender, "east", &["send"])?;
    assert_eq!(landed["outcome"], "landed", "{landed}");
    denied(call(&cloud, sender, "west", &["receive"])?)?;
    let (_, published) = call(&cloud, receiver, "west", &["receive"])?;
    assert_eq!(published["outcome"], "published", "{published}");
    Ok(())
}

/// Rights that are taken away between two calls, and given back: the recovery point stands, and nothing has to be mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_lost_costs_time_and_nothing_else() -> Result<()> {
    let cloud = Cloud::new().await?;
    let (sender, receiver) = ("lakedr-sender-east", "lakedr-receiver-west");
    let held = || -> Result<Value> {
        Ok(call(&cloud, receiver, "west", &["status"])?.1["recovery_point"]["seq"].clone())
    };
    cloud.append(0).await?;
    call(&cloud, sender, "east", &["send"])?;
    let (_, published) = call(&cloud, receiver, "west", &["receive"])?;
    assert_eq!(published["outcome"], "published", "{published}");
    let before = held()?;
    for (run, user, region, half, bucket) in
        [(1, sender, "east", "send", "acme-dr-west"), (2, receiver, "west", "receive", "acme-lake-west")]
    {
        cloud.append(run).await?;
        if half == "receive" {
            call(&cloud, sender, "east", &["send"])?;
        }
        cloud.server.put_policy(bucket, &nobody(bucket)).await?;
        let (code, failed) = call(&cloud, user, region, &[half])?;
        ensure!(code == Some(4) && failed["error"]["type"] == "denied", "{code:?}: {failed}");
        cloud.server.put_policy(bucket, &policy(bucket)?).await?;
        assert_eq!(held()?, before, "{half}");
        let (code, done) = call(&cloud, user, region, &[half])?;
        ensure!(
            code == Some(0) && (done["outcome"] == "landed" || done["outcome"] == "published"),
            "{code:?}: {done}"
        );
    }
    ensure!(held()?.as_u64() > before.as_u64());
    Ok(())
}

/// A policy that lets root in alone: one statement, which allows what nobody asks for.
fn nobody(bucket: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": ["lakedr-sender-east"]},
        "Action": ["s3:GetBucketTagging"], "Resource": [format!("arn:aws:s3:::{bucket}")],
    }]})
}
