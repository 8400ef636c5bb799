#!/usr/bin/env python3
"""Prints what CHANGELOG.md says of a release: release-notes.py v0.2.0."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def notes(text: str, tag: str) -> str:
    """The section of a version, without its heading."""
    heading = rf"^## \[{re.escape(tag.removeprefix('v'))}\][^\n]*\n"
    found = re.search(heading + r"(.*?)(?=^## \[|\Z)", text, re.M | re.S)
    if not found:
        sys.exit(f"release-notes: CHANGELOG.md has no section for {tag}; add '## [{tag.removeprefix('v')}] - DATE'")
    return found.group(1).strip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(notes(CHANGELOG.read_text(), sys.argv[1]))
