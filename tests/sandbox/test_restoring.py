"""Restoring a data file from a backup, after a crash and with failures on the way."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.maintenance import backup, check
from backpack_orm.sandbox.restoring import restore
from tests.sandbox.conftest import Client

FILES = Path(__file__).parent / "files"


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backup, and a data file whose last write is in its log, as after a crash."""
    folder = tmp_path_factory.mktemp("crashed")
    live, data = folder / "live.db", folder / "data.db"
    Sandbox(seed="empty", data=str(live), token="t0ken-0123456789").close()
    with closing(sqlite3.connect(live)) as file, file:
        file.execute("UPDATE users SET name = 'Before'")
    backup(live, folder / "backup.db")
    with closing(sqlite3.connect(live, isolation_level=None)) as file:
        file.execute("UPDATE users SET name = 'After'")
        for end in ("", "-wal"):
            shutil.copy(f"{live}{end}", f"{data}{end}")
    for path in folder.glob("live.db*"):
        path.unlink()
    return folder


@pytest.fixture
def folder(crashed: Path, tmp_path: Path) -> Path:
    shutil.copytree(crashed, tmp_path / "copy")
    return tmp_path / "copy"


def name_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as file:
        return str(file.execute("SELECT name FROM users").fetchone()[0])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_data_are_those_of_the_backup_and_the_former_file_keeps_its_log(folder: Path) -> None:
    size, former = restore(folder / "backup.db", folder / "data.db")
    assert former == folder / "data.db.before-restore"
    assert size == (folder / "backup.db").stat().st_size
    assert sorted(contents(folder)) == [
        "backup.db", "data.db", "data.db.before-restore", "data.db.before-restore-wal"
    ]  # fmt: skip
    assert check(folder / "data.db") == []
    assert stat.S_IMODE((folder / "data.db").stat().st_mode) == 0o600
    assert name_in(folder / "data.db") == "Before"
    assert name_in(former) == "After"


def test_a_server_opens_the_restored_file(folder: Path, as_user: Callable[..., Client]) -> None:
    restore(folder / "backup.db", folder / "data.db")
    with Sandbox(data=str(folder / "data.db")) as box:
        response = as_user("t0ken-0123456789", box.url).rest("GET", "/me.xml")
        assert "<name>Before</name>" in response.text


def test_a_damaged_file_and_a_missing_one_are_replaced(folder: Path) -> None:
    (folder / "data.db").write_bytes(os.urandom(9000))
    restore(folder / "backup.db", folder / "data.db")
    assert name_in(folder / "data.db") == "Before"
    (folder / "data.db").unlink()
    (folder / "data.db-wal").write_bytes(b"left by something")
    assert restore(folder / "backup.db", folder / "data.db")[1] is None
    assert name_in(folder / "data.db") == "Before"


def test_no_former_file_is_replaced(folder: Path) -> None:
    formers = {restore(folder / "backup.db", folder / "data.db")[1] for _ in range(3)}
    assert len(formers) == 3
    assert name_in(folder / "data.db.before-restore") == "After"
    assert name_in(folder / "data.db.before-restore-3") == "Before"


def test_a_backup_of_an_older_version_is_restored(folder: Path) -> None:
    with gzip.open(FILES / "schema-1.db.gz") as packed, (folder / "old.db").open("wb") as file:
        shutil.copyfileobj(packed, file)
    restore(folder / "old.db", folder / "data.db")
    (fault,) = check(folder / "data.db")
    assert "start a sandbox with it to upgrade it" in fault


@pytest.mark.parametrize("copy", ["missing", "text", "half", "empty", "foreign", "itself"])
def test_nothing_changes_if_the_backup_cannot_be_used(
    folder: Path, copy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, bad = folder / "backup.db", folder / "bad.db"
    if copy == "text":
        bad.write_text("Dear diary, " * 500)
    elif copy == "half":
        bad.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])
    elif copy == "empty":
        bad.touch()
    elif copy == "foreign":
        with closing(sqlite3.connect(bad)) as other:
            other.execute("CREATE TABLE pages (title TEXT)")
    elif copy == "itself":
        bad = folder / "data.db"
    before = contents(folder)
    assert main(["restore", str(bad), str(folder / "data.db")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert contents(folder) == before


def test_a_file_that_a_server_has_open_is_not_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]);"
        "file.execute('SELECT * FROM users').fetchall(); print('open', flush=True); input()"
    )
    arguments = [sys.executable, "-c", program, str(folder / "data.db")]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert main(["restore", str(folder / "backup.db"), str(folder / "data.db")]) == 2
        assert "another process has" in capsys.readouterr().err
        other.communicate("\n")
    assert name_in(folder / "data.db") == "After"


@pytest.mark.parametrize(
    ("step", "number"),
    # Of the former file and the restored one; of a log and the one in shared memory.
    [("rename", 0), ("rename", 1), ("unlink", 0), ("unlink", 1)],
)
def test_a_restore_that_is_interrupted_can_be_repeated_and_loses_nothing(
    folder: Path, step: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = os if step == "rename" else Path
    real, done = getattr(where, step), []

    def fail(path: Path, *others: object, **options: object) -> None:
        if Path(path).name.startswith("data.db") or path.suffix == ".restoring":
            done.append(path)
        real(path, *others, **options)
        if len(done) == number + 2 - (step == "rename"):  # the first one removes old rests
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr(where, step, fail)
    with pytest.raises(KeyboardInterrupt):
        restore(folder / "backup.db", folder / "data.db")
    restore(folder / "backup.db", folder / "data.db")
    assert name_in(folder / "data.db") == "Before"
    formers = [
        name for name in contents(folder) if re.fullmatch(r"data.*before-restore(-\d)?", name)
    ]
    assert "After" in {name_in(folder / name) for name in formers}


def test_a_server_does_not_start_with_a_log_whose_file_is_missing(folder: Path) -> None:
    (folder / "data.db").unlink()
    with pytest.raises(OSError, match=r"it is missing, but its log data\.db-wal is there"):
        Sandbox(seed="empty", data=str(folder / "data.db"))
    assert not (folder / "data.db").exists()


def test_the_command_says_what_it_has_done(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(folder / name) for name in ("backup.db", "data.db")]
    assert main(["restore", *paths]) == 0
    assert capsys.readouterr().out == (
        f"backpack sandbox restored: {paths[1]} from {paths[0]}, "
        f"{Path(paths[0]).stat().st_size} bytes; the former file is {paths[1]}.before-restore\n"
    )
