"""Tests that every plugin should pass, for the tests of the plugin."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError
from backpack_orm.models.page import Page
from backpack_orm.orm import signals

try:
    import pytest
except ModuleNotFoundError as missing:
    raise ImportError(
        f'the tests for plugins need {missing.name}: pip install "backpack_orm[pytest]"'
    ) from missing

if TYPE_CHECKING:
    from backpack_orm.sandbox import Faults, Sandbox


class PluginTests(ABC):
    """Tests of a plugin that adds functions to hooks and signals.

    Subclass it in the tests of the plugin, with a name that starts with `Test`, and say how the
    plugin is used. The tests run against sandboxes, with the fixtures of this package.

    >>> class TestAudit(PluginTests):
    ...     def plugin(self, connection, folder):
    ...         return AuditLog(folder / "audit.jsonl", connection)
    ...
    ...     def output(self, folder):
    ...         return (folder / "audit.jsonl").read_text("utf-8")
    """

    @abstractmethod
    def plugin(self, connection: Connection, folder: Path) -> AbstractContextManager[object]:
        """Return a context manager that adds the functions of the plugin, and removes them.

        Args:
            connection: The connection that it works for.
            folder: An empty folder for its files.
        """

    @abstractmethod
    def output(self, folder: Path) -> str:
        """Return all that the plugin has put out so far; "" before it has.

        Args:
            folder: The folder that `plugin` has received.
        """

    def test_its_functions_raise_no_errors(
        self, backpack: Connection, backpack_faults: Faults, tmp_path: Path
    ) -> None:
        """Fail on errors that are only logged: in a program, they are easily overlooked."""
        with self.plugin(backpack, tmp_path), errors_of_functions() as errors:
            use(backpack)
            fail(backpack, backpack_faults)
        assert not errors

    def test_it_loses_no_write(
        self, backpack: Connection, backpack_faults: Faults, tmp_path: Path
    ) -> None:
        """Compare the account with one that was used without the plugin."""
        with self.plugin(backpack, tmp_path):
            page = use(backpack)
            fail(backpack, backpack_faults)
        stored = Page.find(page.id, using=backpack, fresh=True)
        assert (stored.title, [tag.name for tag in stored.tags]) == ("Lisboa", ["Travel"])
        items = {item.content: item.completed for item in stored.lists[0].items}
        assert items == {"Socks": True, "Hat": False}
        assert Page.count(using=backpack) == 2  # this one, and that whose response was lost

    def test_its_output_contains_no_token(
        self,
        backpack: Connection,
        backpack_sandbox: Sandbox,
        backpack_faults: Faults,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Look for the token in the output, in all files, in the log and on the terminal."""
        with self.plugin(backpack, tmp_path), caplog.at_level(logging.DEBUG):
            use(backpack)
            fail(backpack, backpack_faults)
            found = [self.output(tmp_path), caplog.text, *capfd.readouterr()]
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        token = backpack_sandbox.token
        assert not any(token in text for text in found)
        assert not any(token.encode() in content for content in files)

    def test_it_ignores_other_accounts(
        self, backpack: Connection, backpack_sandbox: Sandbox, tmp_path: Path
    ) -> None:
        """Use another account, also in another thread."""
        token = backpack_sandbox.add_account("other")
        other = Connection(backpack_sandbox.url_of("other"), token=token)
        with self.plugin(backpack, tmp_path):
            use(backpack)
            before = self.output(tmp_path)
            use(other)
            thread = threading.Thread(target=use, args=(other,))
            thread.start()
            thread.join()
            assert self.output(tmp_path) == before

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_it_works_in_a_forked_process(self, backpack: Connection, tmp_path: Path) -> None:
        """Write in a child process, as the workers of many web servers do, and then here."""
        with self.plugin(backpack, tmp_path), errors_of_functions() as errors:
            use(backpack)
            sizes = [len(self.output(tmp_path))]
            assert _exit_code_of_child(backpack) == 0
            sizes.append(len(self.output(tmp_path)))
            use(backpack)
            sizes.append(len(self.output(tmp_path)))
        assert sizes == sorted({*sizes})
        assert not errors

    def test_it_leaves_no_function(self, backpack: Connection, tmp_path: Path) -> None:
        """Count the functions of all hooks and signals."""
        before = _functions(backpack)
        with self.plugin(backpack, tmp_path):
            assert _functions(backpack) > before
        assert _functions(backpack) == before


def use(connection: Connection) -> Page:
    """Read and write most kinds of records once, and return the page with the results."""
    page = Page.create(title="Lisbon", using=connection)
    page.update(title="Lisboa", tags=["Travel"])
    page.notes.create(title="Hotel").destroy()
    shopping = page.lists.create(name="Packing").items
    shopping.create_many(["Socks", "Hat"])
    shopping[0].complete()
    page.reload()
    return page


def fail(connection: Connection, faults: Faults) -> None:
    """Make writes that fail in several ways."""
    faults.status(500, times=1)
    faults.drop_after_write(times=1)
    for title in ("refused", "lost"):
        with pytest.raises(BackpackError):
            Page.create(title=title, using=connection)


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[BaseException | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and record.exc_info:
            self.found.append(record.exc_info[1])


@contextmanager
def errors_of_functions() -> Iterator[list[BaseException | None]]:
    """Collect the errors that functions of hooks and signals raise in a block.

    >>> with errors_of_functions() as errors:
    ...     pass
    >>> errors
    []
    """
    handler, logger = _Errors(), logging.getLogger("backpack_orm")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)


def _functions(connection: Connection) -> int:
    hooks = [*vars(connection.hooks).values(), *signals._hooks.values()]
    return sum(map(len, hooks))


def _exit_code_of_child(connection: Connection) -> int:
    """Use a connection in a forked process, and return its exit code: 0 if nothing has failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the sandbox has threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            with errors_of_functions() as errors:
                use(connection)
            code = 2 if errors else 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
