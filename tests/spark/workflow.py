"""The example workflow behind a pipe (pipe.py):

    {"command": "bucket", "bucket": "lake", "endpoint": "http://…", "access_key": "…", "secret_key": "…"}
    {"command": "run", "root": "s3a://lake", "number": 1}          -> {"ok": {"cat.raw.bronze": 0, …}}
    {"command": "half_run", "root": "s3a://lake", "number": 2}
    {"command": "rest_of_run", "root": "s3a://lake", "number": 2}
    {"command": "versions", "root": "s3a://lake"}
    {"command": "rows", "path": "s3a://lake/cat/raw/bronze", "version": 3}   -> {"ok": {"columns": …, "count": …, "sha256": …}}
    {"command": "checksum", "path": "s3a://lake/cat/raw/bronze"}   -> {"ok": true}
    {"command": "query", "sql": "SELECT …"}   -> {"ok": ["…", …]}: each row as the text of a JSON object
"""

from pyspark.sql import SparkSession

import checksums
import medallion
import pipe
import rows
import session


def commands(spark: SparkSession, _scratch: str) -> pipe.Commands:
    return {
        "bucket": lambda **request: session.connect_bucket(spark, **request),
        "run": lambda root, number: medallion.run(spark, root, number),
        "half_run": lambda root, number: medallion.half_run(spark, root, number),
        "rest_of_run": lambda root, number: medallion.rest_of_run(spark, root, number),
        "versions": lambda root: medallion.versions(spark, root),
        "rows": lambda path, version=None: rows.read(spark, path, version),
        "checksum": lambda path: checksums.validate(spark, path),
        "query": lambda sql: spark.sql(sql).toJSON().collect(),
    }


if __name__ == "__main__":
    pipe.serve(commands)
