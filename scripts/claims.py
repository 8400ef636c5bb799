#!/usr/bin/env python3
"""Makes docs/claims.md from crates/local/cloud/claims.toml: what Landbridge assumes of the clouds.

scripts/claims.py            write the page
scripts/claims.py --check    write nothing; fail if the page is outdated, an id is there twice, or a path, an
                             item or a test that an entry names does not exist

Needs Python 3.11 (tomllib), and nothing else.
"""

import re
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = "crates/local/cloud/claims.toml"
PAGE = "docs/claims.md"

CLOUDS = {"aws": "AWS", "google": "Google Cloud"}
# How sure a sentence is, the least sure last, and what that means.
SURE = {
    "documented": "the provider's documentation says it",
    "modelled": "a service model, a discovery document or a provider's source says it",
    "reported": "users report it in a public place",
    "assumed": "no source says it, or not all of it",
}
COSTS = {"free", "cents"}
BY = {"google": "`landbridge probe google`", "aws": "`landbridge probe aws`"}
# The tables of the claims that each command probes.
PROBES = {"google": "crates/probe/src/google/mod.rs", "aws": "crates/probe/src/aws/mod.rs"}
# Why no command probes a claim; each entry also says its own reason.
UNPROBED = {
    "account": "the probe would have to change what it did not create, or create what stays",
    "deployment": "only the role or the log of a deployed function shows it, and Lambda alone can take that role; `landbridge doctor` and the first night show it",
    "document": "a reference of the provider says it in so many words, and a probe would add nothing or would need a resource of its own",
    "hours": "it needs an export that is started for it: about an hour, and money per GB of the snapshot",
    "local": "the local cloud does not do it, or not so, and a probe that no test can turn around is not trusted",
    "rows": "it needs values of rows, and the probe reads none",
    "volume": "it shows only after thousands of calls, by chance, or at a limit of the account",
}
NEEDS = {"scratch dataset", "scratch prefix", "snapshot", "read-only"}
REQUIRED = {"id", "cloud", "area", "sentence", "source", "sure", "code", "local"}
OPTIONAL = {"against", "differs", "tests", "probe", "unprobed"}
NOT_EMULATED = "not emulated: "


@cache
def text_of(path):
    """The text of a file of the repository, or None."""
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


def place(reference):
    """The path and the item of `path: item`."""
    path, found, item = reference.partition(": ")
    return (path, item) if found else (reference, "")


def contains(text, item):
    """Whether a text has the item, not as a part of a longer word."""
    before = r"(?<!\w)" if item[0].isalnum() or item[0] == "_" else ""
    after = r"(?!\w)" if item[-1].isalnum() or item[-1] == "_" else ""
    return re.search(before + re.escape(item) + after, text) is not None


def is_test(path, text, name):
    """Whether a test function has the name."""
    if path.endswith(".py"):
        return name.startswith("test_") and re.search(rf"^def {re.escape(name)}\(", text, re.M)
    attributes = r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*"
    return re.search(rf"{attributes}(?:async )?fn {re.escape(name)}\(", text)


def reference_problems(key, reference):
    path, item = place(reference)
    text = text_of(path)
    if text is None:
        return [f"{key}: {path} does not exist"]
    if not item:
        return [f"{key}: `{reference}` names no item; write `path: item`"]
    if key == "tests" and not is_test(path, text, item):
        return [f"{key}: {path} has no test {item}"]
    if key != "tests" and not contains(text, item):
        return [f"{key}: {path} does not contain {item}"]
    return []


def references(claim, key):
    """The references of a key; none if it says that nothing is emulated."""
    value = claim.get(key, [])
    return value if isinstance(value, list) else []


def probe_problems(probe):
    if set(probe) - {"by"} != {"what", "cost", "needs"}:
        return ["probe: has exactly what, cost and needs, and by if a command does it"]
    problems = []
    if probe.get("by", "google") not in BY:
        problems.append(f"probe.by: {probe['by']} is none of {', '.join(BY)}")
    if probe["cost"] not in COSTS:
        problems.append(f"probe.cost: {probe['cost']} is none of {', '.join(sorted(COSTS))}")
    if probe["needs"] not in NEEDS:
        problems.append(f"probe.needs: {probe['needs']} is none of {', '.join(sorted(NEEDS))}")
    return problems


def why(claim):
    """Which of the kinds of reasons an entry has that no command probes."""
    kind, found, _ = claim.get("unprobed", "").partition(": ")
    return kind if found else ""


def claim_problems(claim):
    """What is wrong with one entry."""
    missing = REQUIRED - set(claim)
    unknown = set(claim) - REQUIRED - OPTIONAL
    problems = [f"{key} is missing" for key in sorted(missing)]
    problems += [f"the key {key} is unknown" for key in sorted(unknown)]
    if missing:
        return problems
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", claim["id"]):
        problems.append("id: use small letters, digits and single hyphens")
    if claim["cloud"] not in CLOUDS:
        problems.append(f"cloud: {claim['cloud']} is none of {', '.join(CLOUDS)}")
    if claim["sure"] not in SURE:
        problems.append(f"sure: {claim['sure']} is none of {', '.join(SURE)}")
    if not claim["sentence"].endswith("."):
        problems.append("sentence: ends with no full stop")
    if not claim["code"]:
        problems.append("code: names no code that rests on it")
    if isinstance(claim["local"], str) and not claim["local"].startswith(NOT_EMULATED):
        problems.append(f"local: write a list of `path: item`, or `{NOT_EMULATED}<reason>`")
    if isinstance(claim["local"], list) and not claim["local"]:
        problems.append("local: the list is empty")
    for key in ("code", "local", "tests"):
        for reference in references(claim, key):
            problems += reference_problems(key, reference)
    if "probe" in claim:
        problems += probe_problems(claim["probe"])
    if "by" in claim.get("probe", {}):
        if "unprobed" in claim:
            problems.append("unprobed: a command probes it; remove the line")
    elif why(claim) not in UNPROBED or not claim["unprobed"].endswith("."):
        problems.append(f"unprobed: write `<why>: <the exact reason>.`; why is one of {', '.join(UNPROBED)}")
    unproved = not claim.get("tests") and "probe" not in claim
    if unproved and isinstance(claim["local"], list):
        problems.append("nothing proves it: add tests or a probe")
    return problems


def all_problems(claims):
    problems = []
    for claim in claims:
        problems += [f"{claim.get('id', '?')}: {problem}" for problem in claim_problems(claim)]
    ids = Counter(claim.get("id") for claim in claims)
    problems += [f"{id_}: the id is there {n} times" for id_, n in ids.items() if n > 1]
    for by, file in PROBES.items():
        said = {it["id"] for it in claims if it.get("probe", {}).get("by") == by}
        done = set(re.findall(r'^    \(?"([a-z0-9]+(?:-[a-z0-9]+)+)"', text_of(file) or "", re.M))
        problems += [f"{id_}: {file} does not probe it" for id_ in sorted(said - done)]
        problems += [f"{id_}: {file} probes it; write `by`" for id_ in sorted(done - said)]
    return problems


def row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def shown(references_):
    return ", ".join(f"`{path}` (`{item}`)" for path, item in map(place, references_))


def link(claim):
    return f"[{claim['id']}](#{claim['id']})"


def counts(claims):
    lines = [row("cloud", *SURE, "all"), row("---", *["---:"] * (len(SURE) + 1))]
    for cloud, title in CLOUDS.items():
        of_cloud = [it for it in claims if it["cloud"] == cloud]
        each = [sum(it["sure"] == sure for it in of_cloud) for sure in SURE]
        lines.append(row(title, *each, len(of_cloud)))
    each = [sum(it["sure"] == sure for it in claims) for sure in SURE]
    return lines + [row("both", *each, len(claims))]


def proof(claim):
    """How an entry is shown, in two words or three."""
    ways = ["tests"] if claim.get("tests") else []
    if "probe" in claim:
        probe = claim["probe"]
        way = f"`probe {probe['by']}`" if "by" in probe else "by hand"
        ways.append(f"{way} ({probe['cost']}, {probe['needs']})")
    return ", ".join(ways) or "–"


def overview(claims, cloud):
    lines = [row("claim", "sure", "shown by")]
    lines.append(row("---", "---", "---"))
    area = None
    for claim in (it for it in claims if it["cloud"] == cloud):
        if claim["area"] != area:
            area = claim["area"]
            lines.append(row(f"**{area}**", "", ""))
        lines.append(row(link(claim), claim["sure"], proof(claim)))
    return lines


def entry(claim):
    local = claim["local"]
    lines = [f"### {claim['id']}", "", claim["sentence"], ""]
    lines.append(f"- **Source** ({claim['sure']}): {claim['source']}")
    if "against" in claim:
        lines.append(f"- **Against it:** {claim['against']}")
    lines.append(f"- **Code that rests on it:** {shown(claim['code'])}")
    lines.append(f"- **Local cloud:** {shown(local) if isinstance(local, list) else local}")
    if "differs" in claim:
        lines.append(f"- **The local cloud differs:** {claim['differs']}")
    if claim.get("tests"):
        lines.append(f"- **Tests:** {shown(claim['tests'])}")
    if "probe" in claim:
        probe = claim["probe"]
        by = f"{BY[probe['by']]}; " if "by" in probe else "by hand; "
        lines.append(f"- **On real accounts** ({by}{probe['cost']}, {probe['needs']}): {probe['what']}")
    if "unprobed" in claim:
        lines.append(f"- **No command probes it** ({why(claim)}): {claim['unprobed'].partition(': ')[2]}")
    return lines + [""]


def listing(claims, note):
    return [f"- {link(claim)}: {claim[note]}" for claim in claims if note in claim]


def page(claims):
    assumed = [it for it in claims if it["sure"] == "assumed"]

    def probed(cloud):
        return sum(it.get("probe", {}).get("by") == cloud for it in claims)

    lines = [
        "# Claims",
        "",
        "*For everyone who wants to know what Landbridge assumes of AWS and Google Cloud, and how sure that is.*",
        "",
        "Landbridge has not run against the real clouds ([limits](limits.md)). This page lists each assumption that",
        "its code rests on: a sentence that can be false, its source, the code, how the [local cloud](local-cloud.md)",
        "behaves, and how the sentence is shown: by tests on the local cloud, and by what a person with accounts can",
        f"try. It is made from [`{DATA}`](../{DATA}) by `scripts/claims.py`; change the data, not the page.",
        "",
        "## How sure they are",
        "",
        *counts(claims),
        "",
        *[f"- **{sure}**: {meaning}" for sure, meaning in SURE.items()],
        "",
        f"[`landbridge probe`](probe.md) shows {probed('google')} claims on Google Cloud and {probed('aws')} on AWS; the rest",
        "of the proofs on real accounts is done by hand. Why no command probes the others:",
        "",
        row("", "why", "claims"),
        row("---", "---", "---:"),
        *[row(key, text, sum(why(it) == key for it in claims)) for key, text in UNPROBED.items()],
        "",
        "What a proof on real accounts needs: a *scratch dataset* with a taxonomy of its own and generated rows, a",
        "*scratch prefix* of a bucket, a small *snapshot* that may be exported, or only rights to read. It costs",
        "nothing (*free*) or *cents*.",
        "",
        "## Assumed only",
        "",
        "No source says these, or not all of it. Prove them first.",
        "",
        *[f"- {link(claim)}: {claim['sentence']}" for claim in assumed],
        "",
        "## Contradicted",
        "",
        "For these, a source says something else as well.",
        "",
        *listing(claims, "against"),
        "",
        "## Where the local cloud differs",
        "",
        *listing(claims, "differs"),
        "",
    ]
    for cloud, title in CLOUDS.items():
        lines += [f"## {title}", "", *overview(claims, cloud), ""]
    for cloud, title in CLOUDS.items():
        lines += [f"## Entries: {title}", ""]
        for claim in (it for it in claims if it["cloud"] == cloud):
            lines += entry(claim)
    return "\n".join(lines).rstrip() + "\n"


def main():
    arguments = sys.argv[1:]
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    with (ROOT / DATA).open("rb") as file:
        claims = tomllib.load(file)["claim"]
    problems = all_problems(claims)
    if problems:
        sys.exit(f"{DATA}:\n" + "\n".join(f"  {it}" for it in problems))
    current = page(claims)
    path = ROOT / PAGE
    if path.is_file() and path.read_text(encoding="utf-8") == current:
        return
    if arguments:
        sys.exit(f"{PAGE} is outdated: run scripts/claims.py")
    path.write_text(current, encoding="utf-8")


if __name__ == "__main__":
    main()
