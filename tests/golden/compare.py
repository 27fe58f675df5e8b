#!/usr/bin/env python3
"""Compares Delta tables with their replicas through an implementation that is not ours.

Input: pairs of tables, `SOURCE TARGET` as arguments, or one tab-separated pair a line from a file or `-`
with `--pairs`. Either side may end in `@VERSION`. Output: one JSON document. Exit: 0 when every pair is
equal, 1 when one differs or cannot be read, 2 on wrong usage.

The `deltalake` package reads files, statistics, partition values, deletion vectors, schema and properties
of both sides; the rows of both are compared as multisets by DuckDB. A table that `deltalake` cannot open
is `unreadable` with its reason, never equal.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import unquote, urlparse

import duckdb
import pyarrow
from deltalake import DeltaTable, QueryBuilder

# Properties that a replica has for itself; executor/src/delta/replica/configuration.rs says why.
OWN_PROPERTIES = {
    "delta.inCommitTimestampEnablementVersion",
    "delta.inCommitTimestampEnablementTimestamp",
    "delta.requireCheckpointProtectionBeforeVersion",
    "delta.coordinatedCommits.commitCoordinator-preview",
    "delta.coordinatedCommits.commitCoordinatorConf-preview",
    "delta.coordinatedCommits.tableConf-preview",
    "io.unitycatalog.tableId",
    "ucTableId",
}
# What the reader shows of an add's statistics.
STATISTICS = ("num_records", "null_count", "min", "max")
# Differences of a pair that are listed; the rest is only counted.
LISTED = 20


class Unreadable(Exception):
    """The reader cannot open a table or one of its facets."""


@dataclass
class Side:
    """One table at one version."""

    root: Path
    version: int | None
    table: DeltaTable = field(init=False)

    @classmethod
    def parse(cls, text: str) -> Side:
        root, separator, version = text.rpartition("@")
        if separator and version.isdigit():
            return cls(Path(root).resolve(), int(version))
        return cls(Path(text).resolve(), None)

    def open(self) -> None:
        try:
            self.table = DeltaTable(str(self.root), version=self.version)
        except Exception as error:
            raise Unreadable(f"{self.root}: {error}") from error

    def files(self) -> dict[str, Any]:
        """Size, time, statistics and partition values by path."""
        actions = pyarrow.table(self.table.get_add_actions(flatten=False)).to_pylist()
        return {action.pop("path"): action for action in actions}

    def deletion_vectors(self) -> dict[str, Any]:
        """The rows that remain, by relative path; deleted rows are false."""
        vectors = pyarrow.RecordBatchReader.from_stream(self.table.deletion_vectors()).read_all()
        return {self.relative(row["filepath"]): row["selection_vector"] for row in vectors.to_pylist()}

    def relative(self, uri: str) -> str:
        path = unquote(urlparse(uri).path) if "://" in uri else uri
        root = f"{self.root}/"
        return path.removeprefix(root)

    def schema(self) -> dict[str, Any]:
        metadata = self.table.metadata()
        return {
            "schema": json.loads(self.table.schema().to_json()),
            "partition_columns": metadata.partition_columns,
            "name": metadata.name,
            "description": metadata.description,
        }

    def properties(self) -> dict[str, Any]:
        configuration = self.table.metadata().configuration
        return {key: value for key, value in configuration.items() if key not in OWN_PROPERTIES}

    def rows(self) -> pyarrow.Table:
        reader = QueryBuilder().register("side", self.table).execute("SELECT * FROM side")
        return pyarrow.table(reader)


def compare_maps(facet: str, source: dict[str, Any], target: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What two maps differ in, by key; an absent side is null."""
    for key in sorted(source.keys() | target.keys()):
        ours, theirs = source.get(key), target.get(key)
        if not same(ours, theirs) or (key in source) != (key in target):
            yield {"facet": facet, "key": key, "source": ours, "target": theirs}


def compare_files(source: dict[str, Any], target: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Files by path. The reader does not see statistics that a source keeps in struct columns only; a replica
    has them as text, so there they are not compared. Statistics that a replica lost are a difference."""
    for path, action in source.items():
        if path in target and all(action.get(name) is None for name in STATISTICS):
            action.update({name: target[path].get(name) for name in STATISTICS})
    yield from compare_maps("files", source, target)


def same(left: Any, right: Any) -> bool:
    """Equality in which NaN equals itself, and a null member of a struct an absent one."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)


def compare_protocol(source: DeltaTable, target: DeltaTable) -> Iterator[dict[str, Any]]:
    """A replica may ask for more than its source, never for less."""
    ours, theirs = source.protocol(), target.protocol()
    for name in ("min_reader_version", "min_writer_version"):
        if getattr(ours, name) > getattr(theirs, name):
            yield {"facet": "protocol", "key": name, "source": getattr(ours, name), "target": getattr(theirs, name)}
    for name in ("reader_features", "writer_features"):
        missing = set(getattr(ours, name) or ()) - set(getattr(theirs, name) or ())
        if missing and getattr(theirs, name) is not None:
            yield {"facet": "protocol", "key": name, "source": sorted(missing), "target": None}


def compare_rows(source: pyarrow.Table, target: pyarrow.Table) -> Iterator[dict[str, Any]]:
    """Rows of one side that the other has not as often."""
    if source.schema.names != target.schema.names:
        yield {"facet": "rows", "key": "columns", "source": source.schema.names, "target": target.schema.names}
        return
    with duckdb.connect() as connection:
        connection.register("source", source)
        connection.register("target", target)
        for left, right in (("source", "target"), ("target", "source")):
            query = f"SELECT count(*) FROM (SELECT * FROM {left} EXCEPT ALL SELECT * FROM {right})"
            [(surplus,)] = connection.execute(query).fetchall()
            if surplus:
                yield {"facet": "rows", "key": f"only in {left}", "source": len(source), "target": len(target), "rows": surplus}


def compare(source: Side, target: Side) -> Iterator[dict[str, Any]]:
    """All differences of a pair."""
    source.open()
    target.open()
    yield from compare_maps("schema", source.schema(), target.schema())
    yield from compare_maps("properties", source.properties(), target.properties())
    yield from compare_protocol(source.table, target.table)
    yield from compare_files(source.files(), target.files())
    yield from compare_maps("deletion_vectors", source.deletion_vectors(), target.deletion_vectors())
    yield from compare_rows(source.rows(), target.rows())


def verdict(source_text: str, target_text: str) -> dict[str, Any]:
    """The outcome of one pair, as it stands in the output."""
    pair: dict[str, Any] = {"source": source_text, "target": target_text}
    try:
        differences = list(compare(Side.parse(source_text), Side.parse(target_text)))
    except Exception as error:  # Whatever the reader throws: the pair is not proven equal.
        return pair | {"outcome": "unreadable", "reason": f"{type(error).__name__}: {error}"}
    outcome = "different" if differences else "equal"
    return pair | {"outcome": outcome, "count": len(differences), "differences": differences[:LISTED]}


def read_pairs(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    if arguments.pairs is None:
        return [(arguments.tables[0], arguments.tables[1])]
    with sys.stdin if arguments.pairs == "-" else open(arguments.pairs, encoding="utf-8") as lines:
        pairs = [line.rstrip("\n").split("\t") for line in lines if line.strip()]
    return [(source, target) for source, target in pairs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="SOURCE[@VERSION] TARGET[@VERSION]")
    parser.add_argument("--pairs", metavar="FILE", help="tab-separated pairs, one a line; `-` for stdin")
    arguments = parser.parse_args()
    if (arguments.pairs is None) != (len(arguments.tables) == 2) or (arguments.pairs and arguments.tables):
        parser.error("give SOURCE and TARGET, or --pairs")
    results = [verdict(source, target) for source, target in read_pairs(arguments)]
    counts = {outcome: sum(pair["outcome"] == outcome for pair in results) for outcome in ("equal", "different", "unreadable")}
    print(json.dumps({"counts": counts, "pairs": results}, indent=2, default=str))
    return 0 if counts["equal"] == len(results) > 0 else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # The reader's threads may abort an orderly shutdown of the interpreter; everything is written.
    os._exit(status)
