#!/usr/bin/env python3
"""Packs one program as a Lambda function: zip-function.py PROGRAM ZIP.

The zip holds one file, `bootstrap`, that everybody may run. Nothing in it depends on when,
where or by whom it is made: the time is the earliest that a zip can tell, the rights are
fixed, and so is the compression.
"""

import os
import sys
import zipfile


def main(program: str, package: str) -> None:
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the rights count
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(program, "rb") as file:
        contents = file.read()
    # Renamed at the end: whoever deploys meanwhile finds the old one or the new one, whole.
    unfinished = package + ".unfinished"
    with zipfile.ZipFile(unfinished, "w") as archive:
        archive.writestr(entry, contents, compresslevel=9)
    os.replace(unfinished, package)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
