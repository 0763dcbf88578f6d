"""`backpack serve` and `backpack archive serve`: an account or an archive in a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from backpack_orm import Connection
from backpack_orm.archive import Archive
from backpack_orm.integrations.viewer import serving
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner


@pytest.fixture
def archive(shared_box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive with one snapshot."""
    monkeypatch.delenv("BACKPACK_ARCHIVE", raising=False)
    folder = tmp_path / "backup"
    with Connection(shared_box.url, token=shared_box.token) as connection:
        Archive(folder).sync(connection)
    return folder


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Flask]:
    """The applications that are started; they end at once."""
    found: list[Flask] = []

    def run(app: Flask, bound: socket.socket) -> None:
        assert bound.getsockname()[1] > 0
        found.append(app)

    monkeypatch.setattr(serving, "run", run)
    return found


def status(app: Flask, host: str, path: str = "/") -> int:
    return app.test_client().get(path, headers={"Host": host}).status_code


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a command, and yield the address that it prints."""
    with subprocess.Popen(
        [sys.executable, "-m", "backpack_orm", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def test_the_real_command_serves_the_account_until_ctrl_c(shared_box: Sandbox, home: Path) -> None:
    account = {"BACKPACK_URL": shared_box.url, "BACKPACK_TOKEN": shared_box.token}
    with started("serve", **account) as (address, process):
        assert address.startswith("http://127.0.0.1:")
        session = requests.Session()
        place, _, token = address.partition("?token=")
        assert len(token) == 43
        assert requests.get(place, timeout=30).status_code == 401, "of another user of this machine"
        assert "Lisbon" in session.get(address, timeout=30).text
        cookies = [cookie.name for cookie in session.cookies]
        assert cookies == [f"backpack_viewer_{place.rsplit(':', 1)[1].strip('/')}"]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == f"Serving {address} until Ctrl-C.\n"


def test_the_real_command_serves_an_archive_without_the_account(archive: Path, home: Path) -> None:
    with started("archive", "serve", str(archive)) as (address, _):
        session, place = requests.Session(), address.partition("?")[0]
        assert "Lisbon" in session.get(address, timeout=30).text
        assert session.post(f"{place}pages", data={"title": "x"}, timeout=30).status_code == 405


def test_the_account_is_that_of_the_profile(run: Runner, served: list[Flask]) -> None:
    done = run("serve", "--port", "0", "-o", "json")
    assert done.data["url"].startswith("http://127.0.0.1:")
    assert status(served[0], "localhost") == 401
    assert status(served[0], "localhost", f"/?{done.data['url'].partition('?')[2]}") == 303
    assert status(served[0], "evil.example") == 421


@pytest.mark.parametrize("named", ["argument", "option", "environment"])
def test_an_archive_is_named_in_any_way(
    offline: Runner,
    archive: Path,
    served: list[Flask],
    monkeypatch: pytest.MonkeyPatch,
    named: str,
) -> None:
    arguments = {"argument": [str(archive)], "option": ["-a", str(archive)], "environment": []}
    if named == "environment":
        monkeypatch.setenv("BACKPACK_ARCHIVE", str(archive))
    assert offline("archive", "serve", *arguments[named], "--port", "0").code == 0
    assert served[0].extensions["backpack_viewer"].is_read_only


def test_a_snapshot_is_named(offline: Runner, archive: Path, served: list[Flask]) -> None:
    place = [str(archive), "--port", "0", "--snapshot"]
    assert offline("archive", "serve", *place, "1").code == 0
    missing = offline("archive", "serve", *place, "9")
    assert missing.code == 2
    assert "has no snapshot 9" in missing.stderr


def test_an_archive_that_is_named_twice_or_is_not_there(
    offline: Runner, archive: Path, tmp_path: Path
) -> None:
    twice = offline("archive", "serve", str(archive), "--archive", str(archive))
    assert (twice.code, "the archive is named twice" in twice.stderr) == (1, True)
    missing = offline("archive", "serve", str(tmp_path / "nothing"))
    assert missing.code == 2
    assert "there is no archive" in missing.stderr


def test_a_port_that_is_used(run: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        done = run("serve", "--port", port)
    assert done.code == 1
    assert f"127.0.0.1 port {port} cannot be used" in done.stderr
    assert "--port 0" in done.stderr
    assert run("serve", "--port", "70000").code == 1


def test_other_machines_reach_it_on_purpose_and_with_a_password(
    run: Runner, served: list[Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("serve", "--host", "0.0.0.0", "--port", "0", "--allow-host", "box.example")
    refused = run(*place)
    assert (refused.code, served) == (1, [])
    assert "other machines would reach the account at 0.0.0.0" in refused.stderr
    assert "Set a password in BACKPACK_SERVE_PASSWORD" in refused.stderr
    monkeypatch.setenv("BACKPACK_SERVE_PASSWORD", "short")
    assert "fewer than 10 characters" in run(*place).stderr
    monkeypatch.setenv("BACKPACK_SERVE_PASSWORD", "correct horse battery")
    done = run(*place)
    assert done.stdout.startswith("http://localhost:")
    assert "horse" not in done.stdout + done.stderr
    hosts = ("box.example:8138", "localhost", "0.0.0.0", "192.0.2.7")
    assert [status(served[0], host) for host in hosts] == [401, 401, 421, 421]
    data = {"token": "correct horse battery"}
    assert served[0].test_client().post("/admission", data=data).status_code == 303


def test_the_browser_is_opened_without_the_token_in_its_arguments(
    run: Runner, served: list[Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open(address: str) -> bool:
        opened.append(address)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", open)
    run("serve", "--port", "0")
    assert opened == []
    done = run("serve", "--port", "0", "--open")
    (address,) = opened
    assert address.startswith("file://")
    assert done.stdout.partition("token=")[2].strip() not in address
    assert "there is no browser to open" in run("serve", "--port", "0", "--open").stderr


def test_a_missing_extra_names_the_line_that_installs_it(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str, *arguments: Any) -> Any:
        return None if name == "waitress" else object()

    for name in [
        name for name in sys.modules if name.startswith("backpack_orm.integrations.viewer")
    ]:
        if name != "backpack_orm.integrations.viewer_commands":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    done = run("serve", "--port", "0")
    assert done.code == 1
    assert 'pip install "backpack_orm[viewer]"' in done.stderr
