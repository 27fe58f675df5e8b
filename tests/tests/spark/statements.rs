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
    let [create, replace, restore, history] = texts.as_slice() else { anyhow::bail!("{texts:?}") };
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

    is_at(spark, &[("8", "WRITE"), ("7", "CLONE")])?;
    spark.query(&replace.replace("OF 3", "OF 4"))?;
    ensure!(rows(spark)? == [1, 2, 3], "somebody else has written since");
    is_at(spark, &[("8", "OPTIMIZE"), ("7", "CLONE")])?;
    spark.query("DELETE FROM spark_catalog.mart.gold")?;
    spark.query(&replace.replace("OF 3", "OF 4"))?;
    ensure!(rows(spark)? == [1, 2, 3, 4]);
    spark.query(&restore.replace("OF 7", "OF 0"))?;
    ensure!(rows(spark)? == [1, 2, 3]);
    // also when there is nothing to bring back
    spark.query(&restore.replace("OF 7", "OF 0"))?;

    let told = spark.query("DESCRIBE HISTORY spark_catalog.mart.gold")?;
    let told: Vec<(&str, &Value)> = told
        .iter()
        .map(|row| (row["operation"].as_str().unwrap_or_default(), &row["operationParameters"]))
        .collect();
    let operations: Vec<&str> = told.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, ["RESTORE", "RESTORE", "CLONE", "DELETE", "CLONE"]);
    assert_eq!(told[0].1["version"], "0", "{told:?}");
    assert_eq!(
        (&told[2].1["source"], &told[2].1["sourceVersion"]),
        (&json!("delta.`s3a://lake/go`ld`"), &json!("4"))
    );
    assert_eq!(told[4].1["sourceVersion"], "3", "{told:?}");
    let asked = spark.query(history)?;
    assert_eq!(asked.len(), 1, "maintenance is left out: {asked:?}");
    Ok(())
}

fn rows(spark: &mut Spark) -> Result<Vec<u64>> {
    let rows = spark.query("SELECT x FROM spark_catalog.mart.gold ORDER BY x")?;
    Ok(rows.iter().filter_map(|row| row["x"].as_u64()).collect())
}

/// What the history of the table says, newest first.
fn is_at(spark: &mut Spark, versions: &[(&str, &str)]) -> Result<()> {
    let row = |(version, operation): &(&str, &str)| {
        format!("({version}L, '{operation}', map('source', 'x', 'sourceVersion', '1'), 'somebody', 'engine')")
    };
    let rows: Vec<String> = versions.iter().map(row).collect();
    spark.query(&format!(
        "CREATE OR REPLACE TEMP VIEW history_of_gold AS SELECT * FROM VALUES {} AS \
         t(version, operation, operationParameters, userName, engineInfo)",
        rows.join(", ")
    ))?;
    Ok(())
}
