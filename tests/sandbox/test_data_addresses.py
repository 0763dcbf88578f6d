"""Addresses of databases: which are accepted, and that no message contains a password."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.storage import open_database
from tests.sandbox.conftest import Client

SECRET = "s3cret"
UNREACHABLE = [
    "postgresql://u:s3cret@/db?host=/nowhere",
    "postgresql://u@/db?host=/nowhere&password=s3cret",
    "postgresql://u@/db?host=/nowhere&sslpassword=s3cret&sslmode=disable",
    "postgresql+psycopg://u:s3cret@/db?host=/nowhere",
    "PostgreSQL://u:s3cret@/db?host=/nowhere",
    "POSTGRES://u:s3cret@/db?host=/nowhere",
    "postgresql://u:s3cret@/s3cret?host=/s3cret",
]
MALFORMED = [
    "mysql://u:s3cret@host/db",
    "sqlite:///s3cret.db",
    "postgresql+asyncpg://u:s3cret@/db",
    "postgresql+://u:s3cret@/db",
    "postgresql:u:s3cret@host/db",
    "postgresql:/u:s3cret@host/db",
    " postgresql://u:s3cret@/db",
    "postgresql://u:s3cret@host:port/db",
    "postgresql://u:p@s3cret@/db",
    "postgresql://u@/db&password=s3cret",
    "postgresql://u@/db?host=/nowhere;password=s3cret",
    "host=/nowhere user=u password=s3cret dbname=db",
    "user=u password = 's3cret'",
    "password=s3cret",
    "HOST=/nowhere PASSWORD=s3cret",
]
COMMANDS = {
    "serve": ["--port", "0", "--data", "{}"],
    "serve, misplaced": ["--port", "0", "{}"],
    "token list": ["token", "list", "--data", "{}"],
    "token list, misplaced": ["token", "list", "{}"],
    "token create": ["token", "create", "--data", "{}"],
    "token revoke": ["token", "revoke", "--data", "{}", "1"],
    "token revoke, misplaced": ["token", "revoke", "{}"],
    "deliver": ["deliver", "--data", "{}", "--page", "1", "--body", "x"],
    "deliver, misplaced": ["deliver", "--data", "x", "--page", "{}"],
    "backup": ["backup", "{}", "copy.db"],
    "backup to": ["backup", "account.db", "{}"],
    "check": ["check", "{}"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_a_password_or_creates_a_file(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.DEBUG):
        for address in UNREACHABLE + MALFORMED:
            arguments = [address if word == "{}" else word for word in COMMANDS[command]]
            try:
                status = main(arguments)
            except SystemExit as end:  # of argparse
                status = int(str(end.code))
            assert status == 2, address
    out, err = capsys.readouterr()
    assert SECRET not in out + err + caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", UNREACHABLE)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(address: str) -> None:
    with pytest.raises(OSError, match="cannot store data in postgresql://u@/") as caught:
        open_database(address)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", MALFORMED)
def test_another_address_is_refused_without_quoting_it(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="like postgresql://user@host/database") as caught:
        Sandbox(seed="empty", data=address)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a:b.db", "notes=1.db", "./user=me.db", "c:postgres.db", "x/://y"]
)
def test_a_file_with_a_similar_name_is_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x" / ":").mkdir(parents=True)
    Sandbox(seed="empty", data=name).close()
    assert (tmp_path / name).is_file()


TEXT = "Dear diary"


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/reminders.xml", f"<reminder><remind_at>{TEXT}</remind_at></reminder>"),
        ("POST", "/reminders.xml", f"<r><content>+5 x</content><remindees>{TEXT}</remindees></r>"),
        ("POST", "/calendar_events.xml", f"<event><occurs_at>{TEXT}</occurs_at></event>"),
        ("POST", "/ws/page/40000002/reorder", f"<belongings>{TEXT}</belongings>"),
        ("POST", "/ws/page/40000002/share", f"<request>{TEXT}</x>"),
        ("POST", "/ws/pages/new", f"title: !{TEXT} x"),
        ("POST", "/ws/pages/new", f'title: "\\{TEXT}"'),
        ("POST", "/ws/pages/new", f"title: !<{TEXT}"),
        ("POST", "/ws/pages/new", f'{{"title": "{TEXT}'),
        ("POST", "/ws/pages/new", f"<title><b>{TEXT}</b></title><page/>"),
        ("POST", "/ws/pages/new", f"<r><page>{TEXT}</page></r>"),
        ("POST", "/ws/pages/new", f"{TEXT}[a]=1&{TEXT}=2&{TEXT}[a]=3"),
    ],
)
def test_texts_of_users_are_not_logged(
    api: Client, page: str, verb: str, path: str, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "backpack_orm.sandbox"):
        response = api.rest(verb, path, body)
    assert response.status_code >= 400
    assert "Dear" not in caplog.text
    assert "diary" not in caplog.text


def test_a_direction_is_not_logged(
    api: Client, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    api.ws(f"{page}/lists/add", "<name>Packing</name>")
    api.ws(f"{page}/items/add", "<content>Socks</content>")
    response = api.rest(
        "POST", f"/ws/{page}/items/move/40000005", "<r><direction>Dear</direction></r>"
    )
    assert response.status_code == 500
    assert "Dear" not in caplog.text
