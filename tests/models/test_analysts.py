"""The queries of docs/analysts.md run in Google's engine, and give what they promise."""

import re

import pytest

from warehouse import ROOT

PROJECT = "shop-analytics"
DATASETS = "shop_models|shop|landbridge_ops"


def queries(page="docs/analysts.md"):
    """The queries of the page, by their number."""
    text = (ROOT / page).read_text()
    return {
        int(number): sql
        for number, sql in re.findall(r"^### (\d+)\. .*?^```sql\n(.*?)^```", text, re.M | re.S)
    }


def full_names(sql):
    """The query with `project.dataset.table` for each `dataset.table`."""
    return re.sub(rf"\b({DATASETS})\.(\w+)\b(?!\.)", rf"`{PROJECT}`.`\1`.`\2`", sql)


EXPECTED = {
    1: [["creators", "held", "2026-11-20", None, 90]],
    2: [["2026-11-19", 3, 1, 173071]],
    3: [["KR", 1, 2, 200]],
    4: [["example.com", 1]],
    5: [[None, 3]],
    6: [["2026-10-01", "gold", "USD", 1, 30]],
    7: [["2026-11-01", "USD", 1, 40]],
    8: [[1, 1]],
    9: [["hotel", 2]],
    10: [
        ["google", 1, 1, 1, 173071],
        ["newsletter", 1, 1, 0, None],
        ["(never seen on the web)", 1, 0, 0, None],
    ],
}


def test_the_page_has_ten_queries():
    assert sorted(queries()) == sorted(EXPECTED)


def test_the_korean_page_has_the_same_queries():
    assert queries("docs/analysts.ko.md") == queries()


@pytest.mark.parametrize("number", EXPECTED)
def test_a_query_gives_what_it_promises(run, number):
    rows = [list(row.values()) for row in run.engine.shown(full_names(queries()[number]))]
    key = lambda row: repr(row)
    assert sorted(rows, key=key) == sorted(EXPECTED[number], key=key)
