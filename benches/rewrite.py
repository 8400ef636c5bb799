#!/usr/bin/env python3
"""Measures how fast columns are rewritten, compared with cp, DuckDB and pyarrow on one thread.

    make bench-rewrite [RUNS=5]

or, with the binary and files that it built:

    target/python/bin/python benches/rewrite.py BINARY [--rows 4000000] [--runs 5]
        [--dir target/bench] [--only split]

Every run is a separate process; all contestants of one task take turns. The time is what the process
measures itself (cp: from start to end); processor time is that of the complete process, and more
reliable on a busy machine; memory is the peak reported by the kernel, which is at least this
script's own. All files are in the page cache. A bound that is not met is reported and fails nothing,
because it depends on the machine and its load.
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
    "rename": "rename: { c19: new_name }",
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

# The same work in SQL. DuckDB has no keyed hash: sha256 of key and value is the closest.
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


def build(path, rows, all_text, extra_packages):
    rows, all_text = int(rows), all_text == "True"
    # Last in the path, so that DuckDB is not replaced; before pyarrow, which looks for numpy only once.
    sys.path.append(extra_packages)
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
    # ZSTD at its lowest level and unchanged row groups, as Landbridge writes.
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
            # pyarrow has no hash function, so Python's HMAC hashes each value.
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


def count(*paths):
    """Opens each file separately, decodes it completely, and counts its rows."""
    import pyarrow.parquet as pq

    print(sum(pq.read_table(path, use_threads=False).num_rows for path in paths))


def in_a_separate_process(*arguments):
    """Runs a function of this script in a separate process, because the peak memory of this
    process counts for each process that it starts."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def once(command, own_time, environment):
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command} failed")
    seconds = float(said.strip()) if own_time else time.perf_counter() - start
    return seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


class Contestant:
    def __init__(self, name, command, own_time=True, environment=None):
        self.name, self.command, self.own_time = name, command, own_time
        self.environment = environment or {}
        self.runs, self.size = [], 0

    def run(self, folder):
        self.runs.append(once(self.command, self.own_time, self.environment))
        outputs = list(folder.glob("out*"))
        self.size = sum(path.stat().st_size for path in outputs) / 1e6
        return outputs

    @property
    def median(self):
        return statistics.median(seconds for seconds, _, _ in self.runs)

    @property
    def memory(self):
        return max(rss for _, rss, _ in self.runs)

    @property
    def cpu(self):
        return statistics.median(cpu for _, _, cpu in self.runs)


def duckdb_version(environment):
    command = [sys.executable, "-c", "import duckdb; print(duckdb.__version__)"]
    return subprocess.run(command, env=os.environ | environment, check=True, capture_output=True, text=True).stdout.strip()


def bound(text, met):
    print(f"  {'met    ' if met else 'NOT MET'}  {text}")


def main():
    functions = {"duckdb": duckdb_run, "pyarrow": pyarrow_run, "build": build, "count": count}
    if len(sys.argv) > 1 and sys.argv[1] in functions:
        return functions[sys.argv[1]](*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=Path("target/bench"))
    parser.add_argument("--only", default="", help="run only the tasks with this text in their name")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    # numpy and DuckDB 1, which scripts/python-for-bench.sh installs outside the environment.
    extra_packages = options.dir / "python"
    mixed, text = (options.dir / f"{name}-{options.rows}.parquet" for name in ("mixed", "text"))
    for path, all_text in ((mixed, False), (text, True)):
        if not path.exists():
            print(f"building {path}, once", file=sys.stderr)
            in_a_separate_process("build", path.with_suffix(".part"), options.rows, all_text, extra_packages)
            path.with_suffix(".part").rename(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
    out = str(options.dir / "out")
    plans = {}
    for name, plan in PLANS.items():
        plans[name] = options.dir / f"{name}.yaml"
        plans[name].write_text(plan)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    duckdbs = [{"PYTHONPATH": str(extra_packages.resolve())}] if extra_packages.is_dir() else []
    duckdbs = [(f"DuckDB {duckdb_version(it)}", it) for it in [*duckdbs, {}]]

    def ours(source, work, *more, name="landbridge", figures=""):
        command = [options.binary, str(source), out, str(plans[work]), *map(str, more)]
        return Contestant(name, command, environment={"FIGURES": figures})

    def theirs(source, work):
        script = lambda who: [sys.executable, __file__, who, str(source), out, work]
        return [
            *(Contestant(name, script("duckdb"), environment=it) for name, it in duckdbs),
            Contestant("pyarrow", script("pyarrow")),
        ]

    def judge_copy(us, cp, *_):
        bound(f"{us.median / cp.median:.2f} × cp, at most 2.5", us.median <= 2.5 * cp.median)
        bound(f"{us.memory:.0f} MiB, at most 32", us.memory <= 32)

    def judge_rename(us, cp):
        bound(f"{us.median / cp.median:.2f} × cp, at most 1.5", us.median <= 1.5 * cp.median)

    def judge_three(us, *others):
        for other in others:
            ratio = other.median / us.median
            bound(f"{ratio:.1f} × faster than {other.name}, at least 6", ratio >= 6)
        bound(f"{us.memory:.0f} MiB, at most 128", us.memory <= 128)

    def judge_all(us, *others):
        for other in others:
            ratio = other.median / us.median
            bound(f"{ratio:.1f} × as fast as {other.name}, at least 1", ratio >= 1)

    def judge_split(one, all_cores):
        ratio = one.median / all_cores.median
        bound(f"{ratio:.2f} × as fast on {cores} threads, at least {0.75 * cores:.2f}", ratio >= 0.75 * cores)

    def judge_figures(without, converted, *kept):
        ratio = converted.cpu / without.cpu
        bound(f"figures of converted columns take {ratio - 1:+.1%} processor time, less than 15 %", ratio < 1.15)
        *kept, unchanged = kept
        for it in kept:
            print(f"           {it.name}: {it.cpu / without.cpu - 1:+.1%}")
        # Its process also computes the earlier figures, so its own clock counts.
        print(f"           {unchanged.name}: {unchanged.median / without.median - 1:+.1%} of the time")

    def with_figures(source, work):
        return [
            ours(source, work, name="without figures"),
            ours(source, work, name="figures, converted", figures="converted"),
            ours(source, work, name="figures, all", figures="kept"),
            ours(source, work, name="figures, unchanged", figures="unchanged"),
        ]

    def cp():
        return Contestant("cp", ["cp", str(mixed), out], own_time=False)

    works = {
        "drop one column, annotate three": (
            [ours(mixed, "drop"), cp(), *theirs(mixed, "drop")],
            judge_copy,
        ),
        "rename one column": ([ours(mixed, "rename"), cp()], judge_rename),
        "retype a timestamp and a decimal, tokenise a text": (
            [ours(mixed, "three"), *theirs(mixed, "three")],
            judge_three,
        ),
        "retype 20 columns of text": ([ours(text, "all"), *theirs(text, "all")], judge_all),
        "the same, split into 8": (
            [
                ours(text, "all", 8, 1, name="landbridge, 1 thread"),
                ours(text, "all", 8, cores, name=f"landbridge, {cores} threads"),
            ],
            judge_split,
        ),
        "figures: retype 20 columns of text": (with_figures(text, "all"), judge_figures),
        "figures: retype two, tokenise one, copy 17": (with_figures(mixed, "three"), judge_figures),
        "figures: rename one column": (with_figures(mixed, "rename"), judge_figures),
    }
    for work, (contestants, judge) in works.items():
        if options.only not in work:
            continue
        complete = True
        for turn in range(options.runs):
            for contestant in contestants:
                outputs = contestant.run(options.dir)
                if "split" in work and turn == 0:
                    complete &= len(outputs) == 8 and in_a_separate_process("count", *outputs) == str(options.rows)
                for path in outputs:
                    path.unlink()
        us = contestants[0].median
        print(f"\n{work}\n{'':22} {'median s':>9} {'least s':>9} {'ratio':>7} {'CPU s':>7} {'peak MiB':>9} {'out MB':>7}")
        for it in contestants:
            print(
                f"{it.name:22} {it.median:9.2f} {min(s for s, _, _ in it.runs):9.2f} {it.median / us:7.2f}"
                f" {it.cpu:7.2f} {it.memory:9.0f} {it.size:7.0f}"
            )
        judge(*contestants)
        if "split" in work:
            bound(f"each of the 8 files can be read alone; {options.rows} rows in total", complete)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
