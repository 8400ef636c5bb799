"""Reads a Parquet file with DuckDB and with pyarrow, and prints every value as each of them shows it:
{"duckdb": {"column": [text or null, …]}, "pyarrow": {…}}."""

import datetime
import decimal
import json
import sys

import duckdb
import pyarrow.parquet as pq


def shown(value):
    if value is None:
        return None
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return str(value)


path = sys.argv[1]
connection = duckdb.connect()
# Without pytz, DuckDB converts no zoned timestamps for Python: these are in UTC already.
connection.execute("SET TimeZone = 'UTC'")
described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
plain = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "TIME WITH TIME ZONE": "TIME"}
columns = ", ".join(
    f'CAST("{name}" AS {plain[kind]}) AS "{name}"' if kind in plain else f'"{name}"'
    for name, kind, *_ in described
)
table = connection.execute(f"SELECT {columns} FROM read_parquet(?)", [path]).fetchall()
by_duckdb = {}
for at, (name, kind, *_) in enumerate(described):
    values = [row[at] for row in table]
    if kind == "TIMESTAMP WITH TIME ZONE":
        values = [value and value.replace(tzinfo=datetime.timezone.utc) for value in values]
    by_duckdb[name] = [shown(value) for value in values]
# A page that has a checksum must have the right one.
file = pq.ParquetFile(path, page_checksum_verification=True)
by_pyarrow = {name: [shown(it) for it in file.read()[name].to_pylist()] for name in file.schema_arrow.names}
print(json.dumps({"duckdb": by_duckdb, "pyarrow": by_pyarrow}))
