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

import bagit
import pytest

from backpack_orm import ArchiveError, Connection, DamagedArchive, Page, ValidationError
from backpack_orm.archive import Archive, storage
from backpack_orm.archive.bags import packed
from backpack_orm.archive.commits import Commits
from backpack_orm.archive.remote import RemoteStorage
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import LocalStorage, Storage
from backpack_orm.sandbox import Sandbox

MOMENT = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(params=["local", "remote"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "files")
    return RemoteStorage(f"memory://{tmp_path}")


def bag_of(text: str) -> dict[str, bytes]:
    return packed({"a.txt": text.encode()}, identifier="1", taken_at=MOMENT)


# --- storage ----------------------------------------------------------------------------------


def test_a_created_file_is_never_overwritten(files: Storage) -> None:
    files.create("commits/1.json", b"one\n")
    with pytest.raises(FileExistsError):
        files.create("commits/1.json", b"two\n")
    assert files.read("commits/1.json") == b"one\n"
    assert files.names("commits") == ["1.json"]


def test_a_replaced_file_has_its_new_content(files: Storage) -> None:
    files.replace("last-sync.json", b"one")
    files.replace("last-sync.json", b"two")
    assert files.read("last-sync.json") == b"two"
    assert files.names("") == ["last-sync.json"]


def test_a_folder_is_written_with_all_its_files_and_deleted_with_them(files: Storage) -> None:
    files.write_folder("snapshots/1", [("data/responses/me.gz", b"me"), ("bagit.txt", b"")])
    assert files.names("snapshots/1") == ["bagit.txt", "data"]
    assert files.read("snapshots/1/data/responses/me.gz") == b"me"
    files.delete("snapshots/1")
    files.delete("snapshots/1")
    assert files.names("snapshots") == []


def test_a_folder_that_another_process_is_writing_into_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, rmdir = LocalStorage(tmp_path), os.rmdir
    files.write_folder("snapshots/1", [("bagit.txt", b"")])

    def race(path: Path) -> None:
        (path / "late.txt").write_bytes(b"")
        rmdir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", race)
        files.delete("snapshots/1")
    assert files.names("snapshots/1") == ["late.txt"]
    files.delete("snapshots/1")
    assert files.names("snapshots") == []


def test_what_is_absent_is_an_error_to_read_and_has_no_names(files: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        files.read("archive.json")
    assert files.names("snapshots") == []


def test_without_hard_links_a_file_is_still_created_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    files = LocalStorage(tmp_path)
    files.create("commits/1.json", b"one\n")
    with pytest.raises(FileExistsError):
        files.create("commits/1.json", b"two\n")
    assert files.read("commits/1.json") == b"one\n"
    assert os.listdir(tmp_path / "commits") == ["1.json"]


def test_old_temporary_files_are_removed_and_young_ones_are_left(tmp_path: Path) -> None:
    files = LocalStorage(tmp_path)
    for name in ("old", "young"):
        (tmp_path / f".tmp-{name}").write_bytes(b"")
    os.utime(tmp_path / ".tmp-old", (0, 0))
    files.clean()
    assert os.listdir(tmp_path) == [".tmp-young"]
    assert files.names("") == []


def test_a_password_in_an_address_is_not_part_of_the_name() -> None:
    assert RemoteStorage("memory://me:secret@host/backup/").name == "memory://host/backup"


# --- sealed files -----------------------------------------------------------------------------


@pytest.mark.parametrize("position", range(len(seal({"number": 1, "name": "é"}))))
def test_a_flipped_byte_anywhere_breaks_the_seal(position: int) -> None:
    content = bytearray(seal({"number": 1, "name": "é"}))
    content[position] ^= 1
    with pytest.raises(ValueError):  # noqa: PT011 - of json, of Unicode or of the seal
        unseal(bytes(content))


# --- commits ----------------------------------------------------------------------------------


def test_commits_are_numbered_and_chained(files: Storage) -> None:
    commits = Commits(files)
    assert commits.last() is None
    first = commits.add(bag_of("one"), MOMENT, None)
    second = commits.add(bag_of("two"), MOMENT, first)
    assert [commit.number for commit in commits.all()] == [1, 2]
    assert commits.last() == second
    assert second.previous is not None
    assert second.previous[0] == 1
    assert commits.bag(second).read("data/a.txt") == b"two"


def test_of_two_that_commit_at_once_one_loses_and_leaves_nothing(files: Storage) -> None:
    commits = Commits(files)
    first = commits.add(bag_of("one"), MOMENT, None)
    commits.add(bag_of("two"), MOMENT, first)
    with pytest.raises(FileExistsError):
        commits.add(bag_of("three"), MOMENT, first)
    with pytest.raises(FileExistsError):
        commits.add(bag_of("four"), MOMENT, None)
    assert len(commits.all()) == len(files.names("snapshots")) == 2


def test_the_loser_of_a_race_removes_its_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LocalStorage(tmp_path)
    commits, other = Commits(files), Commits(LocalStorage(tmp_path))
    write = LocalStorage.write_folder

    def race(self: LocalStorage, folder: str, content: object) -> None:
        write(self, folder, content)  # type: ignore[arg-type]
        if self is files:
            other.add(bag_of("theirs"), MOMENT, None)

    monkeypatch.setattr(LocalStorage, "write_folder", race)
    with pytest.raises(FileExistsError):
        commits.add(bag_of("mine"), MOMENT, None)
    last = commits.last()
    assert last is not None
    assert commits.bag(last).read("data/a.txt") == b"theirs"
    assert files.names("snapshots") == [last.snapshot]


@pytest.mark.parametrize("step", range(4))
def test_a_commit_at_any_moment_before_the_snapshot_is_written_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    files = LocalStorage(tmp_path)
    commits, other = Commits(files), Commits(LocalStorage(tmp_path))
    first = commits.add(bag_of("one"), MOMENT, None)
    calls = iter(range(100))

    def race(method: Callable[..., Any]) -> Callable[..., Any]:
        def raced(self: LocalStorage, *arguments: Any) -> Any:
            if self is files and next(calls) == step:
                other.add(bag_of("theirs"), MOMENT, first)
            return method(self, *arguments)

        return raced

    for name in ("names", "read", "write_folder", "create"):
        monkeypatch.setattr(LocalStorage, name, race(getattr(LocalStorage, name)))
    with pytest.raises(FileExistsError):
        commits.add(bag_of("mine"), MOMENT, first)
    assert len(other.all()) == 2


def test_the_winner_of_a_race_may_remove_the_snapshot_that_the_loser_is_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LocalStorage(tmp_path)
    commits, other = Commits(files), Commits(LocalStorage(tmp_path))
    write = LocalStorage._write

    def race(self: LocalStorage, path: Path, content: bytes) -> None:
        if self is files and path.name == "bagit.txt":
            other.add(bag_of("theirs"), MOMENT, None)
            for folder in other.garbage():
                files.delete(folder)
        write(self, path, content)

    monkeypatch.setattr(LocalStorage, "_write", race)
    with pytest.raises(FileExistsError):
        commits.add(bag_of("mine"), MOMENT, None)
    assert len(commits.all()) == len(files.names("snapshots")) == 1


def test_an_uncommitted_snapshot_is_garbage_once_its_number_is_taken(files: Storage) -> None:
    commits = Commits(files)
    files.write_folder("snapshots/000001-0123abcd", [("bagit.txt", b"")])
    assert commits.garbage() == []  # another process may be about to commit it
    commits.add(bag_of("one"), MOMENT, None)
    assert commits.garbage() == ["snapshots/000001-0123abcd"]


def test_a_complete_snapshot_is_never_garbage_unless_its_removal_is_recorded(
    files: Storage,
) -> None:
    commits = Commits(files)
    first = commits.add(bag_of("one"), MOMENT, None)
    second = commits.add(bag_of("two"), MOMENT, first)
    third = commits.add(bag_of("three"), MOMENT, second)
    for lost in (third, second, first):  # the newest may be committed a second time
        files.delete(lost.path)
        assert commits.garbage() == []
    commits.add(bag_of("new"), MOMENT, None)
    assert commits.garbage() == []
    assert len(files.names("snapshots")) == 4


@pytest.mark.parametrize("content", [None, b"", b"{}\n", b"{}"])
def test_no_snapshot_is_garbage_because_its_commit_is_lost_or_damaged(
    files: Storage, content: bytes | None
) -> None:
    commits = Commits(files)
    first = commits.add(bag_of("one"), MOMENT, None)
    files.delete(f"snapshots/{first.snapshot}/bagit.txt")  # what is left may be worth something
    commits.add(bag_of("two"), MOMENT, first)
    files.delete(first.path)
    if content is not None:
        files.create(first.path, content)
    assert commits.garbage() == []


def test_a_number_between_a_commit_and_the_one_it_follows_is_not_lost(files: Storage) -> None:
    commits = Commits(files)
    first = commits.add(bag_of("one"), MOMENT, None)
    files.replace("commits/000002.json", b"{")  # the rest of a crash
    third = commits.add(bag_of("three"), MOMENT, first)
    fourth = commits.add(bag_of("four"), MOMENT, third)
    files.delete("commits/000002.json")
    assert commits.lost(commits.readable()) == []
    files.delete(third.path)
    assert commits.lost([first, fourth]) == [2, 3]


def test_a_commit_that_a_crash_has_truncated_does_not_count(files: Storage) -> None:
    commits = Commits(files)
    first = commits.add(bag_of("one"), MOMENT, None)
    files.replace("commits/000002.json", b'{\n  "number": 2')
    assert commits.last() == first
    assert commits.all() == [first]
    third = commits.add(bag_of("three"), MOMENT, first)
    assert third.number == 3
    assert third.previous == (1, third.previous[1] if third.previous else "")


def test_a_changed_commit_is_named(files: Storage) -> None:
    commits = Commits(files)
    commit = commits.add(bag_of("one"), MOMENT, None)
    content = files.read(commit.path)
    files.replace(commit.path, content.replace(b"000001-", b"000001 "))
    with pytest.raises(DamagedArchive, match="commits/000001.json is not as it was written"):
        commits.last()


# --- bags -------------------------------------------------------------------------------------


def test_bagit_accepts_every_snapshot(synced: Archive, folder: Path) -> None:
    bag = bagit.Bag(str(folder / "snapshots" / synced.newest.name))
    bag.validate()
    assert bag.info["Bagging-Date"] == "2026-10-01"


def test_a_snapshot_contains_the_responses_as_received(
    box: Sandbox, synced: Archive, folder: Path
) -> None:
    data = folder / "snapshots" / synced.newest.name / "data"
    lines = (data / "requests.jsonl").read_text("utf-8").splitlines()
    requests = {each["name"]: each for each in map(json.loads, lines)}
    path = requests["export"]["path"]
    assert path.startswith("/users/")
    with urlopen(Request(box.url + path, headers={"X-BP-Token": box.token})) as response:
        received = response.read()
    assert gzip.decompress((data / "responses" / "export.xml.gz").read_bytes()) == received
    assert requests["export"]["size"] == len(received)
    assert not any(box.token.encode() in each.read_bytes() for each in data.rglob("*.*"))


def test_the_token_is_in_no_file(box: Sandbox, synced: Archive, folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
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
    (folder / "archive.json").write_text(json.dumps(info | {"format": 2}))
    with pytest.raises(ArchiveError, match="format 2, and this version .* upgrade backpack_orm"):
        Archive(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": 1}'])
def test_a_damaged_description_is_named(synced: Archive, folder: Path, content: bytes) -> None:
    (folder / "archive.json").write_bytes(content)
    with pytest.raises(DamagedArchive, match=r"archive\.json is not as it was written"):
        Archive(folder)


def test_a_missing_description_is_named(synced: Archive, folder: Path) -> None:
    (folder / "archive.json").unlink()
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


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "data/requests.jsonl", "data/gaps.json"])
def test_a_damaged_bag_is_named(synced: Archive, folder: Path, name: str) -> None:
    path = folder / "snapshots" / synced.newest.name / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DamagedArchive, match=f"{name} is not as it was written"):
        Archive(folder).pages  # noqa: B018 - which reads it
    path.unlink()
    with pytest.raises(DamagedArchive, match=f"{name} is missing"):
        Archive(folder).pages  # noqa: B018


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
        assert archive.verify()
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
