"""Results of both engines in one form: (type, value).

A type is written as GoogleSQL writes it. A value is None, True, False, a text or, for arrays and
structs, a list. Floats are Python's shortest text, so that -0.0, NaN and the last digit count.
"""

import base64
import datetime
import struct
from decimal import Context, Decimal

KINDS = {
    2: "INT64", 5: "BOOL", 7: "FLOAT64", 8: "STRING", 9: "BYTES", 10: "DATE", 19: "TIMESTAMP",
    20: "TIME", 21: "DATETIME", 23: "NUMERIC", 24: "BIGNUMERIC", 26: "JSON", 27: "INTERVAL",
}  # fmt: skip
LEGACY = {
    "INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT",
}  # fmt: skip
# More digits than a BIGNUMERIC has.
DIGITS = Context(prec=100)
# The microseconds of the years 1 to 9999.
FIRST, SPAN = -62_135_596_800_000_000, 315_537_897_600_000_000
EPOCH = datetime.datetime(1970, 1, 1)


def float_text(value):
    return repr(float(value))


def instant(micros):
    if not 0 <= micros - FIRST < SPAN:
        return f"{micros} microseconds"
    return str(EPOCH + datetime.timedelta(microseconds=micros))


def decimal_text(raw, scale):
    """A decimal from its bytes in two's complement, the lowest first."""
    units = Decimal(int.from_bytes(raw, "little", signed=True))
    return plain(units.scaleb(-scale, DIGITS))


def plain(number):
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def clock(bits, nanos):
    """Hour, minute and second in fields of bits, as Google's messages pack them."""
    return f"{bits >> 12 & 31:02}:{bits >> 6 & 63:02}:{bits & 63:02}.{nanos // 1000:06}"


def interval_text(raw):
    micros, days, rest = struct.unpack("<qiI", raw)
    months = rest >> 13 & 0x3FFFF
    months = -months if rest >> 31 else months
    sign = "-" if months < 0 else ""
    years = f"{sign}{abs(months) // 12}-{abs(months) % 12}"
    sign = "-" if micros < 0 else ""
    seconds, fraction = divmod(abs(micros), 1_000_000)
    time = f"{sign}{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    digits = f"{fraction:06}"
    digits = digits[:3] if digits.endswith("000") else digits
    return f"{years} {days} {time}" + (f".{digits}" if fraction else "")


def google_type(of):
    if of.type_kind == 16:
        return f"ARRAY<{google_type(of.array_type.element_type)}>"
    if of.type_kind == 17:
        fields = [
            f"{field.field_name or f'_field_{at + 1}'} {google_type(field.field_type)}"
            for at, field in enumerate(of.struct_type.field)
        ]
        return f"STRUCT<{', '.join(fields)}>"
    return KINDS.get(of.type_kind, f"kind {of.type_kind}")


def google_value(of, value):
    kind = of.type_kind
    if value.WhichOneof("value") is None:
        # BigQuery has no NULL array in a result: it becomes an empty one.
        return [] if kind == 16 else None
    if kind == 16:
        element = of.array_type.element_type
        return [google_value(element, it) for it in value.array_value.element]
    if kind == 17:
        fields = zip(of.struct_type.field, value.struct_value.field)
        return [google_value(field.field_type, it) for field, it in fields]
    match KINDS.get(kind):
        case "INT64":
            return str(value.int64_value)
        case "BOOL":
            return value.bool_value
        case "FLOAT64":
            return float_text(value.double_value)
        case "STRING":
            return value.string_value
        case "BYTES":
            return value.bytes_value.hex()
        case "DATE":
            return str((EPOCH + datetime.timedelta(days=value.date_value)).date())
        case "TIMESTAMP":
            stamp = value.timestamp_value
            return instant(stamp.seconds * 1_000_000 + stamp.nanos // 1000)
        case "TIME":
            return clock(value.time_value >> 30, value.time_value & (1 << 30) - 1)
        case "DATETIME":
            bits = value.datetime_value.bit_field_datetime_seconds
            time = clock(bits, value.datetime_value.nanos)
            return f"{bits >> 26:04}-{bits >> 22 & 15:02}-{bits >> 17 & 31:02}T{time}"
        case "NUMERIC":
            return decimal_text(value.numeric_value, 9)
        case "BIGNUMERIC":
            return decimal_text(value.bignumeric_value, 38)
        case "JSON":
            return value.json_value
        case "INTERVAL":
            return interval_text(value.interval_value)
    raise ValueError(f"a value of kind {kind}")


def local_type(field):
    name = LEGACY.get(field["type"], field["type"])
    if name == "STRUCT":
        fields = [f"{it['name']} {local_type(it)}" for it in field.get("fields", [])]
        name = f"STRUCT<{', '.join(fields)}>"
    return f"ARRAY<{name}>" if field.get("mode") == "REPEATED" else name


def local_value(field, value):
    if field.get("mode") == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        return [local_value(one, it["v"]) for it in value or []]
    if value is None:
        return None
    match LEGACY.get(field["type"], field["type"]):
        case "STRUCT":
            cells = zip(field["fields"], value["f"])
            return [local_value(it, cell["v"]) for it, cell in cells]
        case "BOOL":
            return {"true": True, "false": False}[value]
        case "FLOAT64":
            return float_text({"Infinity": "inf", "-Infinity": "-inf"}.get(value, value))
        case "BYTES":
            return base64.b64decode(value, validate=True).hex()
        case "TIMESTAMP":
            return instant(int(value))
        case "TIME":
            return value if "." in value else f"{value}.000000"
        case "DATETIME":
            return value if "." in value else f"{value}.000000"
        case "NUMERIC" | "BIGNUMERIC":
            assert "e" not in value.lower(), "a decimal is written without an exponent"
            return plain(Decimal(value))
    return value


def has_null_element(of, value):
    """Whether a value has what a result of BigQuery cannot have: an array with a NULL in it."""
    if of.type_kind == 16:
        element = of.array_type.element_type
        items = value.array_value.element
        return any(
            it.WhichOneof("value") is None or has_null_element(element, it) for it in items
        )
    if of.type_kind == 17:
        fields = zip(of.struct_type.field, value.struct_value.field)
        return any(has_null_element(field.field_type, it) for field, it in fields)
    return False
