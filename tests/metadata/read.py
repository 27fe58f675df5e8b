"""The sync metadata table as deltalake and DuckDB read it, as JSON.

    read.py TABLE
"""

import json
import sys

import deltalake
import duckdb

url = sys.argv[1]
table = deltalake.DeltaTable(url)
data = table.to_pyarrow_table().sort_by([("group_name", "ascending"), ("seq", "ascending")])
rows = data.to_pylist()
db = duckdb.connect()
# a table of appends: its files are its rows, and reading them needs no extension that would be downloaded
files = table.file_uris()
relation = db.read_parquet(files)
print(
    json.dumps(
        {
            "version": table.version(),
            "types": {field.name: str(field.type) for field in data.schema},
            "comments": sum("comment" in field.metadata for field in table.schema().fields),
            "rows": rows,
            "duckdb": {
                "types": dict(zip(relation.columns, map(str, relation.types))),
                "rows": relation.count("*").fetchone()[0],
                "unix_ms": [ms for (ms,) in relation.order("group_name, seq").project("epoch_ms(logged_at)").fetchall()],
            },
        },
        default=lambda value: value.isoformat(timespec="milliseconds"),
    )
)
