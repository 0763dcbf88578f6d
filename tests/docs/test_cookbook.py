"""The programs of the cookbook do what they promise, with the promised requests."""

from __future__ import annotations

import asyncio
import csv
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Calendar, CalendarEvent, Connection, JournalEntry, Page, Reminder, connect
from backpack_orm.archive import Archive
from backpack_orm.sandbox import Sandbox
from tests.docs import documents

_DOCUMENT = documents.ROOT / "docs" / "cookbook.md"
PROGRAMS = {documents.file_name(text): text for text in documents.programs(_DOCUMENT)}
NOW = datetime(2026, 5, 14, 9, 0)  # of the sandbox


def functions_of(name: str) -> dict[str, Any]:
    """Return what a program defines, without running it."""
    space: dict[str, Any] = {"__name__": name.removesuffix(".py")}
    exec(compile(PROGRAMS[name], name, "exec"), space)
    return space


@pytest.fixture
def fast(box: Sandbox) -> Connection:
    """The current connection, which does not wait for rate limits."""
    return connect(box.url, token=box.token, limits=None)


@pytest.fixture
def count(box: Sandbox, fast: Connection) -> Callable[[Callable[[], Any]], tuple[Any, int]]:
    """Return a function that calls another with an empty cache, and counts its requests."""

    def counted(call: Callable[[], Any]) -> tuple[Any, int]:
        fast.clear_cache()
        before = box.requests
        result = call()
        return result, box.requests - before

    return counted


Counted = Callable[[Callable[[], Any]], tuple[Any, int]]


def test_each_program_has_a_name_and_a_test() -> None:
    tests = Path(__file__).read_text("utf-8")
    assert len(PROGRAMS) == 9
    for name in PROGRAMS:
        assert name is not None
        assert f'functions_of("{name}")' in tests, f"{name} has no test"


def test_a_backup_is_verified(fast: Connection, tmp_path: Path) -> None:
    backup = functions_of("backup.py")["backup"]
    assert backup(tmp_path / "backup", fast) == []
    assert len(Archive(tmp_path / "backup").pages) == 13
    file = next((tmp_path / "backup").glob("snapshots/*/data/responses/me.xml.gz"))
    file.chmod(0o600)
    file.write_bytes(b"overwritten")
    (problem,) = backup(tmp_path / "backup", fast)
    assert "me.xml.gz" in problem


def test_a_backup_reports_what_the_service_refuses(
    box: Sandbox, fast: Connection, tmp_path: Path
) -> None:
    backup = functions_of("backup.py")["backup"]
    box.faults.status(403, path="/statuses.xml")
    (problem,) = backup(tmp_path / "backup", fast)
    assert problem.startswith("statuses: ")


class MailServer:
    """A mail server on this machine that accepts one message."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(30)
        self.port = self._socket.getsockname()[1]
        self.received = ""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rw", encoding="utf-8", newline="") as stream:

            def say(line: str) -> None:
                stream.write(f"{line}\r\n")
                stream.flush()

            say("220 ready")
            for line in iter(lambda: stream.readline().strip().lower(), "quit"):
                if line == "data":
                    say("354 go on")
                    self.received = "".join(iter(stream.readline, ".\r\n"))
                say("250 accepted")
            say("221 bye")

    def close(self) -> None:
        self._thread.join(30)
        self._socket.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


def test_a_digest_is_mailed(count: Counted, mail_server: MailServer) -> None:
    program = functions_of("mail_digest.py")
    message, requests = count(lambda: program["compose"](NOW.date(), "Travel"))
    assert requests == 4
    program["send"](message, "nora@example.com", "127.0.0.1", mail_server.port)
    mail_server.close()
    assert "Subject: Thursday, 14 May" in mail_server.received
    assert "13:39  Call the baker about the key" in mail_server.received
    assert "\nLisbon\r\n- Walking shoes" in mail_server.received
    assert "Passports" not in mail_server.received, "it is completed"


def test_a_chart_is_saved(count: Counted, tmp_path: Path) -> None:
    save_chart = functions_of("open_items_chart.py")["save_chart"]
    _, requests = count(lambda: save_chart(tmp_path / "chart.png"))
    assert requests == 3
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_journal_is_counted_by_month(fast: Connection) -> None:
    counts = functions_of("journal_months.py")["by_month"]()
    entries = JournalEntry.all()
    assert counts.drop("month").sum().sum_horizontal().item() == len(entries)
    assert set(counts.columns) == {"month", *(entry.user.name for entry in entries)}


def test_a_page_is_published(count: Counted, tmp_path: Path) -> None:
    publish = functions_of("publish.py")["publish"]
    Page.get(title="Lisbon").notes[0].update(title="<script>alert('never')</script>")
    _, requests = count(lambda: publish("Lisbon", tmp_path / "lisbon.html"))
    html = (tmp_path / "lisbon.html").read_text("utf-8")
    assert requests == 2
    assert "<h1>Lisbon</h1><h2>&lt;script&gt;" in html
    assert "<li>☑ Passports</li>" in html
    assert not re.search(r"(src|href)=", html.replace('href="http', ""))


def test_rows_of_a_file_become_items(count: Counted, tmp_path: Path) -> None:
    with (tmp_path / "chores.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            [
                ("list", "content", "completed"),
                ("House", "Windows, all", ""),
                ("House", "Attic", "x"),
                ("Garden", "Hedge", ""),
            ]
        )
    import_csv = functions_of("import_csv.py")["import_csv"]
    created, requests = count(lambda: import_csv(tmp_path / "chores.csv", "Chores"))
    assert [each.name for each in created] == ["House", "Garden"]
    assert requests == 1 + 2 + 3
    house = Page.get(title="Chores", fresh=True).lists["House"]
    assert {item.content: item.completed for item in house.items} == {
        "Windows, all": False,
        "Attic": True,
    }


def test_reminders_are_created_once_for_each_event(count: Counted) -> None:
    remind = functions_of("remind_of_events.py")["remind"]
    calendar = Calendar.all()[0]
    CalendarEvent.create(calendar=calendar, title="5/18 2pm Talk")
    created, requests = count(lambda: remind(NOW))
    talk = next(each for each in created if each.content == "Tomorrow: Talk")
    assert talk.remind_at == datetime(2026, 5, 17, 18, 0)
    assert requests == 3 + len(Calendar.all()) + len(created)
    assert count(lambda: remind(NOW + timedelta(hours=1)))[0] == []
    assert talk in Reminder.all(fresh=True)


def test_accounts_are_searched_one_by_one(box: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    find = functions_of("search_accounts.py")["find"]
    tokens = {"http://localhost:1": "0123456789", box.url: box.token}
    token = box.add_account("other", seed="demo")
    tokens[box.url_of("other")] = token
    assert find("lisbon", tokens) == [f"{box.url}: Lisbon", f"{box.url_of('other')}: Lisbon"]
    assert "http://localhost:1: " in capsys.readouterr().err


def test_pages_are_loaded_in_threads(count: Counted) -> None:
    load = functions_of("load_pages.py")["load"]
    pages, requests = count(lambda: asyncio.run(load(["Lisbon", "The garden"])))
    assert [page.title for page in pages] == ["Lisbon", "The garden"]
    assert requests == 3
