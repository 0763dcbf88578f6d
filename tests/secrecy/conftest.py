"""A canary used as token, and a recorder of all output that could contain it."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from rich.traceback import Traceback

from backpack_orm import Connection, connect
from backpack_orm.sandbox import Sandbox

CANARY = "5ca1ab1e0ddba11cafe5ca1ab1e0ddba11cafe77"


def shown_by_rich(error: BaseException) -> Iterator[str]:
    """Yield what a traceback of rich shows of an error and of the variables of its frames.

    Its layout is left out, which takes longer than everything else.
    """
    made = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=10**6,
        locals_max_string=10**6,
    )
    for stack in made.trace.stacks:
        yield f"{stack.exc_type}: {stack.exc_value} {stack.notes}"
        for frame in stack.frames:
            for name, node in (frame.locals or {}).items():
                yield f"{name} = {node}"


class Recorder:
    """Records log output, warnings, and the texts of objects and errors."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.parts: list[str] = []

    def add(self, value: object) -> None:
        """Add the representations of an object, of its copies and of its pickle."""
        self.parts += [repr(value), str(value), f"{value}"]
        with suppress(TypeError):  # it has slots
            self.parts.append(repr(vars(value)))
        for copier in (copy.copy, copy.deepcopy):
            self.parts.append(repr(copier(value)))
        self.parts.append(repr(pickle.dumps(value)))

    def add_error(self, error: BaseException) -> None:
        """Add an error and its tracebacks with the variables of the frames below."""
        self.add(error)
        self.parts += traceback.format_exception(error)
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.parts += report.format()
        self.parts += shown_by_rich(error)

    def text(self) -> str:
        return "\n".join([*self.parts, self.stream.getvalue()])


@contextmanager
def recording_output() -> Iterator[Recorder]:
    """Record what all loggers emit at the lowest level, and all warnings."""
    recorder = Recorder()
    handler = logging.StreamHandler(recorder.stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    loggers = [logging.getLogger(name) for name in (None, "backpack_orm", "urllib3", "waitress")]
    before = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(1)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield recorder
        recorder.parts += [str(warning.message) for warning in caught]
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Record the output of a test; it must not contain the canary."""
    with recording_output() as recorder:
        yield recorder
    assert CANARY not in recorder.text()


@pytest.fixture(params=["token", "oauth_token"])
def location(request: pytest.FixtureRequest) -> str:
    """The parameter that passes the canary to the connection."""
    name: str = request.param
    return name


@pytest.fixture
def canary_box(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A sandbox with the canary as its only token."""
    with demo(token=CANARY) as box:
        yield box


@pytest.fixture
def canary_connection(canary_box: Sandbox, location: str) -> Connection:
    """The connection to it, which is current and does not wait for rate limits."""
    options: dict[str, Any] = {location: CANARY}
    return connect(canary_box.url, max_wait=0, **options)


def caught(call: Callable[[], object]) -> BaseException:
    """Return the error that a call raises, with the frames below this one only."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("no error was raised")
