"""The programs of the cookbook do what they promise, with the promised requests."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openpyxl
import pytest
import yaml
from lxml import etree

from backpack_orm import (
    Calendar,
    CalendarEvent,
    Connection,
    Forbidden,
    Item,
    JournalEntry,
    OutcomeUnknown,
    Page,
    RateLimited,
    Reminder,
    ServerError,
    connect,
)
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
    files = [Path(__file__), Path(__file__).with_name("test_scripts.py")]
    tests = "".join(path.read_text("utf-8") for path in files)
    assert len(PROGRAMS) == 25
    for name in PROGRAMS:
        assert name is not None
        assert f'functions_of("{name}")' in tests, f"{name} has no test"


def test_a_backup_is_verified(count: Counted, fast: Connection, tmp_path: Path) -> None:
    backup = functions_of("backup.py")["backup"]
    assert count(lambda: backup(tmp_path / "backup", fast)) == ([], 13)
    assert len(Archive(tmp_path / "backup").pages) == 13
    file = next((tmp_path / "backup").glob("packs/*.gz"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    problems = backup(tmp_path / "backup", fast)
    assert any(file.name in problem for problem in problems)
    assert backup(tmp_path / "backup", fast) == []  # what was damaged is stored again


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


@pytest.mark.usefixtures("environment")
def test_a_digest_that_is_not_mailed_can_be_read(
    fast: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SMTP_HOST", raising=False)
    Page.get(title="Lisbon").lists["Packing"].items.create(content="Pastéis — 雪国")
    exec(PROGRAMS["mail_digest.py"], {"__name__": "__main__"})
    subject, printed = capsys.readouterr().out.split("\n\n", 1)
    assert subject == f"{datetime.now():%A, %d %B}"
    assert "\n- Pastéis — 雪国\n" in printed


def test_a_chart_is_saved(count: Counted, tmp_path: Path) -> None:
    save_chart = functions_of("open_items_chart.py")["save_chart"]
    _, requests = count(lambda: save_chart(tmp_path / "chart.png"))
    assert requests == 3
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_journal_is_counted_by_month(count: Counted) -> None:
    counts, requests = count(functions_of("journal_months.py")["by_month"])
    entries = JournalEntry.all()
    assert requests == math.ceil(len(entries) / 100)
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
    assert requests == 1 + 2 + 2 + 3  # create_many reads what each list has
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
    before = box.requests
    assert find("lisbon", tokens) == [f"{box.url}: Lisbon", f"{box.url_of('other')}: Lisbon"]
    assert box.requests - before == 2
    assert "http://localhost:1: " in capsys.readouterr().err


def test_pages_are_loaded_in_threads(count: Counted) -> None:
    load = functions_of("load_pages.py")["load"]
    pages, requests = count(lambda: asyncio.run(load(["Lisbon", "The garden"])))
    assert [page.title for page in pages] == ["Lisbon", "The garden"]
    assert requests == 3


def test_a_cancelled_task_does_not_stop_its_request(box: Sandbox, fast: Connection) -> None:
    box.faults.latency(0.3, path="/ws/pages/new")

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(Page.create, title="Porto")

    asyncio.run(give_up())  # waits for its threads at the end
    assert Page.exists(title="Porto", fresh=True)


# --- Excel and Obsidian -------------------------------------------------------------------------


def test_items_are_changed_in_excel(count: Counted, tmp_path: Path) -> None:
    program = functions_of("items_excel.py")
    path = tmp_path / "items.xlsx"
    packing = Page.get(title="Lisbon").lists["Packing"]
    formula = packing.items.create(content="=1+1")
    written, requests = count(lambda: program["write_workbook"](path))
    assert (written, requests) == (len(Item.all()), 3)
    book = openpyxl.load_workbook(path)
    rows = {row[0].value: row for row in book["Items"].iter_rows(min_row=2)}
    assert [cell.value for cell in rows[formula.id][1:]] == ["Lisbon", "Packing", "=1+1", False]
    assert rows[formula.id][3].data_type == "s"

    shoes, passports = packing.items["Walking shoes"], packing.items["Passports"]
    rows[shoes.id][4].value, rows[passports.id][4].value = True, False
    rows[formula.id][4].value = None
    book.save(path)
    (done, reopened), requests = count(lambda: program["apply_workbook"](path))
    assert ([*done.succeeded], [*reopened.succeeded]) == ([shoes], [passports])
    assert requests == 3 + 2 + 2
    packing.items.reload()
    assert packing.items["Walking shoes"].completed
    assert not packing.items["Passports"].completed
    assert not packing.items["=1+1"].completed


def test_a_vault_is_written_and_updated(count: Counted, fast: Connection, tmp_path: Path) -> None:
    write_vault = functions_of("obsidian.py")["write_vault"]
    vault, archive = tmp_path / "vault", tmp_path / "archive"
    _, requests = count(lambda: write_vault(vault, archive, fast))
    assert requests == 13
    (vault / "My own.md").write_text("[[Lisbon]]", "utf-8")
    Page.get(title="Lisbon").notes.create(title="Tram tickets")
    write_vault(vault, archive, fast)
    assert "Tram tickets" in (vault / "Backpack/pages/Lisbon.md").read_text("utf-8")
    assert (vault / "My own.md").exists()


# The elements of https://xml.evernote.com/pub/enml2.dtd that the text of a note may have.
ENML = (
    "a abbr b blockquote br caption cite code dd del dfn div dl dt em en-todo h1 h2 h3 h4 h5 h6 hr "
    "i ins kbd li ol p pre q s samp small span strong sub sup table tbody td tfoot th thead tr u ul"
)


def test_a_file_for_evernote_contains_all_pages_in_its_format(
    fast: Connection, tmp_path: Path
) -> None:
    page = Page.create(title="Hard & <b>", tags=["R&D"])
    page.notes.create(title="]]>", body="*Odd*[1] <script>x</script> ]]>\n\nfn1. A note.")
    page.lists.create(name="x").items.create(content="1 < 2 ]]>", completed=True)
    archive = Archive(tmp_path / "archive")
    archive.sync(fast)
    functions_of("enex.py")["write_enex"](archive, tmp_path / "notes.enex")
    notes = etree.parse(tmp_path / "notes.enex").findall("note")
    assert [note.findtext("title") for note in notes] == [each.title for each in Page.all()]
    bodies = [etree.fromstring(note.findtext("content", "")) for note in notes]
    elements = {element for body in bodies for element in body.iterdescendants()}
    assert {element.tag for element in elements} <= set(ENML.split())
    assert {name for element in elements for name in element.attrib} <= {
        "href",
        "checked",
        "rel",
        "dir",
    }
    by_title = {note.findtext("title"): note for note in notes}
    hard = by_title["Hard & <b>"]
    assert hard.findtext("tag") == "R&D"
    body = etree.fromstring(hard.findtext("content", ""))
    assert body.xpath("string(h2)") == "]]>"
    assert body.xpath("string(div/en-todo[@checked='true']/..)") == "1 < 2 ]]>"
    assert body.xpath("string(//strong)") == "Odd"


# --- failures -----------------------------------------------------------------------------------


def test_a_call_is_repeated_after_a_minute_or_when_the_service_says(box: Sandbox) -> None:
    patiently = functions_of("patiently.py")["patiently"]
    connect(box.url, token=box.token, limits=None, max_wait=0)  # the library itself never retries
    waits: list[float] = []
    box.faults.status(502, times=1)
    assert len(patiently(Page.all, wait=waits.append)) == 13
    box.faults.status(503, retry_after=90, times=1)
    with pytest.raises(RateLimited):
        patiently(lambda: Page.all(fresh=True), tries=2, wait=waits.append)
    assert waits == [60, pytest.approx(90, abs=1)]


def test_a_call_is_repeated_ten_times_at_most(box: Sandbox) -> None:
    patiently = functions_of("patiently.py")["patiently"]
    connect(box.url, token=box.token, limits=None, max_wait=0)
    box.faults.status(502)
    waits: list[float] = []
    with pytest.raises(ServerError):
        patiently(Page.all, wait=waits.append)
    assert (waits, box.requests) == ([60] * 9, 10)


def test_a_call_that_may_do_harm_is_not_repeated(fast: Connection, box: Sandbox) -> None:
    patiently = functions_of("patiently.py")["patiently"]
    box.faults.drop_after_write(times=1)
    with pytest.raises(OutcomeUnknown):
        patiently(lambda: Page.create(title="Porto"))
    box.faults.status(403, times=1)
    with pytest.raises(Forbidden):
        patiently(lambda: Page.all(fresh=True))
    assert [page.title for page in Page.all(fresh=True)].count("Porto") == 1


@pytest.fixture
def tasks(box: Sandbox) -> dict[str, Any]:
    """The tasks, of a worker that never waits and whose connection never retries."""
    program = functions_of("tasks.py")
    hasty = Connection(box.url, token=box.token, limits=None, max_wait=0)
    program["connection_of"] = {"acme": hasty}.__getitem__
    return program


SOCKS = ("acme", "Lisbon", "Packing", "Socks")


def socks() -> int:
    items = Page.get(title="Lisbon", fresh=True).lists["Packing"].items
    return [item.content for item in items].count("Socks")


def test_a_task_that_runs_again_adds_nothing(
    tasks: dict[str, Any], box: Sandbox, fast: Connection
) -> None:
    add_item = tasks["add_item"]
    first = add_item.apply(SOCKS)
    assert box.requests == 4
    add_item.apply(SOCKS)
    before = box.requests
    assert add_item.apply(SOCKS).get() == first.get()
    assert box.requests - before == 1
    assert socks() == 1


def test_a_task_is_retried_if_the_connection_was_lost_before_it_wrote(
    tasks: dict[str, Any], box: Sandbox, fast: Connection
) -> None:
    box.faults.drop_before_write(path="/ws/pages/all", times=1)
    assert tasks["add_item"].apply(SOCKS).successful()
    assert (box.requests, socks()) == (1 + 4, 1)


def test_a_task_whose_outcome_is_unknown_is_not_retried(
    tasks: dict[str, Any], box: Sandbox, fast: Connection
) -> None:
    box.faults.drop_after_write(path="**/items/add", times=1)
    failed = tasks["add_item"].apply(SOCKS)
    assert isinstance(failed.result, OutcomeUnknown)
    assert box.requests == 4
    assert tasks["add_item"].apply(SOCKS).successful(), "sent again by hand"
    assert socks() == 1


def test_a_task_is_sent_again_after_the_time_that_the_service_asks_for(
    tasks: dict[str, Any], box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    countdowns: list[float] = []

    def retry(exc: Exception, countdown: float) -> Exception:
        countdowns.append(countdown)
        return exc

    monkeypatch.setattr(tasks["add_item"], "retry", retry)
    box.faults.status(503, retry_after=90, times=1)
    with pytest.raises(RateLimited):
        tasks["add_item"](*SOCKS)
    assert countdowns == [90]


def test_the_message_of_a_task_has_no_token(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    monkeypatch.setenv("BACKPACK_TOKEN_ACME", box.token)
    monkeypatch.setenv("BACKPACK_URL_ACME", box.url)
    tasks = functions_of("tasks.py")
    with tasks["app"].connection_for_write() as broker:
        tasks["add_item"].apply_async(SOCKS, connection=broker)
        message = broker.default_channel.basic_get("celery", no_ack=True)
    assert "Socks" in str(message.headers)
    assert box.token not in f"{message.headers} {message.properties} {message.body}"
    assert tasks["connection_of"]("acme").url == box.url


# --- networks and containers --------------------------------------------------------------------


@pytest.fixture
def proxy(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A proxy that leads every host to the sandbox; the addresses that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.pass_on()

        def do_GET(self) -> None:
            self.pass_on()

        def pass_on(self) -> None:
            asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service = HTTPConnection(urlsplit(box.url).netloc)
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            service.request(self.command, urlsplit(self.path).path, body, headers)
            with service.getresponse() as response:
                self.send_response(response.status)
                text = response.read()
                self.send_header("Content-Type", response.getheader("Content-Type", ""))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            service.close()

        def log_message(self, *arguments: object) -> None:
            pass

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("http_proxy", f"http://nora:secret@127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def test_a_program_shows_its_way_through_a_proxy(
    proxy: list[str], box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = functions_of("check_proxy.py")
    program["connect"] = lambda: connect(
        "http://backpack.example", token=box.token, allow_insecure=True, max_wait=0
    )
    assert program["check"]().startswith("through 127.0.0.1: signed in as ")
    assert proxy == [f"http://backpack.example/{box.token}/me.xml"]
    monkeypatch.setenv("http_proxy", "http://nora:secret@127.0.0.1:1")
    shown = program["check"]()
    assert shown.startswith("through 127.0.0.1: ")
    assert "nothing was sent" in shown
    assert "secret" not in shown
    monkeypatch.setenv("no_proxy", "backpack.example")
    assert program["check"]().startswith("without a proxy: ")


def _files() -> tuple[dict[str, str], dict[str, Any]]:
    """Return the instructions of the Dockerfile, and the file for Docker Compose."""
    texts = dict(documents.fences(_DOCUMENT))
    lines = texts["dockerfile"].replace("\\\n", "").splitlines()
    return dict(line.split(" ", 1) for line in lines), yaml.safe_load(texts["yaml"])


def test_the_files_for_docker_fit_together() -> None:
    image, compose = _files()
    service = compose["services"]["backup"]
    name, _, target = service["volumes"][0].partition(":")
    assert name in compose["volumes"]
    assert target == image["WORKDIR"] == image["VOLUME"]
    assert f"-d -o {image['USER']} -m 700 {target}" in image["RUN"]
    (secret,) = service["secrets"]
    assert secret in compose["secrets"]
    assert f"/run/secrets/{secret}" in image["CMD"]
    assert set(service["environment"]) == {"BACKPACK_URL"}
    (command,) = re.findall(r"compose .* run .*", _DOCUMENT.read_text("utf-8"))
    assert command.split()[-1] == "backup"


def test_the_command_of_the_image_backs_up(box: Sandbox, tmp_path: Path) -> None:
    image, compose = _files()
    source, data, secrets = (tmp_path / name for name in ("src", "data", "secrets"))
    for folder in (source, data, secrets):
        folder.mkdir()
    (source / "backup.py").write_text(PROGRAMS["backup.py"], "utf-8")
    (secrets / "backpack_token").write_text(f"{box.token}\n", "utf-8")
    copied, _, place = image["COPY"].partition(" ")
    assert copied == "."
    command = [
        word.replace(f"{place}/", f"{source}/").replace("/run/secrets/", f"{secrets}/")
        for word in json.loads(image["CMD"])
    ]
    environment = dict.fromkeys(compose["services"]["backup"]["environment"], box.url)
    result = subprocess.run(
        command,
        cwd=data,
        env={"PATH": f"{Path(sys.executable).parent}:/bin:/usr/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert len(Archive(data / "backup").pages) == 13
