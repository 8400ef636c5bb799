"""Expressions and queries for both engines, drawn from the list of functions that the local engine
writes (functions.json). The same seed gives the same expressions."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pools
from exceptions import ONLY_BIGQUERY

LIST = Path(__file__).with_name("functions.json")
# NULL, an expression instead of a literal, and a call as an argument: how often.
NULL, COMPUTED, NESTED = 0.05, 0.2, 0.1
# Parts of a call that are words, not values.
WORDS = "PART"


@dataclass(frozen=True)
class Case:
    """An expression, and the function that it is about."""

    function: str
    sql: str


def known():
    return json.loads(LIST.read_text())


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.entries = known()
        self.by_result = {}
        for entry in self.entries:
            if entry["kind"] == "scalar" and self.is_compared(entry["name"]) and entry["name"] not in ("ERROR", "FORMAT", "$limited"):
                for signature in entry["signatures"]:
                    result = signature.split("->")[1].strip()
                    self.by_result.setdefault(result, []).append((entry["name"], signature))

    def is_compared(self, name):
        return name not in pools.UNSTEADY and name not in ONLY_BIGQUERY

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    # Values.

    def value(self, of, depth=0):
        """An expression of a type."""
        if self.chance(NULL):
            return f"CAST(NULL AS {self.cast_name(of)})" if self.chance(0.6) else "NULL"
        if depth == 0 and self.chance(NESTED) and of in self.by_result:
            name, signature = self.pick(self.by_result[of])
            return self.call(name, signature, depth + 1)
        text = self.pick(pools.LITERALS.get(of) or [self.array(of)])
        return self.computed(text)

    def computed(self, text):
        # The result of IF is no literal: other conversions apply.
        return f"IF(TRUE, {text}, NULL)" if self.chance(COMPUTED) else text

    def cast_name(self, of):
        return "STRUCT<a INT64, b STRING>" if of == "STRUCT" else of

    def array(self, of):
        element = of.removeprefix("ARRAY<").removesuffix(">")
        items = [self.pick(pools.LITERALS[element]) for _ in range(self.pick([0, 1, 3]))]
        return f"ARRAY<{element}>[{', '.join(items)}]"

    def argument(self, name, at, of, depth):
        given = pools.ARGUMENTS.get(name, {}).get(at)
        if isinstance(given, dict):
            given = given.get(of)
        named = bool(given) and "=>" in given[0]
        if given and (named or of == WORDS or not self.chance(0.04)):
            text = self.pick(given)
            if of == WORDS or "=>" in text or not self.chance(COMPUTED):
                return text
            return self.computed(text)
        return self.value(of, depth)

    def call(self, name, signature, depth=0):
        """A call that fits a signature."""
        params, _ = signature.split("->")
        params = [it.strip() for it in params.split(",") if it.strip()]
        if name == "$interval_text":
            return self.written(name, [])
        anything = pools.ANY if name not in ("RANGE_BUCKET", "GREATEST", "LEAST") else pools.ANY[:-2]
        bound = {letter: self.pick(anything) for letter in "TU"}
        args = []
        for param in params:
            if param.endswith("?") and self.chance(0.5):
                break
            times = self.pick([1, 2, 3]) if param.endswith("...") else 1
            of = param.removesuffix("...").removesuffix("?")
            for _ in range(times):
                of = bound.get(of, of)
                if of.startswith("ARRAY<"):
                    of = of.replace("<T>", f"<{bound['T']}>")
                args.append(self.argument(name, len(args), of, depth))
        if name in ("$json_field", "$json_element", "$element") and args[0] == "NULL":
            # Elements of NULL without a type.
            args[0] = "JSON '[]'" if "json" in name else "[1]"
        return self.written(name, args)

    def written(self, name, args):
        if name in ("$extract", "$extract_date", "$extract_time", "$extract_datetime"):
            at = 2 if name == "$extract" else 1
            text = pools.OPERATORS[name].format(*args)
            zone = f" AT TIME ZONE {self.pick(pools.ZONES)})"
            return text[:-1] + zone if len(args) > at else text
        if name == "$interval_text":
            return f"INTERVAL {self.pick(pools.INTERVALS)}"
        if name.startswith("$cast_to_"):
            text = pools.OPERATORS[name].format(*args)
            return f"{text[:-1]} AT TIME ZONE {self.pick(pools.ZONES)})" if len(args) > 2 else text
        if name in pools.OPERATORS:
            return pools.OPERATORS[name].format(*args)
        assert not name.startswith("$"), f"write {name} in OPERATORS of pools.py"
        if name in ("DATE_ADD", "DATE_SUB", "DATETIME_ADD", "DATETIME_SUB", "TIMESTAMP_ADD",
                    "TIMESTAMP_SUB", "TIME_ADD", "TIME_SUB", "GENERATE_TIMESTAMP_ARRAY",
                    "GENERATE_DATE_ARRAY"):  # fmt: skip
            if len(args) > 2:
                interval = f"INTERVAL {args[-2]} {args[-1]}" if len(args) > 3 or "ARRAY" not in name else None
                interval = interval or f"INTERVAL {args[2]} DAY"
                kept = args[:2] if "ARRAY" in name else args[:1]
                args = [*kept, interval]
        safe = "SAFE." if self.chance(0.06) and name not in ("COALESCE", "IF", "IFNULL", "NULLIF") else ""
        return f"{safe}{name}({', '.join(args)})"

    # Cases.

    def scalar(self, name, signatures, count):
        if name == "$limited":
            return [Case(name, text) for text in pools.LIMITED]
        if name == "FORMAT":
            return [self.format() for _ in range(count * 3)]
        return [
            Case(name, self.call(name, signatures[at % len(signatures)]))
            for at in range(max(count, 4 * len(signatures)))
        ]

    def format(self):
        pattern, of, number = self.pick(pools.FORMATS)
        args = [self.value(of or self.pick(pools.ANY)) for _ in range(number)]
        return Case("FORMAT", f"FORMAT({', '.join([pattern, *args])})")

    def cast(self, name, signatures, count):
        cases = []
        for signature in signatures:
            from_, to = (it.strip() for it in signature.split("->"))
            for _ in range(max(2, count // 4)):
                value = self.value(from_)
                if from_ == "STRING" and to in pools.CAST_TEXTS and self.chance(0.8):
                    value = self.computed(self.pick(pools.CAST_TEXTS[to]))
                zone = ""
                if {from_, to} == {"STRING", "TIMESTAMP"} and self.chance(0.3):
                    zone = f" AT TIME ZONE {self.pick(pools.ZONES)}"
                cases.append(Case(f"{name}({from_} AS {to})", f"{name}({value} AS {to}{zone})"))
        return cases

    TAME = {"FLOAT64": pools.TAME, "INT64": pools.TAME_INTEGERS}

    def rows(self, of, others=(), tame=False):
        """UNNEST of rows with the columns k, v, w and o; o numbers the rows."""
        columns = [of, *others]
        rows = []
        for at in range(self.pick([0, 1, 5, 6])):
            literals = {**pools.LITERALS, **(self.TAME if tame else {})}
            cells = [self.pick(literals[it]) if not self.chance(0.15) else "NULL" for it in columns]
            rows.append(f"({self.pick(['1', '2', 'NULL'])}, {at}, {', '.join(cells)})")
        names = ", ".join(f"{name} {it}" for name, it in zip("vw", columns))
        return f"UNNEST(ARRAY<STRUCT<k INT64, o INT64, {names}>>[{', '.join(rows)}])"

    def aggregate(self, name, signatures, count):
        cases = []
        for at in range(max(count, 3 * len(signatures))):
            signature = signatures[at % len(signatures)]
            params = [it.strip().removesuffix("?") for it in signature.split("->")[0].split(",")]
            pool = pools.ANY[:-2] if name != "COUNT" else pools.ANY
            bound = {letter: self.pick(pool) for letter in "TU"}
            types = [bound.get(it, it) for it in params if it]
            if types and types[0].startswith("ARRAY<T"):
                types[0] = "ARRAY<INT64>"
            first = types[0] if types else "INT64"
            second = types[1] if len(types) > 1 and name in ("MAX_BY", "MIN_BY", "CORR", "COVAR_POP", "COVAR_SAMP", "APPROX_TOP_SUM") else None
            cases.append(Case(name, self.aggregated(name, types, first, second)))
        return cases

    def aggregated(self, name, types, first, second):
        rows = self.rows(first, [second] if second else [], tame=name in pools.SUMS and (name, first) != ("SUM", "INT64"))
        if name == "$count_star":
            return f"(SELECT COUNT(*) FROM {rows})"
        if name == "GROUPING":
            return (
                f"ARRAY(SELECT AS STRUCT GROUPING(k) AS g, k, COUNT(*) AS n FROM {rows} "
                f"GROUP BY ROLLUP(k) ORDER BY g, k)"
            )
        args = ["v"]
        if second:
            args.append("w")
        for at in range(len(args), len(types)):
            args.append(self.pick(pools.ARGUMENTS[name][at][types[at]] if isinstance(pools.ARGUMENTS[name][at], dict) else pools.ARGUMENTS[name][at]))
        if name == "STRING_AGG" and self.chance(0.4):
            args = args[:1]
        inner = ", ".join(args)
        if name in ("ARRAY_AGG", "STRING_AGG", "ARRAY_CONCAT_AGG"):
            inner += self.pick([" IGNORE NULLS", ""]) if name == "ARRAY_AGG" else ""
            inner += " ORDER BY " + self.pick(["o", "o DESC", "v DESC, o" if "ARRAY<" not in first and first != "JSON" else "o"])
            inner += self.pick(["", " LIMIT 2"])
        elif name in ("COUNT", "SUM", "AVG", "MIN", "MAX") and self.chance(0.3) and first != "JSON":
            inner = f"DISTINCT {inner}"
        elif name == "ANY_VALUE":
            inner += " HAVING MAX o"
        call = f"{name}({inner})"
        if self.chance(0.3):
            return f"ARRAY(SELECT AS STRUCT k, {call} AS r FROM {rows} GROUP BY k ORDER BY k)"
        if self.chance(0.2) and name not in ("ARRAY_AGG", "STRING_AGG", "ARRAY_CONCAT_AGG", "ANY_VALUE") and "DISTINCT" not in call:
            frame = self.pick([" ORDER BY o", "", " ORDER BY o ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING"])
            return f"ARRAY(SELECT AS STRUCT o, {call} OVER (PARTITION BY k{frame}) AS r FROM {rows} ORDER BY o)"
        return f"(SELECT {call} FROM {rows})"

    WINDOWS = {
        "ROW_NUMBER": ["ROW_NUMBER()"], "RANK": ["RANK()"], "DENSE_RANK": ["DENSE_RANK()"],
        "PERCENT_RANK": ["PERCENT_RANK()"], "CUME_DIST": ["CUME_DIST()"],
        "NTILE": ["NTILE(2)", "NTILE(4)", "NTILE(0)"],
        "LAG": ["LAG(v)", "LAG(v, 2)", "LAG(o, 1, -1)"], "LEAD": ["LEAD(v)", "LEAD(v, 2)", "LEAD(o, 0, 7)"],
        "FIRST_VALUE": ["FIRST_VALUE(v)", "FIRST_VALUE(v IGNORE NULLS)"],
        "LAST_VALUE": ["LAST_VALUE(v)", "LAST_VALUE(v IGNORE NULLS)"],
        "NTH_VALUE": ["NTH_VALUE(v, 2)", "NTH_VALUE(v, 1 IGNORE NULLS)"],
        "PERCENTILE_CONT": ["PERCENTILE_CONT(v, 0.5)", "PERCENTILE_CONT(v, 0.3 RESPECT NULLS)", "PERCENTILE_CONT(v, 0)"],
        "PERCENTILE_DISC": ["PERCENTILE_DISC(v, 0.5)", "PERCENTILE_DISC(v, 1 RESPECT NULLS)"],
    }  # fmt: skip

    def window(self, name, count):
        cases = []
        for _ in range(count):
            of = self.pick(["FLOAT64", "NUMERIC", "BIGNUMERIC"] if name == "PERCENTILE_CONT" else pools.ANY[:-2])
            call = self.pick(self.WINDOWS[name])
            order = "" if name.startswith("PERCENTILE") else " ORDER BY " + self.pick(["o", "o DESC", "v" if name in ("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST") else "o"])
            if name in ("FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"):
                order += self.pick(["", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING", " RANGE BETWEEN 1 PRECEDING AND CURRENT ROW"])
            rows = self.rows(of)
            cases.append(Case(name, f"ARRAY(SELECT AS STRUCT o, {call} OVER (PARTITION BY k{order}) AS r FROM {rows} ORDER BY o)"))
        return cases

    def cases(self, count):
        """About `count` expressions for each function, more where there are many signatures."""
        found = []
        for entry in self.entries:
            name, signatures = entry["name"], entry["signatures"]
            match entry["kind"]:
                case "scalar" if self.is_compared(name):
                    found += self.scalar(name, signatures, count)
                case "cast":
                    found += self.cast(name, signatures, count)
                case "aggregate" if self.is_compared(name):
                    found += self.aggregate(name, signatures, count)
                case "window":
                    found += self.window(name, count)
        return list(dict.fromkeys(found))
