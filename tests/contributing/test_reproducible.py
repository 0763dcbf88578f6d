"""The archive of a release's sources depends on the names, contents and programs in it alone."""

from __future__ import annotations

import io
import tarfile

import reproducible

CONTENTS = {"p/b.py": b"2", "p/a.sh": b"1"}


def packed(names: list[str], time: float, user: str, umask: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        folder = tarfile.TarInfo("p")
        folder.type, folder.mtime, folder.uname = tarfile.DIRTYPE, time, user
        folder.mode = 0o777 & ~umask
        archive.addfile(folder)
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(CONTENTS[name]), time, user
            member.mode = (0o777 if name.endswith(".sh") else 0o666) & ~umask
            archive.addfile(member, io.BytesIO(CONTENTS[name]))
    return target.getvalue()


def test_order_times_owners_and_umask_make_no_difference() -> None:
    one = packed(["p/b.py", "p/a.sh"], 1_900_000_000.5, "nora", 0o002)
    other = packed(["p/a.sh", "p/b.py"], 1_900_000_007.5, "root", 0o077)
    assert one != other
    assert reproducible.normalized(one, 9) == reproducible.normalized(other, 9)


def test_contents_and_programs_are_kept() -> None:
    found = reproducible.normalized(packed(["p/b.py", "p/a.sh"], 1, "nora", 0o022), 9)
    with tarfile.open(fileobj=io.BytesIO(found)) as archive:
        members = archive.getmembers()
        assert [(each.name, each.mode, each.mtime) for each in members] == [
            ("p", 0o755, 9),
            ("p/a.sh", 0o755, 9),
            ("p/b.py", 0o644, 9),
        ]
        stored = {each.name: archive.extractfile(each) for each in members if each.isfile()}
        assert {name: file and file.read() for name, file in stored.items()} == CONTENTS
