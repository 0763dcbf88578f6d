"""Two clients load and save the same record, with their requests in every order.

Each sets an attribute of its own, and has a cache of its own. If the service preserves the fields
that an update omits, and the clients rely on that, nothing is ever lost. Where they do not, an edit
is lost only if it comes between the read and the write of a `complete()`; every such order is
listed here. Tags save themselves with more than three requests, page by page, so that they are
not in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

import backpack_orm
from backpack_orm import (
    Calendar,
    CalendarEvent,
    Connection,
    JournalEntry,
    Model,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    User,
)
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW, TOKEN, seeded_once

from .schedules import run, schedules

pytestmark = pytest.mark.network


class Ids:
    """The records that the clients work on."""

    def __init__(self, connection: Connection) -> None:
        page = Page.find(Page.all(using=connection)[0].id, using=connection)
        calendar = Calendar.all(using=connection)[0]
        self.page = page.id
        self.list, self.note = page.lists[0].id, page.notes[0].id
        self.item = page.lists[0].items[0].id
        self.reminder = Reminder.all(using=connection)[0].id
        self.me = User.me(using=connection).id
        self.separator = Separator.create(page=page, name="Line").id
        self.entry = JournalEntry.create(body="Done", user=self.me, using=connection).id
        self.event = CalendarEvent.create(calendar=calendar, title="9/27 Tea", remind=True).id


def page(ids: Ids, using: Connection) -> Page:
    return Page.find(ids.page, using=using)


def status(ids: Ids, using: Connection) -> Status:
    found = Status.find(ids.me, using=using)
    assert found is not None
    return found


# Each finds a record with one request.
FIND: dict[str, Callable[[Ids, Connection], Any]] = {
    "Page": page,
    "List": lambda ids, using: page(ids, using).lists.find(ids.list),
    "Item": lambda ids, using: page(ids, using).lists.find(ids.list).items.find(ids.item),
    "PageItem": lambda ids, using: PageItem.find(ids.item, page=ids.page, using=using),
    "Note": lambda ids, using: page(ids, using).notes.find(ids.note),
    "Separator": lambda ids, using: page(ids, using).separators.find(ids.separator),
    "Reminder": lambda ids, using: Reminder.find(ids.reminder, using=using),
    "Status": status,
    "JournalEntry": lambda ids, using: JournalEntry.find(ids.entry, using=using),
    "CalendarEvent": lambda ids, using: CalendarEvent.find(ids.event, using=using),
}


class Edits(NamedTuple):
    """What two clients do to a record: A sets one attribute, and B another, or the same."""

    model: str
    first: tuple[str, Any]
    second: tuple[str, Any]

    @property
    def requests(self) -> tuple[int, int]:
        """How many requests each of them makes at most: it loads, reads if need be, and saves."""
        return tuple(  # type: ignore[return-value]  # of two
            3 if name == "completed" else 2 for name, _ in (self.first, self.second)
        )


MOMENT = datetime(2031, 1, 1)
EDITS = [
    Edits("Page", ("title", "A"), ("description", "B")),
    Edits("Page", ("title", "A"), ("tags", ["B"])),
    Edits("Page", ("description", "A"), ("public", True)),
    Edits("Page", ("tags", ["A"]), ("public", True)),
    Edits("List", ("name", "A"), ("name", "A")),
    Edits("Item", ("content", "A"), ("completed", True)),
    Edits("Item", ("completed", True), ("completed", True)),
    Edits("PageItem", ("content", "A"), ("completed", True)),
    Edits("Note", ("title", "A"), ("body", "B")),
    Edits("Note", ("body", "A"), ("show_created_at", True)),
    Edits("Separator", ("name", "A"), ("name", "A")),
    Edits("Reminder", ("content", "A"), ("remind_at", MOMENT)),
    Edits("Reminder", ("content", "A"), ("remindees", [40000003])),
    Edits("Status", ("message", "A"), ("message", "A")),
    Edits("JournalEntry", ("body", "A"), ("body", "A")),
    Edits("CalendarEvent", ("title", "9/28 A"), ("remind", False)),
]

# B's second and third request are a read and a write; A's second request is its write.
GAP = ["ABBAB", "BABAB", "BBAAB"]
LOST_IN_THE_GAP = {
    (model, schedule, "content") for model in ("Item", "PageItem") for schedule in GAP
}


class Mode(NamedTuple):
    """What the service does with omitted fields, what the clients rely on, and what is lost."""

    clears_omitted: tuple[str, ...]
    partial_updates: bool
    lost: set[tuple[str, str, str]]


MODES = {
    "preserves": Mode((), True, set()),
    "preserves, not relied on": Mode((), False, LOST_IN_THE_GAP),
    "clears": Mode(("item.content",), False, LOST_IN_THE_GAP),
}


def values_of(record: Model) -> dict[str, Any]:
    """The values of a record, without the time of its last change."""
    values = {
        name: getattr(record, name)
        for name, field in record._table.fields.items()
        if name != "updated_at" and not field.is_write_only
    }
    for name, relation in record._table.relations.items():
        if relation.key is not None:
            values[name] = [getattr(each, relation.key) for each in getattr(record, name)]
    return values


Account = tuple[Callable[..., Sandbox], Ids]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A function that creates sandboxes with the records that the clients work on, and their ids.

    Creating them takes longer than what the clients do, in each of several hundred orders.
    """
    path = tmp_path_factory.mktemp("prepared") / "prepared.db"
    with (
        Sandbox(seed="demo", token=TOKEN, clock=lambda: NOW, data=str(path)) as box,
        Connection(box.url, token=TOKEN) as connection,
    ):
        ids = Ids(connection)
    with seeded_once(path, token=TOKEN, clock=lambda: NOW) as make:
        yield make, ids


def after(
    prepared: Account, mode: Mode, edits: Edits, schedule: str
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """What the record is before and after both have acted, and in which order that was."""
    make, ids = prepared
    with make(clears_omitted=mode.clears_omitted) as box:
        watching = backpack_orm.connect(box.url, token=box.token, ttl=0)
        find = FIND[edits.model]
        before = values_of(find(ids, watching))

        def client(edit: tuple[str, Any]) -> tuple[Connection, Callable[[], object]]:
            connection = Connection(box.url, token=box.token, partial_updates=mode.partial_updates)

            def act() -> None:
                record = find(ids, connection)
                setattr(record, *edit)
                record.save()

            return connection, act

        order = run(schedule, {"A": client(edits.first), "B": client(edits.second)})
        return before, values_of(find(ids, watching)), order


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize(
    "edits", EDITS, ids=lambda edits: f"{edits.model}-{edits.first[0]}-{edits.second[0]}"
)
def test_whatever_the_order_nothing_else_is_lost(
    prepared: Account, edits: Edits, mode: Mode
) -> None:
    first, second = edits.requests
    if mode is MODES["preserves, not relied on"] and "completed" not in dict(
        [edits.first, edits.second]
    ):
        pytest.skip("only completed is sent otherwise if the client does not rely on that")
    before, expected, _ = after(prepared, mode, edits, "A" * first + "B" * second)
    changed = {name for name in before if before[name] != expected.get(name)}
    for name, _ in (edits.first, edits.second):
        assert name in changed or name in ("public", "show_created_at")
    lost = set()
    for schedule in schedules(first, second):
        _, found, _ = after(prepared, mode, edits, schedule)
        lost |= {
            (edits.model, schedule, name) for name in expected if found.get(name) != expected[name]
        }
    wanted = {loss for loss in mode.lost if loss[0] == edits.model}
    if edits.first[0] != "content":
        wanted = set()
    assert lost == wanted
