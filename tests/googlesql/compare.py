"""What both engines say to the same SQL: agree, refuse or differ."""

import math
import re
from dataclasses import dataclass

import pools
from engines import NULL_ELEMENT, Failed, Refused
from exceptions import is_exception


@dataclass
class Verdict:
    function: str
    sql: str
    kind: str
    google: object
    local: object

    def __str__(self):
        return f"{self.kind}: {self.sql}\n    Google: {self.google}\n    local:  {self.local}"


def same_float(one, other):
    a, b = float(one), float(other)
    if one == other or math.isnan(a) and math.isnan(b):
        return True
    # Some units in the last place, and powers of such numbers.
    return math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-300)


def same(one, other, loosely):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b, loosely) for a, b in zip(one, other))
    if one == other and type(one) is type(other):
        return True
    if not loosely or not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return same_float(one, other)
    except ValueError:
        return False


def judge(function, sql, google, local):
    loosely = any(re.search(rf"\b{name}\(", sql) for name in pools.ROUNDED)
    if isinstance(local, Refused):
        kind = "refuse"
    elif isinstance(google, Failed) or isinstance(local, Failed):
        kind = "agree" if isinstance(google, Failed) and isinstance(local, Failed) else "differ"
    else:
        kind = "agree" if google[0] == local[0] and same(google[1], local[1], loosely) else "differ"
    if kind == "differ" and is_exception(function, sql, google, local):
        kind = "except"
    return Verdict(function, sql, kind, google, local)


def comparable(sql, result):
    """The expression whose results can be compared: a result of BigQuery has no array with NULL."""
    if isinstance(result, tuple) and result[1] == NULL_ELEMENT:
        return f"TO_JSON_STRING({sql})"
    return sql


def compare(google, local, cases):
    """The verdict of each case."""
    texts = [case.sql for case in cases]
    results = google.expressions(texts)
    again = [comparable(text, result) for text, result in zip(texts, results)]
    changed = [at for at, text in enumerate(again) if text != texts[at]]
    for at, result in zip(changed, google.expressions([again[at] for at in changed])):
        results[at] = result
    answers = [None] * len(cases)
    good = [at for at, result in enumerate(results) if not isinstance(result, Failed)]
    for at, answer in zip(good, local.expressions([again[at] for at in good])):
        answers[at] = answer
    for at, result in enumerate(results):
        if isinstance(result, Failed):
            answers[at] = local.expressions([again[at]])[0]
    return [
        judge(case.function, text, result, answer)
        for case, text, result, answer in zip(cases, again, results, answers)
    ]
