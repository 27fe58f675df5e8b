//! Real Spark: first that it writes to the S3 server of the tests and reads back what it wrote, and that it understands what
//! SQL warehouses are told, and that snapshots of what it writes show it its rows; then the story that leans on it.

mod quarter;
mod statements;
mod story;

use anyhow::Result;
use lakedr_e2e::servers::{ObjectServer as _, Versitygw};
use lakedr_e2e::spark::Spark;

const SILVER: &str = "s3a://lake/cat/stage/silver";

#[tokio::test]
async fn spark_writes_to_s3_and_the_rows_come_back() -> Result<()> {
    let server = Versitygw::start()?;
    server.create_bucket("lake").await?;
    let mut spark = Spark::start()?;
    spark.connect(&server, "lake")?;

    let first = spark.run("s3a://lake", 1)?;
    assert_eq!(first.keys().collect::<Vec<_>>(), ["cat.mart.gold", "cat.raw.bronze", "cat.stage.silver"]);
    let after_first = spark.rows(SILVER, None)?;
    // 2000 orders, of which those with an id divisible by 11 are deleted
    assert_eq!(after_first.count, 1818);
    assert_eq!(spark.rows("s3a://lake/cat/raw/bronze", None)?.count, 2000);

    let half = spark.half_run("s3a://lake", 2)?;
    assert_eq!(half["cat.mart.gold"], first["cat.mart.gold"], "a half run does not reach gold");
    assert!(half["cat.raw.bronze"] > first["cat.raw.bronze"]);
    assert_eq!(spark.versions("s3a://lake")?, half);
    assert_ne!(spark.rows(SILVER, None)?, after_first);
    assert_eq!(spark.rows(SILVER, Some(first["cat.stage.silver"]))?, after_first);

    let log = server.bucket_dir("lake").join("cat/stage/silver/_delta_log");
    let commit = std::fs::read_to_string(log.join(format!("{:020}.json", first["cat.stage.silver"])))?;
    assert!(commit.contains("\"deletionVector\""), "DELETE wrote no deletion vector: {commit}");

    let missing = spark.rows("s3a://lake/nothing", None).unwrap_err().to_string();
    assert!(missing.contains("PATH_NOT_FOUND"), "{missing}");
    statements::carried_out(&mut spark)?;
    quarter::of_snapshots(&mut spark)
}
