"""`landbridge models check` counts at least the columns that Google's analyser finds.

The command over-estimates, because it is no analyser. It must never count less: a model that reads a
column with a class is refused if a reader of the models may not read the class.
"""

import json
import os
import re
import subprocess

import pytest

from test_models import class_of_columns, laundered
from warehouse import ROOT

DEMO = ROOT / "examples" / "demo"
CREATORS = "`shop-analytics`.`shop`.`creators`"
BOOKINGS = "`shop-analytics`.`shop`.`bookings`"
COLUMNS = ["id", "email", "name", "birth_date", "tier"]
# Places in which a query can use a column {c} of a table {t}.
FORMS = """
SELECT {c} FROM {t}
SELECT {c} AS x FROM {t} AS t
SELECT T.{c} FROM {t} AS t
SELECT `t`.`{c}` FROM {t} AS `t`
SELECT COUNT({c}) FROM {t}
SELECT COUNT(*) FROM {t} WHERE {c} IS NULL
SELECT * FROM {t}
SELECT DISTINCT * FROM {t}
SELECT ALL * FROM {t}
SELECT * EXCEPT (id) FROM {t}
SELECT * REPLACE (1 AS id) FROM {t}
SELECT t.* EXCEPT (email, name) FROM {t} AS t, UNNEST([1, 2]) AS u
SELECT AS STRUCT * FROM {t}
SELECT AS VALUE t FROM {t} AS t
SELECT t FROM {t} AS t
SELECT [t] FROM {t} AS t
SELECT TO_JSON_STRING(t) FROM {t} AS t
SELECT ARRAY_AGG(t LIMIT 1) FROM {t} AS t
SELECT STRUCT(t, 1) FROM {t} AS t
SELECT (SELECT t).{c} FROM {t} AS t
SELECT (SELECT AS STRUCT t.*) AS s FROM {t} AS t
SELECT ARRAY(SELECT AS STRUCT t.* FROM UNNEST([1]) AS u) AS s FROM {t} AS t
SELECT (SELECT t.{c}) AS s FROM {t} AS t
SELECT EXISTS (SELECT 1 FROM UNNEST([1]) AS u WHERE t.{c} IS NULL) AS s FROM {t} AS t
SELECT (SELECT MAX({c}) FROM UNNEST([1]) AS u) AS s FROM {t} AS t
SELECT (SELECT TO_JSON_STRING(t)) AS s FROM {t} AS t
SELECT id FROM {t} ORDER BY {c}
SELECT id FROM {t} WHERE id IN (SELECT id FROM {t} WHERE {c} IS NULL)
SELECT id FROM {t} GROUP BY id, {c}
SELECT id FROM {t} GROUP BY ROLLUP (id, {c})
SELECT COUNT(*) FROM {t} GROUP BY GROUPING SETS (({c}), ())
SELECT {c}, COUNT(*) FROM {t} GROUP BY ALL
SELECT tier FROM {t} GROUP BY tier HAVING COUNT({c}) > 1
SELECT id FROM {t} QUALIFY ROW_NUMBER() OVER (ORDER BY {c}) = 1
SELECT ROW_NUMBER() OVER w FROM {t} WINDOW w AS (PARTITION BY {c})
SELECT ANY_VALUE(id HAVING MAX {c}) FROM {t}
SELECT COUNTIF({c} IS NULL) / COUNT(*) FROM {t}
SELECT IF({c} IS NULL, 1, 2) * 3 FROM {t}
SELECT CAST({c} AS STRING) FROM {t}
SELECT SAFE.SUBSTR(CAST({c} AS STRING), 1, 2) FROM {t}
SELECT FORMAT('%T', {c}) FROM {t}
SELECT CASE WHEN {c} IS NULL THEN 1 END FROM {t}
SELECT {c} IS DISTINCT FROM NULL FROM {t}
SELECT a.{c} FROM {t} AS a JOIN {t} AS b USING (id)
SELECT a.id FROM {t} AS a JOIN {t} AS b USING ({c})
SELECT a.id FROM {t} AS a LEFT JOIN {t} AS b ON a.{c} = b.{c}
SELECT b.{c} FROM {t} AS a, {t} AS b WHERE a.id = b.id
SELECT b.* FROM {t} AS a CROSS JOIN {t} AS b
SELECT a.id, b FROM {t} AS a CROSS JOIN {t} AS b
SELECT email.{c} FROM {t} AS email
SELECT {c} FROM (SELECT link_id FROM {o}) JOIN {t} AS t ON t.id = link_id
SELECT o.id FROM {o} AS o WHERE EXISTS (SELECT 1 FROM {t} AS t WHERE t.{c} IS NULL)
SELECT x.{c} FROM (SELECT * FROM {t}) AS x
SELECT x.s.{c} FROM (SELECT t AS s FROM {t} AS t) AS x
SELECT x.s FROM (SELECT AS STRUCT {c} AS s FROM {t}) AS x
SELECT y FROM (SELECT {c} AS y FROM {t})
SELECT id FROM (SELECT id, {c} AS y FROM {t}) WHERE y IS NULL
WITH w AS (SELECT * FROM {t}) SELECT {c} FROM w
WITH w AS (SELECT {c} AS y FROM {t}) SELECT y FROM w
WITH w AS (SELECT t AS s FROM {t} AS t) SELECT w.s.{c} FROM w
WITH v AS (SELECT 1 AS id), w AS (SELECT {c} AS y FROM {t}) SELECT y FROM v, w
WITH w AS (WITH u AS (SELECT * FROM {t}) SELECT {c} AS y FROM u) SELECT y FROM w
WITH creators AS (SELECT 1 AS id) SELECT {c} FROM {t}
WITH RECURSIVE w AS (SELECT {c} AS y FROM {t} UNION ALL SELECT y FROM w WHERE FALSE) SELECT y FROM w
SELECT 1 AS y UNION ALL SELECT COUNT({c}) FROM {t}
SELECT COUNT({c}) FROM {t} UNION ALL SELECT 1
(SELECT {c} FROM {t}) EXCEPT DISTINCT (SELECT {c} FROM {t} WHERE id = 1)
SELECT * FROM {t} INTERSECT DISTINCT SELECT * FROM {t}
SELECT * FROM (SELECT tier, id, {c} AS c FROM {t}) PIVOT (COUNT(id) FOR tier IN ('gold', 'silver'))
SELECT * FROM {t} PIVOT (COUNT(id) FOR tier IN ('gold', 'silver'))
SELECT y FROM {t} UNPIVOT (y FOR n IN (name, email))
SELECT y FROM {t}, UNNEST([CAST({c} AS STRING)]) AS y
SELECT y FROM {t} CROSS JOIN UNNEST([STRUCT({c} AS y)])
SELECT s.{c} FROM {t} AS t, UNNEST([t]) AS s
SELECT id FROM {t} WHERE STARTS_WITH(TO_JSON_STRING(STRUCT({c})), 'x')
SELECT {c} /* FROM */ -- a comment
FROM/**/{t}
SELECT 'it\\'s', r'\\\\', '''{c}''', {c} FROM {t} # {c}
SELECT id AS {c} FROM {t}
SELECT 'email' AS name FROM {t}
SELECT id, NULL AS email FROM {t}
FROM {t} |> SELECT {c}
FROM {t} |> AGGREGATE COUNT({c})
SELECT * FROM (FROM {t})
SELECT a.{c} FROM ({t} AS a JOIN {t} AS b USING (id))
"""


def queries():
    """Every form with every column."""
    # A comment ends a line: this form has two.
    text = FORMS.strip().replace("comment\nFROM", "comment\rFROM")
    return [
        form.replace("\r", "\n").format(c=column, t=CREATORS, o=BOOKINGS)
        for form in dict.fromkeys(text.split("\n"))
        for column in (COLUMNS if "{c}" in form else COLUMNS[:1])
    ]


@pytest.fixture(scope="module")
def finance(tmp_path_factory):
    """The demo's files, where people who may read no class read the models."""
    directory = tmp_path_factory.mktemp("finance")
    text = (DEMO / "landbridge.yaml").read_text()
    changed = re.sub(r"(models: .*readers: )\[[^]]*\]", r'\1["group:finance@example.com"]', text)
    assert changed != text
    (directory / "landbridge.yaml").write_text(changed)
    (directory / "contract.yaml").write_bytes((DEMO / "contract.yaml").read_bytes())
    return directory


def checked(directory, manifest):
    """What the command says of compiled models: those that are refused, with the reasons."""
    (directory / "manifest.json").write_text(json.dumps(manifest))
    command = [os.environ["LANDBRIDGE_CLI"], "models", "check", "manifest.json", "--output", "json"]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["ok"] else 2), result.stderr
    return {each["model"]: " ".join(each["reasons"]) for each in report["refused"]}


def test_no_query_uses_a_column_that_the_check_does_not_count(run, finance):
    every = queries()
    node = {"resource_type": "model", "database": "shop-analytics", "schema": "shop_models"}
    nodes = {str(number): {**node, "compiled_code": sql} for number, sql in enumerate(every)}
    refused = checked(finance, {"nodes": nodes})
    metas = class_of_columns(run.manifest)
    used, free_but_refused = 0, []
    for number, sql in enumerate(every):
        reasons = refused.get(str(number), "")
        # Tokens have no class: the contract says who may read them.
        found = {
            column
            for table, column in laundered(run.engine, run.manifest, sql)
            if metas[(table, column)]["class"] != "none"
        }
        used += bool(found)
        for column in found:
            # Refused for this column, or because the query is not understood at all.
            counted = f"creators.{column} of class" in reasons
            assert counted or (reasons and "of class" not in reasons), (
                f"{sql}\nreads {column}; {reasons or 'good'}"
            )
        if reasons and not found:
            free_but_refused.append(sql)
    assert used > 150
    # A check that refuses everything is of no use.
    assert len(free_but_refused) < len(every) / 10, "\n".join(free_but_refused)


def test_our_own_models_are_not_refused(manifest, incremental, finance):
    assert checked(finance, manifest) == {}
    assert checked(finance, incremental) == {}
