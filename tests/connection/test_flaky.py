"""Models over a service that misbehaves: nothing is done twice, and nothing is lost in silence."""

from __future__ import annotations

import random
import select
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.sandbox import Sandbox
from tests.connection.conftest import Clock, internals


@pytest.fixture
def page(box: Sandbox, clock: Clock) -> Any:
    """A page whose connection may wait, in a time that passes only then."""
    with Connection(box.url, token=box.token, limits=None) as connection:
        yield Page.create(title="Flaky", using=connection)


def titles(box: Any, page: Any) -> Any:
    """The titles of its notes, asked over another connection."""
    with Connection(box.url, token=box.token, limits=None) as other:
        return [note.title for note in Page.find(page.id, using=other).notes]


def silence(connection: Any) -> None:
    """Wait until the service's end of the idle socket is closed."""
    pools = internals(connection)._sender._session.get_adapter("http://").poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - it cannot be iterated over
    idle = [each.sock for each in pool.pool.queue if each]
    assert idle
    assert select.select(idle, [], [], 30)[0] == idle


def test_a_note_whose_response_was_lost_is_there_once(box: Sandbox, page: Page) -> None:
    box.faults.drop_after_write(path="**/notes/create", times=1)
    with pytest.raises(errors.OutcomeUnknown):
        page.notes.create(title="Once")
    assert titles(box, page) == ["Once"]


def test_a_note_that_never_arrived_is_not_sent_again_by_itself(box: Sandbox, page: Page) -> None:
    box.faults.drop_before_write(path="**/notes/create", times=1)
    with pytest.raises(errors.OutcomeUnknown):
        page.notes.create(title="Never")
    assert titles(box, page) == []


def test_a_note_that_the_service_had_no_time_for_is_there_once(box: Sandbox, page: Page) -> None:
    box.faults.status(503, retry_after=2, path="**/notes/create", times=1)
    page.notes.create(title="Late")
    assert titles(box, page) == ["Late"]
    assert page.connection.stats.seconds_waited == 2


def test_a_note_after_a_long_silence_is_there_once(box: Sandbox, page: Page) -> None:
    box.faults.drop_when_idle(times=1)
    page.reload()
    silence(page.connection)
    page.notes.create(title="At last")
    assert titles(box, page) == ["At last"]
    assert page.connection.stats.retries == 0


def test_a_title_whose_response_was_lost_is_saved(box: Sandbox, page: Page) -> None:
    box.faults.drop_after_write(path="**/update_title", times=2)
    page.title = "Steady"
    page.save()
    assert not page.is_dirty
    assert Page.find(page.id, using=page.connection).title == "Steady"
    assert page.connection.stats.retries == 2


def test_a_note_whose_destruction_was_not_confirmed_is_destroyed(box: Sandbox, page: Page) -> None:
    note = page.notes.create(title="Gone")
    box.faults.drop_after_write(path="**/notes/destroy/*", times=1)
    note.destroy()
    assert note.is_destroyed
    assert titles(box, page) == []


def test_a_note_that_another_client_has_destroyed_is_not_there(box: Sandbox, page: Page) -> None:
    note = page.notes.create(title="Gone")
    twin = Note.find(note.id, page=page)
    twin.destroy()
    with pytest.raises(errors.NotFound):
        note.destroy()


@pytest.mark.parametrize("fault", ["drop_before_write", "truncate", "status 502", "garbage"])
def test_a_page_is_read_in_spite_of_it(box: Sandbox, page: Page, fault: str) -> None:
    box.faults.add(f"{fault} times=3")
    assert page.reload().title == "Flaky"
    assert page.connection.stats.retries == 3


FAULTS = [
    "drop_before_write",
    "drop_after_write",
    "truncate",
    "status 502",
    "status 502 executed=yes",
    "status 503 retry_after=1",
    "drop_when_idle",
]


def test_whatever_happens_each_note_is_there_at_most_once_and_as_often_as_was_said(
    box: Sandbox, page: Page
) -> None:
    """Eight threads write 400 notes while every tenth exchange fails in one way or another."""
    for fault in FAULTS:
        box.faults.add(f"{fault} chance={0.1 / len(FAULTS):.4f} path=**/notes/**")
    expected: Counter[str] = Counter()

    def work(number: int) -> None:
        mine = random.Random(number)
        for count in range(50):
            title = f"{number}-{count}"
            try:
                note = Note.create(page=page.id, title=title, using=page.connection)
                expected[title] = 1
                if mine.random() < 0.3:
                    note.title = f"{title} again"
                    note.save()
                    expected[title], expected[note.title] = 0, 1
                if mine.random() < 0.2:
                    note.destroy()
                    expected[note.title] = 0
            except errors.OutcomeUnknown:
                expected[title] = -1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    box.faults.clear()
    there = Counter(titles(box, page))
    for title, count in expected.items():
        assert there[title] == count or (count == -1 and there[title] in (0, 1)), title
    assert set(there) <= set(expected)
    assert -1 in expected.values()
    assert page.connection.stats.retries > 0
