"""The command line, run as a separate process."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from signal import Signals
from typing import Any

import pytest
import requests

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.schema import HEAD
from tests.sandbox.conftest import Client, line_of, matched

DOCUMENTATION = Path("docs/sandbox.md").read_text("utf-8")
COMMAND = [sys.executable, "-m", "backpack_orm.sandbox"]


@contextmanager
def running(*options: Any, token: str = "") -> Iterator[subprocess.Popen[str]]:
    program = subprocess.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BACKPACK_SANDBOX_TOKEN": token},
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_serves_and_exits_cleanly(
    as_user: Callable[..., Client], ending: Signals
) -> None:
    with running("--port", "0", "--seed", "empty", token="t0ken-0123456789") as program:
        line = line_of(program)
        url = matched(
            r"^backpack sandbox ready: (http://127\.0\.0\.1:\d+) "
            r"token in BACKPACK_SANDBOX_TOKEN\n$",
            line,
        )
        assert "<pages></pages>" in as_user("t0ken-0123456789", url).ws("pages/all")
        program.send_signal(ending)
        assert program.communicate(timeout=60) == ("", "")
        assert program.returncode == 0


def test_it_prints_the_client_ids_and_secrets_of_applications() -> None:
    addresses = ["http://127.0.0.1:8400/back", "https://trips.example/"]
    options = [word for one in addresses for word in ("--application", one)]
    with running("--port", "0", "--seed", "empty", *options) as program:
        assert line_of(program).startswith("backpack sandbox ready: ")
        for address in addresses:
            line = line_of(program)
            pattern = r"backpack sandbox application: (\S+) client-id \w{40} client-secret \w{40}\n"
            assert matched(f"^{pattern}$", line) == address


def test_an_application_with_an_unsafe_address_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--port", "0", "--application", "http://trips.example/"]) == 2
    assert "cannot be redirected to" in capsys.readouterr().err


def test_data_in_a_file_is_persistent(as_user: Callable[..., Client], tmp_path: Path) -> None:
    options = ["--port", "0", "--data", str(tmp_path / "data.db"), "--account", "home"]
    lines = []
    for _ in range(2):
        with running(*options) as program:
            lines.append(line_of(program).split())
            client = as_user(lines[-1][5], lines[-1][3])
            client.ws("pages/new", "<page><title>Kept</title></page>")
            number_of_pages = client.ws("pages/all").count("Kept")
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=60)
    assert number_of_pages == 2
    assert lines[0][5] != lines[1][5]  # only the first one is stored


class TestOpening:
    """Messages about the file at the start, and refused options."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        path = tmp_path / "no?tes 100%.db"
        Sandbox(seed="empty", data=str(path), account="home").close()
        return path

    def output(self, *options: str) -> str:
        with running("--port", "0", *options) as program:
            assert line_of(program).startswith("backpack sandbox ready: ")
            program.send_signal(signal.SIGTERM)
            return program.communicate(timeout=60)[1].removeprefix("backpack sandbox: ")

    def refusal(self, capsys: pytest.CaptureFixture[str], *options: Any) -> str:
        assert main(["--port", "0", *options]) == 2
        return capsys.readouterr().err

    def test_it_prints_the_file_the_account_and_the_schema(self, data: str) -> None:
        output = self.output("--data", str(data), "--account", "home")
        assert output == f"opened {data} (schema {HEAD}), account 'home'\n"

    def test_it_prints_that_it_creates_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "new.db"
        output = self.output("--data", str(path), "--seed", "empty")
        assert output == f"created {path} (schema {HEAD}) with the account 'acme'\n"

    @pytest.mark.network
    def test_an_account_that_is_not_in_the_file_is_refused(
        self, data: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = self.refusal(capsys, "--data", str(data), "--account", "hmoe")
        assert f"{data} has no account 'hmoe', only 'home'" in output
        assert "--create-account" in output
        with closing(sqlite3.connect(data)) as file:
            assert file.execute("SELECT name FROM accounts").fetchall() == [("home",)]

    def test_it_is_created_on_demand(self, data: str) -> None:
        options = ["--data", str(data), "--account", "work", "--create-account"]
        assert "created the account 'work' in it" in self.output(*options)
        assert "opened" in self.output(*options[:-1])

    def test_a_seed_for_an_existing_account_is_refused(
        self, data: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--data", str(data), "--account", "home", "--seed", "empty"]
        assert "already contains the account 'home'" in self.refusal(capsys, *options)


def test_rate_limits_can_be_enabled(as_user: Callable[..., Client]) -> None:
    with running("--port", "0", "--seed", "empty", "--limits", token="t0ken-0123456789") as program:
        client = as_user("t0ken-0123456789", line_of(program).split()[3])
        statuses = {client.rest("GET", "/calendars.xml").status_code for _ in range(11)}
    assert statuses == {200, 503}


class TestDelivering:
    """In this process, for speed; the arguments are those of the program."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Iterator[str]:
        """A file with a page that has the id 40000002."""
        data = str(tmp_path / "data.db")
        with Sandbox(seed="empty", data=data, token="t0ken-0123456789") as box:
            requests.post(f"{box.url}/ws/pages/new?token=t0ken-0123456789&page[title]=Lisbon")
            yield data

    @pytest.fixture
    def emails(self, data: str, as_user: Callable[..., Client]) -> Iterator[Callable[[], str]]:
        """The mails on that page."""
        with Sandbox(data=data, token="t0ken-0123456789") as box:
            client = as_user("t0ken-0123456789", box.url)
            yield lambda: client.ws("page/40000002/emails/list")

    def test_a_mail_arrives_while_the_file_is_served(
        self, data: str, emails: Callable[[], str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--data", data, "--page", "40000002"]
        assert main(["deliver", *options, "--subject", "Key", "--body", "Under the mat"]) == 0
        output = "backpack sandbox delivered: mail 40000003 to page 40000002\n"
        assert capsys.readouterr() == (output, "")
        assert re.search('subject="Key" id="40000003".*>Under the mat</email>', emails())

    def test_its_text_can_come_from_standard_input(
        self, data: str, emails: Callable[[], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("Dear Nora,\n\nhello.\n"))
        assert main(["deliver", "--data", data, "--page", "40000002"]) == 0
        assert re.search('subject="" .*>Dear Nora,\n\nhello.\n</email>', emails())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--page", "7"], "the account 'acme' has no page 7"),
            (["--page", "40000002", "--account", "x"], "this sandbox has no account 'x'"),
            (["--page", "40000002", "--body", "\0"], "a text contains a character that XML cannot"),
            (["--page", "40000002", "--data", "/nowhere"], "there is no file '/nowhere'"),
        ],
    )
    def test_a_delivery_error_is_reported_in_one_line(
        self,
        data: str,
        emails: Callable[[], str],
        capsys: pytest.CaptureFixture[str],
        options: list[str],
        message: str,
    ) -> None:
        assert main(["deliver", "--data", data, "--body", "x", *options]) == 2
        assert capsys.readouterr().err.startswith(f"backpack sandbox: {message}")
        assert "<emails></emails>" in emails()

    @pytest.mark.network
    def test_the_program_takes_the_same_arguments(self, data: str) -> None:
        arguments = ["deliver", "--data", data, "--page", "40000002", "--body", "x"]
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "backpack sandbox delivered: mail 40000003 to page 40000002\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "dmeo"], "unknown seed 'dmeo': use demo, empty or the path"),
        (
            ["--data", "/nowhere/at/all.db"],
            "backpack sandbox: cannot store data in '/nowhere/at/all",
        ),
        (["--seed", "missing.xml"], "No such file or directory: 'missing.xml'\n"),
        (["--token", "a/b"], "unrecognized arguments: --token a/b"),
        (["--port", "99999"], "backpack sandbox: "),
        (["--port", "many"], "invalid int value: 'many'"),
    ],
)
def test_invalid_options_are_reported_in_one_line(options: list[str], message: str) -> None:
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.network
def test_a_port_in_use_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], restore_signals: Any
) -> None:
    with Sandbox(seed="empty") as box:
        assert main(["--seed", "empty", "--port", box.url.rpartition(":")[2]]) == 2
    assert re.fullmatch("backpack sandbox: .*in use.*\n", capsys.readouterr().err)


@pytest.fixture
def restore_signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def documented_service() -> list[str]:
    """Return the options of the systemd unit in the documentation."""
    unit = matched(r"(?ms)^ExecStart=(.*?[^\\])$", DOCUMENTATION)
    return shlex.split(unit.replace("\\\n", " "))[3:]


def documented_container() -> list[str]:
    """Return the options of the Dockerfile in the documentation."""
    commands = re.findall(
        r"^(?:ENTRYPOINT|CMD) (\[.*?\])$", DOCUMENTATION.replace("\\\n", ""), re.MULTILINE
    )
    return [word for command in commands for word in json.loads(command)][3:]


@pytest.mark.parametrize("options", [documented_service, documented_container])
def test_the_documented_services_start_and_restart(
    options: Callable[..., Any], tmp_path: Path, as_user: Callable[..., Client]
) -> None:
    places = {
        "${STATE_DIRECTORY}": str(tmp_path),
        "${CREDENTIALS_DIRECTORY}": str(tmp_path),
        "/data": str(tmp_path),
        "8137": "0",
        "0.0.0.0": "127.0.0.1",
    }
    arguments = options()
    for name, place in places.items():
        arguments = [word.replace(name, place) for word in arguments]
    for pages in range(2):
        with running(*arguments) as program:
            url = line_of(program).split()[3]
            client = as_user((tmp_path / "token").read_text().strip(), url)
            assert client.ws("pages/all").count("<page ") == pages
            client.ws("pages/new", "<page><title>Lisbon</title></page>")
            program.send_signal(signal.SIGTERM)
            assert program.wait(timeout=60) == 0
