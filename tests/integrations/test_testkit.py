"""The tests for plugins pass for a good plugin, and fail for each kind of bad one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Connection, Model, SavedEvent
from backpack_orm.integrations.testkit import PluginTests
from backpack_orm.sandbox import Sandbox

pytestmark = pytest.mark.network

Write = Callable[[SavedEvent[Model], Connection, Path], None]


def append(folder: Path, text: str) -> None:
    with (folder / "log").open("a") as file:
        file.write(f"{text}\n")


class Plugin(PluginTests):
    """A plugin that does what it is told with each write of its connection."""

    def __init__(self, write: Write, *, is_removed: bool = True) -> None:
        self._write, self._is_removed = write, is_removed

    def plugin(self, connection: Connection, folder: Path) -> AbstractContextManager[None]:
        @contextmanager
        def run() -> Iterator[None]:
            def write(event: SavedEvent[Model]) -> None:
                self._write(event, connection, folder)

            Model.saved(write)
            yield
            if self._is_removed:
                Model.saved.remove(write)

        return run()

    def output(self, folder: Path) -> str:
        path = folder / "log"
        return path.read_text() if path.exists() else ""


def good(event: SavedEvent[Model], connection: Connection, folder: Path) -> None:
    if event.record.connection.account == connection.account:
        append(folder, f"{event.fields}")


class TestAGoodPlugin(PluginTests):
    plugin = Plugin(good).plugin
    output = Plugin(good).output


def test_errors_of_functions_are_failures(
    backpack: Connection, backpack_faults: Any, tmp_path: Path
) -> None:
    def broken(event: SavedEvent[Model], connection: Connection, folder: Path) -> None:
        raise RuntimeError("broken")

    with pytest.raises(AssertionError, match="broken"):
        Plugin(broken).test_its_functions_raise_no_errors(backpack, backpack_faults, tmp_path)


@pytest.mark.parametrize("where", ["output", "file", "log", "terminal"])
def test_a_token_anywhere_is_a_failure(
    where: str,
    request: pytest.FixtureRequest,
    backpack: Connection,
    backpack_sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    token = backpack_sandbox.token

    def leak(event: SavedEvent[Model], connection: Connection, folder: Path) -> None:
        if where == "output":
            append(folder, token)
        elif where == "file":
            (folder / "other").write_text(token)
        elif where == "log":
            logging.getLogger("a_plugin").error(token)
        else:
            os.write(1, token.encode())

    fixtures = (
        request.getfixturevalue(name) for name in ("backpack_faults", "tmp_path", "caplog", "capfd")
    )
    with pytest.raises(AssertionError):
        Plugin(leak).test_its_output_contains_no_token(backpack, backpack_sandbox, *fixtures)


def test_another_account_in_the_output_is_a_failure(
    backpack: Connection, backpack_sandbox: Sandbox, tmp_path: Path
) -> None:
    def mix(event: SavedEvent[Model], connection: Connection, folder: Path) -> None:
        append(folder, "written")

    with pytest.raises(AssertionError):
        Plugin(mix).test_it_ignores_other_accounts(backpack, backpack_sandbox, tmp_path)


def test_a_plugin_that_does_nothing_in_a_forked_process_fails(
    backpack: Connection, tmp_path: Path
) -> None:
    process = os.getpid()

    def here(event: SavedEvent[Model], connection: Connection, folder: Path) -> None:
        if os.getpid() == process:
            append(folder, "written")

    with pytest.raises(AssertionError):
        Plugin(here).test_it_works_in_a_forked_process(backpack, tmp_path)


def test_a_function_that_is_left_is_a_failure(
    backpack: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backpack_orm.orm.signals._hooks", {})
    with pytest.raises(AssertionError):
        Plugin(good, is_removed=False).test_it_leaves_no_function(backpack, tmp_path)
