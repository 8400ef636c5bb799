"""The local warehouse gives what Google's own engine gives, or refuses.

Expressions are drawn from the list of functions that the local engine writes (functions.json), with
edge values of every type; expressions.txt and queries.sql are written by hand. `COMPARE_SEEDS` says
how many seeds are drawn, `COMPARE_FIRST_SEED` which is the first.
"""

import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from compare import compare, same
from engines import Failed, Google, Local, Refused
from exceptions import ONLY_BIGQUERY
from generate import Case, Generator, known
from pools import UNSTEADY

HERE = Path(__file__).parent
SEEDS = int(os.environ.get("COMPARE_SEEDS", "1"))
FIRST = int(os.environ.get("COMPARE_FIRST_SEED", "1"))
# Expressions for each function and seed.
COUNT = 8
# Of all expressions, at least so many have the same result in both engines.
AGREE = 0.98


@pytest.fixture(scope="session")
def google():
    return Google()


@pytest.fixture(scope="session")
def local():
    return Local()


def table(verdicts):
    """Agree, refuse, differ and documented exceptions for each function."""
    counts = defaultdict(Counter)
    for verdict in verdicts:
        counts[verdict.function][verdict.kind] += 1
    lines = [f"{'function':<40} agree refuse differ except"]
    for name, count in sorted(counts.items()):
        kinds = [count[kind] for kind in ("agree", "refuse", "differ", "except")]
        lines.append(f"{name:<40} " + " ".join(f"{it:>6}" for it in kinds))
    return "\n".join(lines)


def check(verdicts, floor):
    differ = [str(verdict) for verdict in verdicts if verdict.kind == "differ"]
    total = Counter(verdict.kind for verdict in verdicts)
    print(f"\n{len(verdicts)} expressions: {dict(total)}")
    assert not differ, "\n".join(differ[:40])
    assert total["agree"] >= floor * len(verdicts), table(verdicts)


@pytest.fixture(scope="session")
def drawn(google, local):
    """The verdicts of all seeds."""
    cases = [case for seed in range(FIRST, FIRST + SEEDS) for case in Generator(seed).cases(COUNT)]
    return compare(google, local, list(dict.fromkeys(cases)))


def test_generated_expressions_have_googles_results(drawn):
    print(table(drawn))
    check(drawn, AGREE)


def test_every_function_is_compared(drawn):
    agreed = {verdict.function.split("(")[0] for verdict in drawn if verdict.kind == "agree"}
    missing = {entry["name"] for entry in known()} - agreed - set(ONLY_BIGQUERY) - UNSTEADY
    # Its only result is an error.
    assert missing <= {"ERROR"}, f"no expression with {sorted(missing)} has a result to compare"


def test_what_only_bigquery_has_is_unknown_to_googles_engine(google, local):
    for name, (call, _) in ONLY_BIGQUERY.items():
        answer = google.expressions([call])[0]
        unknown = ("not found", "Unsupported built-in", "normalizer instance", "does not support an array")
        assert isinstance(answer, Failed) and any(it in str(answer) for it in unknown), name
        assert isinstance(local.expressions([call])[0], tuple), name


def test_expressions_that_are_easily_wrong_have_googles_results(google, local):
    lines = (HERE / "expressions.txt").read_text().splitlines()
    cases = [Case("by hand", line) for line in lines if line and not line.startswith("#")]
    check(compare(google, local, cases), 0.99)


def queries():
    text = (HERE / "queries.sql").read_text()
    return [it.strip() for it in text.split("\n\n") if it.strip() and not it.startswith("--")]


def with_tables(query):
    tables = (HERE / "tables.sql").read_text().rstrip()
    for word in ("WITH RECURSIVE ", "WITH "):
        if query.startswith(word):
            head = tables.replace("WITH ", word, 1)
            return f"{head}, {query[len(word):]}"
    return f"{tables}\n{query}"


def test_queries_of_analysts_have_googles_results(google, local):
    wrong = []
    for query in queries():
        sql = with_tables(query)
        expected = google.query(sql)
        try:
            found = local.query(sql)
        except (Failed, Refused) as error:
            wrong.append(f"{query}\n  Google: {expected}\n  local:  {error}")
            continue
        types = [it.strip() for it in expected[0]]
        # A column without a name is numbered in a result of BigQuery.
        plain = [it.split(" ", 1)[-1] if it.startswith("f0_") else it for it in found[0]]
        unnamed = len(types) == len(plain) and all(a.endswith(b) or a == b for a, b in zip(plain, types))
        if not unnamed or not same(expected[1], found[1], loosely=True):
            wrong.append(f"{query}\n  Google: {expected}\n  local:  {found}")
    assert not wrong, "\n".join(wrong)
    assert len(queries()) > 80
