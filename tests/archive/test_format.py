"""The files of an archive: bags, commits, and what is refused."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.request import Request, urlopen

import pytest

from backpack_orm import ArchiveError, Connection, DamagedArchive, Page, ValidationError
from backpack_orm.archive import Archive, storage
from backpack_orm.archive.contents import Gap
from backpack_orm.archive.log import Line, Log, LogEntry
from backpack_orm.archive.packs import Packs, packed, rows_in, rows_of, unpacked
from backpack_orm.archive.remote import RemoteStorage
from backpack_orm.archive.sealed import seal, sha256, unseal
from backpack_orm.archive.storage import LocalStorage, Storage
from backpack_orm.sandbox import Sandbox

MOMENT = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(params=["local", "remote"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "files")
    return RemoteStorage(f"memory://{tmp_path}")


# --- storage ----------------------------------------------------------------------------------


def test_a_created_file_is_never_overwritten(files: Storage) -> None:
    files.create("log/1.gz", b"one\n")
    with pytest.raises(FileExistsError):
        files.create("log/1.gz", b"two\n")
    assert files.read("log/1.gz") == b"one\n"
    assert files.names("log") == ["1.gz"]


def test_a_replaced_file_has_its_new_content(files: Storage) -> None:
    files.replace("last-sync.json", b"one")
    files.replace("last-sync.json", b"two")
    assert files.read("last-sync.json") == b"two"
    assert files.names("") == ["last-sync.json"]


def test_a_range_of_a_file_is_read_as_far_as_it_goes(files: Storage) -> None:
    files.replace("packs/1.gz", b"0123456789")
    assert files.read("packs/1.gz", 2, 3) == b"234"
    assert files.read("packs/1.gz", 8, 5) == b"89"
    assert files.read("packs/1.gz", 20, 5) == b""
    assert files.sizes("packs") == {"1.gz": 10}


def test_a_deleted_file_is_gone_and_an_absent_one_no_error(files: Storage) -> None:
    files.replace("packs/1.gz", b"one")
    files.delete("packs/1.gz")
    files.delete("packs/1.gz")
    assert files.names("packs") == []


def test_what_is_absent_is_an_error_to_read_and_has_no_names(files: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        files.read("archive.json")
    assert files.names("packs") == []
    assert files.sizes("packs") == {}


def test_without_hard_links_a_file_is_still_created_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    files = LocalStorage(tmp_path)
    files.create("log/1.gz", b"one\n")
    with pytest.raises(FileExistsError):
        files.create("log/1.gz", b"two\n")
    assert files.read("log/1.gz") == b"one\n"
    assert os.listdir(tmp_path / "log") == ["1.gz"]


def test_old_temporary_files_are_removed_and_young_ones_are_left(tmp_path: Path) -> None:
    files = LocalStorage(tmp_path)
    (tmp_path / "packs").mkdir()
    for name in (".tmp-old", ".tmp-young", "packs/.tmp-old"):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / ".tmp-old", (0, 0))
    os.utime(tmp_path / "packs" / ".tmp-old", (0, 0))
    files.clean()
    assert sorted(os.listdir(tmp_path)) == [".tmp-young", "packs"]
    assert files.names("") == ["packs"]


def test_a_password_in_an_address_is_not_part_of_the_name() -> None:
    assert RemoteStorage("memory://me:secret@host/backup/").name == "memory://host/backup"


# --- sealed files -----------------------------------------------------------------------------


@pytest.mark.parametrize("position", range(len(seal({"number": 1, "name": "é"}))))
def test_a_flipped_byte_anywhere_breaks_the_seal(position: int) -> None:
    content = bytearray(seal({"number": 1, "name": "é"}))
    content[position] ^= 1
    with pytest.raises(ValueError):  # noqa: PT011 - of json, of Unicode or of the seal
        unseal(bytes(content))


# --- packs ------------------------------------------------------------------------------------


def test_a_part_is_a_gzip_member_with_a_fixed_header() -> None:
    member = packed(b"compressed")
    assert member.startswith(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    assert gzip.decompress(member) == unpacked(member) == b"compressed"
    assert packed(b"compressed") == member


@pytest.mark.parametrize(
    "member",
    [
        b"",
        packed(b"part")[:-1],
        packed(b"part") + b"\0",
        packed(b"part") + packed(b""),
        gzip.compress(b"part", mtime=1),
        packed(b"part")[:-8] + b"\0" * 8,
    ],
)
def test_a_member_that_is_not_as_it_was_written_is_refused(member: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of zlib too
        unpacked(member)


PARTS = {sha256(part): part for part in (b"one", b"two" * 30_000, b"", "drei ü".encode())}


def test_the_parts_of_a_pack_can_be_read_and_zcat_prints_them(files: Storage) -> None:
    packs = Packs(files)
    name = packs.add(PARTS)
    assert gzip.decompress(files.read(f"packs/{name}.gz")) == b"".join(PARTS.values())
    again = Packs(files)
    assert again.read(list(PARTS)) == list(PARTS.values())
    assert again.present == set(PARTS)
    assert again.problems == {}


@pytest.mark.parametrize("index", [None, b"", b"{}\n", b'["ab", 0, 1, 1]\n', b"\xff\n"])
def test_a_lost_or_damaged_index_is_rebuilt_from_its_pack(
    files: Storage, index: bytes | None
) -> None:
    name = Packs(files).add(PARTS)
    path = f"packs/{name}.jsonl"
    before = files.read(path)
    files.delete(path)
    if index is not None:
        files.replace(path, index)
    packs = Packs(files)
    assert packs.read(list(PARTS)) == list(PARTS.values())
    assert list(packs.problems) == [path]
    packs.write_indexes()
    assert files.read(path) == before
    assert rows_in(before) == list(rows_of(files.read(f"packs/{name}.gz")))


def test_an_index_is_rebuilt_as_far_as_its_pack_can_be_read(files: Storage) -> None:
    name = Packs(files).add(PARTS)
    rows, pack = rows_in(files.read(f"packs/{name}.jsonl")), files.read(f"packs/{name}.gz")
    for size in range(len(pack)):
        whole = [row for row in rows if row[1] + row[2] <= size]
        assert list(rows_of(pack[:size])) == whole


def test_of_a_damaged_pack_the_other_parts_can_be_read(files: Storage) -> None:
    name = Packs(files).add(PARTS)
    first, *others = PARTS
    content = bytearray(files.read(f"packs/{name}.gz"))
    content[12] ^= 1
    files.replace(f"packs/{name}.gz", bytes(content))
    packs = Packs(files)
    assert packs.read(others) == [PARTS[part] for part in others]
    with pytest.raises(DamagedArchive, match=f"packs/{name}.gz is not as it was written"):
        packs.read([first])
    assert [part for part, _ in packs.damaged(name)] == [first]
    packs.add({first: PARTS[first]})
    assert Packs(files).read(list(PARTS)) == list(PARTS.values())


def test_a_pack_that_is_missing_or_shorter_is_seen_in_a_listing(files: Storage) -> None:
    packs = Packs(files)
    name = packs.add(PARTS)
    path = f"packs/{name}.gz"
    files.replace(path, files.read(path)[:-1])
    packs.refresh()
    assert packs.present == set()
    assert "bytes instead of" in packs.problems[path]
    files.delete(path)
    packs.refresh()
    assert packs.problems == {path: "is missing"}
    with pytest.raises(DamagedArchive, match=f"{path} is missing"):
        packs.read(list(PARTS))
    with pytest.raises(DamagedArchive, match="packs contains no part 00"):
        packs.read(["00"])


# --- the log ----------------------------------------------------------------------------------

ARCHIVE = {"format": 2, "uuid": "7"}


def appended(log: Log, number: int, previous: LogEntry | None = None, *lines: Line) -> LogEntry:
    return log.append(number, "snapshot", MOMENT, ARCHIVE, previous, lines)


def test_entries_are_numbered_and_chained(files: Storage) -> None:
    log = Log(files)
    assert log.last() is None
    first = appended(log, 1)
    second = appended(log, 2, first)
    assert log.numbers() == [1, 2]
    assert log.readable() == [first, second]
    assert log.last() == second
    assert second.previous == (1, first.identity)


def test_the_identity_of_an_entry_is_the_hash_of_all_lines_before_its_last(files: Storage) -> None:
    entry = appended(Log(files), 1, None, {"what": "emails", "reason": "é", "copied_from": None})
    *lines, last = gzip.decompress(files.read(entry.path)).splitlines(keepends=True)
    assert json.loads(last) == {"sha256": sha256(b"".join(lines))} == {"sha256": entry.identity}
    assert json.loads(lines[0]) == {
        "kind": "snapshot",
        "number": 1,
        "taken_at": "2026-10-01T03:00:00+00:00",
        "previous": None,
        "archive": ARCHIVE,
    }
    assert entry.gaps() == [Gap("emails", "é")]


def test_of_two_that_take_a_number_at_once_one_loses(files: Storage) -> None:
    log = Log(files)
    first = appended(log, 1)
    with pytest.raises(FileExistsError):
        appended(log, 1)
    assert log.readable() == [first]


def test_a_torn_entry_does_not_count_and_its_number_stays_used(files: Storage) -> None:
    log = Log(files)
    first = appended(log, 1)
    second = appended(log, 2, first)
    files.replace(second.path, files.read(second.path)[:-9])
    assert log.last() == first
    assert log.readable() == [first]
    assert log.numbers() == [1, 2]


@pytest.mark.parametrize("number", [1, 2])
def test_a_changed_entry_is_named_and_hides_no_other(files: Storage, number: int) -> None:
    log = Log(files)
    first = appended(log, 1)
    entries = [first, appended(log, 2, first)]
    path = entries.pop(number - 1).path
    files.replace(path, packed(gzip.decompress(files.read(path)).replace(b"2026", b"2025")))
    assert log.readable() == entries
    with pytest.raises(DamagedArchive, match=f"{path} is not as it was written: its hash"):
        log.read(number)


def test_an_entry_under_another_number_is_not_as_it_was_written(files: Storage) -> None:
    log = Log(files)
    files.create("log/000002.jsonl.gz", files.read(appended(log, 1).path))
    with pytest.raises(DamagedArchive, match="it is entry 1"):
        log.read(2)


def test_a_number_is_lost_unless_a_removal_lists_it(files: Storage) -> None:
    log = Log(files)
    first = appended(log, 1)
    second = appended(log, 2, first)
    line = {"removed": 1, "taken_at": MOMENT.isoformat(), "sha256": first.identity}
    removal = log.append(3, "removal", MOMENT, ARCHIVE, second, [line, {"condemned": "ab"}])
    assert log.snapshots() == [second]
    log.delete(1)
    assert log.lost(log.readable()) == []
    assert removal.condemned() == ["ab"]
    log.delete(2)
    assert log.lost(log.readable()) == [2]
    assert log.lost(log.readable(), newest=5) == [2, 4, 5]


def test_numbers_of_more_than_six_digits_are_sorted_as_numbers(files: Storage) -> None:
    log = Log(files)
    for number in (1_000_000, 999_999):
        appended(log, number)
    assert log.numbers() == [999_999, 1_000_000]


# --- snapshots --------------------------------------------------------------------------------


def test_a_snapshot_contains_the_responses_as_received(
    box: Sandbox, synced: Archive, folder: Path
) -> None:
    stored = synced.newest.contents.responses["export"]
    assert stored.path.startswith("/users/")
    with urlopen(Request(box.url + stored.path, headers={"X-BP-Token": box.token})) as response:
        received = response.read()
    assert synced.newest.contents.read("export") == received
    assert stored.size == len(received)


def test_the_token_is_in_no_file(box: Sandbox, synced: Archive, folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 6
    for path in files:
        content = path.read_bytes()
        plain = gzip.decompress(content) if path.suffix == ".gz" else content
        assert box.token.encode() not in plain, path


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_the_owner_can_read_an_archive(synced: Archive, folder: Path) -> None:
    assert folder.stat().st_mode & 0o77 == 0


# --- what is refused --------------------------------------------------------------------------


def test_a_folder_that_is_something_else_is_refused_and_unchanged(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(ArchiveError, match=r"not an archive, and not empty: it contains thesis"):
        Archive(folder)
    assert os.listdir(folder) == ["thesis.txt"]


def test_a_file_is_no_archive(folder: Path) -> None:
    folder.write_text("mine")
    with pytest.raises(ArchiveError, match="cannot read .*backup"):
        Archive(folder)


def test_an_empty_folder_is_a_new_archive(folder: Path, connection: Connection) -> None:
    folder.mkdir()
    assert Archive(folder).sync(connection).is_new


def test_an_archive_of_a_newer_format_is_refused(synced: Archive, folder: Path) -> None:
    info = json.loads((folder / "archive.json").read_bytes())
    (folder / "archive.json").write_text(json.dumps(info | {"format": 3}))
    with pytest.raises(ArchiveError, match="format 3, and this version .* upgrade backpack_orm"):
        Archive(folder)


def test_an_archive_of_the_earlier_format_is_refused(synced: Archive, folder: Path) -> None:
    info = json.loads((folder / "archive.json").read_bytes())
    (folder / "archive.json").write_text(json.dumps(info | {"format": 1}))
    with pytest.raises(ArchiveError, match="has format 1, .* choose another folder"):
        Archive(folder)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff", b'{"format": 2}'])
def test_a_lost_or_damaged_description_is_named_and_written_again(
    synced: Archive, folder: Path, connection: Connection, content: bytes | None
) -> None:
    path = folder / "archive.json"
    before = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    archive = Archive(folder)
    assert len(archive.pages) == 13
    (problem,) = archive.verify().problems
    assert problem.path == "archive.json"
    assert not archive.sync(connection).is_new
    assert path.read_bytes() == before
    for entry in (folder / "log").iterdir():
        entry.unlink()
    path.unlink()
    with pytest.raises(DamagedArchive, match=r"archive\.json is missing"):
        Archive(folder)


def test_an_archive_of_another_account_is_refused_and_unchanged(
    synced: Archive, demo: Callable[..., Sandbox], folder: Path
) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    with demo() as other:
        connection = Connection(other.url, token=other.add_account("other"))
        with pytest.raises(ArchiveError, match="use another folder"):
            synced.sync(connection)
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_another_user_of_the_account_is_refused(box: Sandbox, synced: Archive) -> None:
    connection = Connection(box.url, token=box.add_user("Sam"))
    with pytest.raises(ArchiveError, match="use another folder"):
        synced.sync(connection)


def test_an_archive_without_a_snapshot_says_what_to_do(archive: Archive, folder: Path) -> None:
    with pytest.raises(ArchiveError, match=r"no snapshot yet: call sync\(\) first"):
        archive.pages  # noqa: B018
    assert archive.snapshots == []
    assert not folder.exists()


def test_a_wrong_location_is_refused() -> None:
    with pytest.raises(ValidationError, match="takes a folder or an address, not 5"):
        Archive(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a folder takes no options, not key"):
        Archive("backup", key="x")


def test_no_space_left_is_reported_and_changes_nothing(
    synced: Archive, folder: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    Page.create(title="New")
    before = set(folder.rglob("*"))

    def full(descriptor: int, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ArchiveError, match="cannot write .*: No space left on device"):
            synced.sync(connection)
    assert set(folder.rglob("*")) == before
    assert synced.newest.number == 1
    assert synced.sync(connection).added == {"page": 1}


class _ReadOnly:
    """The module `os`, on media or in a folder that cannot be written."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __getattr__(self, name: str) -> Any:
        if name in ("mkdir", "link", "replace", "unlink", "rmdir", "write"):
            return self._refuse
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        return self._refuse() if flags & os.O_CREAT else os.open(path, flags, mode)

    def _refuse(self, *_: object) -> NoReturn:
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_where_nothing_can_be_written_an_archive_is_read_and_a_sync_is_refused(
    synced: Archive,
    folder: Path,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    Page.create(title="New")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "os", _ReadOnly(number))
        archive = Archive(folder)
        assert archive.pages["Lisbon"].notes[0].title == "Where we sleep"
        assert archive.verify()  # which cannot note it
        with pytest.raises(ArchiveError, match=f"cannot write .*{os.strerror(number)}"):
            archive.sync(connection)
        with pytest.raises(ArchiveError, match=f"cannot write .*{os.strerror(number)}"):
            Archive(folder.with_name("new")).sync(connection)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert synced.sync(connection).added == {"page": 1}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_reported(folder: Path, connection: Connection) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(ArchiveError, match="Permission denied"):
        Archive(folder).sync(connection)
