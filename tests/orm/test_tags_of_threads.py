"""Threads that change the tags of one page at once lose none of each other's changes.

All tags of a page are written together. The first thread is held between its read and its write,
until the second one has either read as well, which would lose a tag, or waits for the first.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from backpack_orm import Connection, Page, Tag
from backpack_orm.orm.operations import locks
from backpack_orm.sandbox import Sandbox

LONG = 30  # seconds, to fail rather than to hang


class Crossing:
    """Two threads, the second of which begins when the first is about to write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._second: threading.Thread | None = None
        self._is_held = False
        self._second_came = threading.Event()
        send = requests.adapters.HTTPAdapter.send

        def send_in_turn(adapter: Any, request: Any, **options: Any) -> Any:
            first = threading.current_thread() is not self._second
            if first and not self._is_held and request.url.endswith("/tags/tag"):
                self._is_held = True
                assert self._second is not None
                self._second.start()
                assert self._second_came.wait(LONG)
            response = send(adapter, request, **options)
            if not first and re.search(r"/ws/page/\d+(/tags/tag)?$", request.url):
                self._second_came.set()
            return response

        class WatchedLock:
            """A lock that reports when the second thread waits for it."""

            def __init__(self) -> None:
                self._lock = threading.Lock()

            def __enter__(watched) -> None:  # noqa: N805 - `self` is the crossing
                if not watched._lock.acquire(blocking=False):
                    self._second_came.set()
                    assert watched._lock.acquire(timeout=LONG)

            def __exit__(watched, *error: object) -> None:  # noqa: N805
                watched._lock.release()

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send_in_turn)
        monkeypatch.setattr(locks, "Lock", WatchedLock)

    def run(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        errors: list[BaseException] = []

        def work() -> None:
            try:
                second()
            except BaseException as error:
                errors.append(error)
            finally:
                self._second_came.set()

        self._second = threading.Thread(target=work, daemon=True)
        first()
        assert self._is_held, "the first thread has written nothing"
        self._second.join(LONG)
        assert not self._second.is_alive()
        assert errors == []


@pytest.fixture
def page(connection: Connection) -> Page:
    made = Page.create(title="Threads")
    made.tags = ["Old", "Older"]
    made.save()
    return made


def tag_of(page: Page, name: str) -> Tag:
    return Page.find(page.id).tags[name]


def create(page: Page, name: str) -> Callable[[], object]:
    return lambda: Tag.create(page=page.id, name=name, using=page.connection)


def rename(page: Page, old: str, new: str) -> Callable[[], object]:
    tag = tag_of(page, old)
    tag.name = new
    return tag.save


def assign(page: Page, *names: str) -> Callable[[], object]:
    mine = Page.find(page.id)
    mine.tags = names
    return mine.save


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
    [
        (
            lambda page: create(page, "A"),
            lambda page: create(page, "B"),
            [["Old", "Older", "A", "B"]],
        ),
        (
            lambda page: create(page, "A"),
            lambda page: rename(page, "Old", "New"),
            [["New", "Older", "A"]],
        ),
        (
            lambda page: create(page, "A"),
            lambda page: tag_of(page, "Old").destroy,
            [["Older", "A"]],
        ),
        (
            lambda page: rename(page, "Old", "New"),
            lambda page: create(page, "B"),
            [["New", "Older", "B"]],
        ),
        (
            lambda page: rename(page, "Old", "New"),
            lambda page: rename(page, "Older", "Newer"),
            [["New", "Newer"]],
        ),
        (
            lambda page: tag_of(page, "Old").destroy,
            lambda page: create(page, "B"),
            [["Older", "B"]],
        ),
        (
            lambda page: tag_of(page, "Old").destroy,
            lambda page: tag_of(page, "Older").destroy,
            [[]],
        ),
        (
            lambda page: create(page, "A"),
            lambda page: assign(page, "C"),
            [["C"], ["C", "A"]],
        ),
        (
            lambda page: tag_of(page, "Old").destroy,
            lambda page: assign(page, "C"),
            [["C"]],
        ),
    ],
)
def test_two_threads_lose_no_tag_of_each_other(
    first: Callable[[Page], Callable[[], object]],
    second: Callable[[Page], Callable[[], object]],
    outcomes: list[list[str]],
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works = first(page), second(page)
    Crossing(monkeypatch).run(*works)
    assert [tag.name for tag in Page.find(page.id, fresh=True).tags] in outcomes


def test_threads_with_connections_of_their_own_lose_no_tag_either(
    page: Page, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Connection(box.url, token=box.token) as other:
        Crossing(monkeypatch).run(
            create(page, "A"), lambda: Tag.create(page=page.id, name="B", using=other)
        )
    assert [tag.name for tag in Page.find(page.id, fresh=True).tags] == ["Old", "Older", "A", "B"]


def test_many_threads_at_once_lose_no_tag(page: Page) -> None:
    names = [f"T{number}" for number in range(8)]
    threads = [threading.Thread(target=create(page, name), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    found = [tag.name for tag in Page.find(page.id, fresh=True).tags]
    assert sorted(found) == sorted(["Old", "Older", *names])


def test_locks_are_gone_when_nobody_holds_them(page: Page) -> None:
    Tag.create(page=page, name="A")
    assert len(locks._locks) == 0


def test_a_failed_write_leaves_no_lock_behind(page: Page, box: Sandbox) -> None:
    box.faults.status(500, path="ws/page/*/tags/tag", times=1)
    with pytest.raises(Exception, match="500"):
        Tag.create(page=page, name="A")
    assert Tag.create(page=page, name="B").name == "B"
