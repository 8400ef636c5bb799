"""Where Google's engine and BigQuery differ. The local warehouse follows BigQuery.

The package is the open-source engine, with every released feature switched on; BigQuery has some
functions of its own, and leaves some features out. Each entry names its source.
"""

import re

DOCS = "https://cloud.google.com/bigquery/docs/reference/standard-sql"

SKETCH = "HLL_COUNT.EXTRACT((SELECT HLL_COUNT.INIT(x) FROM UNNEST([1]) x))"
# BigQuery documents these functions, and the package does not have them. Rust's tests of the
# engine compare them with the examples of the documentation. A call, so that a test can see whether
# it is still so.
ONLY_BIGQUERY = {
    "APPROX_COUNT_DISTINCT": ("(SELECT APPROX_COUNT_DISTINCT(x) FROM UNNEST([1]) x)", "approximate_aggregate_functions"),
    "APPROX_QUANTILES": ("(SELECT APPROX_QUANTILES(x, 1) FROM UNNEST([1]) x)", "approximate_aggregate_functions"),
    "APPROX_TOP_COUNT": ("(SELECT APPROX_TOP_COUNT(x, 1) FROM UNNEST([1]) x)", "approximate_aggregate_functions"),
    "APPROX_TOP_SUM": ("(SELECT APPROX_TOP_SUM(x, x, 1) FROM UNNEST([1]) x)", "approximate_aggregate_functions"),
    "CONTAINS_SUBSTR": ("CONTAINS_SUBSTR('a', 'a')", "text-analysis-functions"),
    "MAX_BY": ("(SELECT MAX_BY(x, x) FROM UNNEST([1]) x)", "aggregate_functions#max_by"),
    "MIN_BY": ("(SELECT MIN_BY(x, x) FROM UNNEST([1]) x)", "aggregate_functions#min_by"),
    "DOUBLE": ("DOUBLE(JSON '1')", "json_functions#double_for_json"),
    "LAX_DOUBLE": ("LAX_DOUBLE(JSON '1')", "json_functions#lax_double"),
    "$like_any": ("('a' LIKE ANY UNNEST(['a']))", "operators#like_operator_quantified"),
    "$like_all": ("('a' LIKE ALL UNNEST(['a']))", "operators#like_operator_quantified"),
    "HLL_COUNT.INIT": (SKETCH, "hll_functions"),
    "HLL_COUNT.EXTRACT": (SKETCH, "hll_functions"),
    "HLL_COUNT.MERGE": ("(SELECT HLL_COUNT.MERGE(x) FROM UNNEST([CAST(NULL AS BYTES)]) x)", "hll_functions"),
    "HLL_COUNT.MERGE_PARTIAL": ("(SELECT HLL_COUNT.MERGE_PARTIAL(x) FROM UNNEST([CAST(NULL AS BYTES)]) x)", "hll_functions"),
    "TO_BASE32": ("TO_BASE32(b'a')", "string_functions#to_base32"),
    "FROM_BASE32": ("FROM_BASE32('ME======')", "string_functions#from_base32"),
}  # fmt: skip

# Text of the SQL, text of Google's answer, and the source for what BigQuery does.
EXCEPTIONS = [
    # "Returns an empty string if the code point is 0".
    (r"CHR\(", r"\\x00", "string_functions#chr"),
    # The path is optional: "`$` if it is not provided".
    (r"JSON_(QUERY|EXTRACT)\(", r"No matching signature for function JSON_(QUERY|EXTRACT)$", "json_functions#json_query"),
    # The package's hour overflows; BigQuery has no such DATETIME.
    (r"DATETIME\(.*9223372036854775808", r"DATETIME", "datetime_functions#datetime"),
    # The package reads a text only as far as the path needs. "If a JSON string is not valid, NULL".
    (r"JSON_\w+\(.*'2024-02-29'", r"2024", "json_functions#json_extract_scalar"),
    # These elements read as well: "Format string as meridian indicator part".
    (r"FORMAT '.*(AM|PM|A\.M\.|P\.M\.)", r"is not supported for parsing", "format-elements#format_string_as_meridian"),
    # The package's engine ends arrays at 16,000 elements; BigQuery's limit is one of bytes.
    (r"GENERATE_(DATE|TIMESTAMP)_ARRAY\(", r"an error while it runs", "array_functions#generate_date_array"),
    # The package was built without the tables of compatibility characters.
    (r"NFK", r"Failed to get a normalizer instance", "string_functions#normalize"),
]  # fmt: skip


def is_exception(function, sql, google, local):
    return any(
        re.search(pattern, sql) and re.search(answer, str(google))
        for pattern, answer, _ in EXCEPTIONS
    )
