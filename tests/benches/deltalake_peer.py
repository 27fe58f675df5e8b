"""What the `deltalake` package does in the benches.

    deltalake_peer.py open URL OPTIONS      opens a table; seconds and peak memory as JSON
    deltalake_peer.py append DIR FILES SEED appends FILES files of rows that do not compress
    deltalake_peer.py optimize DIR          compacts small files
"""

import json
import random
import resource
import sys
import time

import pyarrow
from deltalake import DeltaTable, write_deltalake

ROWS = 16_384
"""Rows of a file, each a number of 8 bytes."""

TARGET_SIZE = 1_000_000
"""A compacted file is as large as what one append adds, and is left alone from then on."""


def open_table(url, options):
    start = time.perf_counter()
    DeltaTable(url, storage_options=json.loads(options))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


def append(folder, files, seed):
    noise = random.Random(int(seed))
    for _ in range(int(files)):
        buffers = [None, pyarrow.py_buffer(noise.randbytes(ROWS * 8))]
        numbers = pyarrow.Array.from_buffers(pyarrow.int64(), ROWS, buffers)
        write_deltalake(folder, pyarrow.table({"number": numbers}), mode="append")


def optimize(folder):
    DeltaTable(folder).optimize.compact(target_size=TARGET_SIZE)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    {"open": open_table, "append": append, "optimize": optimize}[verb](*arguments)
