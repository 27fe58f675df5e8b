"""Version checksums, as Spark checks them against the state that it reconstructs from the log."""

from pyspark.sql import SparkSession

FATAL = "spark.databricks.delta.checksum.mismatchIsFatal"


def validate(spark: SparkSession, path: str) -> bool:
    """Whether the newest version at `path` has a checksum that is right; one that is wrong is an error."""
    jvm = spark.sparkContext._jvm
    spark.conf.set(FATAL, "true")
    nothing = jvm.scala.Option.empty()
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)
    snapshot = log.update(False, nothing, nothing)
    if not snapshot.checksumOpt().isDefined():
        return False
    context = getattr(getattr(jvm.scala.collection.immutable, "Map$"), "MODULE$").empty()
    return snapshot.validateChecksum(context)
