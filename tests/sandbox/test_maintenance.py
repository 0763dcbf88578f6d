"""Backups and checks of data files, also while a server writes to them."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.maintenance import backup, check
from tests.sandbox.conftest import Client

TOKEN = "t0ken-0123456789"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    Sandbox(seed="demo", data=str(path), token=TOKEN).close()
    return path


def spoil(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data)) as file:
        file.execute(statement)
        file.commit()


class TestBackup:
    def test_a_backup_can_replace_the_file(
        self, data: Path, tmp_path: Path, as_user: Callable[..., Client]
    ) -> None:
        target = tmp_path / "copy.db"
        assert backup(data, target) == target.stat().st_size
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert check(target) == []
        with Sandbox(data=str(target)) as box:
            assert "Lisbon" in as_user(TOKEN, box.url).ws("pages/all")

    def test_every_backup_under_load_is_valid_and_has_all_acknowledged_writes(
        self, data: Path, tmp_path: Path, as_user: Callable[..., Client]
    ) -> None:
        with Sandbox(data=str(data)) as box:
            acknowledged: list[str] = []
            is_over = threading.Event()

            def write(number: int) -> None:
                client = as_user(TOKEN, box.url)
                while not is_over.is_set():
                    title = f"{number}.{len(acknowledged)}"
                    client.ws("pages/new", f"<page><title>{title}</title></page>")
                    acknowledged.append(title)

            writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
            for writer in writers:
                writer.start()
            try:
                for number in range(10):
                    before = list(acknowledged)
                    target = tmp_path / f"copy-{number}.db"
                    backup(data, target)
                    assert check(target) == []
                    with closing(sqlite3.connect(target)) as copy:
                        titles = {title for (title,) in copy.execute("SELECT title FROM pages")}
                    assert titles.issuperset(before)
            finally:
                is_over.set()
                for writer in writers:
                    writer.join()
        assert len(acknowledged) > 10

    def test_an_existing_file_is_not_replaced(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        target = tmp_path / "other"
        target.write_text("mine")
        assert main(["backup", str(data), str(target)]) == 2
        assert "already exists" in capsys.readouterr().err
        assert target.read_text() == "mine"

    def test_two_concurrent_backups_do_not_interfere(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = os.link

        def back_up_meanwhile(part: Any, target: Any) -> None:
            monkeypatch.setattr(os, "link", link)
            backup(data, target)
            link(part, target)

        monkeypatch.setattr(os, "link", back_up_meanwhile)
        with pytest.raises(FileExistsError):
            backup(data, tmp_path / "copy.db")
        assert check(tmp_path / "copy.db") == []
        assert not list(tmp_path.glob("*.part"))

    def test_other_files_are_not_backed_up(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "text").write_text("Dear diary\n" * 999)
        assert main(["backup", str(tmp_path / "text"), str(tmp_path / "copy")]) == 2
        assert main(["backup", str(tmp_path / "nowhere"), str(tmp_path / "copy")]) == 2
        output = capsys.readouterr().err
        assert "no SQLite database" in output
        assert "there is no file" in output
        assert [path.name for path in tmp_path.iterdir()] == ["text"]

    def test_the_command_prints_its_result(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["backup", str(data), str(tmp_path / "copy")]) == 0
        size = (tmp_path / "copy").stat().st_size
        expected = f"backpack sandbox backed up: {data} to {tmp_path}/copy, {size} bytes\n"
        assert capsys.readouterr().out == expected


class TestCheck:
    def test_a_sound_file(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", str(data)]) == 0
        assert capsys.readouterr().out == f"backpack sandbox checked: {data} is sound\n"

    @pytest.mark.parametrize(
        ("statement", "fault"),
        [
            ("DELETE FROM users WHERE key = 1", "refers to a row of users that does not exist"),
            ("UPDATE items SET position = 99 WHERE key = 1", "the items of list"),
            ("UPDATE taggings SET position = 7 WHERE key = 1", "the tags of page 1"),
            ("UPDATE widgets SET position = 2 WHERE key = 1", "the widgets of page 1"),
            ("DROP INDEX ix_items_list_key", "the table items differs from the schema"),
        ],
    )
    def test_faults_of_the_data_are_reported(
        self, data: Path, capsys: pytest.CaptureFixture[str], statement: str, fault: str
    ) -> None:
        spoil(data, statement)
        assert main(["check", str(data)]) == 1
        assert fault in capsys.readouterr().err

    def test_it_writes_nothing(self, data: Path) -> None:
        before = data.read_bytes()
        check(data)
        assert data.read_bytes() == before


class TestTokens:
    def test_they_are_listed_created_and_revoked(
        self, data: Path, capsys: pytest.CaptureFixture[str], as_user: Callable[..., Client]
    ) -> None:
        def run(*arguments: Any) -> tuple[int, str]:
            code = main(["token", arguments[0], "--data", str(data), *arguments[1:]])
            output = capsys.readouterr()
            return code, output.out + output.err

        code, created = run("create", "--user", "Yuki 由紀", "--label", "phone")
        assert code == 0
        _, listed = run("list")
        first, second = (line.split("\t") for line in listed.splitlines())
        assert (first[1:3], second[1:3]) == (["acme", "Nora Whitfield"], ["acme", "Yuki 由紀"])
        assert second[4] == "phone"
        assert created.strip() not in listed
        with Sandbox(data=str(data)) as box:
            yuki = as_user(created.strip(), box.url)
            assert "<name>Yuki" in yuki.rest("GET", "/me.xml").text
            assert run("revoke", second[0]) == (0, "")
            assert yuki.rest("GET", "/me.xml").status_code == 302
        assert run("revoke", "77") == (2, "backpack sandbox: there is no token 77\n")
        assert run("create", "--user", "Nobody")[0] == 2
