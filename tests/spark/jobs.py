"""Writers behind a pipe (pipe.py): jobs that say which run they are, and everybody else. Every row names who wrote it.

    {"command": "create", "path": "…", "properties": {"delta.…": "…"}}
    {"command": "append", "path": "…", "writer": "b"}                  a writer that says nothing of itself
    {"command": "append", "path": "…", "writer": "b", "run": "500"}    a task of run 500 of a job
    {"command": "delete", "path": "…", "writer": "b"}                  deletes what a writer wrote
    {"command": "optimize", "path": "…"}
    {"command": "writers", "path": "…"}                                -> {"ok": {"a": 3, "b": 3}}, rows by writer
    {"command": "rows", "path": "…", "version": 3}                     as in workflow.py

Delta Lake writes `commitInfo.job` from the context that a commit is made with. Databricks fills it; elsewhere no setting does,
but whoever makes a commit through the API of Delta's transactions (`commitLarge`, which RESTORE and CONVERT use) gives one.
"""

import itertools

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import pipe
import rows

ROWS_A_COMMIT = 3
numbers = itertools.count()


def news(spark: SparkSession, writer: str) -> DataFrame:
    """Rows that no other commit has."""
    first = next(numbers) * ROWS_A_COMMIT
    return spark.range(first, first + ROWS_A_COMMIT, numPartitions=1).select("id", F.lit(writer).alias("writer"))


def create(spark: SparkSession, path: str, properties: dict[str, str]) -> None:
    builder = DeltaTable.create(spark).location(path).addColumn("id", "BIGINT").addColumn("writer", "STRING")
    for key, value in properties.items():
        builder = builder.property(key, value)
    builder.execute()


def append(spark: SparkSession, path: str, writer: str, run: str | None) -> None:
    if run is None:
        news(spark, writer).write.format("delta").mode("append").save(path)
    else:
        append_as(spark, path, news(spark, writer), context_of(run))


def context_of(run: str) -> dict[str, str]:
    """The context of a task of a multi-task job: the run of the job is the parent of the task's own run."""
    return {
        "jobId": "1",
        "jobName": "ETL",
        "multitaskParentRunId": run,
        "runId": f"{run}9",
        "jobOwnerId": "7",
        "jobTriggerType": "periodic",
    }


def append_as(spark: SparkSession, path: str, frame: DataFrame, context: dict[str, str]) -> None:
    """Appends through a transaction of Delta Lake that is told what it belongs to."""
    jvm = spark.sparkContext._jvm
    delta = jvm.org.apache.spark.sql.delta
    to_scala = jvm.org.apache.spark.api.python.PythonUtils.toScalaMap
    nothing = jvm.scala.Option.empty()
    append = jvm.org.apache.spark.sql.SaveMode.Append
    operation = getattr(delta, "DeltaOperations$Write")(append, nothing, nothing, nothing)
    transaction = delta.DeltaLog.forTable(spark._jsparkSession, path).startTransaction()
    files = transaction.writeFiles(frame._jdf)
    given = jvm.java.util.HashMap()
    for key, value in context.items():
        given.put(key, value)
    metrics = to_scala(jvm.java.util.HashMap())
    transaction.commitLarge(spark._jsparkSession, files.iterator(), nothing, operation, to_scala(given), metrics)


def writers(spark: SparkSession, path: str) -> dict[str, int]:
    counts = spark.read.format("delta").load(path).groupBy("writer").count().collect()
    return {row["writer"]: row["count"] for row in counts}


def commands(spark: SparkSession, _scratch: str) -> pipe.Commands:
    def optimize(path: str) -> None:
        DeltaTable.forPath(spark, path).optimize().executeCompaction()

    def delete(path: str, writer: str) -> None:
        DeltaTable.forPath(spark, path).delete(F.col("writer") == writer)

    return {
        "create": lambda path, properties: create(spark, path, properties),
        "append": lambda path, writer, run=None: append(spark, path, writer, run),
        "delete": delete,
        "optimize": optimize,
        "writers": lambda path: writers(spark, path),
        "rows": lambda path, version=None: rows.read(spark, path, version),
    }


if __name__ == "__main__":
    pipe.serve(commands)
