#!/usr/bin/env python3
"""Rewrites Parquet files of many writers by six plans each, and compares the results as two independent
readers, pyarrow and DuckDB, see them with the sources.

    python sweep.py BY_PLAN [--sample] [--without WRITER] [FOLDER ...]

BY_PLAN is the example by_plan of the crate landbridge-parquet, built. The files are those that the installed writers make (pyarrow, DuckDB, polars,
fastparquet, delta-rs, ClickHouse and Spark, each if its package is installed; Spark needs Java), those
that installed Python packages and downloaded crates ship, and those in each FOLDER. With --sample, only
files of pyarrow and DuckDB. Prints a table, and fails if a reader sees other values, or if a file is
refused by a plan although both readers read it, unless the reason is among EXPECTED.
"""

import argparse
import collections
import datetime
import decimal
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

# Files with more values are not compared.
MAX_VALUES = 2_000_000

# Refusals that docs/parquet-rewrite.md describes: a part of the message.
EXPECTED = ["is encrypted", "exceeds i16 max value", "has an unsupported compression codec", "has an unsupported encoding",
            "do not add up to its rows", "another checksum than its header", "Expected list element type of I64 but got I16"]


ROWS = 3000


def batch():
    """A table with many types; every column but the first has NULLs."""
    rows = ROWS
    when = datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc)
    some = lambda make: [None if n % 11 == 3 else make(n) for n in range(rows)]
    columns = {
        "id": pa.array(range(rows), pa.int64()),
        "small": pa.array(some(lambda n: n % 7), pa.int16()),
        "name": pa.array(some(lambda n: f"이름 {n}"), pa.string()),
        "grade": pa.array(some(lambda n: ["gold", "iron", ""][n % 3]), pa.string()),
        "ratio": pa.array(some(lambda n: n / 8), pa.float64()),
        "open": pa.array(some(lambda n: n % 3 == 0), pa.bool_()),
        "born": pa.array(some(lambda n: datetime.date(1990, 1, 1) + datetime.timedelta(n)), pa.date32()),
        "at": pa.array(some(lambda n: when + datetime.timedelta(seconds=n)), pa.timestamp("us", tz="UTC")),
        "local": pa.array(some(lambda n: when.replace(tzinfo=None) + datetime.timedelta(n)), pa.timestamp("us")),
        "amount": pa.array(some(lambda n: decimal.Decimal(n).scaleb(-2)), pa.decimal128(20, 2)),
        "data": pa.array(some(lambda n: bytes([n % 256, 0, 255])), pa.binary()),
        "tags": pa.array(some(lambda n: [str(n)] * (n % 4)), pa.list_(pa.string())),
        "point": pa.array(some(lambda n: {"x": n, "y": str(n)}), pa.struct([("x", pa.int32()), ("y", pa.string())])),
    }
    return pa.table(columns)


def by_pyarrow(folder):
    table = batch()
    for version in ["1.0", "2.0"]:
        for codec in ["gzip", "snappy", "zstd", "none"][: 4 if ROWS > 1000 else 1]:
            for options in [{}, {"use_dictionary": False}]:
                name = f"{version}-{codec}-{'plain' if options else 'dictionary'}.parquet"
                pq.write_table(table, folder / name, data_page_version=version, compression=codec,
                               row_group_size=ROWS // 3 + 50, data_page_size=4096, write_page_index=True, **options)
    required = pa.schema([field.with_nullable(False) for field in table.schema])
    full = pa.table([column.fill_null(column.drop_null()[0]) if not pa.types.is_nested(column.type) else
                     pa.chunked_array([pa.array([column.drop_null()[0].as_py()] * len(table), column.type)])
                     for column in table.columns], schema=required)
    pq.write_table(full, folder / "required.parquet", compression="gzip")
    pq.write_table(table.schema.empty_table(), folder / "no-rows.parquet")
    with pq.ParquetWriter(folder / "empty-row-group.parquet", table.schema) as writer:
        for part in (table[:10], table.schema.empty_table(), table[10:20]):
            writer.write_table(part)


def by_duckdb(folder):
    db = duckdb.connect()
    table = batch()  # DuckDB finds it by its name
    for codec in ["gzip", "snappy", "zstd", "uncompressed"][: 4 if ROWS > 1000 else 1]:
        for version in ["v1", "v2"]:
            db.execute(f"COPY (FROM table) TO '{folder}/{version}-{codec}.parquet'"
                       f" (FORMAT parquet, COMPRESSION {codec}, PARQUET_VERSION {version}, ROW_GROUP_SIZE 2048)".replace("FROM table", "FROM \"table\""))


def by_polars(folder):
    import polars

    frame = polars.from_arrow(batch())
    for codec in ["gzip", "snappy", "zstd", "uncompressed"]:
        frame.write_parquet(folder / f"{codec}.parquet", compression=codec, row_group_size=1000)


def by_fastparquet(folder):
    import fastparquet

    flat = [name for name in batch().column_names if name not in ("tags", "point", "amount", "born", "data")]
    frame = batch().select(flat).to_pandas()
    for codec in ["GZIP", "SNAPPY", None]:
        fastparquet.write(str(folder / f"{codec}.parquet"), frame, compression=codec, row_group_offsets=[0, 1000])
    fastparquet.write(str(folder / "no-rows.parquet"), frame[["id"]][:0])


def by_deltalake(folder):
    import deltalake

    deltalake.write_deltalake(str(folder / "delta"), batch())


def by_chdb(folder):
    import chdb

    # ClickHouse has one type for text and bytes, and annotates both as text, which readers refuse.
    pq.write_table(batch().drop_columns(["data"]), folder / "source.parquet")
    for codec in ["gzip", "snappy", "zstd", "none"]:
        written = chdb.query(f"SELECT * FROM file('{folder}/source.parquet')"
                             f" SETTINGS output_format_parquet_compression_method = '{codec}'", "Parquet")
        (folder / f"{codec}.parquet").write_bytes(written.bytes())
    (folder / "source.parquet").unlink()


def by_pyspark(folder):
    from pyspark.sql import SparkSession

    pq.write_table(batch(), folder / "source.parquet")
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").getOrCreate())
    try:
        frame = spark.read.parquet(str(folder / "source.parquet"))
        for codec in ["gzip", "snappy", "zstd", "none"]:
            frame.coalesce(1).write.option("compression", codec).parquet(str(folder / codec))
        spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        spark.conf.set("spark.sql.parquet.writeLegacyFormat", "true")
        frame.coalesce(1).write.parquet(str(folder / "legacy"))
    finally:
        spark.stop()
    (folder / "source.parquet").unlink()


WRITERS = {"pyarrow": by_pyarrow, "duckdb": by_duckdb, "polars": by_polars, "fastparquet": by_fastparquet,
           "deltalake": by_deltalake, "chdb": by_chdb, "pyspark": by_pyspark}


def plans(schema):
    """Six plans, each with the names of the columns of the output by those of the source, and the columns
    whose values change."""
    names = schema.names
    flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
    same = {name: name for name in names}
    yield "keep", {"relax_required": False}, same, set()
    if len(names) > 1:
        yield "drop one", {"columns": {names[0]: "drop"}}, {name: name for name in names[1:]}, set()
    if flat:
        yield "set one to NULL", {"columns": {flat[-1]: "set_null"}}, same, {flat[-1]}
    yield "rename one", {"rename": {names[-1]: "새 이름 `1`"}}, same | {names[-1]: "새 이름 `1`"}, set()
    local = [field.name for field in schema if field.type == pa.timestamp("us", tz="UTC")]
    columns = {name: {"annotate": "local_timestamp"} for name in local[:1]}
    yield "recompress", {"recompress": {}}, same, set()
    yield "relax, annotate", {"relax_required": True, "columns": columns}, same, set()


def plain(value):
    """A value for comparison: NaN equals NaN, and a time is compared without its zone."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, (list, tuple)):
        return [plain(it) for it in value]
    if isinstance(value, dict):
        return {key: plain(it) for key, it in value.items()}
    return value


def read_pyarrow(path):
    table = pq.ParquetFile(path).read()
    return table.column_names, {name: [plain(it) for it in table.column(at).to_pylist()] for at, name in enumerate(table.column_names)}


def read_duckdb(path):
    db = duckdb.connect()
    # Without pytz, DuckDB converts no zoned timestamps for Python: these are in UTC already.
    db.execute("SET TimeZone = 'UTC'")
    described = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    quoted = lambda name: '"' + name.replace('"', '""') + '"'
    plain_type = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "TIME WITH TIME ZONE": "TIME"}
    columns = ", ".join(f"CAST({quoted(name)} AS {plain_type.get(kind, kind)})" if kind in plain_type else quoted(name)
                        for name, kind, *_ in described)
    rows = db.execute(f"SELECT {columns} FROM read_parquet(?)", [path]).fetchall()
    names = [name for name, *_ in described]
    return names, {name: [plain(row[at]) for row in rows] for at, name in enumerate(names)}


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb}


def read(path):
    """What each reader reads; None where it fails."""
    result = {}
    for reader, function in READERS.items():
        try:
            result[reader] = function(str(path))
        except Exception:
            result[reader] = None
    return result


def shipped(folders):
    """The Parquet files in these folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".parquet", ".parq") and path.is_file():
                yield path


def compare(source, out, names, changed):
    """Why the output is wrong; None if it is right."""
    found = read(out)
    for reader, before in source.items():
        if before is None:
            continue
        if found[reader] is None:
            return f"{reader} cannot read the output"
        columns, values = found[reader]
        _, old_values = before
        if columns != list(names.values()):
            return f"{reader} sees other columns"
        for old, new in names.items():
            expected = [None] * len(old_values[old]) if old in changed else old_values[old]
            if values[new] != expected:
                return f"{reader} sees other values in column {old}"
    return None


def sweep(command, source, place, count):
    """Rewrites one file by all plans."""
    metadata = pq.read_metadata(source)
    if metadata.num_rows * max(metadata.num_columns, 1) > MAX_VALUES:
        count["too large"] += 1
        return []
    before = read(source)
    if not any(before.values()):
        count["no reader"] += 1
        return []
    schema = pq.ParquetFile(source).schema_arrow
    if len(set(schema.names)) < len(schema.names):
        count["two columns of one name"] += 1
        return []
    count["files"] += 1
    faults = []
    for name, plan, names, changed in plans(schema):
        count["plans"] += 1
        (place / "plan.yaml").write_text(json.dumps(plan))
        out = place / "out.parquet"
        run = subprocess.run([command, source, out, place / "plan.yaml"],
                             capture_output=True, text=True)
        if run.returncode != 0:
            reason = next((it for it in EXPECTED if it in run.stderr), None)
            if reason is None:
                faults.append(f"{source}: {name}: {run.stderr.strip()}")
            count[f"refused: {reason or 'other'}"] += 1
            continue
        fault = compare(before, out, names, changed)
        count["agreed" if fault is None else "differ"] += 1
        if fault is not None:
            faults.append(f"{source}: {name}: {fault}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("by_plan")
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--without", action="append", default=[], choices=WRITERS, help="leave out a writer")
    options = parser.parse_args()
    if options.sample:
        global ROWS
        ROWS = 300
    counts = {}
    faults = []
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        origins = {}
        for writer, write in WRITERS.items():
            if options.sample and writer not in ("pyarrow", "duckdb"):
                continue
            if writer in options.without:
                print(f"left out: {writer}", file=sys.stderr)
                continue
            if importlib.util.find_spec(writer) is None:
                print(f"not installed, so left out: {writer}", file=sys.stderr)
                continue
            folder = place / writer
            folder.mkdir()
            write(folder)
            origins[f"written by {writer}"] = list(shipped([folder]))
        if not options.sample:
            packages = [pathlib.Path(it) for it in sys.path if it.endswith("site-packages")]
            crates = [pathlib.Path.home() / ".cargo/registry/src"]
            origins["in Python packages"] = list(shipped(packages))
            origins["in crates"] = list(shipped(it for it in crates if it.is_dir()))
        for folder in options.folders:
            origins[folder.name] = list(shipped([folder]))
        for origin, files in origins.items():
            count = counts[origin] = collections.Counter()
            for path in files:
                try:
                    faults += sweep(options.by_plan, path, place, count)
                except (pa.ArrowException, OSError) as error:
                    count["no reader"] += 1
                    print(f"{path}: {error}", file=sys.stderr)
            # Of a public file this says nothing; a file that was written here must be readable.
            if origin.startswith("written by") and (not files or count["no reader"]):
                faults.append(f"{origin}: {count['no reader']} of {len(files)} files cannot be read")
    print(f"{'origin':28} {'files':>6} {'plans':>6} {'agreed':>7}  others")
    for origin, count in [*counts.items(), ("all", sum(counts.values(), collections.Counter()))]:
        others = ", ".join(f"{number} × {what}" for what, number in sorted(count.items())
                           if what not in ("files", "plans", "agreed"))
        print(f"{origin:28} {count['files']:6} {count['plans']:6} {count['agreed']:7}  {others}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
