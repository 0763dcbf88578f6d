"""Conditions over several relations, negated conditions, and conditions with dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from backpack_orm import (
    CalendarEvent,
    Collection,
    Connection,
    Item,
    JournalEntry,
    List,
    Note,
    Page,
    Reminder,
    Tag,
    ValidationError,
)
from backpack_orm.orm.queries.conditions import all_of, not_all_of
from backpack_orm.sandbox import Sandbox

NEW_YEAR = datetime(2031, 1, 1, 0, 0)
MOMENTS = {
    "eve": datetime(2030, 12, 31, 23, 59),
    "midnight": NEW_YEAR,
    "morning": datetime(2031, 1, 1, 9, 5),
    "day after": datetime(2031, 1, 2, 0, 0),
    "never": None,
}
REMINDERS = Collection(
    Reminder, [Reminder(content=name, remind_at=moment) for name, moment in MOMENTS.items()]
)


@pytest.mark.parametrize(
    ("lookups", "contents"),
    [
        ({"remind_at": date(2031, 1, 1)}, "midnight, morning"),
        ({"remind_at__ne": date(2031, 1, 1)}, "eve, day after, never"),
        ({"remind_at__gte": date(2031, 1, 1)}, "midnight, morning, day after"),
        ({"remind_at__gt": date(2031, 1, 1)}, "day after"),
        ({"remind_at__lte": date(2031, 1, 1)}, "eve, midnight, morning"),
        ({"remind_at__lt": date(2031, 1, 1)}, "eve"),
        ({"remind_at__in": [date(2030, 12, 31), date(2031, 1, 2)]}, "eve, day after"),
        ({"remind_at__in": iter([None, date(2031, 1, 2)])}, "day after, never"),
        ({"remind_at__date": date(2031, 1, 2)}, "day after"),
        ({"remind_at__year": 2031}, "midnight, morning, day after"),
        ({"remind_at__year__ne": 2031}, "eve, never"),
        ({"remind_at__year__lt": 2031}, "eve"),
        ({"remind_at__month": 12}, "eve"),
        ({"remind_at__day__in": [2, 31]}, "eve, day after"),
        ({"remind_at__gte": NEW_YEAR, "remind_at__lt": date(2031, 1, 2)}, "midnight, morning"),
    ],
)
def test_a_date_is_compared_with_the_date_of_a_time(lookups: dict[str, Any], contents: str) -> None:
    assert ", ".join(each.content for each in REMINDERS.where(**lookups)) == contents


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ({"remind_at__year": "2031"}, ValidationError, "is never '2031': a whole number"),
        ({"remind_at__year": None}, ValidationError, "is never None: a whole number"),
        ({"remind_at__year__contains": 2}, TypeError, "no lookup 'contains'.* there are __exact"),
        ({"remind_at__year__isnull": True}, TypeError, "no lookup 'isnull'"),
        ({"remind_at__hour": 9}, TypeError, "no lookup 'hour'"),
        ({"content__year": 2031}, TypeError, "no lookup 'year'"),
        ({"remind_at__date": NEW_YEAR}, ValidationError, "a date without a time is needed"),
        ({"remind_at__in": [NEW_YEAR, date(2031, 1, 1)]}, ValidationError, "a date without a time"),
        ({"remind_at__contains": date(2031, 1, 1)}, ValidationError, "it is no text"),
        ({"content": date(2031, 1, 1)}, ValidationError, "text is needed"),
    ],
)
def test_a_mistake_with_dates_is_reported(
    lookups: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        all_of(Reminder, [], lookups)


def test_a_day_is_that_of_the_account(box: Sandbox, connection: Connection) -> None:
    late = JournalEntry.first()
    assert late is not None
    late.created_at = datetime(2026, 5, 15, 6, 59, tzinfo=UTC)  # in Los Angeles: seven hours less
    entries = Collection(JournalEntry, [late])
    before = box.requests
    assert entries.where(created_at=date(2026, 5, 14))
    assert not entries.where(created_at__day=15)
    assert box.requests == before + 1  # the zone of the account


def test_an_event_that_lasts_all_day_is_on_the_same_date_in_every_zone(
    connection: Connection,
) -> None:
    birthday = CalendarEvent.get(title="Yuki's birthday")
    assert birthday.all_day
    assert birthday.occurs_at is not None
    assert birthday.occurs_at.hour == 0
    assert CalendarEvent.get(occurs_at=birthday.occurs_at.date(), all_day=True) == birthday


def test_conditions_follow_any_number_of_relations(box: Sandbox, connection: Connection) -> None:
    before = box.requests
    found = Page.where(lists__items__completed=False)
    assert len(found)
    assert box.requests == before + 3
    assert list(found) == [
        page
        for page in Page.all(load=True)
        if any(not item.completed for each in page.lists for item in each.items)
    ]
    assert box.requests == before + 3


def test_related_records_of_related_records_are_compared(connection: Connection) -> None:
    pages = Page.all(load=True)
    lisbon = pages["Lisbon"]
    sun_hat = lisbon.lists["Packing"].items["Sun hat"]
    for found in (
        pages.where(lists__items=sun_hat),
        pages.where(lists__items__in=[sun_hat.id]),
        pages.where(lists__items__content__iexact="sun hat"),
    ):
        assert list(found) == [lisbon]
    assert lisbon not in pages.where(lists__items__isnull=True)
    List.create(page=lisbon, name="Empty")
    assert lisbon in pages.where(lists__items__isnull=True)
    assert list(lisbon.notes.where(page__tags__name="Travel")) == list(lisbon.notes)


def test_a_condition_names_the_page_of_an_item_without_its_list(
    box: Sandbox, connection: Connection
) -> None:
    every = Item.all()
    before = box.requests
    lisbon = Page.get(title="Lisbon")
    on_lisbon = [item for item in every if item.list.page == lisbon]
    assert on_lisbon
    for found in (
        Item.where(page__title="Lisbon"),
        every.where(page=lisbon),
        every.where(list__page=lisbon.id),
        every.where(page__in=[lisbon]),
        every.where(page__lists__name="Packing"),
    ):
        assert list(found) == on_lisbon
    assert box.requests == before  # everything is cached
    first = every.order_by("-page__title", "list__name")[0]
    assert first.list.page.title == max((item.list.page.title for item in every), key=str.casefold)


@pytest.mark.parametrize(
    "lookups",
    [
        {"scope": "friends"},
        {"tags__name": "Travel"},
        {"lists__items__completed": True},
        {"title__icontains": "e", "tags__isnull": False},
        {"notes__isnull": True},
    ],
)
def test_exclude_is_the_opposite_of_where(lookups: dict[str, Any], connection: Connection) -> None:
    pages = Page.all(load=True)
    wanted = set(pages.where(**lookups))
    left = [page for page in pages if page not in wanted]
    assert wanted
    assert left
    assert list(pages.exclude(**lookups)) == left
    assert list(Page.exclude(**lookups)) == left
    assert list(Page.where(notes__isnull=False).exclude(**lookups)) == [
        page for page in left if page.notes
    ]


def test_exclude_takes_functions(connection: Connection) -> None:
    pages = Page.all()
    assert list(pages.exclude(lambda page: page.title != "Lisbon")) == [pages["Lisbon"]]


def test_exclude_reads_no_further_than_where(box: Sandbox, connection: Connection) -> None:
    before = box.requests
    Page.exclude(scope="friends")
    assert box.requests == before + 1
    search = Page.exclude(tags__name="Travel")
    assert box.requests == before + 1
    assert search.first() is not None
    assert box.requests == before + 3  # the first two pages


def test_exclude_searches_one_place(box: Sandbox, connection: Connection) -> None:
    lisbon = Page.get(title="Lisbon")
    before = box.requests
    assert [note.title for note in Note.exclude(page=lisbon, title="")] == ["Where we sleep"]
    assert box.requests == before + 1


def test_none_of_several_related_records_equals_what_is_not_wanted(connection: Connection) -> None:
    pages = Page.all(load=True)
    travel = pages["Lisbon"].tags["Travel"]
    lookups: list[dict[str, Any]] = [
        {"tags__name__ne": "Travel"},
        {"tags__ne": travel},
        {"tags__ne": travel.id},
    ]
    for each in lookups:
        assert list(pages.where(**each)) == [page for page in pages if travel not in page.tags]
    assert len(pages.where(tags__ne=travel)) == len(pages) - 1


def test_a_field_that_may_be_none_is_a_text(connection: Connection) -> None:
    assert [page.title for page in Page.where(scope__contains="friend")] == [
        page.title for page in Page.where(scope="friends")
    ]


@pytest.mark.parametrize(
    "exclude", [lambda: not_all_of(Page, [], {}), Page.exclude, Collection(Page, []).exclude]
)
def test_exclude_needs_a_condition(exclude: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"exclude\(\) needs a condition"):
        exclude()


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ({"lists__item__completed": True}, TypeError, "no field 'item'; did you mean 'items'"),
        ({"lists__items__complete": True}, TypeError, "by 'complete': did you mean 'completed'"),
        ({"tags__nme": "x"}, TypeError, "Tag has no field 'nme'; did you mean 'name'"),
        ({"lists__items__content__contain": "x"}, TypeError, "no lookup 'contain'"),
        ({"lists__items": "x"}, TypeError, "List cannot be found by 'items' with 'x': give a"),
        ({"lists__items__isnul": True}, TypeError, "no lookup 'isnul' .* did you mean 'isnull'"),
        ({"lists__items__list__isnull": True}, ValidationError, "every Item has one"),
    ],
)
def test_a_mistake_behind_relations_is_reported(
    lookups: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        all_of(Page, [], lookups)


def test_what_has_to_be_loaded_is_the_first_relation() -> None:
    assert all_of(Tag, [], {"page__lists__items__completed": True}).attributes == {"page"}
    assert all_of(Item, [], {"page__title": "Lisbon", "content": "x"}).attributes == {
        "list",
        "content",
    }
    assert not_all_of(Note, [], {"page__title__ne": "Lisbon"}).attributes == {"page"}
