#!/usr/bin/env python3
"""Writes the tables of inputs and outputs into the READMEs of terraform/, from the HCL beside them.

scripts/terraform-readmes.py            write
scripts/terraform-readmes.py --check    fail if one is not current
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["terraform/modules/aws", "terraform/modules/gcp", "terraform/examples/complete"]
BEGIN, END = "<!-- made by scripts/terraform-readmes.py -->", "<!-- end -->"


def blocks(text, kind):
    """Name and body of each top-level block of a kind; terraform fmt begins a line with its end."""
    one_line = re.findall(rf'^{kind} "(\w+)" \{{ (.*) \}}$', text, re.M)
    return one_line + re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}$', text, re.M | re.S)


def value(body, name):
    """What an attribute of a block is set to, or None. One that spans lines ends with its bracket."""
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
            sys.exit(f"{path}: the lines {BEGIN} and {END} are missing")
        current = f"{before}{BEGIN}\n\n{tables(ROOT / name)}\n\n{END}{after}"
        if current != text:
            stale.append(name)
            if not check:
                path.write_text(current)
    if check and stale:
        sys.exit(f"not current: {', '.join(stale)}; run scripts/terraform-readmes.py")


if __name__ == "__main__":
    main()
