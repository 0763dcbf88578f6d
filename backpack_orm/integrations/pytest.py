"""A plugin for pytest: sandboxes, connections, counted requests, and cassettes without tokens.

pytest loads it in every run, so it imports everything else in the fixtures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.sandbox import Exchange, Faults, Sandbox


pytest.register_assert_rewrite("backpack_orm.integrations.testkit")
_SHOWN = 10  # requests in a message about faults
_LONGEST_NAME = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records cassettes."""
    parser.getgroup("backpack_orm").addoption(
        "--backpack-record",
        action="store_true",
        help="record the cassettes of backpack_cassette again, from the account that BACKPACK_URL "
        "and BACKPACK_TOKEN name",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Document the mark."""
    config.addinivalue_line(
        "markers",
        'backpack(seed="demo", …): the options of the sandbox that the fixtures start, which is '
        "empty without this mark",
    )


@pytest.fixture
def backpack_sandbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """A running sandbox of this test alone.

    It is empty, unless the mark `backpack` gives other options, such as
    `@pytest.mark.backpack(seed="demo")`. Until the test ends, the environment names it, so that
    code that connects by itself does not write into a real account.
    """
    from backpack_orm.connection import context
    from backpack_orm.sandbox import Sandbox

    mark = request.node.get_closest_marker("backpack")
    if mark is not None and mark.args:
        raise pytest.UsageError(f"the mark backpack takes keywords only, not {mark.args[0]!r}")
    with (
        context.restored(),  # the code under test may have connected
        Sandbox(**{"seed": "empty", **(mark.kwargs if mark else {})}) as sandbox,
    ):
        for prefix in ("", "FLASK_"):  # as Flask reads its configuration from the environment
            monkeypatch.setenv(f"{prefix}BACKPACK_URL", sandbox.url)
            monkeypatch.setenv(f"{prefix}BACKPACK_TOKEN", sandbox.token)
        yield sandbox


@pytest.fixture
def backpack(backpack_sandbox: Sandbox) -> Iterator[Connection]:
    """The default connection in all threads until the test ends: to its sandbox.

    It has no rate limiter, since the sandbox enforces limits only with
    `@pytest.mark.backpack(limits=True)`.
    """
    from backpack_orm.connection import Connection

    with _default(
        lambda: Connection(backpack_sandbox.url, token=backpack_sandbox.token, limits=None)
    ) as connection:
        yield connection


@pytest.fixture
def backpack_faults(backpack_sandbox: Sandbox) -> Iterator[Faults]:
    """The faults of the sandbox, such as `backpack_faults.drop_after_write(times=1)`.

    A fault that has affected no request by the end of the test fails it, since such a test would
    pass without the failure that it is about. `backpack_faults.clear()` removes those that need not
    fire.
    """
    yield backpack_sandbox.faults
    unused = [fault for fault in backpack_sandbox.faults if not fault.fired]
    if unused:
        lines = [f"{fault} has affected no request" for fault in unused]
        lines.append("Call backpack_faults.clear() if that is right. The last requests were:")
        lines += _lines(backpack_sandbox.log[-_SHOWN:])
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.fixture
def backpack_requests(
    backpack_sandbox: Sandbox,
) -> Callable[[int], AbstractContextManager[None]]:
    """Compare how many requests a block makes: `with backpack_requests(2): …`."""

    @contextmanager
    def expect(count: int) -> Iterator[None]:
        from backpack_orm.plurals import counted

        __tracebackhide__ = True
        before = backpack_sandbox.requests
        yield
        made = backpack_sandbox.requests - before
        if made != count:
            log = backpack_sandbox.log[-made:] if made else []
            pytest.fail("\n".join([f"{counted(made, 'request')} instead of {count}", *_lines(log)]))

    return expect


@pytest.fixture
def backpack_cassette(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    """The default connection until the test ends: replays the cassette of the test.

    Cassettes are stored beside the test, in `cassettes/<module>/<test>.yaml`, without tokens; the
    names of parametrized tests end in a hash of their parameters. Run
    pytest with `--backpack-record` to record them from your account. The test fails if it makes
    other requests than were recorded, or fewer.
    """
    from backpack_orm.connection import Connection, connect, parallel
    from backpack_orm.integrations.vcr import URL, recorder

    path = _cassette_of(request.node)
    monkeypatch.setattr(parallel, "WORKERS", 1)  # VCR.py does not support threads
    if request.config.getoption("--backpack-record"):
        with _default(connect) as connection:
            path.unlink(missing_ok=True)
            with recorder(connection, record_mode="all").use_cassette(path):
                yield connection
        return
    if not path.exists():
        pytest.fail(
            f"{path} does not exist: set BACKPACK_URL and BACKPACK_TOKEN, and run pytest with "
            "--backpack-record to record it",
            pytrace=False,
        )
    with (
        _default(lambda: Connection(URL, token="TOKEN", limits=None, max_wait=0)) as connection,  # noqa: S106
        recorder(connection, record_mode="none").use_cassette(path) as cassette,
    ):
        yield connection
    if not cassette.all_played:
        pytest.fail(
            f"{path} contains {len(cassette) - cassette.play_count} requests that the test has not "
            "made: record it again with --backpack-record",
            pytrace=False,
        )


def _lines(log: Iterable[Exchange]) -> list[str]:
    return [f"  {each.verb} {each.path} {each.status}" for each in log] or ["  none"]


def _cassette_of(node: pytest.Item) -> Path:
    from hashlib import sha256

    id = node.nodeid.partition("::")[2]
    name = re.sub(r"[^\w.-]+", "_", id.replace("::", "."))
    if "[" in id:  # parameters may differ in punctuation or letter case alone, and be long
        name = f"{name[:_LONGEST_NAME].strip('_')}-{sha256(id.encode()).hexdigest()[:10]}"
    return node.path.parent / "cassettes" / node.path.stem / f"{name}.yaml"


@contextmanager
def _default(make: Callable[[], Connection]) -> Iterator[Connection]:
    """Make a connection the default, and restore the previous one at the end."""
    from backpack_orm.connection import context

    with context.restored(), closing(make()) as connection:
        context.set_default(connection)
        yield connection
