"""A canary for a token goes through every call and every error, and is heard nowhere."""

from __future__ import annotations

import inspect
import pickle
import runpy
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import backpack_orm
from backpack_orm import Connection, Model, Page, Reminder, Stats, connect, using
from backpack_orm.connection import rate_limits
from backpack_orm.errors import BackpackError
from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.faults import KINDS
from tests.docs import documents
from tests.secrecy.conftest import CANARY, Heard, caught, listening

_MADE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "endpoints.py"))
_PUBLIC = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
_ERRORS = {
    name
    for name, thing in _PUBLIC.items()
    if isinstance(thing, type) and issubclass(thing, BackpackError)
}
TEXT = {
    "latency": "latency 0",
    "slow_body": "slow_body 0",
    "status": "status 500",
    "redirect": "redirect https://{host}.evil.example{path}",
}

PLACES: dict[str, Callable[[], object]] = {
    "body": Page.all,
    "path": Reminder.all,
    "written in a body": lambda: Page.create(title="Porto"),
    "written in a path": lambda: Reminder.create(content="+30 Leave"),
    "header": backpack_orm.Status.all,
}
"""A call for each place where the token goes."""


def space() -> dict[str, Any]:
    """What the documents' lines begin with."""
    names: dict[str, Any] = dict(_PUBLIC)
    exec(_MADE["BEGINNING"], names)
    return names


def told(names: dict[str, Any]) -> list[object]:
    """What is ours among the names."""
    return [
        thing
        for name, thing in names.items()
        if name not in _PUBLIC and type(thing).__module__.startswith("backpack_orm")
    ]


# --- what goes well ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", _MADE["LINES"])
def test_no_call_tells_it(name: str, canary_connection: Connection, heard: Heard) -> None:
    names = space()
    canary_connection.clear_cache()
    exec(f"_result = {last}" if is_value(last := _MADE["LINES"][name]) else last, names)
    assert "urllib3" in heard.stream.getvalue()
    for thing in told(names):
        heard.about(thing)


def is_value(line: str) -> bool:
    """Whether a line has a value that can be kept."""
    try:
        compile(line, "line", "eval")
    except SyntaxError:
        return False
    return True


def test_no_attribute_of_a_model_tells_it(canary_connection: Connection, heard: Heard) -> None:
    models = [thing for thing in told(space()) if isinstance(thing, Model)]
    assert len({type(model) for model in models}) >= 8
    for model in models:
        for name in dir(model):
            if not callable(getattr(type(model), name, None)):
                heard.parts.append(repr(getattr(model, name)))
        heard.parts.append(repr(model.to_dict()))


def test_no_attribute_of_a_connection_tells_it(canary_connection: Connection, heard: Heard) -> None:
    heard.about(canary_connection)
    for name in dir(canary_connection):
        heard.parts.append(repr(getattr(canary_connection, name)))
    assert isinstance(canary_connection.stats, Stats)
    heard.about(canary_connection.stats.by_endpoint)
    copied = pickle.loads(pickle.dumps(canary_connection))
    assert copied is canary_connection


def test_a_pickle_of_a_connection_opens_no_account(heard: Heard) -> None:
    pickled = pickle.dumps(Connection("acme", token=CANARY))
    heard.parts.append(repr(pickled))
    with pytest.raises(backpack_orm.NotConnected) as error:
        Page.all(using=pickle.loads(pickled))
    heard.about_error(error.value)


def test_nothing_that_is_kept_tells_it(canary_connection: Connection, heard: Heard) -> None:
    space()
    cache = canary_connection._cache
    assert cache._cached and cache._keys
    heard.parts += [repr([*cache._cached.items()]), repr(cache._keys)]
    heard.parts.append(repr(pickle.dumps([*cache._cached])))


def test_where_requests_are_counted_it_is_not_told(
    canary_connection: Connection, heard: Heard
) -> None:
    Page.all()
    canary_connection._transport._limits.pause(Page._all.rate_limit, 1)  # type: ignore[union-attr]
    store: Any
    (store,) = rate_limits._stores.values()
    assert store._sent and rate_limits._pauses
    heard.parts.append(repr((store._sent, rate_limits._pauses)))


# --- what fails -------------------------------------------------------------------------------


def provoke(box: Sandbox, words: str, call: Callable[[], object]) -> BaseException:
    box.faults.add(words)
    return caught(call)


def stale(box: Sandbox) -> BaseException:
    page = Page.all()[0]
    page.description  # noqa: B018 - loaded, and then changed behind its back
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
    return caught(Page.all)  # which is not sent


def late(box: Sandbox) -> BaseException:
    box.faults.add("latency 5 path=ws/pages/all")
    hasty = Connection(box.url, token=CANARY, timeout=(5, 0.05), max_wait=0)
    error = caught(lambda: Page.all(using=hasty))
    box.faults.clear()
    return error


PROVOKED: dict[str, Callable[[Sandbox], BaseException]] = {
    "ApiError": lambda box: provoke(box, "status 409", Page.all),
    "AuthenticationError": lambda box: caught(
        lambda: Page.all(using=Connection(box.url, token="another"))
    ),
    "BackpackError": lambda box: caught(lambda: Page.find(1)),
    "Destroyed": destroyed,
    "Forbidden": lambda box: provoke(box, "status 403", Page.all),
    "InvalidResponse": lambda box: provoke(box, "html_page", Reminder.all),
    "NotConnected": lambda box: caught(
        lambda: Page.all(using=pickle.loads(pickle.dumps(Connection("other", token=CANARY))))
    ),
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
def test_no_error_tells_it(name: str, canary_box: Sandbox, heard: Heard) -> None:
    connect(canary_box.url, token=CANARY, max_wait=0, limits=None)
    error = PROVOKED[name](canary_box)
    assert isinstance(error, _PUBLIC[name])
    heard.about_error(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", PLACES.values(), ids=PLACES.keys())
def test_no_misbehaviour_brings_it_out(
    kind: str,
    call: Callable[[], object],
    canary_box: Sandbox,
    canary_connection: Connection,
    heard: Heard,
) -> None:
    canary_box.faults.add(TEXT.get(kind, kind))
    try:
        call()
    except BackpackError as error:
        heard.about_error(error.with_traceback(error.__traceback__.tb_next))  # type: ignore[union-attr]
    heard.parts += [repr(canary_box), repr(canary_box.log), repr(canary_box.faults)]


@pytest.mark.parametrize("call", PLACES.values(), ids=PLACES.keys())
def test_no_interrupt_brings_it_out(
    call: Callable[[], object],
    canary_connection: Connection,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as Ctrl-C while a response is waited for: the frames of libraries hold what was sent."""
    for interrupt in (KeyboardInterrupt, SystemExit, MemoryError):
        monkeypatch.setattr(HTTPResponse, "begin", Mock(side_effect=interrupt))
        with pytest.raises(interrupt) as interrupted:
            call()
        heard.about_error(interrupted.value)


WRONG: dict[str, dict[str, Any]] = {
    "no name": {"account": "ac me"},
    "no address": {"account": "https://"},
    "in clear": {"account": "http://acme.example"},
    "a password": {"account": "https://me:pw@acme.example"},
    "user_agent": {"user_agent": ""},
    "timeout": {"timeout": 5},
    "ttl": {"ttl": -1},
    "max_wait": {"max_wait": "long"},
    "limits": {"limits": "redis"},
    "timezone": {"timezone": "Nowhere"},
    "both": {"token": CANARY, "oauth_token": CANARY},
    "a token with a blank": {"token": f"{CANARY} "},
    "a token with a slash": {"token": f"/{CANARY}"},
    "a token for an account": {"account": CANARY},
    "a token for a host": {"account": f"https://{CANARY}.backpackit.com"},
    "read_only": {"read_only": "no"},
}


@pytest.mark.parametrize("way", [connect, Connection])
@pytest.mark.parametrize("wrong", WRONG)
def test_no_mistake_in_connecting_tells_it(
    way: Callable[..., object], place: str, wrong: str, heard: Heard
) -> None:
    options = {"account": "acme", place: CANARY} | WRONG[wrong]

    def begin() -> object:
        return way(**options)

    error = caught(begin)
    assert isinstance(error, BackpackError)
    beneath = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]  # ours alone
    heard.about_error(error.with_traceback(beneath))


def test_an_account_that_is_missing_does_not_bring_it_out(heard: Heard) -> None:
    def begin() -> object:
        return connect(token=CANARY)

    error = caught(begin)
    assert isinstance(error, backpack_orm.NotConnected)
    heard.about_error(error.with_traceback(error.__traceback__.tb_next.tb_next))  # type: ignore[union-attr]


def test_using_tells_nothing(canary_connection: Connection, heard: Heard) -> None:
    context = using(canary_connection)
    heard.parts.append(repr(context))
    with context as connection:
        heard.about(connection)


# --- nothing is forgotten ---------------------------------------------------------------------


def test_every_public_name_is_met() -> None:
    rows = {name.split(".")[0] for name in _MADE["LINES"]}
    on_others = {
        name
        for name, thing in _PUBLIC.items()
        if isinstance(thing, type) and issubclass(thing, Model) and name not in rows
    }
    assert on_others == {"Attachment", "Belonging", "Gallery", "Image", "Match", "Message", "Model"}
    rest = set(_PUBLIC) - rows - _ERRORS - on_others
    assert rest == {
        "Collection",
        "Connection",
        "Embeds",
        "Export",
        "HasItems",
        "HasMany",
        "ProbeResult",
        "SaveResult",
        "Stats",
        "__version__",
        "connect",
        "probe_partial_updates",
        "using",
    }


def test_whoever_listens_does_hear() -> None:
    with listening() as heard:
        token = CANARY

        def fail() -> None:
            inner = token  # noqa: F841 - what a traceback shows
            raise ValueError(inspect.currentframe().f_code.co_name)  # type: ignore[union-attr]

        heard.about_error(caught(fail))
    assert heard.everything().count(CANARY) >= 2


def test_the_sources_are_where_they_are_looked_for() -> None:
    assert Path(backpack_orm.__file__).is_relative_to(documents.ROOT)
