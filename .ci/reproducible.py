"""Writes an archive of the sources again, so that it depends on nothing but the sources.

    python .ci/reproducible.py dist/backpack_orm-0.9.0.tar.gz

setuptools gives it the times, owners and modes of the files in the checkout. Unpacked, it builds
the same wheel if SOURCE_DATE_EPOCH is set. This needs nothing but the standard library.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path


def normalized(archive: bytes, time: int) -> bytes:
    """Return a `.tar.gz` with sorted members of one time, without owners and odd modes."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.pax_headers = {}  # exact times, and long names, which are written anew
            is_program = member.isdir() or member.mode & 0o100
            new.addfile(
                member.replace(
                    mtime=time,
                    mode=0o755 if is_program else 0o644,
                    uid=0,
                    gid=0,
                    uname="",
                    gname="",
                ),
                old.extractfile(member) if member.isfile() else None,
            )
    return target.getvalue()


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_bytes(normalized(path.read_bytes(), int(os.environ["SOURCE_DATE_EPOCH"])))
