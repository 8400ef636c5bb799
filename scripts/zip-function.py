#!/usr/bin/env python3
"""Packs one program as a Lambda function: zip-function.py PROGRAM ZIP.

The zip contains one executable file, `bootstrap`. It is reproducible: it uses the earliest time that
a zip can store, fixed permissions and a fixed compression level.
"""

import os
import sys
import zipfile


def main(program: str, package: str) -> None:
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the permissions are used
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(program, "rb") as file:
        contents = file.read()
    # Renamed at the end, so that a concurrent deployment never reads an incomplete file.
    unfinished = package + ".unfinished"
    with zipfile.ZipFile(unfinished, "w") as archive:
        archive.writestr(entry, contents, compresslevel=9)
    os.replace(unfinished, package)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
