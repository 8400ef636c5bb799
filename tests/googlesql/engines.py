"""Both engines: Google's (`zetasql`) and the local warehouse over HTTP."""

import http.client
import json
import os
import re
from urllib.parse import urlsplit

from googlesql import Engine
from values import google_type, google_value, has_null_element, local_type, local_value
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as messages
from zetasql.wasi._pb2.zetasql.public.options_pb2 import (
    ERROR_MESSAGE_ONE_LINE,
    LanguageFeature,
)

REFUSAL = "The local warehouse does not know"
# Where Google's message says an error is: the line of the expression in a batch.
PLACE = re.compile(r"\[at (\d+):\d+\]")
BATCH = 60


# Features that BigQuery does not have, and some that it has and the package does not count as
# released.
WITHOUT = [
    "TIMESTAMP_NANOS", "TIMESTAMP_PICOS", "TIMESTAMP_PRECISION", "JSON_TYPE_COMPARISON",
    "ARRAY_ORDERING", "ARRAY_GREATEST_LEAST",
]  # fmt: skip
WITH = ["DISABLE_FLOAT32", "ENABLE_EDIT_DISTANCE_BYTES"]


class Failed(Exception):
    """The statement has no result."""


class Refused(Exception):
    """The local warehouse says that it does not know a part of the statement."""


class Google:
    """Google's engine with a catalog that has the functions and no table."""

    def __init__(self):
        self.engine = Engine()
        features = self.engine.language.enabled_language_features
        for name in WITHOUT:
            features.remove(LanguageFeature.Value(f"FEATURE_{name}"))
        features.extend(LanguageFeature.Value(f"FEATURE_{name}") for name in WITH)
        request = messages.RegisterCatalogRequest()
        request.simple_catalog.name = "functions"
        options = request.simple_catalog.builtin_function_options
        options.language_options.CopyFrom(self.engine.language)
        answer = self.engine.call("RegisterCatalog", request, messages.RegisterResponse)
        self.catalog = answer.registered_id

    def run(self, sql):
        request = messages.EvaluateQueryRequest(sql=sql, registered_catalog_id=self.catalog)
        request.options.language_options.CopyFrom(self.engine.language)
        request.options.default_timezone = "UTC"
        request.options.error_message_mode = ERROR_MESSAGE_ONE_LINE
        try:
            answer = self.engine.call("EvaluateQuery", request, messages.EvaluateQueryResponse)
        except Exception as error:
            raise Failed(str(error)) from None
        columns = [(it.name, it.type) for it in answer.prepared.columns]
        return columns, [list(row.cell) for row in answer.content.table_data.row]

    def query(self, sql):
        """The rows of a query as (types, rows)."""
        columns, rows = self.run(sql)
        types = [f"{name} {google_type(of)}" for name, of in columns]
        return types, [
            [google_value(of, cell) for (_, of), cell in zip(columns, row)] for row in rows
        ]

    def expressions(self, texts):
        """For each expression (type, value), or `Failed`."""
        results = [None] * len(texts)
        for start in range(0, len(texts), BATCH):
            self.batch(list(range(start, min(start + BATCH, len(texts)))), texts, results)
        return results

    def batch(self, numbers, texts, results):
        while numbers:
            # NULL for an error; otherwise a STRUCT, even if the value is NULL.
            lines = [f"NULLIFERROR(STRUCT({texts[it]} AS v))" for it in numbers]
            try:
                columns, rows = self.run("SELECT " + ",\n".join(lines))
                break
            except Failed as error:
                place = PLACE.search(str(error))
                at = int(place[1]) - 1 if place else 0
                if not place and len(numbers) > 1:
                    half = len(numbers) // 2
                    self.batch(numbers[:half], texts, results)
                    self.batch(numbers[half:], texts, results)
                    return
                results[numbers[at]] = Failed(str(error))
                del numbers[at]
        else:
            return
        for number, (_, of), cell in zip(numbers, columns, rows[0]):
            field = of.struct_type.field[0].field_type
            if cell.WhichOneof("value") is None:
                results[number] = Failed("an error while it runs")
                continue
            value = cell.struct_value.field[0]
            shown = google_value(field, value)
            if has_null_element(field, value):
                shown = NULL_ELEMENT
            results[number] = (google_type(field), shown)


# The value of an expression whose result BigQuery cannot return.
NULL_ELEMENT = "an array with NULL"


class Local:
    """The local warehouse, over BigQuery's REST interface."""

    def __init__(self):
        self.url = urlsplit(os.environ["BIGQUERY_EMULATOR_HOST"])
        self.project = os.environ["LOCAL_PROJECT"]
        self.connection = http.client.HTTPConnection(self.url.netloc, timeout=120)
        self.headers = {
            "Authorization": f"Bearer {os.environ['LOCAL_TOKEN']}",
            "Content-Type": "application/json",
        }

    def answer(self, sql):
        body = {
            "query": sql, "useLegacySql": False, "maxResults": 10000,
            "formatOptions": {"useInt64Timestamp": True},
        }  # fmt: skip
        path = f"/bigquery/v2/projects/{self.project}/queries"
        self.connection.request("POST", path, json.dumps(body), self.headers)
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status == 200:
            return answer
        message = answer["error"]["message"]
        assert response.status == 400, f"{response.status}: {message}: {sql}"
        assert "internal" not in message, f"{message}: {sql}"
        raise Refused(message) if message.startswith(REFUSAL) else Failed(message)

    def query(self, sql):
        """The rows of a query as (types, rows)."""
        answer = self.answer(sql)
        fields = answer["schema"]["fields"]
        rows = [
            [local_value(field, cell["v"]) for field, cell in zip(fields, row["f"])]
            for row in answer.get("rows", [])
        ]
        return [f"{it['name']} {local_type(it)}" for it in fields], rows

    def expressions(self, texts):
        """For each expression (type, value), or an error."""
        results = [None] * len(texts)
        for start in range(0, len(texts), BATCH):
            self.batch(list(range(start, min(start + BATCH, len(texts)))), texts, results)
        return results

    def batch(self, numbers, texts, results):
        try:
            columns = [f"{texts[it]} AS c{it}" for it in numbers]
            types, rows = self.query("SELECT " + ",\n".join(columns))
        except (Failed, Refused) as error:
            if len(numbers) == 1:
                results[numbers[0]] = error
                return
            half = len(numbers) // 2
            self.batch(numbers[:half], texts, results)
            self.batch(numbers[half:], texts, results)
            return
        for number, of, value in zip(numbers, types, rows[0]):
            results[number] = (of.split(" ", 1)[1], value)
