"""Calls as data: paths, the token's places, tags and labels."""

from __future__ import annotations

import operator
from typing import Any

import pytest

import backpack_orm
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.item import Item
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.separator import Separator
from backpack_orm.models.tag import Tag
from backpack_orm.wire.endpoint import Endpoint, RateLimit, Safety, TokenLocation, rest, ws


@pytest.mark.parametrize(
    ("row", "ids", "verb", "path"),
    [
        (Page._all, (), "POST", "/ws/pages/all"),
        (Page._search, (), "POST", "/ws/pages/search"),
        (Page._create, (), "POST", "/ws/pages/new"),
        (Page._show, (7,), "POST", "/ws/page/7"),
        (Page._reorder, (7,), "POST", "/ws/page/7/reorder"),
        (Page._destroy, (7,), "POST", "/ws/page/7/destroy"),
        (Page._update_title, (7,), "POST", "/ws/page/7/update_title"),
        (Page._update_description, (7,), "POST", "/ws/page/7/update_body"),
        (Page._duplicate, (7,), "POST", "/ws/page/7/duplicate"),
        (Page._share, (7,), "POST", "/ws/page/7/share"),
        (Page._unshare, (7,), "POST", "/ws/page/7/unshare_friend_page"),
        (Page._email, (7,), "POST", "/ws/page/7/email"),
        (Page._link, (7,), "POST", "/ws/page/7/link"),
        (Page._unlink, (7,), "POST", "/ws/page/7/unlink"),
        (Page._tag, (7,), "POST", "/ws/page/7/tags/tag"),
        (List._all, (7,), "POST", "/ws/page/7/lists/list"),
        (List._create, (7,), "POST", "/ws/page/7/lists/add"),
        (List._update_row, (7, 4), "POST", "/ws/page/7/lists/update/4"),
        (List._destroy, (7, 4), "POST", "/ws/page/7/lists/destroy/4"),
        (Item._all, (7, 4), "POST", "/ws/page/7/lists/4/items/list"),
        (Item._create, (7, 4), "POST", "/ws/page/7/lists/4/items/add"),
        (Item._update_row, (7, 4, 5), "POST", "/ws/page/7/lists/4/items/update/5"),
        (Item._toggle, (7, 4, 5), "POST", "/ws/page/7/lists/4/items/toggle/5"),
        (Item._destroy, (7, 4, 5), "POST", "/ws/page/7/lists/4/items/destroy/5"),
        (Item._move, (7, 4, 5), "POST", "/ws/page/7/lists/4/items/move/5"),
        (List._reorder, (7, 4), "POST", "/ws/page/7/lists/4/items/reorder"),
        (Note._all, (7,), "POST", "/ws/page/7/notes/list"),
        (Note._create, (7,), "POST", "/ws/page/7/notes/create"),
        (Note._update_row, (7, 3), "POST", "/ws/page/7/notes/update/3"),
        (Note._destroy, (7, 3), "POST", "/ws/page/7/notes/destroy/3"),
        (Tag._pages_with, (5,), "POST", "/ws/tags/select/5"),
        (Reminder._all, (), "GET", "/secret/reminders.xml"),
        (Reminder._create, (), "POST", "/secret/reminders.xml"),
        (Reminder._update_row, (8,), "PUT", "/secret/reminders/8.xml"),
        (Reminder._destroy, (8,), "DELETE", "/secret/reminders/8.xml"),
    ],
)
def test_a_row_calls_the_documented_path(
    row: Endpoint, ids: tuple[Any, ...], verb: str, path: str
) -> None:
    assert (row.verb, row.path_for(ids, "secret")) == (verb, path)


NOT_REPEATABLE: list[Endpoint] = [
    Page._create, Page._share, Page._duplicate, Page._email,
    List._create, Item._create, Item._toggle, Item._move, Note._create, Reminder._create,
    PageItem._create, PageItem._toggle, PageItem._move, Separator._create,
    JournalEntry._create, CalendarEvent._create,
]  # fmt: skip
ALL: set[Endpoint] = {
    row
    for model in (Page, List, Item, Note, Tag, Reminder)
    for row in vars(model).values()
    if isinstance(row, Endpoint)
}


@pytest.mark.parametrize("row", NOT_REPEATABLE, ids=lambda row: row.label)
def test_what_does_more_when_sent_twice_is_not_idempotent(row: Endpoint) -> None:
    assert not row.is_idempotent


EVERY: set[Endpoint] = {
    row
    for name in backpack_orm.__all__
    for row in getattr(getattr(backpack_orm, name), "__dict__", {}).values()
    if isinstance(row, Endpoint)
}


@pytest.mark.parametrize("row", sorted(EVERY - {*NOT_REPEATABLE}, key=operator.attrgetter("label")))
def test_all_else_is_idempotent(row: Endpoint) -> None:
    assert row.is_idempotent


@pytest.mark.parametrize("row", NOT_REPEATABLE, ids=lambda row: row.label)
def test_what_does_more_when_sent_twice_is_done_once(row: Endpoint) -> None:
    assert row.safety is Safety.NOT_IDEMPOTENT


@pytest.mark.parametrize("model", [Page, List, Item, Note, Reminder])
def test_a_destroy_is_known_as_such(model: Any) -> None:
    assert model._destroy.safety is Safety.DELETE


@pytest.mark.parametrize("row", [Page._all, Page._show, Tag._pages_with, Reminder._all])
def test_a_question_is_known_as_such(row: Endpoint) -> None:
    assert row.safety is Safety.READ


def test_a_request_whose_response_is_not_cached_is_one_all_the_same() -> None:
    assert rest("GET", "users/{id}/export.xml").safety is Safety.READ


@pytest.mark.parametrize("row", [Page._update_title, Page._tag, Note._update_row, List._reorder])
def test_what_sets_something_may_be_repeated(row: Endpoint) -> None:
    assert row.safety is Safety.IDEMPOTENT


@pytest.mark.parametrize(
    ("path", "rate_limit"),
    [
        ("calendars.xml", RateLimit.CALENDARS),
        ("calendars/{id}/calendar_events.xml", RateLimit.CALENDARS),
        ("calendar_events.xml", RateLimit.CALENDARS),
        ("calendar_events/{id}.xml", RateLimit.CALENDARS),
        ("reminders.xml", RateLimit.ALL_ELSE),
        ("users/{id}/status.xml", RateLimit.ALL_ELSE),
    ],
)
def test_calendars_and_their_events_are_counted_by_themselves(
    path: str, rate_limit: RateLimit
) -> None:
    assert rest("GET", path).rate_limit is rate_limit


@pytest.mark.parametrize("row", sorted(ALL, key=operator.attrgetter("label")))
def test_the_older_dialect_has_no_calendars(row: Endpoint) -> None:
    assert row.rate_limit is RateLimit.ALL_ELSE


@pytest.mark.parametrize("row", sorted(ALL, key=operator.attrgetter("label")))
def test_a_row_reads_or_writes_and_never_both(row: Endpoint) -> None:
    assert not (row.reads and row.writes)


in_path = rest("PUT", "reminders/{id}.xml", token_in=TokenLocation.PATH, sends="reminder/content")
in_header = rest("PUT", "journal_entries/{id}.xml", sends="journal-entry/body", bare=True)


def test_without_a_token_its_part_of_the_path_is_left_out() -> None:
    assert in_path.path_for((8,), None) == "/reminders/8.xml"


def test_a_token_that_goes_elsewhere_is_not_in_the_path() -> None:
    assert in_header.path_for((8,), "secret") == "/journal_entries/8.xml"


def test_a_token_that_goes_elsewhere_is_not_in_the_body() -> None:
    bodies = (
        in_header.body_for({"body": "x"}, "secret"),
        in_path.body_for({"content": "x"}, "secret"),
    )
    for body in bodies:
        assert body and b"secret" not in body


def test_a_token_in_braces_is_not_taken_for_a_place() -> None:
    assert in_path.path_for((8,), "{id}") == "/{id}/reminders/8.xml"


def test_a_body_that_is_not_bare_is_inside_a_request() -> None:
    assert in_path.body_for({"content": "x"}, "secret") == (
        b"<request><reminder><content>x</content></reminder></request>"
    )


def test_a_bare_body_has_no_request_around_it() -> None:
    assert in_header.body_for({"body": "x"}, "secret") == (
        b"<journal-entry><body>x</body></journal-entry>"
    )


def test_messages_show_where_the_token_is_sent_but_not_the_token() -> None:
    assert in_path.path_for_people((8,)) == "/[token]/reminders/8.xml"


def test_people_see_other_paths_as_they_are() -> None:
    assert in_header.path_for_people((8,)) == "/journal_entries/8.xml"


def test_a_label_holds_no_ids() -> None:
    assert in_path.label == "PUT /[token]/reminders/{id}.xml"
    assert Item._toggle.label == "POST /ws/page/{page_id}/lists/{list_id}/items/toggle/{id}"


@pytest.mark.parametrize("ids", [(), (1,), (1, 2, 3)])
def test_too_few_or_too_many_ids_are_refused(ids: tuple[Any, ...]) -> None:
    row = ws("page/{page_id}/notes/update/{id}")
    with pytest.raises(ValueError, match=r"zip\(\)"):
        row.path_for(ids, None)


def test_tags_are_filled_in_with_ids() -> None:
    row = ws("page/{page_id}/notes/update/{id}", writes="page:{page_id} note:{id} search")
    assert row.tags_written((7, 3)) == ("page:7", "note:3", "search")
    assert row.tags_read((7, 3)) == ()


def test_the_tags_of_a_read_are_filled_in_with_ids() -> None:
    assert Note._all.tags_read((7,)) == ("page:7",)


def test_a_read_of_the_older_dialect_may_be_repeated() -> None:
    assert ws("pages/all", reads="pages").is_idempotent


def test_a_write_of_the_older_dialect_may_be_repeated_only_when_declared() -> None:
    assert not ws("pages/new", writes="pages").is_idempotent
    assert ws("page/{id}/destroy", writes="pages", idempotent=True).is_idempotent


@pytest.mark.parametrize(
    ("verb", "may_be"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False)]
)
def test_the_verb_decides_whether_a_call_of_the_newer_dialect_may_be_repeated(
    verb: str, may_be: bool
) -> None:
    assert rest(verb, "x.xml").is_idempotent is may_be


def test_calls_are_distinct_even_when_they_look_alike() -> None:
    assert ws("pages/all", reads="pages") != ws("pages/all", reads="pages")


def test_calls_never_change() -> None:
    with pytest.raises(AttributeError):
        Page._all.verb = "GET"  # type: ignore[misc]
