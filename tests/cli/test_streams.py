"""Every command without standard input, and with a full disk or a reader that has left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backpack_orm import Connection, Page, User
from backpack_orm.archive import Archive
from backpack_orm.sandbox import Sandbox
from tests.cli.test_surface import LEAVES

LINES: dict[str, str] = {
    "login": "login acme --token-stdin",
    "logout": "logout",
    "whoami": "whoami",
    "config show": "config show",
    "config path": "config path",
    "demo": "demo --empty whoami",
    "completion": "completion bash",
    "doctor": "doctor",
    "add": "add Lisbon Sunscreen",
    "done": "done Bread",
    "todos": "todos",
    "today": "today",
    "remind": "remind tomorrow 9am Call",
    "search": "search tram",
    "page list": "page list",
    "page show": "page show Lisbon",
    "page new": "page new Oporto",
    "page rename": "page rename Someday Someday",
    "page delete": "page delete Parcels --dry-run",
    "page duplicate": "page duplicate Someday",
    "page share": "page share Parcels --private",
    "page unshare": "page unshare Parcels --dry-run",
    "page email": "page email Lisbon",
    "page open": "page open Lisbon",
    "page edit": "page edit Parcels text",
    "note add": "note add Lisbon text",
    "note show": "note show Lisbon",
    "note edit": "note edit Lisbon 40000008 text",
    "note delete": "note delete Lisbon 40000008 --dry-run",
    "item add": "item add Lisbon text",
    "item edit": "item edit Lisbon 40000012 text",
    "item done": "item done Lisbon 40000012",
    "item reopen": "item reopen Lisbon 40000012",
    "item move": "item move Lisbon 40000013 top",
    "item delete": "item delete Lisbon 40000013 --dry-run",
    "list add": "list add Lisbon text",
    "list show": "list show Lisbon Packing",
    "list rename": "list rename Lisbon Packing Packing",
    "list delete": "list delete Lisbon Packing --dry-run",
    "tag list": "tag list",
    "tag add": "tag add Lisbon Summer",
    "tag remove": "tag remove Lisbon {tag}",
    "tag set": "tag set Lisbon Travel --dry-run",
    "separator add": "separator add Lisbon text",
    "separator rename": "separator rename Lisbon 40000026 text",
    "separator delete": "separator delete Lisbon 40000026 --dry-run",
    "reminder list": "reminder list",
    "reminder add": "reminder add tomorrow 9am Call",
    "reminder delete": "reminder delete 40000366 --dry-run",
    "journal list": "journal list",
    "journal add": "journal add text",
    "status list": "status list",
    "status set": "status set text",
    "calendar list": "calendar list",
    "calendar events": "calendar events",
    "calendar add": "calendar add 30000260 tomorrow 2pm Tea",
    "archive sync": "archive sync",
    "archive status": "archive status",
    "archive verify": "archive verify",
    "archive snapshots": "archive snapshots",
    "archive diff": "archive diff 1 2",
    "archive history": "archive history page Porto",
    "archive todos": "archive todos",
    "archive search": "archive search Porto",
    "archive prune": "archive prune --keep-last 1 --dry-run",
    "archive export": "archive export ics calendar.ics",
    "archive site": "archive site site",
    "archive serve": "archive serve --port 0",
    "archive import": "archive import export.xml --archive imported",
    "archive restore": "archive restore --page Porto --into-source --again --dry-run",
    "api": "api GET statuses.xml",
    "sandbox": "sandbox -- backup --help",
    "mcp": "mcp",
    "serve": "serve --port 0",
    "commands": "commands",
}
"""A command line for each command, which prints something."""
ENDS_BEFORE = {"login": 3, "logout": 2, "mcp": 1}
"""Commands that end with an error before they print anything: mcp, since it has nothing to read."""

Results = dict[str, tuple[int, str]]


@pytest.fixture
def results(mode: str, box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Run every command with streams that misbehave in one way."""
    folder = tmp_path_factory.mktemp("streams")
    with Connection(box.url, token=box.token) as connection:
        User.me().export().save(folder / "export.xml")
        archive = Archive(folder / "backup")
        archive.sync(connection)
        Page.create(title="Porto")
        archive.sync(connection)
    environment = {
        **os.environ,
        "HOME": str(folder),
        "BACKPACK_CONFIG": str(folder / "config.toml"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
        "BACKPACK_URL": box.url,
        "BACKPACK_TOKEN": box.token,
        "BACKPACK_ARCHIVE": str(folder / "backup"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "BROWSER": "true",
        "PYTHONUNBUFFERED": "",  # argparse, which the sandbox uses, ignores errors of write()
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.forks", mode],
        input=json.dumps(LINES),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def test_every_command_is_tried() -> None:
    groups = {path.split()[0] for path in LEAVES if " " in path}
    assert set(LINES) == set(LEAVES) - groups


@pytest.mark.parametrize("mode", ["full"])
def test_a_full_disk_is_reported_without_standard_input_too(results: Results) -> None:
    assert list(results) == list(LINES)
    for name, (code, errors) in results.items():
        assert code == ENDS_BEFORE.get(name, 1), f"{name}: {errors}"
        assert "Traceback" not in errors, name
        assert "Exception ignored" not in errors, name
        if name not in ENDS_BEFORE:
            assert "No space left on device" in errors, name


@pytest.mark.parametrize("mode", ["broken"])
def test_a_reader_that_has_left_and_closed_standard_input_are_no_error(results: Results) -> None:
    assert list(results) == list(LINES)
    for name, (code, errors) in results.items():
        assert code == ENDS_BEFORE.get(name, 0), f"{name}: {errors}"
        assert "Traceback" not in errors, name
        assert "roken pipe" not in errors, name


# --- the real program -------------------------------------------------------------------------


def shell(
    script: str, box: Sandbox, home: Path, encoding: str = "utf-8", **environment: str
) -> subprocess.CompletedProcess[str]:
    program = f'backpack() {{ "{sys.executable}" -m backpack_orm "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", program + script],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "BACKPACK_URL": box.url,
            "BACKPACK_TOKEN": box.token,
            **environment,
        },
        capture_output=True,
        encoding=encoding,
        check=False,
    )


def test_the_program_survives_head(shared_box: Sandbox, home: Path) -> None:
    done = shell("set -o pipefail; backpack todos | head -1", shared_box, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


def test_the_program_runs_without_any_stream(shared_box: Sandbox, home: Path) -> None:
    done = shell("backpack page list <&- >&- 2>&-", shared_box, home)
    assert done.returncode == 1  # and there is nowhere to say why
    assert shell("backpack page list <&- 2>&-", shared_box, home).returncode == 0


def test_the_program_runs_from_cron(shared_box: Sandbox) -> None:
    """Cron sets neither HOME nor TERM; here, not even standard input is open."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m backpack_orm page list <&-'],
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "BACKPACK_URL": shared_box.url,
            "BACKPACK_TOKEN": shared_box.token,
        },
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert done.returncode == 0
    assert "Words: كلمات ומילים".encode() in done.stdout  # Python uses UTF-8 for the C locale


@pytest.mark.parametrize("format", ["plain", "json", "table", "csv"])
def test_a_terminal_without_unicode_shows_what_it_can(
    format: str, shared_box: Sandbox, home: Path
) -> None:
    done = shell(
        f"backpack page show Lisbon -o {format} && backpack page list -o {format}",
        shared_box,
        home,
        "cp1252",
        PYTHONIOENCODING="cp1252",
        PYTHONUTF8="0",
    )
    assert done.returncode == 0, done.stderr
    assert "\\u" in done.stdout
    if format == "json":
        assert "Choir in autumn \U0001f3b6" in str(
            [json.loads(line) for line in done.stdout.splitlines()]
        )


def test_closed_standard_output_is_an_error(shared_box: Sandbox, home: Path) -> None:
    found = shell("backpack todos >&-", shared_box, home)
    assert found.returncode == 1
    assert found.stderr == "Error: standard output is closed\n"
