#!/usr/bin/env python3
"""Trains the linear model of `contract propose` and writes its weights.

Reads the training set that the test `the_training_set_can_be_written` writes: part, table, column, source type, label, verdict of
the rules, its confidence, whether it is a key, clues. Prints what rules and model say of each part when the model has not seen
this part, then trains on all parts and writes the weights and a sample for the test of the Rust code.

    make train-personal

Needs scripts/train_personal.txt. The result is the same in every run: no random number is used.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

PERSONAL = Path(__file__).parent.parent / "crates/core/src/personal"
# Strength of the regularisation: 0.03, 0.1, 0.3 and 1 were tried; 0.1 is best on parts e to i and on the columns without values.
C = 0.1
# As in learned.rs, in hundredths.
PERSONAL_FROM, DOUBTFUL_FROM = 11, -50
FOR_THE_RULES = {"r:catalogue", "r:machines", "r:places", "s:bool", "s:integer", "x:name"}
OF_A_PERSON = {"r:rows_about_person", "r:rows_of_person"}
# Weights nearer to zero are left out.
LEAST = 4
# Columns without values are judged in so many groups of whole repositories.
FOLDS = 6
KINDS = {
    "name": "Name", "email": "Email", "phone": "Phone", "address": "Address", "birth": "Birth", "national_id": "NationalId",
    "ssn": "NationalId", "passport": "Passport", "licence": "Licence", "business_id": "BusinessId", "card": "Card",
    "account": "Account", "iban": "Account", "ip": "Network", "mac": "Network", "network": "Network", "device": "Device",
    "session": "Device", "geo": "Position", "position": "Position", "secret": "Secret", "health": "Health",
    "sensitive": "Sensitive", "free_text": "FreeText",
}  # fmt: skip


def groups_of(parts):
    repositories = sorted({part for part in parts if "/" in part})
    fold = {repository: f"named {at % FOLDS}" for at, repository in enumerate(repositories)}
    return np.array([fold.get(part, part) for part in parts])


def weights_of(model, clues):
    """Whole hundredths, without those near zero; the base first."""
    found = {clue: int(round(100 * weight)) for clue, weight in zip(clues, model.coef_[0])}
    found = {clue: weight for clue, weight in sorted(found.items()) if abs(weight) >= LEAST}
    return int(round(100 * model.intercept_[0])), found


def scores_of(base, weights, documents):
    return np.array([base + sum(weights.get(clue, 0) for clue in clues.split()) for clues in documents])


def train(matrix, personal, clues):
    model = LogisticRegression(C=C, solver="liblinear", max_iter=1000)
    model.fit(matrix, personal)
    return weights_of(model, clues)


def doubted_of(finding, confidence, key, documents):
    """Harmless columns whose verdict the model may take back."""
    clues = [set(document.split()) for document in documents]
    certain = np.array([bool(it & FOR_THE_RULES) or not it & OF_A_PERSON for it in clues])
    return (finding == "Harmless") & (confidence != "high") & ~key & ~certain


def report(name, personal, finding, doubted, scores):
    proposed = np.char.startswith(finding, "Personal")
    unsure, harmless = finding == "Unsure", finding == "Harmless"
    for how, found, closed in (
        ("rules", proposed, np.zeros_like(unsure)),
        ("rules and model", proposed | (unsure & (scores >= PERSONAL_FROM)),
         doubted & (scores >= DOUBTFUL_FROM)),
    ):  # fmt: skip
        unclassified = (unsure & ~found) | closed
        opened = harmless & ~closed & personal
        print(
            f"{name}, {how}: {len(personal)} columns, {personal.sum()} personal; recall {(found & personal).sum() / personal.sum():.3f},"
            f" precision {(found & personal).sum() / found.sum():.3f}, unclassified {100 * unclassified.mean():.1f} %,"
            f" none although personal {opened.sum()}"
        )


def kind_of(clue, rows):
    """The kind that half of the personal columns with this clue have, if there are at least two."""
    counts = Counter(KINDS[label] for label in rows)
    kind, count = counts.most_common(1)[0]
    return kind if count >= 2 and 2 * count > len(rows) else None


def main():
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()]
    rows.sort()
    parts, tables, columns, types, labels, finding, confidence, key, documents = map(np.array, zip(*rows))
    personal, key, group = labels != "none", key == "true", groups_of(parts)
    vectorizer = CountVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, binary=True, min_df=2)
    matrix = vectorizer.fit_transform(documents)
    clues = vectorizer.get_feature_names_out()

    doubted = doubted_of(finding, confidence, key, documents)
    scores = np.zeros(len(rows), dtype=int)
    for name in sorted(set(group)):
        held = group == name
        scores[held] = scores_of(*train(matrix[~held], personal[~held], clues), documents[held])
    named = np.char.startswith(group, "named")
    for name in sorted(set(group[~named])):
        held = group == name
        report(f"part {name}", personal[held], finding[held], doubted[held], scores[held])
    report("columns without values", personal[named], finding[named], doubted[named], scores[named])

    base, weights = train(matrix, personal, clues)
    with_clue = defaultdict(list)
    for label, document in zip(labels, documents):
        if label != "none":
            for clue in document.split():
                with_clue[clue].append(label)
    lines = ["# Written by scripts/train_personal.py (make train-personal). A clue, its weight in hundredths, the kind it speaks for."]
    lines.append(f"base {base}")
    for clue, weight in weights.items():
        kind = kind_of(clue, with_clue[clue]) if weight > 0 and clue[0] in "webp" and with_clue[clue] else None
        lines.append(f"{clue} {weight}" + (f" {kind}" if kind else ""))
    (PERSONAL / "weights.txt").write_text("\n".join(lines) + "\n")

    final = scores_of(base, weights, documents)
    sample = ["# Written by scripts/train_personal.py. Table, column, source type, what is known of the rows, score in hundredths."]
    for at in range(0, len(rows), 10):
        known = next(clue[7:] for clue in documents[at].split() if clue.startswith("r:rows_"))
        sample.append("\t".join((tables[at], columns[at], types[at], known, str(final[at]))))
    (PERSONAL / "tests/learned.tsv").write_text("\n".join(sample) + "\n")
    print(f"{len(weights)} weights written")


if __name__ == "__main__":
    main()
