"""A canary used as token appears in no output of any call or error."""

from __future__ import annotations

import inspect
import pickle
import runpy
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import Mock

import pytest

import backpack_orm
from backpack_orm import Connection, Export, Model, Page, Reminder, Stats, User, connect, using
from backpack_orm.archive import Archive
from backpack_orm.connection import rate_limits
from backpack_orm.errors import BackpackError
from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.faults import KINDS
from tests.docs import documents
from tests.secrecy.conftest import CANARY, Recorder, caught, recording_output

_MADE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "endpoints.py"))
_PUBLIC = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
_ERRORS = {
    name
    for name, value in _PUBLIC.items()
    if isinstance(value, type) and issubclass(value, BackpackError)
}
TEXT = {
    "latency": "latency 0",
    "slow_body": "slow_body 0",
    "status": "status 500",
    "redirect": "redirect https://{host}.evil.example{path}",
}

LOCATIONS: dict[str, Callable[[], object]] = {
    "body": Page.all,
    "path": Reminder.all,
    "written in a body": lambda: Page.create(title="Porto"),
    "written in a path": lambda: Reminder.create(content="+30 Leave"),
    "header": backpack_orm.Status.all,
}
"""A call for each location of the token."""


def space() -> dict[str, Any]:
    """Return the variables that the lines of the documents use, with the current connection."""
    names: dict[str, Any] = dict(_PUBLIC)
    beginning: str = _MADE["BEGINNING"]
    assert "connection = connect()\n" in beginning
    exec(beginning.replace("connection = connect()\n", ""), names)
    return names


def own_objects(names: dict[str, Any]) -> list[object]:
    """Return the objects of this library among the variables."""
    return [
        value
        for name, value in names.items()
        if name not in _PUBLIC and type(value).__module__.startswith("backpack_orm")
    ]


# --- success ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _MADE["LINES"])
def test_no_call_shows_the_token(
    name: str, canary_connection: Connection, recorder: Recorder
) -> None:
    line = _MADE["LINES"][name]
    names = space()
    canary_connection.clear_cache()
    code = compile(f"_result = {line}" if is_value(line) else line, "line", "exec")
    exec(code, names)
    assert "urllib3" in recorder.stream.getvalue()
    for value in own_objects({name: names[name] for name in code.co_names if name in names}):
        recorder.add(value)


def test_no_object_shows_the_token(canary_connection: Connection, recorder: Recorder) -> None:
    values = own_objects(space())
    assert len(values) > 10
    for value in values:
        recorder.add(value)


def is_value(line: str) -> bool:
    """Whether a line is an expression, whose value can be assigned."""
    try:
        compile(line, "line", "eval")
    except SyntaxError:
        return False
    return True


def test_no_attribute_of_a_model_contains_the_token(
    canary_connection: Connection, recorder: Recorder
) -> None:
    models = [value for value in own_objects(space()) if isinstance(value, Model)]
    assert len({type(model) for model in models}) >= 8
    for model in models:
        for name in dir(model):
            if not callable(getattr(type(model), name, None)):
                recorder.parts.append(repr(getattr(model, name)))
        recorder.parts.append(repr(model.to_dict()))


def test_no_attribute_of_a_connection_contains_the_token(
    canary_connection: Connection, recorder: Recorder
) -> None:
    recorder.add(canary_connection)
    for name in dir(canary_connection):
        recorder.parts.append(repr(getattr(canary_connection, name)))
    assert isinstance(canary_connection.stats, Stats)
    recorder.add(canary_connection.stats.by_endpoint)
    copied = pickle.loads(pickle.dumps(canary_connection))
    assert copied is canary_connection


def test_an_unpickled_connection_has_no_access(recorder: Recorder) -> None:
    pickled = pickle.dumps(Connection("acme", token=CANARY))
    recorder.parts.append(repr(pickled))
    with pytest.raises(backpack_orm.NotConnected) as error:
        Page.all(using=pickle.loads(pickled))
    recorder.add_error(error.value)


def test_caches_do_not_contain_the_token(canary_connection: Connection, recorder: Recorder) -> None:
    space()
    cache = canary_connection._cache
    assert cache._cached and cache._keys
    recorder.parts += [repr([*cache._cached.items()]), repr(cache._keys)]
    recorder.parts.append(repr(pickle.dumps([*cache._cached])))


def test_the_rate_limiter_does_not_store_the_token(
    canary_connection: Connection, recorder: Recorder
) -> None:
    Page.all()
    canary_connection._transport._limits.pause(Page._all.rate_limit, 1)  # type: ignore[union-attr]
    store: Any
    (store,) = rate_limits._stores.values()
    assert store._sent and rate_limits._pauses
    recorder.parts.append(repr((store._sent, rate_limits._pauses)))


# --- failure ----------------------------------------------------------------------------------


def provoke(box: Sandbox, fault: str, call: Callable[[], object]) -> BaseException:
    box.faults.add(fault)
    return caught(call)


def stale(box: Sandbox) -> BaseException:
    page = Page.all()[0]
    page.description  # noqa: B018 - loads the page, which is then changed elsewhere
    twin = Page.find(page.id)
    twin.title = "Porto"
    twin.save()
    page.title = "Braga"
    return caught(lambda: page.save(check=True))


def destroyed(box: Sandbox) -> BaseException:
    page = Page.all()[0]
    page.destroy()
    return caught(page.save)


def read_only(box: Sandbox) -> BaseException:
    page = Page.all()[0]
    page.id = 7
    return caught(page.save)


def impatient(box: Sandbox) -> BaseException:
    box.faults.add("status 503 retry_after=600")
    caught(Page.all)
    return caught(Page.all)  # is not sent


def late(box: Sandbox) -> BaseException:
    box.faults.add("latency 5 path=ws/pages/all")
    hasty = Connection(box.url, token=CANARY, timeout=(5, 0.05), max_wait=0)
    error = caught(lambda: Page.all(using=hasty))
    box.faults.clear()
    return error


def in_archive(read: Callable[[Archive, Path], object]) -> Callable[[Sandbox], BaseException]:
    """Return a function that archives the account, and returns the error of reading it."""

    def provoke(box: Sandbox) -> BaseException:
        with TemporaryDirectory() as folder:
            archive = Archive(Path(folder) / "backup")
            archive.sync(Connection(box.url, token=CANARY))
            return caught(lambda: read(archive, Path(folder) / "backup"))

    return provoke


def damage(archive: Archive, folder: Path) -> object:
    (folder / "log" / "000001.jsonl.gz").write_bytes(b"{}\n")
    return archive.pages


PROVOKED: dict[str, Callable[[Sandbox], BaseException]] = {
    "ArchiveError": in_archive(lambda archive, folder: Archive(folder / "log")),
    "DamagedArchive": in_archive(damage),
    "NotInArchive": in_archive(
        lambda archive, folder: Page.search("tram", using=archive.connection)
    ),
    "ApiError": lambda box: provoke(box, "status 409", Page.all),
    "AuthenticationError": lambda box: caught(
        lambda: Page.all(using=Connection(box.url, token="another"))
    ),
    "BackpackError": lambda box: caught(lambda: Page.find(1)),
    "Destroyed": destroyed,
    "Forbidden": lambda box: provoke(box, "status 403", Page.all),
    "InvalidExport": lambda box: caught(lambda: Export.read(User.me().export()._content[:-9])),
    "InvalidResponse": lambda box: provoke(box, "html_page", Reminder.all),
    "NotConnected": lambda box: caught(
        lambda: Page.all(using=pickle.loads(pickle.dumps(Connection("other", token=CANARY))))
    ),
    "MultipleFound": lambda box: caught(Page.get),
    "NotFound": lambda box: caught(lambda: Page.find(1)),
    "NotSaved": lambda box: caught(Page(title="Porto").destroy),
    "OutcomeUnknown": lambda box: provoke(
        box, "drop_after_write", lambda: Reminder.create(content="+30 Leave")
    ),
    "RateLimited": impatient,
    "ReadOnly": read_only,
    "Rejected": lambda box: provoke(box, "status 422", Page.all),
    "ServerError": lambda box: provoke(box, "status 500", Reminder.all),
    "StaleRecord": stale,
    "Timeout": late,
    "TransportError": lambda box: provoke(box, "drop_before_write", Reminder.all),
    "UnexpectedRedirect": lambda box: provoke(
        box, "redirect https://evil.example{path}", Reminder.all
    ),
    "ValidationError": lambda box: caught(lambda: Page.create(title="\x07")),
}


def test_every_error_is_provoked() -> None:
    assert set(PROVOKED) == _ERRORS


@pytest.mark.parametrize("name", PROVOKED)
def test_no_error_contains_the_token(name: str, canary_box: Sandbox, recorder: Recorder) -> None:
    connect(canary_box.url, token=CANARY, max_wait=0, limits=None)
    error = PROVOKED[name](canary_box)
    assert isinstance(error, _PUBLIC[name])
    recorder.add_error(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", LOCATIONS.values(), ids=LOCATIONS.keys())
def test_no_fault_reveals_the_token(
    kind: str,
    call: Callable[[], object],
    canary_box: Sandbox,
    canary_connection: Connection,
    recorder: Recorder,
) -> None:
    canary_box.faults.add(TEXT.get(kind, kind))
    try:
        call()
    except BackpackError as error:
        recorder.add_error(error.with_traceback(error.__traceback__.tb_next))  # type: ignore[union-attr]
    recorder.parts += [repr(canary_box), repr(canary_box.log), repr(canary_box.faults)]


@pytest.mark.parametrize("call", LOCATIONS.values(), ids=LOCATIONS.keys())
def test_no_interrupt_reveals_the_token(
    call: Callable[[], object],
    canary_connection: Connection,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For example Ctrl-C while waiting for a response: frames of libraries hold the request."""
    for interrupt in (KeyboardInterrupt, SystemExit, MemoryError):
        monkeypatch.setattr(HTTPResponse, "begin", Mock(side_effect=interrupt))
        with pytest.raises(interrupt) as interrupted:
            call()
        recorder.add_error(interrupted.value)


INVALID: dict[str, dict[str, Any]] = {
    "invalid name": {"account": "ac me"},
    "invalid address": {"account": "https://"},
    "plain HTTP": {"account": "http://acme.example"},
    "a password": {"account": "https://me:pw@acme.example"},
    "user_agent": {"user_agent": ""},
    "timeout": {"timeout": 5},
    "ttl": {"ttl": -1},
    "max_wait": {"max_wait": "long"},
    "limits": {"limits": "redis"},
    "timezone": {"timezone": "Nowhere"},
    "both tokens": {"token": CANARY, "oauth_token": CANARY},
    "a token with a blank": {"token": f"{CANARY} "},
    "a token with a slash": {"token": f"/{CANARY}"},
    "a token for an account": {"account": CANARY},
    "a token for a host": {"account": f"https://{CANARY}.backpackit.com"},
    "read_only": {"read_only": "no"},
}


@pytest.mark.parametrize("connector", [connect, Connection])
@pytest.mark.parametrize("invalid", INVALID)
def test_no_invalid_option_reveals_the_token(
    connector: Callable[..., object], location: str, invalid: str, recorder: Recorder
) -> None:
    options = {"account": "acme", location: CANARY} | INVALID[invalid]

    def call() -> object:
        return connector(**options)

    error = caught(call)
    assert isinstance(error, BackpackError)
    traceback = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]  # without this test
    recorder.add_error(error.with_traceback(traceback))


def test_a_missing_account_does_not_reveal_the_token(recorder: Recorder) -> None:
    def call() -> object:
        return connect(token=CANARY)

    error = caught(call)
    assert isinstance(error, backpack_orm.NotConnected)
    recorder.add_error(error.with_traceback(error.__traceback__.tb_next.tb_next))  # type: ignore[union-attr]


def test_using_does_not_show_the_token(canary_connection: Connection, recorder: Recorder) -> None:
    context = using(canary_connection)
    recorder.parts.append(repr(context))
    with context as connection:
        recorder.add(connection)


def test_no_event_shows_the_token(canary_connection: Connection, recorder: Recorder) -> None:
    seen: list[object] = []
    signals = (Model.created, Model.saved, Model.destroyed)
    for hook in (*vars(canary_connection.hooks).values(), *signals):
        hook(seen.append)
    try:
        Reminder.all(fresh=True)
        Page.create(title="Porto").destroy()
    finally:
        for signal in signals:
            signal.remove(seen.append)
    assert len({type(event) for event in seen}) == 6
    for event in seen:
        recorder.add(event)


# --- completeness -----------------------------------------------------------------------------


def test_every_public_name_is_covered() -> None:
    rows = {name.split(".")[0] for name in _MADE["LINES"]}
    on_others = {
        name
        for name, value in _PUBLIC.items()
        if isinstance(value, type) and issubclass(value, Model) and name not in rows
    }
    assert on_others == {"Attachment", "Belonging", "Gallery", "Image", "Match", "Message", "Model"}
    others = set(_PUBLIC) - rows - _ERRORS - on_others
    assert others == {
        "BulkResult",
        "CacheEvent",
        "Collection",
        "CopyResult",
        "Connection",
        "CreatedEvent",
        "DestroyedEvent",
        "Embeds",
        "Export",
        "Grant",  # its secrets, and those of its accounts and applications: tests/connection/oauth
        "HasItems",
        "HasMany",
        "OAuthAccount",
        "OAuthApp",
        "ProbeResult",
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "SaveResult",
        "SavedEvent",
        "SyncPlan",
        "Stats",
        "__version__",
        "connect",
        "current",
        "probe_partial_updates",
        "using",
    }


def test_the_recorder_finds_a_token_that_leaks() -> None:
    with recording_output() as recorder:
        token = CANARY

        def fail() -> None:
            inner = token  # noqa: F841 - appears in the traceback
            raise ValueError(inspect.currentframe().f_code.co_name)  # type: ignore[union-attr]

        recorder.add_error(caught(fail))
    assert recorder.text().count(CANARY) >= 2


def test_the_recorder_finds_a_token_that_only_rich_shows() -> None:
    class Shown:
        def __repr__(self) -> str:
            return "Shown()"

        def __rich_repr__(self) -> Iterator[str]:
            yield CANARY

    def fail(shown: Shown) -> None:
        raise ValueError

    with recording_output() as recorder:
        recorder.add_error(caught(lambda: fail(Shown())))
    assert CANARY in recorder.text()


def test_the_package_is_imported_from_this_repository() -> None:
    assert Path(backpack_orm.__file__).is_relative_to(documents.ROOT)
