"""Fixtures of the command line: a sandbox for each module, and a way to run commands on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner

from backpack_orm.cli.program import program
from backpack_orm.cli.state import State
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW


class Run:
    """The result of one command line."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr

    @property
    def lines(self) -> list[list[str]]:
        """The fields of each line of a piped output."""
        return [line.split("\t") for line in self.stdout.splitlines()]

    @property
    def data(self) -> Any:
        """The data of a JSON output."""
        document = json.loads(self.stdout)
        assert document["ok"] is True
        return document["data"]

    @property
    def summary(self) -> str:
        """The summary of a JSON output."""
        return str(json.loads(self.stdout)["summary"])

    @property
    def error(self) -> dict[str, Any]:
        """The document of an error in JSON mode."""
        document: dict[str, Any] = json.loads(self.stderr.splitlines()[-1])
        assert document["ok"] is False
        return document


Runner = Callable[..., Run]


@pytest.fixture(scope="module")
def shared_box(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A running sandbox with the demo account, which the tests of a module share."""
    with demo() as box:
        yield box


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, whose configuration is `config.toml`."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CONFIG", "CACHE", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
    monkeypatch.setenv("BACKPACK_CONFIG", str(folder / "config.toml"))
    for name in ("BACKPACK_PROFILE", "BACKPACK_OUTPUT", "NO_COLOR", "VISUAL", "EDITOR", "PAGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return folder


@pytest.fixture
def offline(home: Path) -> Runner:
    """Run a command line that finds no account in its environment."""

    def run(*arguments: str, input: str | None = None) -> Run:
        result = CliRunner().invoke(
            program, arguments, input=input, obj=State(now=lambda: NOW), catch_exceptions=False
        )
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def run(offline: Runner, shared_box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run a command line on the account of the sandbox that the module shares."""
    monkeypatch.setenv("BACKPACK_URL", shared_box.url)
    monkeypatch.setenv("BACKPACK_TOKEN", shared_box.token)
    return offline


def signalled(
    number: signal.Signals, command: list[str], box: Sandbox, path: str
) -> subprocess.CompletedProcess[str]:
    """Run a command, and send it a signal while it awaits the response to a request of `path`."""
    fault = box.faults.latency(60, path=path)
    arguments = [sys.executable, "-m", "backpack_orm", *command]
    environment = os.environ | {"BACKPACK_URL": box.url, "BACKPACK_TOKEN": box.token}
    try:
        with subprocess.Popen(
            arguments,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # which nohup ignores
        ) as process:
            while not fault.fired:
                assert process.poll() is None
                Event().wait(0.01)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=30)
    finally:
        box.faults.clear()
    return subprocess.CompletedProcess(arguments, process.returncode, None, stderr)
