"""Arguments for generated expressions: edge values of each type, and texts that a function needs."""

LITERALS = {
    "BOOL": ["TRUE", "FALSE"],
    "INT64": [
        "0", "1", "-1", "2", "3", "7", "-7", "10", "100", "1000", "9223372036854775807",
        "-9223372036854775808", "2147483648", "0xff", "1582934400",
    ],
    "FLOAT64": [
        "0.0", "-0.0", "1.0", "-1.0", "0.5", "1.5", "2.5", "-2.5", "3.7", "0.1", "1e20", "1e-7",
        "1.7976931348623157e308", "5e-324", "123456.789", "1e15", "12345678901234567.0", "0.30000000000000004",
        "CAST('nan' AS FLOAT64)", "CAST('inf' AS FLOAT64)", "CAST('-inf' AS FLOAT64)",
    ],
    "NUMERIC": [
        "NUMERIC '0'", "NUMERIC '1'", "NUMERIC '-1'", "NUMERIC '0.5'", "NUMERIC '2.5'", "NUMERIC '-2.5'",
        "NUMERIC '1.234567891'", "NUMERIC '99999999999999999999999999999.999999999'",
        "NUMERIC '-99999999999999999999999999999.999999999'", "NUMERIC '0.000000001'", "NUMERIC '3'", "NUMERIC '1200'",
    ],
    "BIGNUMERIC": [
        "BIGNUMERIC '0'", "BIGNUMERIC '1'", "BIGNUMERIC '-1.5'", "BIGNUMERIC '2.5'", "BIGNUMERIC '3'",
        "BIGNUMERIC '578960446186580977117854925043439539266.34992332820282019728792003956564819967'",
        "BIGNUMERIC '-578960446186580977117854925043439539266.34992332820282019728792003956564819968'",
        "BIGNUMERIC '0.00000000000000000000000000000000000001'", "BIGNUMERIC '12345678901234567890.12345678901234567890'",
    ],
    "STRING": [
        "''", "'a'", "'abc'", "'Hello World'", "'한국어'", "'😀x'", "'e\\u0301'", "'é'", "'ÀÉ straße'", "' a b '",
        "'a,b,,c'", "'12'", "'-3.5'", "'TRUE'", "'2024-02-29'", "'İı'", "'a\\nb'", "'\\0z'", "'ab\"c'", "'%_\\\\'",
    ],
    "BYTES": ["b''", "b'a'", "b'abc'", "b'\\xff\\x00'", "b'\\xe4\\xb8\\xad'", "b'Hello'", "b' a '", "b'\\x01\\x02\\x03\\x04'"],
    "DATE": [
        "DATE '2024-02-29'", "DATE '2023-01-01'", "DATE '2021-01-03'", "DATE '2020-12-31'", "DATE '0001-01-01'",
        "DATE '9999-12-31'", "DATE '1970-01-01'", "DATE '1969-12-31'", "DATE '2024-07-06'", "DATE '2026-11-01'",
    ],
    "TIME": ["TIME '00:00:00'", "TIME '23:59:59.999999'", "TIME '12:34:56.789'", "TIME '01:02:03.000004'"],
    "DATETIME": [
        "DATETIME '2024-02-29 12:34:56.789012'", "DATETIME '0001-01-01 00:00:00'", "DATETIME '9999-12-31 23:59:59.999999'",
        "DATETIME '2023-03-26 01:30:00'", "DATETIME '1969-12-31 23:59:59.5'", "DATETIME '2021-01-03 00:00:00'",
        "DATETIME '2024-11-03 01:30:00'",
    ],
    "TIMESTAMP": [
        "TIMESTAMP '2024-02-29 12:34:56.789012+00'", "TIMESTAMP '0001-01-01 00:00:00+00'", "TIMESTAMP '9999-12-31 23:59:59.999999+00'",
        "TIMESTAMP '2024-03-10 09:59:59.5+00'", "TIMESTAMP '2024-11-03 08:30:00+00'", "TIMESTAMP '1969-12-31 23:59:59.999999+00'",
        "TIMESTAMP '1900-01-01 00:00:00+00'", "TIMESTAMP '2021-01-03 20:00:00+09:00'",
    ],
    "INTERVAL": [
        "INTERVAL 1 DAY", "INTERVAL -1 MONTH", "INTERVAL '1-2 3 4:5:6.789' YEAR TO SECOND", "INTERVAL 0 SECOND",
        "INTERVAL 25 HOUR", "INTERVAL 40 DAY", "INTERVAL '-1-2 3 -4:5:6.000007' YEAR TO SECOND", "INTERVAL 14 MONTH",
    ],
    "JSON": [
        "JSON 'null'", "JSON '1'", "JSON '-1.5'", "JSON '\"x\"'", "JSON 'true'", "JSON '[1, \"a\", null, {\"b\": 2}]'",
        "JSON '{\"a\": {\"b\": [1, 2]}, \"c\": null, \"d e\": \"f\"}'", "JSON '{}'", "JSON '[]'", "JSON '1e100'", "JSON '\"12\"'",
        "JSON '18446744073709551615'", "JSON '\"한\\\\n\"'",
    ],
    "ARRAY<INT64>": ["[1, 2, 3]", "[3, NULL, 1]", "ARRAY<INT64>[]", "[0]", "[97, 44032, 128512]"],
    "ARRAY<FLOAT64>": ["[1.5, 2.5]", "[0.1, CAST('nan' AS FLOAT64)]", "ARRAY<FLOAT64>[]"],
    "ARRAY<STRING>": ["['a', 'b', 'c']", "['x', NULL]", "ARRAY<STRING>[]", "['', '한']"],
    "ARRAY<BYTES>": ["[b'a', b'\\xff']", "ARRAY<BYTES>[]", "[b'a', NULL]"],
    "ARRAY<DATE>": ["[DATE '2024-01-01', DATE '2025-01-01']", "ARRAY<DATE>[]"],
    "ARRAY<NUMERIC>": ["[NUMERIC '1.5', NUMERIC '3']"],
    "ARRAY<BIGNUMERIC>": ["[BIGNUMERIC '1.5', BIGNUMERIC '3']"],
    "ARRAY<BOOL>": ["[TRUE, FALSE]", "[NULL, TRUE]"],
    "ARRAY<TIMESTAMP>": ["[TIMESTAMP '2024-01-01 00:00:00+00']"],
    "ARRAY<JSON>": ["[JSON '1', JSON '{}']"],
    "STRUCT": [
        "STRUCT(1 AS a, 'x' AS b)", "STRUCT(NULL AS a, 'y' AS b)", "STRUCT<a INT64, b STRING>(2, 'x')",
    ],
}  # fmt: skip
# Values of one type for a parameter of any type.
ANY = [
    "BOOL", "INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "STRING", "BYTES", "DATE", "TIME",
    "DATETIME", "TIMESTAMP", "JSON", "INTERVAL",
]  # fmt: skip

# Functions whose result depends on the time or on chance.
UNSTEADY = {
    "CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP", "RAND", "GENERATE_UUID",
}  # fmt: skip

# How the operators of the list are written.
OPERATORS = {
    "$eq": "({0} = {1})", "$ne": "({0} != {1})", "$lt": "({0} < {1})", "$le": "({0} <= {1})",
    "$gt": "({0} > {1})", "$ge": "({0} >= {1})", "$between": "({0} BETWEEN {1} AND {2})",
    "$not": "(NOT {0})", "$is_null": "({0} IS NULL)", "$is_true": "({0} IS TRUE)",
    "$is_false": "({0} IS FALSE)", "$is_distinct": "({0} IS DISTINCT FROM {1})",
    "$in_array": "({0} IN UNNEST({1}))", "$add": "({0} + {1})", "$subtract": "({0} - {1})",
    "$multiply": "({0} * {1})", "$divide": "({0} / {1})", "$minus": "(- {0})", "$plus": "(+ {0})",
    "$bit_and": "({0} & {1})", "$bit_or": "({0} | {1})", "$bit_xor": "({0} ^ {1})",
    "$bit_not": "(~ {0})", "$shift_left": "({0} << {1})", "$shift_right": "({0} >> {1})",
    "$concat": "({0} || {1})", "$like": "({0} LIKE {1})", "$element": "{0}[{2}({1})]",
    "$json_field": "{0}[{1}]", "$json_element": "{0}[{1}]", "$interval": "INTERVAL {0} {1}",
    "$interval_text": "INTERVAL {0} {1} TO {2}", "$extract": "EXTRACT({1} FROM {0})",
    "$extract_date": "EXTRACT(DATE FROM {0})", "$extract_time": "EXTRACT(TIME FROM {0})",
    "$extract_datetime": "EXTRACT(DATETIME FROM {0})",
    "$cast_to_text": "CAST({0} AS STRING FORMAT {1})", "$cast_to_date": "CAST({0} AS DATE FORMAT {1})",
    "$cast_to_number_text": "CAST({0} AS STRING FORMAT {1})",
    "$cast_to_time": "CAST({0} AS TIME FORMAT {1})", "$cast_to_datetime": "CAST({0} AS DATETIME FORMAT {1})",
    "$cast_to_timestamp": "CAST({0} AS TIMESTAMP FORMAT {1})", "$cast_to_bytes": "CAST({0} AS BYTES FORMAT {1})",
}  # fmt: skip

INTERVALS = [
    "'1-2' YEAR TO MONTH", "'-3-11' YEAR TO MONTH", "'1 2 3' MONTH TO HOUR", "'3 4' DAY TO HOUR", "'10:20:30.5' HOUR TO SECOND",
    "'1-2 3 4:5:6' YEAR TO SECOND", "'-3 4:05' DAY TO MINUTE", "'5:6' MINUTE TO SECOND", "'5' MINUTE TO SECOND", "'x' YEAR TO DAY",
    "'1-13' YEAR TO MONTH", "'1-2 -3' YEAR TO DAY", "'1 -2' MONTH TO DAY", "'1-2 3' MONTH TO DAY",
]  # fmt: skip
DAY_PARTS = ["DAY", "WEEK", "WEEK(MONDAY)", "WEEK(SATURDAY)", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"]
CLOCK_PARTS = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"]
ADD_DAYS = ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]
EXTRACTED = [*CLOCK_PARTS, "DAY", "DAYOFWEEK", "DAYOFYEAR", "WEEK", "WEEK(TUESDAY)", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"]
ZONES = ["'UTC'", "'Asia/Seoul'", "'America/Los_Angeles'", "'Europe/London'", "'+09:30'", "'-05:00'", "'Australia/Lord_Howe'", "'nowhere'"]
DATE_FORMATS = [
    "'%Y-%m-%d'", "'%A %a %B %b %d %e'", "'%j %U %W %u %w %V %G %g %C %y'", "'%D %F %x %h %Q'", "'%E4Y %%n'", "'x%n%t'",
]
TIME_FORMATS = ["'%H:%M:%S'", "'%I:%M %p'", "'%T.%E3S'", "'%E*S %E6S %R'", "'%X %r'"]
STAMP_FORMATS = [*DATE_FORMATS, *TIME_FORMATS, "'%F %T %Z'", "'%F %T %z'", "'%c %s'", "'%Ez %E0S'"]
REGEXES = [
    "r'[a-z]+'", "r'(a)(b)?'", "r'(b)'", "r'^$'", "r''", "r'\\pL'", "r'(?i)hello'", "r'.'", "r'\\bW'", "r'['", "r'(?P<x>o)'", "r'\\d+'",
    "r'한'", "r'(?s).+'", "r'a{2,}'", "r'[^a]'", "r'(?:l)+'",
]
BYTE_REGEXES = ["rb'[a-z]+'", "rb'(a)'", "rb''", "rb'.'", "rb'l+'", "rb'\\xff'"]
JSON_TEXTS = [
    "'{\"a\": {\"b\": [1, 2]}, \"c\": null, \"d e\": \"f\"}'", "'[1, \"a\", null, {\"b\": 2}]'", "'1'", "'\"x\"'", "'null'", "'not json'",
    "''", "'{\"a\": 1, \"a\": 2}'", "'{\"b\": 1.50, \"a\": \"\\\\u00e9\"}'", "'[]'", "' { \"a\" : [ \"x\" , true ] } '", "'1e400'",
    "'{\"a\": 9007199254740993, \"f\": 1e3}'",
]
JSON_PATHS = ["'$'", "'$.a'", "'$.a.b'", "'$.a.b[1]'", "'$[0]'", "'$[1]'", "'$[3].b'", "'$.c'", "\"$['a']\"", "'$.\"d e\"'", "'$.a['", "'a'", "'$.missing'", "'$[9]'"]

# The package passes %k, %l and %P of FORMAT_* and %F, %G, %u, %U, %V, %w and %W of PARSE_* to a C
# library that does not have them; BigQuery documents them. Rust's tests have them.

# Values for parameters by function and position, or by function, position and type.
ARGUMENTS = {
    "ARRAY_SLICE": {1: ["0", "1", "-2", "5", "-9"], 2: ["0", "2", "-1", "9", "-9"]},
    "$element": {1: ["0", "1", "2", "-1", "5"], 2: ["OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL"]},
    "GENERATE_ARRAY": {
        0: {"INT64": ["1", "5", "-3"], "FLOAT64": ["0.0", "1.5"], "NUMERIC": ["NUMERIC '1.1'"], "BIGNUMERIC": ["BIGNUMERIC '1.1'"]},
        1: {"INT64": ["5", "1", "10"], "FLOAT64": ["1.0", "2.0"], "NUMERIC": ["NUMERIC '3.3'"], "BIGNUMERIC": ["BIGNUMERIC '3'"]},
        2: {"INT64": ["1", "-2", "3", "0"], "FLOAT64": ["0.1", "-0.5"], "NUMERIC": ["NUMERIC '0.7'"], "BIGNUMERIC": ["BIGNUMERIC '0.7'"]},
    },
    "GENERATE_DATE_ARRAY": {
        0: ["DATE '2024-01-31'", "DATE '2024-03-01'"], 1: ["DATE '2024-03-01'", "DATE '2024-06-30'", "DATE '2024-01-31'"],
        2: ["1", "2", "-1", "0"], 3: ADD_DAYS,
    },
    "GENERATE_TIMESTAMP_ARRAY": {
        0: ["TIMESTAMP '2024-01-31 00:00:00+00'"], 1: ["TIMESTAMP '2024-02-02 01:00:00+00'", "TIMESTAMP '2024-01-30 00:00:00+00'"],
        2: ["6", "7", "-12"], 3: ["HOUR", "DAY"],
    },
    "CHR": {0: ["0", "65", "233", "44032", "128512", "55296", "1114112", "-1"]},
    "FROM_HEX": {0: ["'00ff'", "'ABC'", "''", "'zz'", "'aF'"]},
    "FROM_BASE64": {0: ["'YWJj'", "'YWI='", "'YQ'", "''", "'!'", "'_-8='", "'/+8='"]},
    "FROM_BASE32": {0: ["'MFRGG==='", "'ME======'", "''", "'1'", "'MFRGGZDF'"]},
    "CODE_POINTS_TO_STRING": {0: ["[65, 44032]", "[128512]", "[NULL, 65]", "[-1]", "[55296]", "ARRAY<INT64>[]"]},
    "CODE_POINTS_TO_BYTES": {0: ["[65, 255]", "[256]", "[NULL]", "ARRAY<INT64>[]"]},
    "UNICODE": {0: ["'a'", "''", "'한'", "'😀'"]},
    "ERROR": {0: ["'x'"]},
    "DATE": {0: {"INT64": ["2024", "2023", "0", "1", "9999", "10000"]}, 1: {"INT64": ["1", "2", "13", "12", "0"]}, 2: {"INT64": ["1", "29", "31", "0"]}},
    "TIME": {0: {"INT64": ["0", "23", "24", "-1"]}, 1: {"INT64": ["0", "59", "60"]}, 2: {"INT64": ["0", "59", "60", "61"]}},
    "DATETIME": {
        0: {"INT64": ["2024", "1", "9999"]}, 1: {"INT64": ["2", "12"]}, 2: {"INT64": ["29", "30", "1"]}, 3: {"INT64": ["0", "23", "24"]},
        4: {"INT64": ["0", "59"]}, 5: {"INT64": ["0", "59", "60"]},
    },
    "LAST_DAY": {1: DAY_PARTS}, "DATE_TRUNC": {1: DAY_PARTS}, "DATE_DIFF": {2: DAY_PARTS},
    "DATETIME_TRUNC": {1: DAY_PARTS + CLOCK_PARTS}, "DATETIME_DIFF": {2: DAY_PARTS + CLOCK_PARTS},
    "TIMESTAMP_TRUNC": {1: DAY_PARTS + CLOCK_PARTS}, "TIMESTAMP_DIFF": {2: CLOCK_PARTS + ["DAY"]},
    "TIME_TRUNC": {1: CLOCK_PARTS}, "TIME_DIFF": {2: CLOCK_PARTS},
    "TIME_ADD": {1: ["1", "-1", "100000", "86400", "9223372036854775807"], 2: CLOCK_PARTS},
    "TIME_SUB": {1: ["1", "-1", "100000", "86400", "-9223372036854775808"], 2: CLOCK_PARTS},
    "$extract": {1: EXTRACTED},
    "$interval": {1: ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"], 0: ["1", "-1", "100", "0", "9223372036854775807", "10001", "-120000"]},
    "MAKE_INTERVAL": {at: ["0", "1", "-1", "14", "100"] for at in range(6)},
    "REPEAT": {1: ["0", "1", "3", "-1"]},
    "LPAD": {1: ["0", "1", "5", "-1", "8"]}, "RPAD": {1: ["0", "1", "5", "-1", "8"]},
    "SUBSTR": {1: ["0", "1", "2", "-2", "-9", "9"], 2: ["0", "1", "2", "9", "-1"]},
    "LEFT": {1: ["0", "1", "9", "-1"]}, "RIGHT": {1: ["0", "1", "9", "-1"]},
    "INSTR": {2: ["1", "2", "-1", "0", "-2"], 3: ["1", "2", "0"]},
    "STRPOS": {1: {"STRING": ["''", "'b'", "'o'", "'어'"], "BYTES": ["b''", "b'l'"]}},
    "REGEXP_CONTAINS": {1: {"STRING": REGEXES, "BYTES": BYTE_REGEXES}},
    "REGEXP_EXTRACT": {1: {"STRING": REGEXES, "BYTES": BYTE_REGEXES}, 2: ["1", "2", "0", "9"], 3: ["1", "2", "0"]},
    "REGEXP_EXTRACT_ALL": {1: {"STRING": REGEXES, "BYTES": BYTE_REGEXES}},
    "REGEXP_INSTR": {1: {"STRING": REGEXES, "BYTES": BYTE_REGEXES}, 2: ["1", "2", "0", "9"], 3: ["1", "2", "0"], 4: ["0", "1", "2"]},
    "REGEXP_REPLACE": {1: {"STRING": REGEXES, "BYTES": BYTE_REGEXES}, 2: {"STRING": ["'-'", "''", "r'<\\1>'", "r'\\0'", "r'\\9'", "r'\\\\'", "r'\\x'"], "BYTES": ["b'-'", "rb'<\\1>'"]}},
    "$like": {1: {"STRING": ["'a%'", "'%c'", "'_b_'", "'%'", "''", "r'a\\%'", "'Hello%'", "'_'", "r'x\\'"], "BYTES": ["b'a%'", "b'_'", "b'%'"]}},
    "SPLIT": {1: {"STRING": ["','", "''", "' '", "', '"], "BYTES": ["b'l'", "b''"]}},
    "INITCAP": {1: ["' '", "''", "'l'", "', '"]},
    "NORMALIZE": {1: ["NFC", "NFD", "NFKC", "NFKD"]}, "NORMALIZE_AND_CASEFOLD": {1: ["NFC", "NFD", "NFKC", "NFKD"]},
    "TRANSLATE": {1: {"STRING": ["'abc'", "''", "'aa'", "'한'"], "BYTES": ["b'abc'", "b''"]}, 2: {"STRING": ["'xy'", "''", "'xyz'"], "BYTES": ["b'xy'", "b''"]}},
    "EDIT_DISTANCE": {2: ["max_distance => 2", "max_distance => 0"]},
    "CONTAINS_SUBSTR": {1: ["'a'", "'HELLO'", "'é'", "'한'"]},
    "ROUND": {1: ["0", "1", "2", "-1", "-2", "9", "40", "-40"], 2: ["'ROUND_HALF_EVEN'", "'ROUND_HALF_AWAY_FROM_ZERO'", "'x'"]},
    "TRUNC": {1: ["0", "1", "2", "-1", "-2", "9", "-40"]},
    "LOG": {1: ["10.0", "2.0", "1.0", "0.0", "0.5"]},
    "POW": {1: ["2.0", "0.0", "-1.0", "0.5", "1000.0"]}, "POWER": {1: ["2.0", "0.0", "-1.0", "0.5"]},
    "$shift_left": {1: ["0", "1", "8", "63", "64", "-1"]}, "$shift_right": {1: ["0", "1", "8", "63", "64", "-1"]},
    "RANGE_BUCKET": {1: {"ARRAY<INT64>": ["[1, 3, 7]", "ARRAY<INT64>[]", "[1, 1, 2]", "[3, 1]"]}},
    "PARSE_JSON": {0: JSON_TEXTS, 1: ["wide_number_mode => 'exact'", "wide_number_mode => 'round'"]},
    "TO_JSON": {1: ["stringify_wide_numbers => FALSE", "stringify_wide_numbers => TRUE"]},
    "PARSE_NUMERIC": {0: ["'123.45'", "'12.34E2'", "' - 1,234.5 '", "'1.5-'", "'1 2'", "'x'", "'1,2,3'", "'+ 5'", "'-+5'", "'1.2.3'", "'1e400'", "''"]},
    "PARSE_BIGNUMERIC": {0: ["'123.45'", "'123.456E37'", "'1,234.5-'", "'x'", "'1.'", "'.5'"]},
    "CONCAT": {},
    "NET.HOST": {0: ["'https://www.Example.co.kr:80/a?b#c'", "'//user@host/x'", "'mailto:a@b.c'", "'  http://x '", "'a.b/c'", "''", "'http://[::1]:1/'", "'://x'"]},
    "NET.IP_FROM_STRING": {0: ["'1.2.3.4'", "'::1'", "'2001:db8::8:800'", "'x'", "'1.2.3.4/8'", "''", "'::ffff:1.2.3.4'"]},
    "NET.SAFE_IP_FROM_STRING": {0: ["'1.2.3.4'", "'::1'", "'x'", "'01.2.3.4'"]},
    "NET.IP_TO_STRING": {0: ["b'\\x01\\x02\\x03\\x04'", "b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01'", "b'a'", "b' \\x01\\x0d\\xb8\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x08'"]},
    "NET.IPV4_FROM_INT64": {0: ["0", "4294967295", "-1", "-2147483648", "4294967296", "16909060"]},
    "NET.IPV4_TO_INT64": {0: ["b'\\xff\\xff\\xff\\xff'", "b'\\x01\\x02\\x03\\x04'", "b'a'"]},
    "NET.IP_NET_MASK": {0: ["4", "16", "5"], 1: ["0", "8", "20", "32", "128", "33", "-1"]},
    "NET.IP_TRUNC": {0: ["b'\\xaa\\xbb\\xcc\\xdd'", "b'a'"], 1: ["0", "8", "11", "32", "33"]},
    "FORMAT_DATE": {0: DATE_FORMATS}, "FORMAT_TIME": {0: TIME_FORMATS}, "FORMAT_DATETIME": {0: DATE_FORMATS + TIME_FORMATS},
    "FORMAT_TIMESTAMP": {0: STAMP_FORMATS, 2: ZONES},
    "UNIX_DATE": {}, "DATE_FROM_UNIX_DATE": {0: ["0", "-1", "19782", "2932896", "2932897", "-719162", "-719163"]},
    "TIMESTAMP_SECONDS": {0: ["0", "-1", "1582934400", "253402300799", "253402300800"]},
    "TIMESTAMP_MILLIS": {0: ["0", "-1", "1582934400123", "253402300799999"]},
    "TIMESTAMP_MICROS": {0: ["0", "-1", "1582934400123456", "253402300799999999"]},
    "$json_field": {1: ["'a'", "'c'", "'missing'", "''"]}, "$json_element": {1: ["0", "1", "3", "-1", "9"]},
    "APPROX_QUANTILES": {1: ["1", "2", "4"]}, "APPROX_TOP_COUNT": {1: ["1", "2"]}, "APPROX_TOP_SUM": {2: ["1", "2"]},
    "STRING_AGG": {1: {"STRING": ["','", "''", "' | '"], "BYTES": ["b','"]}},
}  # fmt: skip
ARGUMENTS["SUBSTRING"] = ARGUMENTS["SUBSTR"]
ARGUMENTS["REGEXP_SUBSTR"] = ARGUMENTS["REGEXP_EXTRACT"]
for name in ("DATE_ADD", "DATE_SUB", "DATETIME_ADD", "DATETIME_SUB", "TIMESTAMP_ADD", "TIMESTAMP_SUB"):
    amounts = ["1", "-1", "13", "100", "-25", "9223372036854775807", "-9223372036854775808", "10000"]
    ARGUMENTS[name] = {1: amounts, 2: ADD_DAYS + CLOCK_PARTS}
for name in ("JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR", "JSON_QUERY_ARRAY",
             "JSON_EXTRACT_ARRAY", "JSON_VALUE_ARRAY", "JSON_EXTRACT_STRING_ARRAY"):  # fmt: skip
    ARGUMENTS[name] = {0: {"STRING": JSON_TEXTS}, 1: JSON_PATHS}
for name, formats, texts in [
    ("PARSE_DATE", ["'%Y-%m-%d'", "'%d/%m/%y'", "'%b %e %Y'", "'%Y%m%d'", "'%j %Y'", "'%Y'", "'%m/%d'", "'%A %B %d %Y'", "'%s'"],
     ["'2024-02-29'", "'29/02/24'", "'Feb 29 2024'", "'20240229'", "'60 2024'", "'2024'", "'2/29'", "'Thursday February 29 2024'", "'2024-08-4'", "'2024-09-4'", "' 2024-02-29 '", "'1709164800'", "'x'"]),
    ("PARSE_TIME", ["'%H:%M:%S'", "'%I:%M %p'", "'%T'", "'%R'", "'%H'", "'%E*S'", "'%H:%M:%E3S'"], ["'12:34:56'", "'01:02 PM'", "'23:59'", "'7'", "'59.123456'", "'1:2:3.456'", "'24:00:00'"]),
    ("PARSE_DATETIME", ["'%Y-%m-%d %H:%M:%S'", "'%Y-%m-%d %T'", "'%c'", "'%Y-%m-%dT%H:%M:%E*S'", "'%s'", "'%m/%d/%Y %I:%M %p'"], ["'2024-02-29 12:34:56'", "'Thu Feb 29 12:34:56 2024'", "'2024-02-29T12:34:56.789'", "'1709164800'", "'02/29/2024 01:02 am'", "''"]),
    ("PARSE_TIMESTAMP", ["'%Y-%m-%d %H:%M:%S'", "'%Y-%m-%d %T %z'", "'%Y-%m-%d %T%Ez'", "'%s'", "'%Y-%m-%d %T %Z'", "'%c'", "'%Y-%m-%dT%H:%M:%E*SZ'"], ["'2024-02-29 12:34:56'", "'2024-02-29 12:34:56 +0900'", "'2024-02-29 12:34:56+09:00'", "'1709164800'", "'2024-02-29 12:34:56 UTC'", "'Thu Feb 29 12:34:56 2024'", "'2024-02-29T12:34:56.789Z'"]),
]:  # fmt: skip
    ARGUMENTS[name] = {0: formats, 1: texts, 2: ZONES}
for name in ("DATE", "TIME", "DATETIME", "STRING", "TIMESTAMP"):
    ARGUMENTS.setdefault(name, {}).setdefault(1, {})["STRING"] = ZONES
ARGUMENTS["TIMESTAMP"][0] = {"STRING": ["'2024-02-29'", "'2024-02-29 12:34:56.789'", "'2024-02-29T12:34:56+09:00'", "'2024-02-29 12:34:56 Asia/Seoul'", "'2024-2-9 1:2:3'", "'x'", "'2024-03-10 02:30:00'", "'2024-02-29 12:34:56Z'"]}
ARGUMENTS["DATETIME"].setdefault(0, {})["STRING"] = ["'2024-02-29'", "'2024-02-29 12:34:56.789'", "'2024-02-29T12:34:56'", "'x'"]
ARGUMENTS["DATETIME_TRUNC"][2] = ARGUMENTS["TIMESTAMP_TRUNC"][2] = ARGUMENTS["DATE_TRUNC"][2] = ZONES
ARGUMENTS["FLOAT64"] = ARGUMENTS["DOUBLE"] = {1: ["wide_number_mode => 'exact'", "wide_number_mode => 'round'"]}

ARGUMENTS["$cast_to_text"] = {1: [
    "'YYYY-MM-DD'", "'YYY YY Y RRRR RR'", "'Month MON mon DAY Day dy D DD DDD'", "'HH24:MI:SS'", "'HH12:MI am'", "'SSSSS FF3 FF9'",
    "'TZH:TZM'", "'\"a\\\\\"b\" A.M. p.m.'", "'HEX'", "'BASE64'", "'base8'", "'ASCII'", "'UTF-8'", "'BASE2'", "''", "'x'",
]}  # fmt: skip
ARGUMENTS["$cast_to_number_text"] = {1: [
    "'9,999.99'", "'S999'", "'999S'", "'999MI'", "'999PR'", "'$9,999,999'", "'L99.9'", "'C99.9'", "'XXXX'", "'0X0x'", "'xxxxxxxxxxxxxxxxS'",
    "'0.99'", "'.99'", "'9,999,999,999,999,999,999.9'", "'9.99EEEE'", "'9eeee'", "'9V99'", "'99D9'", "'9G999'", "'FM999,999.99'", "'FM000.00S'",
    "'B99.9'", "'FM$9,990.00MI'", "'0,000'", "'S0.0EEEEFM'", "'FM9.999PR'", "'9S9'", "'X9'", "'TM9'", "''",
]}  # fmt: skip
DATE_MODELS = ["'YYYY-MM-DD'", "'DD.MM.YYYY'", "'MON DD, YYYY'", "'YY/MM/DD'", "'Y,YYY MONTH DD'", "'YYYYMMDD'", "'YYYY YY'", "'YYY-MM-DD'"]
DATE_WORDS = ["'2024-02-29'", "'29.02.2024'", "'feb 29, 2024'", "'24/2/29'", "'2,024 February 29'", "'20240229'", "' 24-12-3 '", "'x'", "'2023-02-29'", "'024-02-29'"]
CLOCK_MODELS = ["'HH24:MI:SS'", "'HH24:MI'", "'SSSSS'", "'HH24MISS'", "'HH24:MI:SS.FF3'", "'HH24'", "'HH12:MI'"]
CLOCK_WORDS = ["'12:34:56'", "'1:2'", "'3723'", "'123456'", "'12:34:56.789'", "'7'", "'24:00:00'", "''"]
ARGUMENTS["$cast_to_date"] = {0: DATE_WORDS, 1: DATE_MODELS}
ARGUMENTS["$cast_to_time"] = {0: CLOCK_WORDS, 1: CLOCK_MODELS}
for name in ("$cast_to_datetime", "$cast_to_timestamp"):
    models = ["'YYYY-MM-DD HH24:MI:SS'", "'YYYY-MM-DD HH24:MI:SS.FF6'", "'YYYY-MM-DD\"T\"HH24:MI'", "'YYYY-MM-DD HH24:MI:SS TZH:TZM'", "'YYYYMMDDHH24'"]
    words = ["'2024-02-29 12:34:56'", "'2024-02-29 1:2:3.5'", "'2024-02-29T12:34'", "'2024-02-29 12:34:56 +09:30'", "'2024022912'", "'x'"]
    ARGUMENTS[name] = {0: words, 1: models}
ARGUMENTS["$cast_to_bytes"] = {
    0: ["'0001efff'", "'1EF'", "'00410473'", "'3q2+7w=='", "'3q2+\\n7w=='", "'Hello'", "'한'", "'102'", "'0110'", "''"],
    1: ["'HEX'", "'BASE16'", "'BASE8'", "'BASE64'", "'BASE64M'", "'ASCII'", "'UTF8'", "'BASE2'", "'x'"],
}  # fmt: skip
PATHS_TO_CHANGE = ["'$'", "'$.a'", "'$.a.b'", "'$.a.b[1]'", "'$.a.b[4]'", "'$[0]'", "'$[3].b'", "'$.c'", "'$.c.x[1]'", "'$.new.x'", "'$.a['", "'$.\"d e\"'"]
JSON_DOCUMENTS = [f"JSON {it}" for it in JSON_TEXTS if it not in ("'not json'", "''", "'1e400'") and "9007" not in it]
for name in ("JSON_SET", "JSON_ARRAY_APPEND", "JSON_ARRAY_INSERT", "JSON_REMOVE"):
    ARGUMENTS[name] = {0: JSON_DOCUMENTS, 1: PATHS_TO_CHANGE}
ARGUMENTS["JSON_REMOVE"] |= {2: PATHS_TO_CHANGE, 3: PATHS_TO_CHANGE}
ARGUMENTS["JSON_KEYS"] = {0: JSON_DOCUMENTS, 1: ["1", "2", "0"], 2: [f"mode => '{it}'" for it in ("strict", "lax", "lax recursive", "x")]}
ARGUMENTS["JSON_STRIP_NULLS"] = {0: JSON_DOCUMENTS, 1: PATHS_TO_CHANGE, 2: ["include_arrays => TRUE", "include_arrays => FALSE"], 3: ["remove_empty => TRUE", "remove_empty => FALSE"]}
ARGUMENTS["JSON_FLATTEN"] = {0: JSON_DOCUMENTS}
ARGUMENTS["JSON_OBJECT"] = {0: {"STRING": ["'a'", "'b'", "''"]}}
for name in ("BOOL", "INT64", "FLOAT64", "STRING"):
    items = ["'[1, 2.0]'", "'[true, false]'", "'[\"1\", \"x\", null]'", "'[]'", "'{}'", "'[1.5, 1e3, \"true\"]'"]
    ARGUMENTS[f"{name}_ARRAY"] = {0: [f"JSON {it}" for it in items]}
    ARGUMENTS[f"LAX_{name}_ARRAY"] = {0: [f"JSON {it}" for it in items]}
ARGUMENTS["FLOAT64_ARRAY"][1] = ["wide_number_mode => 'exact'", "wide_number_mode => 'round'"]
WIDTHS = ["INTERVAL 2 DAY", "INTERVAL 7 DAY", "INTERVAL 1 MONTH", "INTERVAL 3 YEAR", "INTERVAL 15 MINUTE", "INTERVAL '1 2' DAY TO HOUR", "INTERVAL 0 DAY", "INTERVAL -1 DAY"]
for name in ("DATE_BUCKET", "DATETIME_BUCKET", "TIMESTAMP_BUCKET"):
    ARGUMENTS[name] = {1: WIDTHS}
for name in ("COSINE_DISTANCE", "EUCLIDEAN_DISTANCE"):
    ARGUMENTS[name] = {at: ["[1.0, 2.0]", "[3.0, 4.0]", "[0.0, 0.0]", "[1.5]", "[1, 2]", "CAST([] AS ARRAY<FLOAT64>)"] for at in (0, 1)}

LIMITED = [
    "CAST('abc' AS STRING(3))", "CAST('abcd' AS STRING(3))", "CAST('한국어' AS STRING(2))", "CAST(b'abc' AS BYTES(3))",
    "CAST(NUMERIC '1.555' AS NUMERIC(5, 2))", "CAST(NUMERIC '999.995' AS NUMERIC(5, 2))", "CAST(7 AS NUMERIC(1))",
    "CAST(BIGNUMERIC '-1.2345' AS BIGNUMERIC(6, 3))", "CAST('12.345' AS BIGNUMERIC(4, 2))",
]  # fmt: skip

# Texts for casts to a type.
CAST_TEXTS = {
    "BOOL": ["'true'", "'FALSE'", "' true'", "'1'", "'yes'"],
    "INT64": ["'12'", "' -7 '", "'0x1F'", "'+5'", "'1.5'", "'9223372036854775808'", "'-0x8000000000000000'", "''", "'１'"],
    "FLOAT64": ["'1.5'", "'1e400'", "'NaN'", "'-Infinity'", "'.5'", "'5.'", "'0x10'", "' 1 '", "'1e-400'", "'1_0'", "'inf'", "'+1.0'", "''"],
    # Without a whole digit and a point: `5e-10` becomes 0 in the package, not the nearest number.
    "NUMERIC": ["'1.5'", "'1e28'", "'1e30'", "'0.0000000005'", "' 2 '", "'.5'", "'5.'", "'x'", "'-.0'"],
    "BIGNUMERIC": ["'1.5'", "'1e38'", "'1e39'", "'x'", "''"],
    "STRING": ["'x'", "''"],
    "BYTES": ["'x'", "'한'", "''"],
    "DATE": ["'2024-02-29'", "'2024-2-9'", "'2023-02-29'", "' 2024-01-01 '", "'2024-01-01 00:00:00'", "'20240101'", "'0000-01-01'", "'10000-01-01'", "'2024-01-01T00:00:00'"],
    "TIME": ["'12:34:56'", "'1:2:3'", "'12:34'", "'12:34:56.1234567'", "'24:00:00'", "'12:34:60'", "' 12:34:56 '"],
    "DATETIME": ["'2024-02-29'", "'2024-02-29 12:34:56.789'", "'2024-02-29T1:2:3'", "'2024-02-29t12:34:56'", "'2024-02-29 12:34:56Z'", "'2024-02-29  12:00:00'", "'2024-02-29 12:34'"],
    "TIMESTAMP": ["'2024-02-29'", "'2024-02-29 12:34:56.789+09'", "'2024-02-29T12:34:56Z'", "'2024-02-29 12:34:56 Asia/Seoul'", "'2024-02-29 12:34:56 -5:30'", "'2024-02-29+09:00'", "'2024-02-29 12:34:56 UTC'", "'2024-02-29 12:34:56.123456789'"],
    "INTERVAL": ["'1-2 3 4:5:6.789'", "'P1Y2M3DT4H5M6S'", "'-1-0 0 0:0:0'", "'1'", "'PT1.5S'", "''"],
}  # fmt: skip

FORMATS = [
    ("'%d|%5d|%-5d|%05d|%+d|% d|%x|%X|%o|%i'", "INT64", 10), ("\"%'d\"", "INT64", 1), ("'%f|%.2f|%8.1f|%-8.1f|%e|%E|%g|%G'", "FLOAT64", 8),
    ("'%.0f'", "FLOAT64", 1), ("'%.3g|%10.3e'", "FLOAT64", 2), ("'%s|%5s|%-5s|%.2s'", "STRING", 4), ("'%t'", None, 1), ("'%T'", None, 1),
    ("'%.2f|%8.3f|%f'", "NUMERIC", 3), ("'%.2f|%f'", "BIGNUMERIC", 2), ("'%g|%e'", "NUMERIC", 2), ("'%t'", "ARRAY<INT64>", 1), ("'%T'", "ARRAY<STRING>", 1),
    ("'%T'", "STRUCT", 1), ("'%t'", "STRUCT", 1), ("'%p'", "JSON", 1), ("'%P'", "JSON", 1), ("'%*d'", "INT64", 2), ("'%%'", "INT64", 0), ("'%d'", "STRING", 1),
    ("'%T'", "ARRAY<FLOAT64>", 1), ("'%10t|%-10T'", None, 2), ("'%u'", "INT64", 1), ("'%#x|%#o'", "INT64", 2),
]  # fmt: skip

# Sums of floats depend on the order of addition near the limits of the type.
TAME = ["0.0", "1.0", "-1.0", "0.5", "1.5", "-2.5", "3.75", "100.0", "1024.0"]
TAME_INTEGERS = ["0", "1", "-1", "7", "100", "1024"]
SUMS = {
    "SUM", "AVG", "STDDEV", "STDDEV_SAMP", "STDDEV_POP", "VARIANCE", "VAR_SAMP", "VAR_POP", "CORR", "COVAR_POP", "COVAR_SAMP",
}  # fmt: skip

# Functions of a real number whose last digits depend on the mathematical library.
ROUNDED = {
    "ACOS", "ACOSH", "ASIN", "ASINH", "ATAN", "ATAN2", "ATANH", "CBRT", "COS", "COSH", "EXP", "LN",
    "LOG", "LOG10", "POW", "POWER", "SIN", "SINH", "SQRT", "TAN", "TANH", "STDDEV", "STDDEV_SAMP", "STDDEV_POP",
    "VARIANCE", "VAR_SAMP", "VAR_POP", "CORR", "COVAR_POP", "COVAR_SAMP", "PERCENTILE_CONT", "AVG",
    "COT", "COTH", "CSC", "CSCH", "SEC", "SECH", "COSINE_DISTANCE", "EUCLIDEAN_DISTANCE",
}  # fmt: skip
