"""Google's own GoogleSQL analyser and evaluator, as the package `zetasql` on PyPI contains it.

It is BigQuery's language (types, names, functions, the meaning of a query), not BigQuery: it knows
no policy tags, no wildcard tables and no partitions. A wildcard table is here one table with the
pseudo-column `_TABLE_SUFFIX`.
"""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime
from zetasql.core import ZetaSqlLocalService, wasm_client
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as messages
from zetasql.wasi._pb2.zetasql.proto import options_pb2
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.options_pb2 import PRODUCT_EXTERNAL

SUFFIX = "_TABLE_SUFFIX"
# `project`.`dataset`.`table`, as dbt and Dataform write a relation.
RELATION = re.compile(r"`([^`.]+)`\.`([^`.]+)`\.`([^`]+)`")
# Compiling the engine takes some 15 s on an idle machine; the result is kept beside this Python.
CACHE = Path(sys.prefix) / "wasmtime"
SIMPLE = {
    "BOOL": "bool_value",
    "DATE": "date_value",
    "FLOAT64": "double_value",
    "INT64": "int64_value",
    "STRING": "string_value",
}


class CachedConfig(wasmtime.Config):
    """Wasmtime's configuration with a cache of compiled modules."""

    def __init__(self):
        super().__init__()
        CACHE.mkdir(exist_ok=True)
        settings = CACHE / "settings.toml"
        if not settings.exists():
            part = settings.with_suffix(f".{os.getpid()}")
            part.write_text(f'[cache]\ndirectory = "{CACHE / "modules"}"\n')
            part.replace(settings)
        self.cache = str(settings)


@dataclass
class Table:
    """Columns as (name, type), and rows as Google's messages."""

    columns: list
    rows: list = field(default_factory=list)

    def names(self):
        return [name for name, _ in self.columns]

    def without(self, name):
        """The table without a column."""
        at = self.names().index(name)
        return Table(
            [column for column in self.columns if column[0] != name],
            [[cell for number, cell in enumerate(row) if number != at] for row in self.rows],
        )


def one_name(sql):
    """The query with each relation as one quoted name: the catalog's names."""
    return RELATION.sub(lambda match: f"`{'.'.join(match.groups())}`", sql)


class Engine:
    """A catalog of tables by their names `project.dataset.table`, and queries on it."""

    def __init__(self):
        wasm_client.Config = CachedConfig
        self.client = ZetaSqlLocalService.get_instance().wasm_client
        self.tables = {}
        # All released features: BigQuery has them, apart from some types (PROTO, ENUM, FLOAT),
        # which no model names.
        request = messages.LanguageOptionsRequest(maximum_features=True)
        self.language = self.call("GetLanguageOptions", request, options_pb2.LanguageOptionsProto)
        self.language.product_mode = PRODUCT_EXTERNAL

    def call(self, function, request, answer):
        return self.client.call_grpc_func(f"ZetaSqlLocalService_{function}", request, answer)

    def request(self, message, sql):
        message.options.language_options.CopyFrom(self.language)
        message.options.prune_unused_columns = True
        message.options.default_timezone = "UTC"
        message.simple_catalog.name = "warehouse"
        options = message.simple_catalog.builtin_function_options
        options.language_options.CopyFrom(self.language)
        used = {"".join(name) for name in re.findall(r"`([^`]+)`", sql)}
        for number, (name, table) in enumerate(self.tables.items()):
            if name not in used:
                continue
            added = message.simple_catalog.table.add(name=name, serialization_id=number + 1)
            for column, type_ in table.columns:
                added.column.add(name=column, type=type_, is_pseudo_column=column == SUFFIX)
        return used

    def analyze(self, sql):
        """The resolved statement. Raises an error with Google's message."""
        sql = one_name(sql)
        request = messages.AnalyzeRequest(sql_statement=sql)
        self.request(request, sql)
        return self.call("Analyze", request, messages.AnalyzeResponse).resolved_statement

    def query(self, sql):
        """The result of a query."""
        sql = one_name(sql)
        request = messages.PrepareQueryRequest(sql=sql)
        used = self.request(request, sql)
        for name, table in self.tables.items():
            if name in used:
                data = request.table_content[name].table_data
                for row in table.rows:
                    data.row.add(cell=row)
        prepared = self.call("PrepareQuery", request, messages.PrepareQueryResponse).prepared
        request = messages.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
        answer = self.call("EvaluateQuery", request, messages.EvaluateQueryResponse)
        columns = [(column.name, column.type) for column in prepared.columns]
        return Table(columns, [list(row.cell) for row in answer.content.table_data.row])

    def shown(self, sql):
        """The result of a query as lists of text; `None` for NULL."""
        table = self.query(f"SELECT TO_JSON_STRING(_row) FROM ({sql.rstrip().rstrip(';')}) AS _row")
        import json

        return [json.loads(row[0].string_value) for row in table.rows]


def type_name(type_):
    """The name of a type of the engine, as GoogleSQL writes it."""
    if type_.type_kind == type_pb2.TYPE_ARRAY:
        return f"ARRAY<{type_name(type_.array_type.element_type)}>"
    name = type_pb2.TypeKind.Name(type_.type_kind).removeprefix("TYPE_")
    return {"DOUBLE": "FLOAT64"}.get(name, name)


def scanned_columns(statement):
    """All columns of tables that a resolved statement reads, as (table, column)."""
    found = set()

    def walk(message):
        if message.DESCRIPTOR.name == "ResolvedTableScanProto":
            columns = message.parent.column_list
            found.update((message.table.name, column.name) for column in columns)
        for descriptor, value in message.ListFields():
            if descriptor.type != descriptor.TYPE_MESSAGE:
                continue
            values = value if hasattr(value, "add") else [value]
            for each in values:
                walk(each)

    walk(statement)
    return found
