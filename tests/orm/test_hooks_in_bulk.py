"""Hooks and signals may make requests in every operation that makes several."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextvars import copy_context
from itertools import count
from threading import Lock, Thread
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Item, List, Note, Page
from backpack_orm.connection.turns import turn, waiting
from backpack_orm.sandbox import Sandbox

OPERATIONS: dict[str, Callable[[Page], Any]] = {
    "update": lambda page: page.notes.update(title="new"),
    "complete": lambda page: page.lists[0].items.complete(),
    "reopen": lambda page: page.lists[0].items.reopen(),
    "destroy": lambda page: page.notes.destroy(),
    "retag": lambda page: Page.all()[:3].retag(add=["new"]),
    "tags.add": lambda page: page.tags.add("new"),
    "tags": lambda page: page.update(tags=["new"]),
    "Tag.update": lambda page: page.tags[0].update(name="new"),
    "create_many": lambda page: page.notes.create_many(["1", "2"]),
    "sync": lambda page: page.notes.sync({"1": "one", "2": "two"}, destroy=True),
    "copy_to": lambda page: page.lists.copy_to(page),
    "move_to": lambda page: page.lists[0].items.move_to(page.lists[1]),
    "duplicate": lambda page: page.duplicate(title="new"),
    "merge_into": lambda page: page.merge_into(Page.all()[1]),
    "get_or_create": lambda page: page.notes.get_or_create(title="new"),
    "load all": lambda page: Page.all(load="pages", fresh=True),
    "export": lambda page: [len(each.notes) for each in Page.all(load=True, fresh=True)],
}


@pytest.fixture
def connection(demo: Callable[..., Sandbox], network: None) -> Iterator[Connection]:
    """The current connection, without limits: hooks multiply the requests."""
    with demo(limits=False) as box:
        yield backpack_orm.connect(box.url, token=box.token, limits=None)


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


@pytest.fixture
def failures(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Returns the errors of hooks."""
    caplog.set_level(logging.ERROR, "backpack_orm")
    return lambda: [record.getMessage() + str(record.exc_info) for record in caplog.records]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_hook_may_make_requests(
    name: str,
    page: Page,
    connection: Connection,
    failures: Callable[[], list[str]],
) -> None:
    requested: list[int] = []

    def request(event: object) -> None:
        requested.append(len(Page.all()) + len(page.reload().title))

    hooks = connection.hooks
    for hook in (hooks.on_request, hooks.on_response, hooks.on_cache):
        hook(request)
    OPERATIONS[name](page)
    assert requested
    assert not failures()


@pytest.mark.parametrize("name", ["update", "complete", "destroy", "retag", "create_many"])
def test_a_signal_may_start_an_operation_in_threads(
    name: str, page: Page, failures: Callable[[], list[str]]
) -> None:
    def react(event: object) -> None:
        list(page.connection.map(Page.reload, [Page.all()[2], Page.all()[3]]))
        Page.all()[2:4].update(title=f"seen {next(numbers)}")

    numbers = count()
    classes = (Page, List, Item, Note)
    signals = [hook for cls in classes for hook in (cls.created, cls.saved, cls.destroyed)]
    for signal in signals:
        signal(react)
    try:
        OPERATIONS[name](page)
    finally:
        for signal in signals:
            signal.remove(react)
    assert not failures()


def test_a_hook_that_changes_what_its_call_is_changing_fails_and_the_call_succeeds(
    page: Page, connection: Connection, failures: Callable[[], list[str]]
) -> None:
    connection.hooks.on_request(lambda event: page.tags.add("of a hook"))
    page.tags.add("of the call")
    assert "of the call" in page.reload().tags
    assert any("use a signal" in each for each in failures())


def test_no_thread_of_a_hook_frees_the_turn_of_a_worker() -> None:
    """A copy of the context of a worker, in another thread, does not have its turn."""
    lock, inside = Lock(), []

    def wait_elsewhere() -> None:
        with waiting():
            inside.append(lock.locked())

    with turn(lock):
        thread = Thread(target=copy_context().run, args=(wait_elsewhere,))
        thread.start()
        thread.join()
        assert inside == [lock.locked()] == [True]
        with waiting(), waiting():
            assert not lock.locked()
        assert lock.locked()
    assert not lock.locked()
