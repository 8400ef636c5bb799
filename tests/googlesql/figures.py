"""The figures of a table by Google's engine, from the query of `landbridge verify`. The Rust test `proof` runs it, with the
query and the answer of the local warehouse in the file FIGURES."""

import json
import os
from pathlib import Path

from engines import Google


def test_googles_engine_computes_the_figures_of_the_local_warehouse():
    given = json.loads(Path(os.environ["FIGURES"]).read_text())
    types, rows = Google().query(given["query"])
    found = ["NULL" if it is None else str(it) for it in rows[0]]
    names = [it.split(" ")[0] for it in types]
    assert len(rows) == 1 and len(names) > 10
    assert dict(zip(names, found)) == dict(zip(names, given["expected"], strict=True))
