"""Searches read no further than their results are used, as counted by the sandbox."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backpack_orm
from backpack_orm import (
    CalendarEvent,
    Collection,
    Connection,
    Email,
    Forbidden,
    Item,
    JournalEntry,
    Note,
    NotFound,
    Page,
    Reminder,
    Status,
    Tag,
    User,
    ValidationError,
    connect,
    using,
)
from backpack_orm.orm.queries.conditions import all_of
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.records.finding import Findable
from backpack_orm.sandbox import Sandbox

FINDABLE: list[Any] = [
    each
    for each in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
    if isinstance(each, type) and issubclass(each, Findable)
]
AWARE, NAIVE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 1)
PAGES = 13

EXPORT = 2
"""The requests for the user and the export, which are made after three pages."""

SEARCHES: list[tuple[Callable[[], Collection[Any]], int, int]] = [
    (lambda: Page.where(tags__name="Reading"), 1 + 2, 1 + 2 + EXPORT),
    (lambda: Page.where(notes__isnull=True), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: Page.where(lists__name="Decide"), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: Page.where(description__contains="*May*"), 1 + 1, 1 + 1 + EXPORT),
    (lambda: Page.where(lambda page: len(page.separators) > 1), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: Page.where(linked_pages__title="The garden"), 1 + 5, 1 + PAGES),
    (
        lambda: Page.where(notes__isnull=False).where(tags__name="Home"),
        1 + 3,
        1 + 3 + EXPORT,
    ),
    (lambda: Note.where(title__startswith="Week"), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: Note.where(), 1 + 1, 1 + 1 + EXPORT),
    (lambda: Item.where(content="Lemons"), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: Tag.where(name="Music"), 1 + 3 + EXPORT, 1 + 3 + EXPORT),
    (lambda: CalendarEvent.where(title="Dentist"), 1 + 1, 1 + 2),
    (lambda: JournalEntry.where(lambda entry: entry.body), 1, 3),
]
EARLY_USES: dict[str, Callable[[Collection[Any]], object]] = {
    "first": lambda found: found.first(),
    "exists": lambda found: found.exists(),
    "bool": bool,
    "index": lambda found: found[0],
    "slice": lambda found: found[:1],
    "find_by": lambda found: found.find_by(lambda _: True),
}


@pytest.mark.parametrize(("search", "fewest", "most"), SEARCHES)
@pytest.mark.parametrize("use", EARLY_USES.values(), ids=EARLY_USES)
def test_a_search_that_may_stop_early_reads_no_further_than_it_must(
    search: Callable[[], Collection[Any]],
    fewest: int,
    most: int,
    use: Callable[[Collection[Any]], object],
    box: Sandbox,
    connection: Connection,
) -> None:
    before = box.requests
    found = search()
    assert box.requests == before
    assert use(found)
    assert box.requests - before == fewest


@pytest.mark.parametrize(("search", "fewest", "most"), SEARCHES)
def test_the_rest_is_read_when_it_is_used(
    search: Callable[[], Collection[Any]],
    fewest: int,
    most: int,
    box: Sandbox,
    connection: Connection,
) -> None:
    before = box.requests
    found = search()
    first = found.first()
    records = list(found)
    assert records[0] is first is found[0] is found.first()
    assert len(found) == len(records) == found.count()
    assert box.requests - before == most  # nothing was read twice
    again = [record for record in search() if record in records]
    assert again == records
    assert box.requests - before == most


def test_class_methods_stop_early_too(box: Sandbox, connection: Connection) -> None:
    for call, requests in [
        (lambda: Page.first(), 1),
        (lambda: Page.exists(), 1),
        (lambda: Page.exists(tags__name="Reading"), 1 + 2),
        (lambda: Page.find_by(notes__title="Quotes"), 1 + 3 + EXPORT),
        (lambda: Note.exists(body__icontains="tram"), 1 + 1),
        (lambda: Email.first(), 1 + 1),
        (lambda: Tag.first(name="Music"), 1 + 3 + EXPORT),
        (lambda: JournalEntry.first(), 1),
        (lambda: JournalEntry.exists(), 1),
    ]:
        connection.clear_cache()
        before = box.requests
        assert call()  # type: ignore[no-untyped-call]
        assert box.requests - before == requests


@pytest.mark.parametrize("model", FINDABLE)
def test_every_model_is_found_by_the_same_calls(model: Any, connection: Connection) -> None:
    every = list(model.all())
    assert every
    assert model.count() == len(every)
    assert model.first() == every[0]
    assert model.last() == every[-1]
    assert model.exists()
    wanted = {"user": every[0].user} if model is Status else {"id": every[-1].id}
    if model is JournalEntry:
        wanted = {"id": every[-1].id}
    assert model.get(**wanted) in every
    assert model.count(**wanted) == 1
    assert not model.exists(lambda _: False)
    assert model.first(lambda _: False) is None
    assert model.last(lambda _: False) is None


def test_conditions_of_collections_are_those_of_models(connection: Connection) -> None:
    items = Page.get(title="Lisbon").lists["Packing"].items
    assert items.first(completed=True) is items.where(completed=True)[0]
    assert items.last(completed=True) is items.where(completed=True)[-1]
    assert items.count(completed=True) == items.count(lambda item: item.completed) == 3
    assert items.count("Sun hat") == items.count(items[0]) == 1
    assert items.count() == len(items)
    assert items.exists(lambda item: item.completed, content="Passports")


def test_a_search_shows_nothing_that_it_has_not_read(box: Sandbox, connection: Connection) -> None:
    found = Page.where(notes__isnull=False)
    before = box.requests
    assert repr(found) == "<search for Page records, not read yet>"
    assert "not read yet" in found._repr_html_().lower()
    assert not found.is_loaded
    with pytest.raises(TypeError, match="cannot be pickled: read it first"):
        pickle.dumps(found)
    assert repr(copy.copy(found)) == repr(found)
    assert box.requests == before
    assert found.count() == 7
    assert repr(found).startswith("[Page(id=")
    assert list(pickle.loads(pickle.dumps(found))) == list(found) == list(copy.copy(found))


def test_an_index_beyond_the_results_raises(connection: Connection) -> None:
    found = Page.where(notes__isnull=False)
    assert found[6] == found[-1]
    with pytest.raises(IndexError):
        found[7]
    with pytest.raises(NotFound, match="there is no Page with title 'Paris'"):
        found["Paris"]
    assert found["Recipes"].notes
    assert list(found[2:4]) == list(found)[2:4]
    assert list(found[-2:]) == list(found)[-2:]
    assert list(found[::2]) == list(found)[::2]
    with pytest.raises(TypeError):
        found[None]  # type: ignore[call-overload]


def test_a_search_that_has_failed_can_be_used_again(box: Sandbox, connection: Connection) -> None:
    found = Page.where(lists__name="Decide")
    box.faults.status(403, path="/ws/page/*", after=2, times=1)
    with pytest.raises(Forbidden):
        found.first()
    first = found.first()
    assert first is not None
    assert first.title == "Kitchen renovation"


def test_threads_may_share_a_search(box: Sandbox, connection: Connection) -> None:
    expected = [page.id for page in Page.where(notes__isnull=False)]
    uses: list[Callable[[Collection[Page]], list[int]]] = [
        lambda found: [page.id for page in found],
        lambda found: [page.id for page in found[:7]],
        lambda found: [found[index].id for index in range(7)],
    ]
    connection.clear_cache()
    found, before = Page.where(notes__isnull=False), box.requests
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda number: uses[number % 3](found), range(24)))
    assert results == [expected] * 24
    assert box.requests - before <= 1 + 3 + EXPORT  # nothing was read twice


def test_a_search_uses_the_connection_of_its_call(box: Sandbox, connection: Connection) -> None:
    other = Connection(box.url, token=box.add_user("Bo", email_address="bo@example.com"))
    with using(other):
        found = [Page.where(notes__isnull=False), JournalEntry.where(), Note.where()]
    assert {record.connection for each in found for record in each} <= {other}


def test_fresh_bypasses_the_cache_when_the_search_is_used(
    box: Sandbox, connection: Connection
) -> None:
    Page.all(load=True)
    before = box.requests
    assert Page.where(tags__name="Reading", fresh=True).exists()
    assert box.requests - before == 1 + 2


def use_first(found: Collection[Page], expected: list[int], one: int, other: int) -> int:
    assert [page.id for page in [found.first()] if page is not None] == expected[:1]
    assert found.exists() is bool(found) is bool(expected)
    return 1


def use_index(found: Collection[Page], expected: list[int], one: int, other: int) -> int:
    if one < len(expected):
        assert found[one].id == expected[one]
    else:
        with pytest.raises(IndexError):
            found[one]
    return one + 1


def use_slice(found: Collection[Page], expected: list[int], one: int, other: int) -> int:
    assert [page.id for page in found[one:other]] == expected[one:other]
    return other


def use_all(found: Collection[Page], expected: list[int], one: int, other: int) -> int:
    assert [page.id for page in found] == expected
    assert len(found) == len(expected)
    return len(expected) + 1


USES = st.sampled_from([use_first, use_index, use_slice, use_all])


@given(
    ids=st.lists(st.integers(1, 20), unique=True, max_size=12),
    wanted=st.sets(st.integers(1, 20)),
    uses=st.lists(st.tuples(USES, st.integers(0, 5), st.integers(0, 5)), max_size=6),
)
def test_a_search_gives_what_a_list_gives_and_reads_no_more_than_that(
    ids: list[int], wanted: set[int], uses: list[tuple[Callable[..., int], int, int]]
) -> None:
    read: set[int] = set()

    def in_order() -> Iterator[Page]:
        for id in ids:
            read.add(id)
            yield Page._stub(id, None)

    found = Search(Page, all_of(Page, [], {"id__in": wanted}), in_order, lambda: list(in_order()))
    expected = [id for id in ids if id in wanted]
    needed = 0  # the results that the uses so far require
    for use, one, other in uses:
        needed = max(needed, use(found, expected, one, other))
        most = ids.index(expected[needed - 1]) + 1 if 0 < needed <= len(expected) else len(ids)
        assert len(read) <= (most if needed else 0)


# --- related records ---------------------------------------------------------------------------


def test_related_records_are_compared_with_records_and_ids(connection: Connection) -> None:
    me, lisbon = User.me(), Page.get(title="Lisbon")
    assert Reminder.count(creator=me) == Reminder.count(creator=me.id) == Reminder.count()
    assert Reminder.count(creator__in=[me]) == Reminder.count(creator__isnull=False)
    assert Reminder.count(creator__isnull=True) == Reminder.count(creator=None) == 0
    assert Status.get(user=me).user == me
    travel = lisbon.tags["Travel"]
    assert [page.title for page in Page.where(tags=travel)] == ["Lisbon"]
    assert Page.count(tags__in=[travel.id, lisbon.tags["Portugal"]]) == 1
    assert lisbon.notes.count(page=lisbon) == lisbon.notes.count(page__in=[lisbon.id]) == 2
    assert Page.count(tags__isnull=True) == 2


# --- values that can never match ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (lambda: Note.where(created_at__lt=AWARE), "has no zone here"),
        (lambda: Note.first(created_at=AWARE), "has no zone here"),
        (lambda: Item.exists(updated_at__gte=AWARE), "has no zone here"),
        (lambda: Email.where(created_at__in=[NAIVE, AWARE]), "has no zone here"),
        (lambda: Page.where(notes__created_at__gt=AWARE), "Note.created_at has no zone here"),
        (lambda: JournalEntry.get(created_at__gt=NAIVE), "has a zone, so it never equals"),
        (lambda: CalendarEvent.count(occurs_at=NAIVE), "has a zone"),
        (lambda: User.where(created_at=NAIVE), "has a zone"),
        (lambda: Page.get(title__in="Lisbon"), "a list of values is needed, not 'Lisbon'"),
        (lambda: Page.get(title=None), "is never None"),
        (lambda: Page.first(title__isnull=True), "always has a value"),
        (lambda: Page.last(id="7"), "a whole number is needed"),
        (lambda: Reminder.where(creator="me"), "."),
    ],
)
def test_a_value_that_can_never_match_raises_before_any_request(
    search: Callable[[], object], message: str, box: Sandbox, connection: Connection
) -> None:
    before = box.requests
    with pytest.raises((ValidationError, TypeError), match=message):
        search()
    assert box.requests == before


def test_with_a_time_zone_only_aware_times_match(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="Europe/Lisbon")
    before = box.requests
    with pytest.raises(ValidationError, match="has a zone, so it never equals"):
        Reminder.where(remind_at__gt=NAIVE)
    assert box.requests == before
    assert Note.exists(created_at__lt=AWARE.replace(year=2100))


def test_records_of_another_account_never_match(connection: Connection) -> None:
    with Sandbox(seed="demo", account="other") as other:
        stranger = User.me(using=Connection(other.url, token=other.token))
        with pytest.raises(ValidationError, match="belongs to another account"):
            Reminder.where(creator=stranger)


@pytest.mark.parametrize("model", FINDABLE)
def test_times_have_zones_as_declared(model: Any, connection: Connection) -> None:
    if model._times_have_zone is None:
        return
    times = [
        value
        for record in model.all()
        for name, field in model._table.fields.items()
        if field.value_type.is_time and (value := getattr(record, name)) is not None
    ]
    assert times
    assert {time.tzinfo is not None for time in times} == {model._times_have_zone}
