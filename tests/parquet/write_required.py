"""Writes Parquet files with columns that are not nullable, by pyarrow, into a folder: one per data page
version, codec and encoding. Prints their names and the values of their columns as JSON, as read.py does."""

import datetime
import decimal
import json
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])
ROWS = 3000
when = datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc)
columns = {
    "id": (pa.int64(), list(range(ROWS))),
    "small": (pa.int32(), [n % 7 for n in range(ROWS)]),
    "name": (pa.string(), [f"이름 {n}" for n in range(ROWS)]),
    "grade": (pa.string(), [["gold", "iron", ""][n % 3] for n in range(ROWS)]),
    "ratio": (pa.float64(), [n / 8 for n in range(ROWS)]),
    "open": (pa.bool_(), [n % 3 == 0 for n in range(ROWS)]),
    "born": (pa.date32(), [datetime.date(1990, 1, 1) + datetime.timedelta(n) for n in range(ROWS)]),
    "at": (pa.timestamp("us", tz="UTC"), [when + datetime.timedelta(seconds=n) for n in range(ROWS)]),
    "amount": (pa.decimal128(20, 2), [decimal.Decimal(n).scaleb(-2) for n in range(ROWS)]),
    "maybe": (pa.int64(), [None if n % 5 == 0 else n for n in range(ROWS)]),
    "tags": (pa.list_(pa.field("element", pa.string(), nullable=False)), [[str(n)] * (n % 3) for n in range(ROWS)]),
}
nullable = {"maybe"}
schema = pa.schema([pa.field(name, kind, nullable=name in nullable) for name, (kind, _) in columns.items()])
table = pa.table([pa.array(values, kind) for kind, values in columns.values()], schema=schema)

deltas = {"id": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY", "grade": "DELTA_LENGTH_BYTE_ARRAY",
          "ratio": "BYTE_STREAM_SPLIT"}
kinds = {"dictionary": {}, "plain": {"use_dictionary": False},
         "delta": {"use_dictionary": False, "column_encoding": deltas}}
names = []
gzip = [(kind, "gzip") for kind in kinds]
others = [("dictionary", codec) for codec in ["none", "snappy", "zstd", "lz4"]]
for version in ["1.0", "2.0"]:
    for kind, codec in gzip + others:
        name = f"{version}-{kind}-{codec}.parquet"
        pq.write_table(table, folder / name, data_page_version=version, compression=codec,
                       row_group_size=1100, data_page_size=2048, write_page_index=True,
                       write_page_checksum=True, **kinds[kind])
        names.append(name)
print(json.dumps(names))
