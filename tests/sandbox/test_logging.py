"""Log output on standard error, and errors of the storage."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.database import SqliteDatabase
from backpack_orm.sandbox.token_file import token_and_source
from backpack_orm.sandbox.tokens import Authenticator
from tests.sandbox.conftest import Client, line_of

from .test_command_line import COMMAND, running

TOKEN = "t0ken-0123456789"
NEW_PAGE = "<request><page><title>Lisbon</title></page></request>"


def errors_of(as_user: Callable[..., Client], *options: str) -> str:
    """Return what a server writes to standard error during three requests, one of them invalid."""
    with running("--port", "0", "--seed", "empty", *options, token=TOKEN) as program:
        client = as_user(TOKEN, line_of(program).split()[3])
        client.send("GET", f"/{TOKEN}/me.xml")
        client.rest("POST", "/ws/pages/new", "<request")
        client.send("GET", "/me.xml", Host="evil.example")
        program.send_signal(signal.SIGTERM)
        return program.communicate(timeout=60)[1]


def test_warnings_go_to_standard_error(as_user: Callable[..., Client]) -> None:
    output = errors_of(as_user).splitlines()
    assert len(output) == 2
    assert "WARNING backpack_orm.sandbox: cannot read POST /ws/pages/new: XML" in output[0]
    assert "WARNING backpack_orm.sandbox: refused GET /me.xml: 'evil.example'" in output[1]


def test_a_higher_level_logs_less(as_user: Callable[..., Client]) -> None:
    assert errors_of(as_user, "--log-level", "error") == ""


def test_the_access_log_contains_no_token(as_user: Callable[..., Client]) -> None:
    output = errors_of(as_user, "--access-log")
    assert re.search(r"INFO .*access: 127\.0\.0\.1 GET /\[token\]/me\.xml 200 0\.\d+s", output)
    assert TOKEN not in output


def test_json_lines_have_fields(as_user: Callable[..., Client]) -> None:
    output = errors_of(as_user, "--access-log", "--log-json", "--log-level", "error")
    first, *_ = map(json.loads, output.splitlines())
    assert {name: first[name] for name in ("level", "verb", "path", "status", "address")} == {
        "level": "info",
        "verb": "GET",
        "path": "/[token]/me.xml",
        "status": 200,
        "address": "127.0.0.1",
    }


class TestStorage:
    def test_a_full_disk_is_507_and_logged(
        self, tmp_path: Path, as_user: Callable[..., Client], caplog: pytest.LogCaptureFixture
    ) -> None:
        with Sandbox(seed="empty", data=str(tmp_path / "data.db"), token=TOKEN) as box:
            client = as_user(TOKEN, box.url)

            def fill(connection: Any) -> None:
                connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are

            assert isinstance(box._database, SqliteDatabase)
            event.listen(box._database._writer, "begin", fill)
            title = "x" * 1_000_000
            body = f"<request><page><title>{title}</title></page></request>"
            response = client.rest("POST", "/ws/pages/new", body)
            assert response.status_code == 507
            assert '<error code="507">Insufficient Storage</error>' in response.text
            assert (
                "cannot store data for POST /ws/pages/new: database or disk is full" in caplog.text
            )
            assert "<pages></pages>" in client.ws("pages/all")

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("SQLITE_FULL", 507),
            ("SQLITE_READONLY_DBMOVED", 503),
            ("SQLITE_IOERR_WRITE", 503),
            ("SQLITE_CANTOPEN", 503),
            ("SQLITE_CONSTRAINT", 500),
        ],
    )
    def test_errors_of_the_environment_are_not_logged_as_bugs(
        self, box: Sandbox, api: Client, monkeypatch: pytest.MonkeyPatch, name: str, status: int
    ) -> None:
        def fail(*_: object) -> None:
            error = sqlite3.OperationalError("it failed")
            error.sqlite_errorname = name
            raise OperationalError("INSERT", None, error)

        monkeypatch.setattr(Authenticator, "caller", fail)
        assert api.rest("POST", "/ws/pages/new", NEW_PAGE).status_code == status

    def test_a_file_that_cannot_be_written_is_reported_at_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "data.db"
        Sandbox(seed="empty", data=str(path)).close()
        connect = sqlite3.connect

        def read_only(database: str | Path, *arguments: Any, **options: Any) -> object:
            uri = f"file:{database}?mode=ro" if str(database) == str(path) else database
            return connect(uri, *arguments, **options | {"uri": True})

        monkeypatch.setattr(sqlite3, "connect", read_only)
        monkeypatch.setattr(sqlite3.dbapi2, "connect", read_only)
        with pytest.raises(OSError, match="cannot store data in .*readonly database"):
            Sandbox(seed="empty", data=str(path))


class TestTokenFile:
    def test_it_is_created_once(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        first, source = token_and_source(path, {"BACKPACK_SANDBOX_TOKEN": TOKEN})
        assert source == str(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert token_and_source(path, {}) == (first, source)

    def test_the_environment_is_the_second_source_of_the_token(self, tmp_path: Path) -> None:
        variable = "BACKPACK_SANDBOX_TOKEN"
        assert token_and_source(None, {variable: TOKEN}) == (TOKEN, variable)
        assert token_and_source(None, {}) == (None, "")

    def test_a_file_that_others_can_read_causes_a_warning(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "token"
        path.write_text(f"{TOKEN}\n")
        path.chmod(0o644)
        assert token_and_source(path, {})[0] == TOKEN
        assert "can be read by other users" in caplog.text

    def test_an_invalid_token_is_refused_without_showing_it(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("short")
        with pytest.raises(ValueError, match="token: a token has 16 to 200 letters") as caught:
            token_and_source(path, {})
        assert "short" not in str(caught.value)

    def test_there_is_no_argument_for_the_token_itself(self) -> None:
        done = subprocess.run(
            [*COMMAND, "--token", TOKEN], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2
        assert "unrecognized arguments" in done.stderr
