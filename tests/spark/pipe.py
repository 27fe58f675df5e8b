"""Spark behind a pipe: one JSON request a line on stdin, one JSON answer a line on stdout.

Starting a JVM takes seconds, so a story starts one and asks it many things. A request is {"command": NAME, …}, an
answer {"ok": …} or {"error": "…"}. The end of stdin ends Spark. Everything else that is said goes to stderr.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable

from pyspark.sql import SparkSession

import session

Commands = dict[str, Callable]


def serve(commands_of: Callable[[SparkSession, str], Commands], settings: dict[str, str] | None = None) -> None:
    """Answers requests until there are no more; `commands_of` gets Spark and a folder that may be filled."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jars", required=True)
    arguments.add_argument("--scratch", required=True)
    options = arguments.parse_args()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # the JVM writes to the stdout it inherits: that is stderr from here on
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    spark = session.start(options.jars, options.scratch, settings or {})
    commands = commands_of(spark, options.scratch)
    for line in sys.stdin:
        print(json.dumps(answer(commands, line)), file=answers, flush=True)
    spark.stop()


def answer(commands: Commands, line: str) -> dict:
    try:
        request = json.loads(line)
        return {"ok": commands[request.pop("command")](**request)}
    except Exception as error:  # whatever Spark throws is the answer, not the end
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
