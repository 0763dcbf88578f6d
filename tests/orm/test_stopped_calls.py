"""Calls of several requests say honestly what they left, and continue without doubling anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from inspect import getattr_static
from types import FunctionType
from typing import Any

import pytest
import requests

import backpack_orm
from backpack_orm import BackpackError, BulkResult, Connection, NotFound, Page, SaveResult
from backpack_orm.connection import parallel
from backpack_orm.orm.schema.registry import registry
from backpack_orm.sandbox import Sandbox

Act = Callable[[], Any]


def page(index: int = 0) -> Page:
    return Page.find(Page.all()[index].id)


def edited() -> Page:
    edited = page()
    edited.title, edited.tags, edited.description = "new", ["new"], "new"
    return edited


def new() -> Page:
    return Page(title="new", tags=["new"], description="new")


def packing() -> Any:
    return page().lists["Packing"]


def on(found: Any, act: Callable[[Any], Any]) -> Act:
    """Return an act on records that are loaded before."""
    return lambda: act(found)


NEW: dict[str, Any] = {"tags": ["new"], "description": "new"}
CALLS: dict[str, tuple[int, Callable[[], Act]]] = {
    "Page.create": (3, lambda: lambda: Page.create(title="new", **NEW)),
    "save a new page": (3, lambda: on(new(), lambda it: it.save())),
    "get_or_create": (4, lambda: lambda: Page.get_or_create(title="new", defaults=NEW)),
    "update_or_create a new page": (
        4,
        lambda: lambda: Page.update_or_create(title="new", defaults=NEW),
    ),
    "update_or_create": (3, lambda: lambda: Page.update_or_create(title="Lisbon", defaults=NEW)),
    "save": (3, lambda: on(edited(), lambda it: it.save())),
    "save(check=True)": (4, lambda: on(edited(), lambda it: it.save(check=True))),
    "update": (3, lambda: on(page(), lambda it: it.update(title="new", **NEW))),
    "Tag.create": (
        3,
        lambda: on(page(), lambda it: backpack_orm.Tag.create(page=it, name="new")),
    ),
    "get_or_create a tag": (
        4,
        lambda: on(page(), lambda it: backpack_orm.Tag.get_or_create(page=it, name="new")),
    ),
    "Tag.update": (6, lambda: on(tag(), lambda it: it.update(name="new"))),
    "Tag.destroy": (5, lambda: on(tag(), lambda it: it.destroy())),
    "complete": (2, lambda: on(packing().items[0], lambda it: it.complete())),
    "update of many": (6, lambda: on(Page.all()[:2], lambda it: it.update(title="new", **NEW))),
    "complete two": (4, lambda: on(packing().items[:2], lambda it: it.complete())),
    "destroy all": (2, lambda: on(page().notes, lambda it: it.destroy())),
    "retag": (6, lambda: on(Page.all()[:2], lambda it: it.retag(add=["new"]))),
    "create_many": (3, lambda: on(page().notes, lambda it: it.create_many(["new", "newer"]))),
    "create_many(adopt=True)": (
        3,
        lambda: on(page().notes, lambda it: it.create_many(["new", "newer"], adopt=True)),
    ),
    "sync": (5, lambda: on(page().notes, lambda it: it.sync({"new": "1"}, destroy=True))),
    "copy_to": (4, lambda: on(page().notes, lambda it: it.copy_to(Page.all()[1]))),
    "move_to": (8, lambda: on(page().notes, lambda it: it.move_to(Page.all()[1]))),
    "duplicate": (4, lambda: on(page(), lambda it: it.duplicate(title="new"))),
    "tags.add": (2, lambda: on(page(), lambda it: it.tags.add("new"))),
    "tags.remove": (2, lambda: on(page(), lambda it: it.tags.remove("Travel"))),
    "tags.set": (2, lambda: on(page(), lambda it: it.tags.set(["new"]))),
    "merge_into": (10, lambda: on(page(8), lambda it: it.merge_into(Page.all()[1]))),
    "merge_into(adopt=True)": (
        10,
        lambda: on(page(8), lambda it: it.merge_into(Page.all()[1], adopt=True)),
    ),
    "copy a list, and adopt what is there": (
        5,
        lambda: on(page(12).lists[0], lambda it: it.copy_to(Page.all()[1], adopt=True)),
    ),
    "Page.create_many": (
        7,
        lambda: lambda: Page.create_many([{"title": "new", **NEW}, {"title": "newer", **NEW}]),
    ),
    "duplicate(replace=)": (
        5,
        lambda: on(page(), lambda it: it.duplicate(title="new", replace={"sleep": "eat"})),
    ),
    "Page.reorder of one not loaded": (2, lambda: on(unordered(), lambda it: it[0].reorder(it[1]))),
    "destroy one not loaded": (
        2,
        lambda: on(Page.all()[0], lambda it: it.destroy()),
    ),
    "reopen": (2, lambda: on(completed(), lambda it: it.reopen())),
    "reopen three": (6, lambda: on(packing().items.where(completed=True), lambda it: it.reopen())),
    "move_before": (2, lambda: on([*packing().items], lambda it: it[1].move_before(it[0]))),
    "move_after": (2, lambda: on([*packing().items], lambda it: it[0].move_after(it[1]))),
    "copy one": (3, lambda: on(page().notes[0], lambda it: it.copy_to(Page.all()[1]))),
    "move one": (6, lambda: on(page().notes[0], lambda it: it.move_to(Page.all()[1]))),
    "move an item": (6, lambda: on(packing().items[0], lambda it: it.move_to(page().lists[1]))),
    "move a list": (8, lambda: on(page(12).lists[0], lambda it: it.move_to(Page.all()[1]))),
    "JournalEntry.create": (2, lambda: lambda: backpack_orm.JournalEntry.create(body="new")),
    "sync items": (
        2,
        lambda: on(
            packing().items,
            lambda it: it.sync([{"id": it[0].id, "content": "new", "completed": True}], key="id"),
        ),
    ),
}
CASES = [(name, number) for name, (count, _) in CALLS.items() for number in range(1, count + 1)]


def tag() -> Any:
    Page.all()[1].tags.add("Travel")
    return page().tags["Travel"]


def unordered() -> tuple[Page, list[int]]:
    """Return a page that is not loaded, and another order of what is on it."""
    ids = [each.id for each in page().belongings]
    unloaded = Page.all()[0]
    unloaded.connection.clear_cache()
    return unloaded, ids[::-1]


def completed() -> Any:
    return packing().items.where(completed=True)[0]


FAULTS: dict[str, Callable[[Sandbox, int], object]] = {
    "refused": lambda box, after: box.faults.status(500, after=after, times=1),
    "outage": lambda box, after: box.faults.status(503, after=after, times=1),
    "lost": lambda box, after: box.faults.drop_after_write(after=after, times=1),
    "lost before": lambda box, after: box.faults.drop_before_write(after=after, times=1),
    "cut off": lambda box, after: box.faults.truncate(after=after, times=1),
}


@pytest.fixture
def hasty(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A sandbox, and a connection to it that sends nothing twice."""
    with demo() as box, backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None):
        yield box


def stored(box: Sandbox) -> tuple[set[tuple[str, int]], str]:
    """Return the ids of all records on the service, and all that it has without what is unique.

    Reads by plain HTTP, with one request.
    """
    body = f"<request><token>{box.token}</token></request>"
    xml = requests.post(f"{box.url}/ws/account/export", data=body.encode(), timeout=5).text
    tags = re.findall(r"<(page|note|list|item) [^>]*?\bid=\"(\d+)\"", xml)
    unique = r" \w*(id|_at|address)=\"[^\"]*\"|(?s:<belongings>.*?</belongings>)"
    return {(tag, int(id)) for tag, id in tags}, re.sub(unique, "", xml)


def plain(result: Any) -> Any:
    """Return what two results of a call have in common."""
    if isinstance(result, SaveResult):
        return (result.created, bool(result), sorted(result.fields))
    if isinstance(result, dict):
        return result.get("page_ids")
    return [type(each) for each in result] if isinstance(result, tuple) else type(result)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("name", "request_number"), CASES)
def test_a_stopped_call_says_what_it_left_and_does_the_rest(
    name: str,
    request_number: int,
    fault: str,
    hasty: Sandbox,
    demo: Callable[..., Sandbox],
    expected: Callable[[str], tuple[Any, Any]],
) -> None:
    result, state = expected(name)
    act = CALLS[name][1]()
    ids, before = stored(hasty)
    FAULTS[fault](hasty, request_number - 1)
    try:
        assert plain(act()) == plain(result)
        error = None
    except BackpackError as stopped:
        error = stopped
    hasty.faults.clear()
    now, after = stored(hasty)
    if error is None:
        assert after == state
        return
    created = {(record._element, record._saved_id) for record in error.created}
    assert created <= now - ids
    has_changed = after != before
    if not error.may_have_happened:
        assert bool(error.created) == bool(now - ids)
        says_so = error.created or error.saved or (error.result and error.result.succeeded)
        assert bool(has_changed) == bool(says_so), str(error)
    if error.retryable and request_number % 2:
        with suppress(NotFound) if error.may_have_happened else nullcontext():
            act()
    else:
        try:
            again = error.resume()
        except TypeError:  # there is nothing to continue
            assert error.may_have_happened or not has_changed
            if not error.retryable:
                return
            with suppress(NotFound) if error.may_have_happened else nullcontext():
                act()
        except backpack_orm.OutcomeUnknown:
            assert error.may_have_happened
            return
        else:
            assert plain(again) == plain(result)
    assert stored(hasty)[1] == state


READING = {
    *("all", "count", "discard", "exclude", "exists", "export", "find", "find_by", "first", "get"),
    *(
        "index",
        "iter",
        "last",
        "me",
        "order_by",
        "reload",
        "search",
        "to_dict",
        "to_frame",
        "to_json",
        "to_polars",
    ),
    *("to_records", "where"),
}
WRITING_ONCE = {
    *("email_copy", "link", "move_higher", "move_lower", "move_to_bottom", "move_to_top"),
    *("share", "toggle", "unlink", "unshare"),
}


def test_the_table_has_each_call_of_several_requests(connection: Connection) -> None:
    owners = [getattr(backpack_orm, name) for name in registry if name in backpack_orm.__all__]
    owners += [page().notes, packing().items, page().items, page().tags, Page.all()]
    kinds = (classmethod, FunctionType)
    verbs = {
        name
        for owner in owners
        for name in dir(owner)
        if not name.startswith("_") and isinstance(getattr_static(owner, name, None), kinds)
    }
    tested = set(re.findall(r"\w+", " ".join(CALLS)))
    assert verbs - READING - WRITING_ONCE <= tested


@pytest.fixture(scope="module")
def expected(demo: Callable[..., Sandbox]) -> Callable[[str], tuple[Any, Any]]:
    """Return the result of an undisturbed call, and what the service has then."""
    known: dict[str, tuple[Any, Any]] = {}

    def run(name: str) -> tuple[Any, Any]:
        if name not in known:
            count, prepare = CALLS[name]
            with (
                demo() as box,
                Connection(box.url, token=box.token, limits=None) as connection,
                connection,
            ):
                act = prepare()
                before = box.requests
                result = act()
                assert box.requests - before == count, name
                known[name] = result, stored(box)[1]
        return known[name]

    return run


# --- Ctrl-C -----------------------------------------------------------------------------------


class Interruption:
    """Presses Ctrl-C at a request: before it is sent, or before its response is read.

    Attributes:
        has_fired: Whether it was pressed.
    """

    def __init__(self, request_number: int, *, is_sent: bool) -> None:
        self._left = request_number
        self._is_sent = is_sent
        self.has_fired = False

    def send(self, session: requests.Session, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        self.has_fired = self._left <= 0
        if self._left:
            return _send(session, *arguments, **options)
        if self._is_sent:
            _send(session, *arguments, **options)
        raise KeyboardInterrupt


_send = requests.Session.send


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Interruption], None]]:
    with monkeypatch.context() as patch:

        def use(interruption: Interruption | None) -> None:
            patch.setattr(parallel, "WORKERS", 1)
            send = interruption.send if interruption else None
            patch.setattr(
                requests.Session, "send", lambda *a, **o: send(*a, **o) if send else _send(*a, **o)
            )

        yield use


@pytest.mark.parametrize(("index", "name", "number"), [(i, *case) for i, case in enumerate(CASES)])
def test_an_interrupted_call_says_what_it_left_and_does_the_rest(
    index: int,
    name: str,
    number: int,
    hasty: Sandbox,
    expected: Callable[[str], tuple[Any, Any]],
    interrupt: Callable[[Interruption | None], None],
) -> None:
    """Before the request and after it take turns, from request to request and call to call."""
    result, state = expected(name)
    act = CALLS[name][1]()
    ids, before = stored(hasty)
    interruption = Interruption(number, is_sent=bool(index % 2))
    interrupt(interruption)
    with pytest.raises(KeyboardInterrupt) as caught:
        act()
    interrupt(None)
    assert interruption.has_fired
    error: Any = caught.value
    now, after = stored(hasty)
    created = {(each._element, each._saved_id) for each in getattr(error, "created", ())}
    assert created <= now - ids
    if after != before and not index % 2:
        with suppress(ValueError):
            error.saved = getattr(error, "saved", ()) or BulkResult.of(error).succeeded
        assert created or error.saved
    resume = getattr(error, "resume", None)
    try:
        if resume is None:
            act()
        else:
            assert plain(resume()) == plain(result)
    except NotFound:  # the request that was interrupted has destroyed it
        assert index % 2
    except backpack_orm.OutcomeUnknown:
        assert index % 2
        return
    if created or resume or not index % 2:
        assert stored(hasty)[1] == state
