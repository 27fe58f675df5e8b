"""A bronze, silver, gold workflow: what a real job does to its Delta tables, run after run.

* bronze: partitioned (with values that paths must encode), appended to by every run.
* silver: deletion vectors and column mapping by name; MERGE and DELETE in every run, a column renamed in run 2
  and one dropped in run 3.
* gold: an aggregate, overwritten by every run.

The rows depend on the number of the run alone.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from delta.tables import DeltaTable

ROWS_A_RUN = 2000
# each run brings back half of the ids of the run before it, so that MERGE updates and inserts
NEW_IDS_A_RUN = ROWS_A_RUN // 2
RENAMED_IN_RUN = 2
DROPPED_IN_RUN = 3

TABLES = {
    "cat.raw.bronze": "cat/raw/bronze",
    "cat.stage.silver": "cat/stage/silver",
    "cat.mart.gold": "cat/mart/gold",
}

SILVER_PROPERTIES = {
    "delta.enableDeletionVectors": "true",
    "delta.columnMapping.mode": "name",
    "delta.minReaderVersion": "3",
    "delta.minWriterVersion": "7",
    # small, so that a few runs bring checkpoints, at the source and wherever the table is copied to
    "delta.checkpointInterval": "2",
}


def path_of(root: str, table: str) -> str:
    """Where a table lies: <root>/<catalog>/<schema>/<table>."""
    return f"{root.rstrip('/')}/{TABLES[table]}"


def run(spark: SparkSession, root: str, number: int) -> dict:
    """One whole run; returns the version of each table at its end."""
    append_bronze(spark, root, number)
    return rest_of_run(spark, root, number)


def rest_of_run(spark: SparkSession, root: str, number: int) -> dict:
    """A run from where bronze is written; after half_run it ends as a whole run does."""
    merge_silver(spark, root, number, share=1.0)
    delete_from_silver(spark, root, number)
    change_silver_columns(spark, root, number)
    overwrite_gold(spark, root)
    return versions(spark, root)


def half_run(spark: SparkSession, root: str, number: int) -> dict:
    """A run that is cut short: bronze whole, silver in part, gold not at all."""
    append_bronze(spark, root, number)
    merge_silver(spark, root, number, share=0.5)
    return versions(spark, root)


def versions(spark: SparkSession, root: str) -> dict:
    """The newest version of each table that exists."""
    found = {}
    for table in TABLES:
        path = path_of(root, table)
        if DeltaTable.isDeltaTable(spark, path):
            found[table] = DeltaTable.forPath(spark, path).history(1).first()["version"]
    return found


def orders(spark: SparkSession, number: int) -> DataFrame:
    """The orders that run `number` brings in."""
    first = (number - 1) * NEW_IDS_A_RUN
    ids = spark.range(first, first + ROWS_A_RUN, numPartitions=2)
    places = F.array(*[F.lit(place) for place in ("north", "süd west", "a=b%c")])
    day = F.date_add(F.lit("2026-01-01").cast("date"), (F.col("id") % 3).cast("int"))
    return ids.select(
        "id",
        F.lit(number).alias("run"),
        ((F.col("id") * 37 + number) % 10_000 / 100).cast("decimal(10,2)").alias("amount"),
        F.timestamp_micros(F.lit(1_767_225_600_000_001) + F.col("id") * 1_000_003).alias("ordered_at"),
        F.array(F.concat(F.lit("tag-"), F.col("id") % 5), F.lit(None).cast("string")).alias("tags"),
        F.create_map(F.lit("run"), F.lit(str(number))).alias("attributes"),
        F.when(F.col("id") % 7 != 0, F.concat(F.lit("note “"), F.col("id"), F.lit("”"))).alias("note"),
        day.alias("day"),
        F.element_at(places, ((F.col("id") % 3) + 1).cast("int")).alias("place"),
    )


def append_bronze(spark: SparkSession, root: str, number: int) -> None:
    rows = orders(spark, number).repartition(2)
    rows.write.format("delta").mode("append").partitionBy("day", "place").save(path_of(root, "cat.raw.bronze"))


def merge_silver(spark: SparkSession, root: str, number: int, share: float) -> None:
    """Upserts what bronze got in this run; `share` of it, when the run is to be cut short."""
    path = path_of(root, "cat.stage.silver")
    if not DeltaTable.isDeltaTable(spark, path):
        create_silver(spark, path)
    silver = DeltaTable.forPath(spark, path)
    columns = silver.toDF().columns
    amount = "gross" if "gross" in columns else "amount"
    bronze = spark.read.format("delta").load(path_of(root, "cat.raw.bronze"))
    last = (number - 1) * NEW_IDS_A_RUN + int(ROWS_A_RUN * share)
    news = bronze.where((F.col("run") == number) & (F.col("id") < last)).withColumnRenamed("amount", amount)
    values = {name: f"news.{name}" for name in columns}
    merge = silver.alias("old").merge(news.alias("news"), "old.id = news.id")
    merge.whenMatchedUpdate(set=values).whenNotMatchedInsert(values=values).execute()


def create_silver(spark: SparkSession, path: str) -> None:
    columns = "id BIGINT, run INT, amount DECIMAL(10,2), note STRING"
    properties = ", ".join(f"'{key}' = '{value}'" for key, value in SILVER_PROPERTIES.items())
    spark.sql(f"CREATE TABLE delta.`{path}` ({columns}) USING delta TBLPROPERTIES ({properties})")


def delete_from_silver(spark: SparkSession, root: str, number: int) -> None:
    silver = DeltaTable.forPath(spark, path_of(root, "cat.stage.silver"))
    silver.delete((F.col("run") == number) & (F.col("id") % 11 == 0))


def change_silver_columns(spark: SparkSession, root: str, number: int) -> None:
    path = path_of(root, "cat.stage.silver")
    if number == RENAMED_IN_RUN:
        spark.sql(f"ALTER TABLE delta.`{path}` RENAME COLUMN amount TO gross")
    if number == DROPPED_IN_RUN:
        spark.sql(f"ALTER TABLE delta.`{path}` DROP COLUMN note")


def overwrite_gold(spark: SparkSession, root: str) -> None:
    silver = spark.read.format("delta").load(path_of(root, "cat.stage.silver"))
    amount = "gross" if "gross" in silver.columns else "amount"
    totals = silver.groupBy("run").agg(F.count("*").alias("orders"), F.sum(amount).alias("total"))
    totals.coalesce(1).write.format("delta").mode("overwrite").save(path_of(root, "cat.mart.gold"))
