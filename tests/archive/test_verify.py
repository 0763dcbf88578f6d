"""Verifying: damage anywhere is found and named."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backpack_orm import ArchiveError
from backpack_orm.archive import Archive, archive, bags, storage
from backpack_orm.archive.sealed import seal, unseal
from tests.archive.crashes import Recorder


@pytest.fixture
def copy(original: Path, folder: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(original, folder)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def damaged(folder: Path) -> set[str]:
    """Return the paths that verifying an archive, or opening it, names."""
    try:
        found = Archive(folder).verify()
    except ArchiveError as error:
        return {str(error)}
    assert not found
    return {f"{problem.path} {problem.reason}" for problem in found.problems}


def test_an_archive_without_damage_has_no_problems(original: Path) -> None:
    found = Archive(original).verify()
    assert found
    assert found.problems == ()
    assert (found.snapshots, found.files) == (2, len(files(original)))
    assert found.records == len(list(Archive(original).newest.entries()))


@pytest.mark.parametrize("place", ["absent", "empty", "bucket"])
def test_where_there_is_no_snapshot_nothing_is_verified(tmp_path: Path, place: str) -> None:
    location: str | Path = f"memory://{tmp_path}" if place == "bucket" else tmp_path / place
    if place == "empty":
        (tmp_path / place).mkdir()
    found = Archive(location).verify()
    assert not found
    assert [problem.reason for problem in found.problems] == ["contains no snapshot"]


def test_the_progress_is_reported(original: Path) -> None:
    steps: list[object] = []
    Archive(original).verify(progress=lambda *step: steps.append(step))
    assert steps == [
        ("verifying the records of snapshot 1", 1, 1),
        ("verifying snapshots", 1, 2),
        ("verifying the records of snapshot 2", 1, 1),
        ("verifying snapshots", 2, 2),
    ]


def positions(size: int) -> Iterator[int]:
    """Every byte of small files, some of others, and the last."""
    yield from range(0, size, 1 if size < 150 else 23)
    yield size - 1


def test_a_flipped_byte_anywhere_is_found_and_named(copy: Path) -> None:
    count = 0
    for path in files(copy):
        content = path.read_bytes()
        for position in positions(len(content)):
            broken = bytearray(content)
            broken[position] ^= 1 << position % 8
            path.write_bytes(broken)
            name = path.relative_to(copy).as_posix()
            assert any(name in each for each in damaged(copy)), (name, position)
            count += 1
        path.write_bytes(content)
    assert count > 400
    assert Archive(copy).verify()


@pytest.mark.parametrize("change", ["truncated", "longer", "empty", "missing"])
def test_a_changed_file_is_named(copy: Path, change: str) -> None:
    for path in files(copy):
        content = path.read_bytes()
        if change == "missing":
            path.unlink()
        else:
            kinds = {"truncated": content[:-2], "longer": content + b"\n", "empty": b""}
            path.write_bytes(kinds[change])
        name = path.relative_to(copy).as_posix()
        harmless = ("commits/000002", "last-sync", "cache/")
        if not (change == "missing" and name.startswith(harmless)):  # such as the newest commit
            assert any(name in each for each in damaged(copy)), name
        path.write_bytes(content)


def test_a_newest_commit_that_is_incomplete_counts_as_never_made(copy: Path) -> None:
    """On file systems without hard links, a crash may leave a part of it."""
    path = copy / "commits" / "000002.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert Archive(copy).newest.number == 1
    (problem,) = Archive(copy).verify().problems
    assert problem.path == "commits/000002.json"
    assert "incomplete" in problem.reason


def test_a_lost_commit_is_named_and_a_removed_one_is_not(copy: Path) -> None:
    Archive(copy).prune(keep_last=1)
    assert Archive(copy).verify()
    (copy / "removed" / "000001.json").unlink()
    assert damaged(copy) == {"commits/000001.json is missing, and prune() has not removed it"}


def test_the_record_of_a_removal_is_verified(copy: Path) -> None:
    Archive(copy).prune(keep_last=1)
    path = copy / "removed" / "000001.json"
    values = unseal(path.read_bytes())
    path.write_bytes(seal(values | {"taken_at": "2020-01-01T00:00:00+00:00"}))
    assert any(each.startswith("removed/000001.json is not the commit") for each in damaged(copy))
    path.write_bytes(b"{}\n")
    assert any(each.startswith("removed/000001.json") for each in damaged(copy))


def test_files_that_do_not_belong_there_are_named(copy: Path) -> None:
    snapshot = Archive(copy).newest.name
    for name in ("thesis.txt", "commits/notes.txt", f"snapshots/{snapshot}/data/extra.xml"):
        (copy / name).write_bytes(b"x")
    assert {each.split()[0] for each in damaged(copy)} == {
        "thesis.txt",
        "commits/notes.txt",
        f"snapshots/{snapshot}/data/extra.xml",
    }


def test_what_an_interrupted_sync_has_left_is_no_problem(copy: Path) -> None:
    (copy / "snapshots" / "000003-0123abcd").mkdir()
    (copy / ".tmp-0123").write_bytes(b"")
    assert Archive(copy).verify()


def test_a_commit_that_was_exchanged_breaks_the_chain(copy: Path) -> None:
    path = copy / "commits" / "000001.json"
    values = unseal(path.read_bytes())
    path.write_bytes(seal(values | {"taken_at": "2020-01-01T00:00:00+00:00"}))
    assert any("commits/000001.json" in each for each in damaged(copy))


def resealed(copy: Path, change: Callable[[Path], object]) -> None:
    """Change the newest snapshot and all hashes that cover it."""
    newest = Archive(copy).newest
    top = copy / "snapshots" / newest.name
    change(top / "data")
    payload = {
        path.relative_to(top / "data").as_posix(): path.read_bytes() for path in files(top / "data")
    }
    packed = bags.packed(payload, identifier="x", taken_at=newest.taken_at)
    for name, content in packed.items():
        (top / name).write_bytes(content)
    path = copy / "commits" / "000002.json"
    digest = bags.sha256(packed["tagmanifest-sha256.txt"])
    path.write_bytes(seal(unseal(path.read_bytes()) | {"manifest": digest}))


def rewrite(data: Path, name: str, content: bytes) -> None:
    """Replace a response, and its hash and size in the list of requests."""
    (data / "responses" / f"{name}.xml.gz").write_bytes(gzip.compress(content, mtime=0))
    lines = [json.loads(line) for line in (data / "requests.jsonl").read_text().splitlines()]
    for line in lines:
        if line["name"] == name:
            line |= {"sha256": bags.sha256(content), "size": len(content)}
    (data / "requests.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda data: rewrite(data, "users", b"<html/>"), "users.xml.gz the response is HTML"),
        (lambda data: rewrite(data, "export", b"<user><pag"), "export.xml.gz the response is no"),
        (lambda data: rewrite(data, "export", b"<user><pages/></user>"), "lacks page"),
        (
            lambda data: (data / "responses" / "me.xml.gz").write_bytes(b"not gzip"),
            "me.xml.gz cannot be read: Not a gzipped file",
        ),
        (
            lambda data: (data / "responses" / "me.xml.gz").write_bytes(
                gzip.compress(b"<user><id>4</id></user>")
            ),
            "me.xml.gz does not contain what was received",
        ),
    ],
)
def test_contents_that_cannot_be_right_are_named_although_all_hashes_match(
    copy: Path, change: Callable[[Path], object], named: str
) -> None:
    resealed(copy, change)
    assert any(named in each for each in damaged(copy)), damaged(copy)


def test_verifying_changes_nothing(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(storage, "os", recorder)
    assert Archive(copy).verify()
    assert recorder.log == []


# --- rehearsal --------------------------------------------------------------------------------


def test_a_damaged_archive_is_not_rehearsed(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "rehearse_restore", lambda *_: pytest.fail("was rehearsed"))
    (copy / "commits" / "000001.json").write_bytes(b"{}\n")
    assert not Archive(copy).verify(rehearse=True)


def test_archives_can_be_read_without_the_extra_of_the_sandbox() -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; import backpack_orm.archive"
    subprocess.run([sys.executable, "-c", program], check=True)
