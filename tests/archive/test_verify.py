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
from backpack_orm.archive import Archive, archive
from backpack_orm.archive.packs import Packs, packed
from backpack_orm.archive.sealed import sha256, unseal
from backpack_orm.archive.storage import LocalStorage


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
    assert (found.snapshots, found.files) in [
        (2, len(files(original)) - count)
        for count in (0, 1)  # it writes its own result
    ]
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
        ("verifying packs", 1, 2),
        ("verifying packs", 2, 2),
        ("verifying the records of snapshot 2", 1, 1),
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
    assert count > 250
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
        harmless = ("last-", "cache/")
        if not (change == "missing" and name.startswith(harmless)):
            assert any(name in each for each in damaged(copy)), name
        path.write_bytes(content)


def test_a_newest_entry_that_is_truncated_counts_as_never_made(copy: Path) -> None:
    """On file systems without hard links, a crash may leave a part of it."""
    path = copy / "log" / "000002.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1])
    assert Archive(copy).newest.number == 1
    (problem,) = Archive(copy).verify().problems
    assert problem.path == "log/000002.jsonl.gz"
    assert "truncated" in problem.reason


@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_entry_is_named_even_if_it_is_the_newest(copy: Path, number: int) -> None:
    (copy / "log" / f"{number:06}.jsonl.gz").unlink()
    reason = f"log/{number:06}.jsonl.gz is missing, and prune() has not removed it"
    assert damaged(copy) == {reason}


def test_a_removed_entry_is_not_lost_while_its_removal_is_recorded(copy: Path) -> None:
    Archive(copy).prune(keep_last=1)
    assert Archive(copy).verify()
    (copy / "log" / "000003.jsonl.gz").unlink()
    assert damaged(copy) == {"log/000001.jsonl.gz is missing, and prune() has not removed it"}


def test_files_that_do_not_belong_there_are_named(copy: Path) -> None:
    names = {"thesis.txt", "log/notes.txt", "packs/notes.txt", "cache/notes.txt"}
    for name in names:
        (copy / name).write_bytes(b"x")
    assert {each.split()[0] for each in damaged(copy)} == names


def test_what_an_interrupted_sync_has_left_is_no_problem(copy: Path) -> None:
    (copy / "packs" / "0123456789abcdef.gz").write_bytes(packed(b"not used"))
    (copy / "packs" / ".tmp-0123").write_bytes(b"")
    assert Archive(copy).verify()


def rewritten(copy: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    """Change the content of an entry, and the hash that covers it."""
    path = copy / "log" / f"{number:06}.jsonl.gz"
    *lines, _ = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    content = change(b"".join(lines))
    path.write_bytes(packed(content + json.dumps({"sha256": sha256(content)}).encode() + b"\n"))


def test_an_entry_that_was_exchanged_breaks_the_chain(copy: Path) -> None:
    rewritten(copy, 1, lambda content: content.replace(b'"taken_at": "2026', b'"taken_at": "2020'))
    assert damaged(copy) == {
        "log/000001.jsonl.gz is not the entry that log/000002.jsonl.gz follows"
    }


def test_a_part_that_is_in_no_pack_is_named(copy: Path) -> None:
    part = Archive(copy).newest.entry.responses()[-1][1][0].encode()
    rewritten(copy, 2, lambda content: content.replace(b'"parts": ["' + part, b'"parts": ["00'))
    assert any("log/000002.jsonl.gz lacks 1 of 1 parts of" in each for each in damaged(copy))


@pytest.mark.parametrize(
    ("response", "body", "named"),
    [
        ("users", b"<html/>", "users: the response is HTML"),
        ("export", b"<user><pag", "export: the response is no"),
        ("export", b"<user><pages/></user>", "lacks page"),
    ],
)
def test_contents_that_cannot_be_right_are_named_although_all_hashes_match(
    copy: Path, response: str, body: bytes, named: str
) -> None:
    entry = Archive(copy).newest.entry
    stored, parts = next(each for each in entry.responses() if each[0].name == response)
    Packs(LocalStorage(copy)).add({sha256(body): body})

    def change(content: bytes) -> bytes:
        old = json.dumps({"sha256": stored.sha256, "size": stored.size})[1:-1].encode()
        new = json.dumps({"sha256": sha256(body), "size": len(body)})[1:-1].encode()
        names = json.dumps(parts).encode(), json.dumps([sha256(body)]).encode()
        return content.replace(old, new).replace(*names)

    rewritten(copy, 2, change)
    assert any(named in each for each in damaged(copy)), damaged(copy)


def test_a_response_that_its_parts_do_not_add_up_to_is_named(copy: Path) -> None:
    parts = json.dumps({"parts": Archive(copy).newest.entry.responses()[0][1]})[1:-2].encode()
    twice = parts + parts[parts.index(b"[") :].replace(b"[", b", ")
    rewritten(copy, 2, lambda content: content.replace(parts, twice))
    assert any("are not what was received" in each for each in damaged(copy))


def test_verifying_writes_nothing_but_its_result(copy: Path) -> None:
    before = {path: path.read_bytes() for path in files(copy)}
    assert Archive(copy).verify()
    result = copy / "last-verification.json"
    assert {path: path.read_bytes() for path in files(copy) if path != result} == {
        path: content for path, content in before.items() if path != result
    }
    assert unseal(result.read_bytes())["is_sound"] is True


# --- rehearsal --------------------------------------------------------------------------------


def test_a_damaged_archive_is_not_rehearsed(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "rehearse_restore", lambda *_: pytest.fail("was rehearsed"))
    (copy / "log" / "000001.jsonl.gz").write_bytes(b"{}\n")
    assert not Archive(copy).verify(rehearse=True)


def test_archives_can_be_read_without_the_extra_of_the_sandbox() -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; import backpack_orm.archive"
    subprocess.run([sys.executable, "-c", program], check=True)
