#!/usr/bin/env python3
"""Packs a folder: archive.py FOLDER ARCHIVE.tar.gz.

The archive is reproducible: names are sorted, and times, owners and permissions are fixed. A file that its owner may
execute is executable for everyone.
"""

import gzip
import os
import sys
import tarfile

# 1 January 1980, as in the zips.
TIME = 315532800


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    executable = entry.isdir() or entry.mode & 0o100
    entry.mode = 0o755 if executable else 0o644
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = TIME, 0, 0, "", ""
    return entry


def main(folder: str, archive: str) -> None:
    # Renamed at the end, so that an interrupted run leaves no incomplete archive.
    unfinished = archive + ".unfinished"
    with open(unfinished, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            # `add` visits the files of a folder in the order of their names.
            for name in sorted(os.listdir(folder)):
                tar.add(os.path.join(folder, name), name, filter=plain)
    os.replace(unfinished, archive)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
