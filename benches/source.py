#!/usr/bin/env python3
"""How fast a real PostgreSQL table becomes an image and an export, beside what others take to
write it as Parquet.

    python benches/source.py BINARY [--rows 10000000] [--runs 3] [--dir target/bench-source]
                             [--only landbridge,duckdb-gzip]

BINARY is built by `cargo build --profile bench -p landbridge-local-image --example source`;
`make bench-source` does both. Needs `psql`, and benches/source-requirements.txt for the peers;
one that is not installed is left out and named. The server is a throw-away one with a table of
11 columns. Every run is a process of its own, all take turns; time is from start to end of the
process, memory is its peak as the kernel saw it (the server's is not counted for anyone).
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
# The extension lies in its wheel.
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
pyarrow.parquet.write_table(table, f"{out}/payments.parquet", compression="gzip")
"""

ADBC = """
import adbc_driver_postgresql.dbapi, pyarrow.parquet, sys
url, out = sys.argv[1:]
with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM payments")
    reader = cursor.fetch_record_batch()
    with pyarrow.parquet.ParquetWriter(f"{out}/payments.parquet", reader.schema, compression="gzip") as writer:
        for batch in reader:
            writer.write_batch(batch)
"""

DLT = """
import dlt, os, sys
from dlt.sources.sql_database import sql_table
url, out = sys.argv[1:]
os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = "file://" + out
source = sql_table(credentials=url.replace("postgres://", "postgresql://"), table="payments", backend="pyarrow", chunk_size=100_000)
pipeline = dlt.pipeline("payments", destination="filesystem", dataset_name="bench", pipelines_dir=out)
pipeline.run(source, loader_file_format="parquet")
"""


def run(command, out):
    """Seconds, peak memory in MB, what it printed."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # Read before waiting: what it prints is far less than a pipe holds.
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - start
    printed, errors = process.stdout.read().decode(), process.stderr.read().decode()
    size = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    shutil.rmtree(out, ignore_errors=True)
    if status != 0:
        raise RuntimeError(errors.strip().splitlines()[-1] if errors.strip() else f"status {status}")
    return took, usage.ru_maxrss / 1024, size / 1e6, printed.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, default=Path("target/bench-source"))
    parser.add_argument("--only")
    options = parser.parse_args()
    out = options.dir.resolve() / "out"

    server = subprocess.Popen(
        [options.binary, "serve", str(options.rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        url = server.stdout.readline().decode().strip()
        if not url:
            sys.exit("the server did not start")
        python = [sys.executable, "-c"]
        floor = 'psql "$0" -qc "COPY payments TO STDOUT" >/dev/null'
        peers = {
            "COPY … TO nowhere (floor)": ["sh", "-c", floor, url],
            "landbridge": [options.binary, "carry", url, str(out)],
            "duckdb-gzip": [*python, DUCKDB, url, str(out), "gzip"],
            "duckdb-snappy": [*python, DUCKDB, url, str(out), "snappy"],
            "connectorx": [*python, CONNECTORX, url, str(out)],
            "adbc": [*python, ADBC, url, str(out)],
            "dlt": [*python, DLT, url, str(out)],
        }
        if options.only:
            peers = {name: peers[name] for name in options.only.split(",")}
        seen = {name: [] for name in peers}
        for number in range(options.runs):
            for name, command in peers.items():
                try:
                    seen[name].append(run(command, out))
                except RuntimeError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                else:
                    print(f"run {number + 1}: {name} {seen[name][-1]}", file=sys.stderr)
        print("| what | seconds, median | least | peak MB | Parquet MB |")
        print("|---|---:|---:|---:|---:|")
        for name, runs in seen.items():
            if runs:
                seconds = [it[0] for it in runs]
                peak, size = max(it[1] for it in runs), runs[0][2]
                print(f"| {name} | {statistics.median(seconds):.1f} | {min(seconds):.1f} | {peak:.0f} | {size:.0f} |")
    finally:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    main()
