#!/usr/bin/env python3
"""Compares how fast Landbridge and other tools write a PostgreSQL table as Parquet.

    python benches/source.py BINARY [--rows 10000000] [--runs 3] [--dir target/bench-source]
                             [--only landbridge,duckdb-gzip]

BINARY is built by `cargo build --profile bench -p landbridge-local-database --example source`;
`make bench-source` does both. Requires `psql`, and benches/source-requirements.txt for the other
tools. A tool that is not installed is reported and left out. A tool whose first run took more than
four times as long as Landbridge is not run again. All write GZIP, at Landbridge's fast level where
they allow a choice, except DuckDB's second entry and dlt, which write Snappy. The test server has one
table of 11 columns. Every run is a separate process, and the tools take turns. The time is from
start to end of the process, memory is its peak as reported by the kernel, and processor time is
that of the process, without the server's.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

DUCKDB = """
import duckdb, sys
url, out, codec = sys.argv[1:]
connection = duckdb.connect()
# The extension is in its wheel.
import duckdb_extension_postgres_scanner as wheel, pathlib
extension = next(pathlib.Path(wheel.__file__).parent.rglob("*.duckdb_extension"))
connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH '{url}' AS pg (TYPE postgres, READ_ONLY)")
connection.execute(f"COPY pg.public.payments TO '{out}/payments.parquet' (FORMAT parquet, COMPRESSION {codec})")
"""

CONNECTORX = """
import connectorx, pyarrow.parquet, sys
url, out = sys.argv[1:]
table = connectorx.read_sql(url, "SELECT * FROM payments", partition_on="id", partition_num=2, return_type="arrow")
pyarrow.parquet.write_table(table, f"{out}/payments.parquet", compression="gzip", compression_level=1)
"""

ADBC = """
import adbc_driver_postgresql.dbapi, pyarrow.parquet, sys
url, out = sys.argv[1:]
with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM payments")
    reader = cursor.fetch_record_batch()
    with pyarrow.parquet.ParquetWriter(f"{out}/payments.parquet", reader.schema, compression="gzip", compression_level=1) as writer:
        for batch in reader:
            writer.write_batch(batch)
"""

DLT = """
import dlt, os, sys
from dlt.sources.sql_database import sql_table
url, out = sys.argv[1:]
os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = "file://" + out
source = sql_table(credentials=url.replace("postgres://", "postgresql+psycopg2://"), table="payments", backend="pyarrow", chunk_size=100_000)
pipeline = dlt.pipeline("payments", destination="filesystem", dataset_name="bench", pipelines_dir=out)
pipeline.run(source, loader_file_format="parquet")
"""

BASELINE = "COPY … TO /dev/null (lower bound)"
MAX_RATIO = 4


def run(command, out):
    """Returns seconds, processor seconds, peak memory in MB, and MB written."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # Only errors are kept; they fit into the buffer of a pipe.
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - start
    errors = process.stderr.read().decode()
    size = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    shutil.rmtree(out, ignore_errors=True)
    if status != 0:
        raise RuntimeError(errors.strip().splitlines()[-1] if errors.strip() else f"status {status}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size / 1e6


def is_too_slow(results, name):
    """Whether the first run took more than `MAX_RATIO` times as long as Landbridge's."""
    if not results[name] or not results.get("landbridge"):
        return False
    return results[name][0][0] > MAX_RATIO * results["landbridge"][0][0]


def table(results):
    """Prints the medians, and the ratio of each tool's time to Landbridge's."""
    medians = {name: statistics.median(it[0] for it in runs) for name, runs in results.items() if runs}
    ours = medians.get("landbridge")
    print("| what | runs | seconds, median | least | ratio | processor s | peak MB | Parquet MB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, median in medians.items():
        runs = results[name]
        processor = statistics.median(it[1] for it in runs)
        least, peak, size = min(it[0] for it in runs), max(it[2] for it in runs), runs[0][3]
        ratio = f"{median / ours:.2f}" if ours else ""
        print(
            f"| {name} | {len(runs)} | {median:.1f} | {least:.1f} | {ratio} | {processor:.1f} "
            f"| {peak:.0f} | {size:.0f} |"
        )
    for name, median in medians.items():
        if ours and name not in ("landbridge", BASELINE):
            verdict = "met    " if ours < median else "NOT MET"
            print(f"  {verdict}  {median / ours:.2f} × as fast as {name}, at least 1")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=Path("target/bench-source"))
    parser.add_argument("--only")
    parser.add_argument("--url", help="an existing database with the table `payments`")
    options = parser.parse_args()
    out = options.dir.resolve() / "out"

    server = None
    if not options.url:
        serve = [options.binary, "serve", str(options.rows)]
        server = subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        url = options.url or server.stdout.readline().decode().strip()
        if not url:
            sys.exit("the server did not start")
        python = [sys.executable, "-c"]
        copy_to_null = 'psql "$0" -qc "COPY payments TO STDOUT" >/dev/null'
        tools = {
            BASELINE: ["sh", "-c", copy_to_null, url],
            "landbridge": [options.binary, "export", url, str(out)],
            "duckdb-gzip": [*python, DUCKDB, url, str(out), "gzip"],
            "duckdb-snappy": [*python, DUCKDB, url, str(out), "snappy"],
            "connectorx": [*python, CONNECTORX, url, str(out)],
            "adbc": [*python, ADBC, url, str(out)],
            "dlt": [*python, DLT, url, str(out)],
        }
        if options.only:
            tools = {name: tools[name] for name in options.only.split(",")}
        results = {name: [] for name in tools}
        for number in range(options.runs):
            for name, command in tools.items():
                if number > 0 and is_too_slow(results, name):
                    continue
                try:
                    results[name].append(run(command, out))
                except RuntimeError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                else:
                    took, processor, peak, _ = results[name][-1]
                    summary = f"{took:.1f} s, {processor:.1f} s of processor, {peak:.0f} MB"
                    print(f"run {number + 1}: {name}: {summary}", file=sys.stderr)
        table(results)
    finally:
        if server:
            server.stdin.close()
            server.wait()


if __name__ == "__main__":
    main()
