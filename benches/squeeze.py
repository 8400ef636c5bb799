#!/usr/bin/env python3
"""How many bytes of the tables of TPC-H leave AWS, with and without `transfer.recompress`.

    python squeeze.py LANDBRIDGE FOLDER [--level 6]

FOLDER has the tables as tpchgen-cli writes them (`tpchgen-cli -s 0.1 --format parquet`). Each is written as RDS exports a PostgreSQL
table: decimals and dates as text, OPTIONAL columns, GZIP, dictionaries up to 1 MiB, one row group of about 5 MB per file; --level is
that of GZIP: 6 is zlib's default, which parquet-mr uses if nothing else is set. LANDBRIDGE rewrites every file by the plan of a
contract that gives the columns their types. All columns of the copied and the rewritten file are compared by pyarrow.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
ROWS_PER_FILE = 150_000
# `cost::min_saving` of Seoul.
MIN_SAVING = 0.0075


def exported(table):
    """The table with the types of an export, and what the contract makes of its columns."""
    columns, plan = {}, {}
    for field, column in zip(table.schema, table.columns):
        if pa.types.is_decimal(field.type):
            plan[field.name] = {"retype": {"to": {"numeric": {"precision": 15, "scale": 2}}}}
            column = pc.cast(column, pa.string())
        elif pa.types.is_date(field.type):
            plan[field.name] = {"retype": {"to": "date"}}
            column = pc.cast(column, pa.string())
        elif not pa.types.is_integer(field.type):
            column = pc.cast(column, pa.string())
        columns[field.name] = column
    return pa.table(columns), plan


def rewritten(landbridge, source, out, plan):
    """Bytes and processor seconds."""
    place = out.with_suffix(".json")
    place.write_text(json.dumps(plan))
    started = time.perf_counter()
    subprocess.run([landbridge, "parquet", "rewrite", source, out, "--plan", place, "--output", "json"],
                   check=True, capture_output=True)
    return out.stat().st_size, time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("landbridge")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--level", type=int, default=6)
    args = parser.parse_args()
    print(f"| table | exported, GZIP {args.level} | sent, off | sent, auto | auto / exported | seconds, off | auto |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    totals = [0, 0, 0, 0.0, 0.0]
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        for name in TABLES:
            table, columns = exported(pq.read_table(args.folder / f"{name}.parquet"))
            sums = [0, 0, 0, 0.0, 0.0]
            for start in range(0, table.num_rows, ROWS_PER_FILE):
                source = place / "source.parquet"
                pq.write_table(table.slice(start, ROWS_PER_FILE), source, compression="gzip", compression_level=args.level,
                               row_group_size=ROWS_PER_FILE, data_page_version="1.0", dictionary_pagesize_limit=1 << 20,
                               store_schema=False)
                plan = {"columns": columns, "relax_required": True}
                off, off_s = rewritten(args.landbridge, source, place / "off.parquet", plan)
                auto, auto_s = rewritten(args.landbridge, source, place / "auto.parquet",
                                         plan | {"recompress": {"min_saving": MIN_SAVING}})
                if not pq.read_table(place / "off.parquet").equals(pq.read_table(place / "auto.parquet")):
                    raise SystemExit(f"{name}: other rows")
                for at, value in enumerate([source.stat().st_size, off, auto, off_s, auto_s]):
                    sums[at] += value
            totals = [a + b for a, b in zip(totals, sums)]
            show(name, sums)
        show("**all**", totals)


def show(name, sums):
    exported, off, auto, off_s, auto_s = sums
    print(f"| {name} | {exported:,} | {off:,} | {auto:,} | {auto / exported:.3f} | {off_s:.1f} | {auto_s:.1f} |", flush=True)


main()
