//! The statements that lakedr sends to SQL warehouses, carried out by Spark: the texts are those of the snapshot test. Spark
//! differs from Databricks in three ways that are put right first: its clones are shallow, they replace empty tables only, and
//! `DESCRIBE HISTORY` is no relation.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::checkout;
use lakedr_e2e::spark::Spark;
use serde_json::{Value, json};

const TEXTS: &str =
    "executor/src/publish/warehouse/snapshots/lakedr__publish__warehouse__script__tests__texts.snap";
const LANDING: &str = "s3a://lake/go`ld";

fn texts() -> Result<Vec<String>> {
    let snapshot = std::fs::read_to_string(checkout().join(TEXTS))?;
    let (_, texts) = snapshot.split_once("\n---\n").context("the header of the snapshot")?;
    let for_spark = |text: &str| {
        let text = text
            .replace("DEEP CLONE", "SHALLOW CLONE")
            .replace("s3://dr-west/cat/mart/go``ld", "s3a://lake/go``ld");
        let text = text.replace("(DESCRIBE HISTORY `cat`.`mart`.`gold`)", "history_of_gold");
        text.replace("`cat`.`mart`.`gold`", "`spark_catalog`.`mart`.`gold`")
    };
    Ok(texts.trim().split("\n\n").map(for_spark).collect())
}

/// Has Spark carry out each of them, on the bucket `lake`.
pub(crate) fn carried_out(spark: &mut Spark) -> Result<()> {
    let texts = texts()?;
    let [create, replace, replace_of_old, restore, history] = texts.as_slice() else {
        anyhow::bail!("{texts:?}")
    };
    let source = format!("delta.`{}`", LANDING.replace('`', "``"));
    spark.query("SET spark.sql.scripting.enabled = true")?;
    spark.query("CREATE DATABASE mart LOCATION 's3a://lake/mart'")?;
    spark.query(&format!("CREATE TABLE {source} (x BIGINT) USING delta"))?;
    for version in 1..=3 {
        spark.query(&format!("INSERT INTO {source} VALUES ({version})"))?;
    }

    spark.query(create)?;
    ensure!(rows(spark)? == [1, 2, 3]);
    assert!(spark.query(create).is_err(), "a table that is there is not replaced");
    spark.query(&format!("INSERT INTO {source} VALUES (4)"))?;

    // nothing of it does anything to a table that is not the one that was looked at, as it was then
    let moved_on: [&[Row<'_>]; 6] = [
        &[(8, "WRITE", LATER), (7, "CLONE", SEEN)],
        // made anew: fewer versions, as many, more, none but maintenance
        &[(3, "WRITE", LATER)],
        &[(7, "WRITE", LATER), (6, "WRITE", LATER)],
        &[(8, "OPTIMIZE", LATER), (7, "CLONE", LATER)],
        &[(9, "OPTIMIZE", LATER), (6, "OPTIMIZE", LATER)],
        &[],
    ];
    for history in moved_on {
        is_at(spark, history)?;
        spark.query(&replace.replace("OF 3", "OF 4"))?;
        ensure!(rows(spark)? == [1, 2, 3], "{history:?}");
    }
    // where the history did not go back to the version, it must not come back
    for history in [[(7, "CLONE", SEEN)], [(8, "WRITE", LATER)], [(3, "OPTIMIZE", LATER)]] {
        is_at(spark, &history)?;
        spark.query(&replace_of_old.replace("OF 3", "OF 4"))?;
        ensure!(rows(spark)? == [1, 2, 3], "{history:?}");
    }
    spark.query("DELETE FROM spark_catalog.mart.gold")?;
    is_at(spark, &[(9, "OPTIMIZE", LATER)])?;
    spark.query(&replace_of_old.replace("OF 3", "OF 4"))?;
    ensure!(rows(spark)? == [1, 2, 3, 4]);
    spark.query("DELETE FROM spark_catalog.mart.gold")?;
    is_at(spark, &[(8, "OPTIMIZE", LATER), (7, "CLONE", SEEN)])?;
    spark.query(replace)?;
    ensure!(rows(spark)? == [1, 2, 3]);
    is_at(spark, &[(8, "CLONE", SEEN_BROKEN)])?;
    spark.query(&restore.replace("OF 7", "OF 0"))?;
    ensure!(rows(spark)? == [1, 2, 3]);
    // also when there is nothing to bring back
    spark.query(&restore.replace("OF 7", "OF 0"))?;

    let told = spark.query("DESCRIBE HISTORY spark_catalog.mart.gold")?;
    ensure!(told.iter().all(|row| row["timestamp"].is_string()), "a timestamp each: {told:?}");
    let told: Vec<(&str, &Value)> = told
        .iter()
        .map(|row| (row["operation"].as_str().unwrap_or_default(), &row["operationParameters"]))
        .collect();
    let operations: Vec<&str> = told.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, ["RESTORE", "RESTORE", "CLONE", "DELETE", "CLONE", "DELETE", "CLONE"]);
    assert_eq!(told[0].1["version"], "0", "{told:?}");
    assert_eq!(
        (&told[2].1["source"], &told[2].1["sourceVersion"]),
        (&json!("delta.`s3a://lake/go`ld`"), &json!("3"))
    );
    assert_eq!(told[4].1["sourceVersion"], "4", "{told:?}");
    let asked = spark.query(history)?;
    assert_eq!(asked.len(), 1, "maintenance is left out: {asked:?}");
    Ok(())
}

fn rows(spark: &mut Spark) -> Result<Vec<u64>> {
    let rows = spark.query("SELECT x FROM spark_catalog.mart.gold ORDER BY x")?;
    Ok(rows.iter().filter_map(|row| row["x"].as_u64()).collect())
}

/// A version, its operation, and when it was committed in milliseconds.
type Row<'a> = (u64, &'a str, u64);

/// When the versions were committed that the texts know.
const SEEN: u64 = 1_763_600_000_123;
const SEEN_BROKEN: u64 = 1_763_600_000_456;
const LATER: u64 = 1_763_600_009_000;

/// What the history of the table says, newest first.
fn is_at(spark: &mut Spark, versions: &[Row<'_>]) -> Result<()> {
    let row = |(version, operation, at): &Row<'_>| {
        format!(
            "({version}L, timestamp_millis({at}), '{operation}', map('source', 'x', 'sourceVersion', '1'), 'somebody', \
             'engine')"
        )
    };
    let nothing = [(0, "none", 0)];
    let rows: Vec<String> = if versions.is_empty() { &nothing } else { versions }.iter().map(row).collect();
    let wanted = if versions.is_empty() { "FALSE" } else { "TRUE" };
    spark.query(&format!(
        "CREATE OR REPLACE TEMP VIEW history_of_gold AS SELECT * FROM VALUES {} AS \
         t(version, timestamp, operation, operationParameters, userName, engineInfo) WHERE {wanted}",
        rows.join(", ")
    ))?;
    Ok(())
}
