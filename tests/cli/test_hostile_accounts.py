"""No account writes to the terminal: each command, on records whose every text tries to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from backpack_orm import Connection, Forbidden, Page, Status, User
from backpack_orm.archive import Archive
from backpack_orm.cli import streams
from backpack_orm.cli.formats import Format
from backpack_orm.orm.schema.registry import registry
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.cli.terminal import Terminal
from tests.cli.test_streams import LINES
from tests.conftest import NOW

HOSTILE = "\x9b31m\x9d0;evil\x9c\u202eevil\u2066\u200bevil\u200c\ufeff\U000e0041"
STEERING = {*HOSTILE} - {*"310;evilm"}
BLOCKING = {"demo", "mcp", "serve", "archive serve", "sandbox", "page open"}
"""Commands that print nothing of the account, or do not end."""


def poison(connection: Connection) -> None:
    """Append what is hostile to every text that can be set, of every record."""
    for page in Page.all():
        page.update(description="evil" + HOSTILE, tags=["Travel" + HOSTILE])
        for records in (page.notes, page.lists, page.separators, page.items):
            for record in [*records]:
                _poison(record)
        for each in page.lists:
            for item in [*each.items]:
                _poison(item)
        _poison(page)
    for name in ("Reminder", "JournalEntry", "CalendarEvent"):
        for record in registry[name].all():  # type: ignore[attr-defined]  # each of them has it
            _poison(record)
    Status.create(user=User.me(), message="evil" + HOSTILE)


def _poison(record: Any) -> None:
    fields = record._table.fields.items()
    texts = {
        name: f"{getattr(record, name)}{HOSTILE}"
        for name, field in fields
        if not field.is_read_only and isinstance(getattr(record, name), str)
    }
    if "occurs_at" in record._table.fields:  # the service reads it in the title
        texts["title"] = f"5/18 2pm {texts['title']}"
    with suppress(Forbidden):  # it belongs to somebody else
        record.update(**texts)


@pytest.fixture(scope="module")
def shared_box(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    with demo() as box, Connection(box.url, token=box.token, limits=None) as connection:
        with connection:
            poison(connection)
            email = "evil" + HOSTILE
            box.deliver_email(Page.all()[0].id, subject=email, body=email)
        yield box


@pytest.fixture
def folder(shared_box: Sandbox, home: Path, tmp_path: Path, monkeypatch: Any) -> Path:
    """The current folder, with an archive of the account."""
    with Connection(shared_box.url, token=shared_box.token, limits=None) as connection:
        archive = Archive(home / "data" / "backpack" / "127.0.0.1", clock=lambda: NOW)
        archive.sync(connection)
        Page.create(title="Porto" + HOSTILE, using=connection)
        archive.sync(connection)
        User.me(using=connection).export().save(tmp_path / "export.xml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("format", [each.value for each in Format])
def test_no_command_passes_on_what_steers_a_terminal(
    format: str, run: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "is_terminal", lambda stream: True)
    monkeypatch.setenv("PAGER", "cat")
    shown = {}
    for name, line in LINES.items():
        if name not in BLOCKING:
            found = run(*shlex.split(line.format(tag="Travel")), "-o", format, input="y\n")
            shown[name] = found.stdout + found.stderr
    assert {name for name, text in shown.items() if STEERING & {*text}} == set()
    assert sum("evil" in text for text in shown.values()) >= 30


def test_json_is_exact(run: Runner) -> None:
    found = run("page", "list", "-o", "json")
    assert f"Lisbon{HOSTILE}" in [each["title"] for each in found.data]
    assert not STEERING & {*found.stdout}


@pytest.mark.parametrize("format", ["csv", "plain"])
def test_a_pipe_gets_all_characters(format: str, run: Runner) -> None:
    found = run("page", "list", "--fields", "title", "-o", format)
    title = HOSTILE if format == "csv" else HOSTILE.encode("unicode_escape").decode()
    assert "Lisbon" + title in found.stdout


def test_a_terminal_is_not_steered(shared_box: Sandbox, home: Path) -> None:
    environment: Any = {"BACKPACK_URL": shared_box.url, "BACKPACK_TOKEN": shared_box.token}
    for line in ("page list -o csv", "page list", "page delete 40000004"):
        terminal = Terminal(*line.split(), PAGER="cat", **environment)
        if "delete" in line:
            terminal.expect("[y/N]")
            terminal.type("n")
        terminal.end()
        assert "Lisbon" in terminal.shown
        assert not STEERING & {*terminal.raw}


class Hostile(BaseHTTPRequestHandler):
    """A service whose status, headers and body are hostile."""

    def do_POST(self) -> None:
        self.send_response(400, "evil\x1b[31m\x9b31m")
        for name in ("X-Reason", "Content-Type", "Server", "Location"):
            self.send_header(name, "evil\x1b[31m\x9b31m")
        self.end_headers()
        self.wfile.write(f"<error>evil{HOSTILE}\x1b[31m</error>".encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize("options", [[], ["--debug"], ["-o", "json"]])
def test_a_hostile_service_does_not_write_to_the_terminal(
    options: list[str], offline: Runner, monkeypatch: pytest.MonkeyPatch, network: None
) -> None:
    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("BACKPACK_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
        found = offline("page", "list", *options)
        server.shutdown()
    assert found.code == 7
    assert "evil" in found.stderr
    assert not (STEERING | {"\x1b"}) & {*found.stderr}
