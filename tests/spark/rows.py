"""What a table holds, in a form that two readings of equal tables share."""

import hashlib

from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def read(spark: SparkSession, path: str, version: int | None) -> dict:
    """Columns, number of rows, and a hash over the sorted rows; at `version`, or at the latest."""
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    table = reader.load(path)
    columns = sorted(table.columns)
    row = F.to_json(F.struct(*[F.col(f"`{name}`") for name in columns]), {"ignoreNullFields": "false"})
    rows = sorted(found["row"] for found in table.select(row.alias("row")).collect())
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return {"columns": columns, "count": len(rows), "sha256": digest}
