"""A Spark session with Delta Lake that needs no network but the object stores it is pointed at."""

import glob
import os

from pyspark.sql import SparkSession


def start(jars: str, scratch: str, more: dict[str, str]) -> SparkSession:
    """Starts Spark on this machine; `jars` is target/tools/jars, `scratch` a folder that may be filled, `more` are
    settings on top of those that every story has."""
    paths = sorted(glob.glob(os.path.join(jars, "*.jar")))
    if not paths:
        raise SystemExit(f"no jars in {jars}: run `cargo xtask tools`")
    settings = {
        "spark.jars": ",".join(paths),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": os.path.join(scratch, "warehouse"),
        "spark.local.dir": os.path.join(scratch, "local"),
        "spark.sql.session.timeZone": "UTC",
        # loopback only, and no page to look at
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        # the tables are small
        "spark.driver.memory": "1g",
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        # and read once: compiling a query, for Spark or for the machine, costs more than it saves. A quarter of the CPU time
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.buffer.dir": os.path.join(scratch, "s3a"),
    }
    builder = SparkSession.builder.master("local[2]").appName("lakedr-stories")
    for key, value in (settings | more).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    return spark


def connect_bucket(spark: SparkSession, bucket: str, endpoint: str, access_key: str, secret_key: str) -> None:
    """Says where an S3 bucket is; each bucket may live on a server of its own."""
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    settings = {
        "endpoint": endpoint,
        "endpoint.region": "us-east-1",
        "access.key": access_key,
        "secret.key": secret_key,
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }
    for key, value in settings.items():
        hadoop.set(f"fs.s3a.bucket.{bucket}.{key}", value)
