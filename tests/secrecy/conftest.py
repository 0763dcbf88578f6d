"""A canary among the tokens, and everything that could sing of it."""

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
from rich.console import Console
from rich.traceback import Traceback

from backpack_orm import Connection, connect
from backpack_orm.sandbox import Sandbox

CANARY = "5ca1ab1e0ddba11cafe5ca1ab1e0ddba11cafe77"
WIDE = 2000  # so that no line is broken in the midst of it


class Uncoloured(Traceback):
    """The same text, without a look at what is code: that would take longer than all else."""

    LEXERS = dict.fromkeys(Traceback.LEXERS, "text")


class Heard:
    """What has been logged and warned of, and what was asked of objects and errors."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.parts: list[str] = []

    def about(self, thing: object) -> None:
        """All that an object tells of itself, its copies and its pickle included."""
        self.parts += [repr(thing), str(thing), f"{thing}"]
        with suppress(TypeError):  # it has slots
            self.parts.append(repr(vars(thing)))
        for way in (copy.copy, copy.deepcopy):
            self.parts.append(repr(way(thing)))
        self.parts.append(repr(pickle.dumps(thing)))

    def about_error(self, error: BaseException) -> None:
        """All that an error tells, and what its tracebacks show of the variables under it."""
        self.about(error)
        self.parts += traceback.format_exception(error)
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.parts += report.format()
        stream = io.StringIO()
        console = Console(file=stream, width=WIDE)
        rich = Uncoloured.from_exception(
            type(error),
            error,
            error.__traceback__,
            width=WIDE,
            show_locals=True,
            locals_max_length=10**6,
            locals_max_string=10**6,
        )
        console.print(rich)
        self.parts.append(stream.getvalue())

    def everything(self) -> str:
        return "\n".join([*self.parts, self.stream.getvalue()])


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear whatever any logger says at its finest, and all warnings."""
    heard = Heard()
    handler = logging.StreamHandler(heard.stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    loggers = [logging.getLogger(name) for name in (None, "backpack_orm", "urllib3", "waitress")]
    before = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(1)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield heard
        heard.parts += [str(warning.message) for warning in caught]
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What was heard in a test; the canary is never in it."""
    with listening() as heard:
        yield heard
    assert CANARY not in heard.everything()


@pytest.fixture(params=["token", "oauth_token"])
def place(request: pytest.FixtureRequest) -> str:
    """How the connection is told the canary."""
    name: str = request.param
    return name


@pytest.fixture
def canary_box(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A sandbox that only the canary opens."""
    with demo(token=CANARY) as box:
        yield box


@pytest.fixture
def canary_connection(canary_box: Sandbox, place: str) -> Connection:
    """The connection to it, which is the one in use, and has no patience."""
    options: dict[str, Any] = {place: CANARY}
    return connect(canary_box.url, max_wait=0, **options)


def caught(call: Callable[[], object]) -> BaseException:
    """What a call raises: with the frames under this one, and none above."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it raises nothing")
