"""A token appears in no output, log, file or completion, and not in the list of processes."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from flask import Flask

from backpack_orm import Connection, User
from backpack_orm.cli.tokens import Token
from backpack_orm.integrations.viewer import serving
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.cli.test_streams import LINES
from tests.secrecy.conftest import CANARY

OMITTED = ("login", "logout", "demo", "page open", "sandbox")
"""Commands with tests of their own, or with another account."""
ARCHIVE = tuple(name for name in LINES if name.startswith("archive "))


@pytest.fixture(scope="module")
def canary_box(network: None) -> Iterator[Sandbox]:
    with Sandbox(seed="demo", token=CANARY) as box:
        yield box


@pytest.fixture
def run_canary(offline: Runner, canary_box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run a command line on the account with the canary. One that serves it shows one page."""

    def visit(app: Flask, bound: socket.socket) -> None:
        response = app.test_client().get("/")
        assert response.status_code == 200
        assert CANARY not in response.text + str(response.headers)

    monkeypatch.setattr(serving, "run", visit)
    monkeypatch.setenv("BACKPACK_URL", canary_box.url)
    monkeypatch.setenv("BACKPACK_TOKEN", CANARY)
    return offline


def files(home: Path) -> str:
    """The contents and names of all files of the home directory."""
    found = [path for path in home.rglob("*") if path.is_file()]
    return "\n".join(f"{path}: {path.read_text('utf-8', 'replace')}" for path in found)


@pytest.mark.parametrize("name", [name for name in LINES if name not in OMITTED + ARCHIVE])
def test_no_command_shows_the_token(name: str, run_canary: Runner, home: Path) -> None:
    words = shlex.split(LINES[name].format(tag="Travel"))
    for options in ([], ["-o", "json"]):
        found = run_canary("--debug", *options, *words)
        assert CANARY not in found.stdout + found.stderr
    assert CANARY not in files(home)


def test_no_archive_and_no_conversion_contains_the_token(
    run_canary: Runner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    run_canary("page", "new", "Porto")
    User.me(using=Connection(os.environ["BACKPACK_URL"], token=CANARY)).export().save("export.xml")
    for name in ARCHIVE:
        for options in ([], ["-o", "json"]):
            found = run_canary("--debug", *options, *shlex.split(LINES[name]))
            assert CANARY not in found.stdout + found.stderr
    assert (home / "site" / "index.html").exists()
    assert (home / "calendar.ics").exists()
    assert CANARY not in files(home)


@pytest.mark.parametrize("fault", ["error_body 500", "html_page", "drop_after_write", "status 403"])
@pytest.mark.parametrize("line", ["reminder list", "remind +30 Call", "page new Porto", "whoami"])
def test_no_failure_shows_the_token(
    fault: str, line: str, run_canary: Runner, canary_box: Sandbox, home: Path
) -> None:
    (home / "config.toml").write_text("[profiles.default]\nmax_wait = 0\n")
    canary_box.faults.add(fault)
    try:
        found = run_canary("--debug", "-o", "json", *line.split())
    finally:
        canary_box.faults.clear()
    assert found.code != 0
    assert "Traceback" in found.stderr
    assert CANARY not in found.stdout + found.stderr + files(home)


PERCENT = "".join(f"%{ord(letter):02x}" for letter in CANARY)
REFERENCES = "".join(f"&#{ord(letter)};" for letter in CANARY)


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--debug"], ["-o", "json"]])
@pytest.mark.parametrize(
    "line",
    [
        f"GET {CANARY}/me.xml",
        f"GET '{CANARY}/not a path'",
        f"GET {PERCENT}/me.xml",
        f"POST ws/pages/all --data '<request><token>{CANARY}</token></request>'",
        f"PUT statuses.xml --data '<a>{REFERENCES}</a>'",
        f"PUT statuses.xml --data '<a b=\"{CANARY}'",
    ],
)
def test_a_call_with_the_token_is_refused_before_any_request(
    line: str, options: list[str], run_canary: Runner, canary_box: Sandbox
) -> None:
    before = canary_box.requests
    found = run_canary("api", *shlex.split(line), *options)
    assert found.code == 1
    assert "contains the token" in found.stderr
    for form in (CANARY, PERCENT, REFERENCES):
        assert form not in found.stdout + found.stderr
    assert canary_box.requests == before


def test_login_shows_no_token(offline: Runner, canary_box: Sandbox, home: Path) -> None:
    found = offline(
        "--debug",
        "login",
        canary_box.url,
        "--token-stdin",
        "--store",
        "file",
        input=f"{CANARY}\n",
    )
    assert found.code == 0, found.stderr
    shown = found.stdout + found.stderr
    shown += offline("config", "show", "-o", "json").stdout + offline("whoami").stdout
    assert CANARY not in shown
    (home / "tokens.json").unlink()
    assert CANARY not in files(home)


def test_a_token_that_is_refused_is_not_shown(offline: Runner, canary_box: Sandbox) -> None:
    for wrong in (CANARY.replace("5", "6"), f"{CANARY} {CANARY}", f"{CANARY}/é"):
        found = offline(
            "--debug", "login", canary_box.url, "--token-stdin", "--store", "file", input=wrong
        )
        assert found.code in (1, 3)
        for part in wrong.split():
            assert part not in found.stdout + found.stderr


def test_a_token_in_place_of_an_account_is_not_shown(offline: Runner) -> None:
    found = offline("--debug", "login", CANARY, "--token-stdin", input="x")
    assert found.code != 0
    assert CANARY not in found.stdout + found.stderr


def test_a_repr_shows_no_token() -> None:
    assert repr(Token(CANARY, "keyring")) == "Token(source='keyring')"


def test_completion_shows_no_token(run_canary: Runner, canary_box: Sandbox, home: Path) -> None:
    run_canary("page", "list")
    run_canary("tag", "list")
    done = subprocess.run(
        [sys.executable, "-m", "backpack_orm"],
        env=os.environ
        | {
            "_BACKPACK_COMPLETE": "bash_complete",
            "COMP_WORDS": "backpack page show ",
            "COMP_CWORD": "3",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Lisbon" in done.stdout
    assert CANARY not in done.stdout + done.stderr


def test_the_list_of_processes_shows_no_token(canary_box: Sandbox, home: Path) -> None:
    secret = home / "secret"
    secret.write_text(CANARY)
    (home / "config.toml").write_text(
        f'[profiles.default]\naccount = "{canary_box.url}"\ntoken_command = "cat {secret}"\n'
    )
    fault = canary_box.faults.latency(60)
    with subprocess.Popen(
        [sys.executable, "-m", "backpack_orm", "page", "list"], stdout=subprocess.DEVNULL
    ) as process:
        try:
            while not fault.fired:
                assert process.poll() is None
                Event().wait(0.01)
            for place in ("cmdline", "environ"):
                shown = Path(f"/proc/{process.pid}/{place}").read_bytes()
                assert shown
                assert CANARY.encode() not in shown
        finally:
            canary_box.faults.clear()
    assert process.returncode == 0


def test_no_command_takes_a_token_as_an_argument(offline: Runner) -> None:
    data = offline("commands", "-o", "json").data
    names = {
        name for each in data["commands"] for option in each["options"] for name in option["names"]
    }
    assert {name for name in names if "token" in name} == {"--token-stdin"}


def test_the_cache_of_titles_is_private(run_canary: Runner, home: Path) -> None:
    run_canary("page", "list")
    (path,) = (home / "cache").rglob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_cache_of_titles_can_be_switched_off(run_canary: Runner, home: Path) -> None:
    (home / "config.toml").write_text("[profiles.default]\nremember_titles = false\n")
    run_canary("page", "list")
    assert not list((home / "cache").rglob("*"))
