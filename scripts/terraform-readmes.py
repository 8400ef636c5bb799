#!/usr/bin/env python3
"""Generates the tables of inputs and outputs in the READMEs of terraform/ from the modules' HCL.

scripts/terraform-readmes.py            write the READMEs
scripts/terraform-readmes.py --check    fail if a README is outdated
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["terraform/modules/aws", "terraform/modules/gcp", "terraform/modules/dataform", "terraform/examples/complete", "terraform/examples/two-databases"]
BEGIN, END = "<!-- made by scripts/terraform-readmes.py -->", "<!-- end -->"


def blocks(text, kind):
    """Name and body of each top-level block; after terraform fmt, its closing brace starts a line."""
    one_line = re.findall(rf'^{kind} "(\w+)" \{{ (.*) \}}$', text, re.M)
    return one_line + re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}$', text, re.M | re.S)


def value(body, name):
    """The value of a block's attribute, or None. A value over several lines ends with its bracket."""
    found = re.search(rf"^  {name} += (.*?)(?=^  \w|\Z)", body, re.M | re.S)
    return " ".join(found.group(1).split()) if found else None


def text_of(body):
    return (value(body, "description") or "").strip('"').replace('\\"', '"').replace("|", "\\|")


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def tables(folder):
    variables = sorted(blocks((folder / "variables.tf").read_text(), "variable"))
    outputs = sorted(blocks((folder / "outputs.tf").read_text(), "output"))
    lines = ["## Inputs", "", row("name", "type", "default", "what"), row(*["---"] * 4)]
    for name, body in variables:
        default = value(body, "default")
        shown = "required" if default is None else f"`{default}`"
        lines.append(row(f"`{name}`", f"`{value(body, 'type')}`", shown, text_of(body)))
    lines += ["", "## Outputs", "", row("name", "what"), row("---", "---")]
    lines += [row(f"`{name}`", text_of(body)) for name, body in outputs]
    return "\n".join(lines)


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for name in FOLDERS:
        path = ROOT / name / "README.md"
        text = path.read_text()
        before, found, rest = text.partition(BEGIN)
        _, ended, after = rest.partition(END)
        if not found or not ended:
            sys.exit(f"{path}: the lines {BEGIN} and {END} are missing; add them where the tables belong")
        current = f"{before}{BEGIN}\n\n{tables(ROOT / name)}\n\n{END}{after}"
        if current != text:
            stale.append(name)
            if not check:
                path.write_text(current)
    if check and stale:
        sys.exit(f"outdated READMEs: {', '.join(stale)}; run scripts/terraform-readmes.py")


if __name__ == "__main__":
    main()
