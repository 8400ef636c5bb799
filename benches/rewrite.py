#!/usr/bin/env python3
"""How fast columns are rewritten, beside cp, DuckDB and pyarrow on one thread.

    python benches/rewrite.py BINARY [--rows 4000000] [--runs 5] [--dir /tmp/landbridge-bench]

BINARY is built by `cargo build --profile bench -p landbridge-parquet --bench rewrite`;
`make bench-rewrite` does both. Needs tests/parquet/requirements.txt. Every run is a process
of its own; time is what the process says of itself (cp: from start to end), memory is the
peak that the kernel saw. Files are in the page cache for everyone alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PLANS = {
    "drop": "columns: { c19: drop, c00: { annotate: string }, c01: { annotate: string }, c02: { annotate: string } }",
    "three": """
columns:
  at: { retype: { to: timestamp } }
  amount: { retype: { to: { numeric: { precision: 12, scale: 2 } } } }
  account: { tokenise: {} }
""",
    "all": "columns: {"
    + ", ".join(
        f"t{n:02}: {{ retype: {{ to: {kind} }} }}"
        for n, kind in enumerate(
            ["date", "timestamp", "{ numeric: { precision: 12, scale: 2 } }", "int64", "float64"] * 4
        )
    )
    + "}",
}

# The same work in SQL. DuckDB has no keyed hash: sha256 over key and value is nearest.
SQL = {
    "drop": "SELECT * EXCLUDE (c19) FROM source",
    "three": "SELECT * REPLACE (CAST(\"at\" AS TIMESTAMP) AS \"at\", CAST(amount AS DECIMAL(12,2)) AS amount,"
    " sha256(concat('key', account)) AS account) FROM source",
    "all": "SELECT * REPLACE ("
    + ", ".join(
        f"CAST(t{n:02} AS {kind}) AS t{n:02}"
        for n, kind in enumerate(["DATE", "TIMESTAMP", "DECIMAL(12,2)", "BIGINT", "DOUBLE"] * 4)
    )
    + ") FROM source",
}


def build(path, rows, all_text):
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    random = np.random.default_rng(7)
    group = 200_000
    writer = None

    def text_of(kind, n):
        if kind == 0:
            return pc.strftime(pa.array(random.integers(0, 20000, n), pa.int32()).cast(pa.date32()), "%Y-%m-%d")
        if kind == 1:
            micros = pa.array(random.integers(0, 1_700_000_000_000_000, n)).cast(pa.timestamp("us"))
            return pc.strftime(micros, "%Y-%m-%d %H:%M:%S")
        if kind == 2:
            cents = random.integers(-(10**8), 10**8, n)
            return pa.array(cents).cast(pa.decimal128(20, 0)).cast(pa.decimal128(22, 2)).cast(pa.string())
        if kind == 3:
            return pa.array(random.integers(0, 10**9, n)).cast(pa.string())
        return pa.array(random.random(n)).cast(pa.string())

    for start in range(0, rows, group):
        n = min(group, rows - start)
        if all_text:
            columns = {f"t{c:02}": text_of(c % 5, n) for c in range(20)}
        else:
            columns = {}
            for c in range(3):
                columns[f"c{c:02}"] = pa.array(random.integers(0, 5000, n)).cast(pa.string()).cast(pa.binary())
            columns["at"] = text_of(1, n)
            columns["amount"] = text_of(2, n)
            columns["account"] = pc.binary_join_element_wise(
                "110", pa.array(random.integers(10**9, 10**10, n)).cast(pa.string()), "-"
            )
            columns["id"] = pa.array(range(start, start + n))
            for c in range(7, 13):
                columns[f"c{c:02}"] = pa.array(random.integers(0, 10**6, n))
            for c in range(13, 17):
                columns[f"c{c:02}"] = pa.array(random.random(n))
            for c in range(17, 20):
                words = pa.array(random.integers(0, 10**7, n)).cast(pa.string())
                columns[f"c{c:02}"] = pc.binary_join_element_wise("some words", words, " ")
        table = pa.table(columns)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="gzip", use_dictionary=not all_text)
        writer.write_table(table, row_group_size=group)
    writer.close()


def duckdb_run(source, out, work):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    # ZSTD at its lowest level and row groups as they are: what ours writes.
    start = time.perf_counter()
    connection.execute(f"CREATE VIEW source AS FROM read_parquet('{source}')")
    connection.execute(
        f"COPY ({SQL[work]}) TO '{out}'"
        " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 200000)"
    )
    print(f"{time.perf_counter() - start:.4f}")


def pyarrow_run(source, out, work):
    import hashlib
    import hmac

    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    start = time.perf_counter()
    file = pq.ParquetFile(source)
    writer = None
    for group in range(file.num_row_groups):
        columns = None
        if work == "drop":
            columns = [name for name in file.schema_arrow.names if name != "c19"]
        table = file.read_row_group(group, columns=columns, use_threads=False)

        def put(name, array):
            nonlocal table
            table = table.set_column(table.schema.get_field_index(name), name, array)

        decimal = pa.decimal128(12, 2)
        if work == "three":
            put("at", table["at"].cast(pa.timestamp("us")))
            put("amount", table["amount"].cast(decimal))
            # pyarrow has no hash: Python's own HMAC, value by value.
            put(
                "account",
                pa.array(hmac.new(b"key", v.encode(), hashlib.sha256).hexdigest() for v in table["account"].to_pylist()),
            )
        if work == "all":
            for n, kind in enumerate([pa.date32(), pa.timestamp("us"), decimal, pa.int64(), pa.float64()] * 4):
                put(f"t{n:02}", table[f"t{n:02}"].cast(kind))
        if writer is None:
            writer = pq.ParquetWriter(out, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table)
    writer.close()
    print(f"{time.perf_counter() - start:.4f}")


def once(command, own_time):
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command} failed")
    seconds = float(said.strip()) if own_time else time.perf_counter() - start
    return seconds, usage.ru_maxrss / 1024


def main():
    if len(sys.argv) > 1 and sys.argv[1] in ("duckdb", "pyarrow"):
        return {"duckdb": duckdb_run, "pyarrow": pyarrow_run}[sys.argv[1]](*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=Path("/tmp/landbridge-bench"))
    parser.add_argument("--only", default="", help="rounds with this in their name")
    options = parser.parse_args()
    options.dir.mkdir(exist_ok=True)
    mixed, text = (options.dir / f"{name}-{options.rows}.parquet" for name in ("mixed", "text"))
    for path, all_text in ((mixed, False), (text, True)):
        if not path.exists():
            print(f"building {path}", file=sys.stderr)
            build(path.with_suffix(".part"), options.rows, all_text)
            path.with_suffix(".part").rename(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
    out = str(options.dir / "out")
    plans = {}
    for name, plan in PLANS.items():
        plans[name] = options.dir / f"{name}.yaml"
        plans[name].write_text(plan)
    ours = lambda source, work, *more: [options.binary, str(source), out, str(plans[work]), *map(str, more)]
    theirs = lambda who, source, work: [sys.executable, __file__, who, str(source), out, work]
    copy = (["cp", str(mixed), out], False)
    cores = os.cpu_count()
    rounds = {
        "drop one column, annotate three": [
            ("landbridge", (ours(mixed, "drop"), True)),
            ("cp", copy),
            ("DuckDB", (theirs("duckdb", mixed, "drop"), True)),
            ("pyarrow", (theirs("pyarrow", mixed, "drop"), True)),
        ],
        "retype a timestamp and a decimal, tokenise a text": [
            ("landbridge", (ours(mixed, "three"), True)),
            ("DuckDB", (theirs("duckdb", mixed, "three"), True)),
            ("pyarrow", (theirs("pyarrow", mixed, "three"), True)),
        ],
        "retype 20 columns of text": [
            ("landbridge", (ours(text, "all"), True)),
            ("DuckDB", (theirs("duckdb", text, "all"), True)),
            ("pyarrow", (theirs("pyarrow", text, "all"), True)),
        ],
        "the same, cut in 8": [
            ("landbridge, 1 thread", (ours(text, "all", 8, 1), True)),
            (f"landbridge, {cores} threads", (ours(text, "all", 8, cores), True)),
        ],
    }
    for work, contestants in rounds.items():
        if options.only not in work:
            continue
        print(f"\n{work}\n{'':22} {'median s':>9} {'least s':>9} {'ratio':>7} {'peak MiB':>9} {'out MB':>7}")
        first = None
        for name, (command, own_time) in contestants:
            runs = [once(command, own_time) for _ in range(options.runs)]
            median = statistics.median(seconds for seconds, _ in runs)
            first = first or median
            size = sum(path.stat().st_size for path in options.dir.glob("out*")) / 1e6
            for path in options.dir.glob("out*"):
                path.unlink()
            print(
                f"{name:22} {median:9.2f} {min(s for s, _ in runs):9.2f} {median / first:7.2f}"
                f" {max(rss for _, rss in runs):9.0f} {size:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
