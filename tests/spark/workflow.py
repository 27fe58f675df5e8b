"""Spark behind a pipe: one JSON request a line on stdin, one JSON answer a line on stdout.

Starting a JVM takes seconds, so a story starts one and asks it many things:

    {"command": "bucket", "bucket": "lake", "endpoint": "http://…", "access_key": "…", "secret_key": "…"}
    {"command": "run", "root": "s3a://lake", "number": 1}          -> {"ok": {"cat.raw.bronze": 0, …}}
    {"command": "half_run", "root": "s3a://lake", "number": 2}
    {"command": "rest_of_run", "root": "s3a://lake", "number": 2}
    {"command": "versions", "root": "s3a://lake"}
    {"command": "rows", "path": "s3a://lake/cat/raw/bronze", "version": 3}   -> {"ok": {"columns": …, "count": …, "sha256": …}}
    {"command": "checksum", "path": "s3a://lake/cat/raw/bronze"}   -> {"ok": true}

An answer is {"ok": …} or {"error": "…"}. The end of stdin ends Spark. Everything else that is said goes to stderr.
"""

import argparse
import json
import os
import sys
import traceback


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--jars", required=True)
    arguments.add_argument("--scratch", required=True)
    options = arguments.parse_args()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # the JVM writes to the stdout it inherits: that is stderr from here on
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    import checksums
    import medallion
    import rows
    import session

    spark = session.start(options.jars, options.scratch)
    commands = {
        "bucket": lambda **request: session.connect_bucket(spark, **request),
        "run": lambda root, number: medallion.run(spark, root, number),
        "half_run": lambda root, number: medallion.half_run(spark, root, number),
        "rest_of_run": lambda root, number: medallion.rest_of_run(spark, root, number),
        "versions": lambda root: medallion.versions(spark, root),
        "rows": lambda path, version=None: rows.read(spark, path, version),
        "checksum": lambda path: checksums.validate(spark, path),
    }
    for line in sys.stdin:
        print(json.dumps(answer(commands, line)), file=answers, flush=True)
    spark.stop()


def answer(commands: dict, line: str) -> dict:
    try:
        request = json.loads(line)
        return {"ok": commands[request.pop("command")](**request)}
    except Exception as error:  # whatever Spark throws is the answer, not the end
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
