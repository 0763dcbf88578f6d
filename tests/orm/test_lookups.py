"""Lookups, predicates and orders of `where`, `get`, `find_by`, `exists` and `order_by`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import (
    Connection,
    Item,
    MultipleFound,
    Note,
    NotFound,
    Page,
    Reminder,
    User,
    ValidationError,
)
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import all_of
from backpack_orm.sandbox import Sandbox

HOME = Page(title="Home")
EARLY, LATE = datetime(2031, 1, 2, 9, 5), datetime(2031, 1, 2, 9, 6)


def found_by(**lookups: Any) -> list[str]:
    """Return the titles of the notes that fulfil lookups."""
    notes = Collection(
        Note,
        [
            Note(page=HOME, title="Hotel", body="Rua da Rosa 7"),
            Note(page=HOME, title="hotel bill", body=""),
            Note(page=HOME, title="STRASSE", body="Caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
            Note(page=HOME, title="", body="Cafe\N{COMBINING ACUTE ACCENT} 7"),
        ],
    )
    return [note.title for note in notes.where(**lookups)]


@pytest.mark.parametrize(
    ("lookups", "titles"),
    [
        ({"title": "Hotel"}, ["Hotel"]),
        ({"title__exact": "Hotel"}, ["Hotel"]),
        ({"title__iexact": "HOTEL"}, ["Hotel"]),
        ({"title__iexact": "stra\N{LATIN SMALL LETTER SHARP S}e"}, ["STRASSE"]),
        ({"title__contains": "otel"}, ["Hotel", "hotel bill"]),
        ({"title__contains": "Otel"}, []),
        ({"title__icontains": "OTEL"}, ["Hotel", "hotel bill"]),
        ({"title__startswith": "hotel"}, ["hotel bill"]),
        ({"title__istartswith": "HOTEL"}, ["Hotel", "hotel bill"]),
        ({"title__endswith": "l"}, ["Hotel", "hotel bill"]),
        ({"title__iendswith": "L"}, ["Hotel", "hotel bill"]),
        ({"title__iendswith": "stra\N{LATIN SMALL LETTER SHARP S}e"}, ["STRASSE"]),
        ({"title__ne": "Hotel"}, ["hotel bill", "STRASSE", ""]),
        ({"title__in": ["", "Hotel"]}, ["Hotel", ""]),
        ({"title__in": iter(["Hotel"])}, ["Hotel"]),
        ({"title__in": []}, []),
        ({"title__lt": "I"}, ["Hotel", ""]),
        ({"title__gte": "STRASSE"}, ["hotel bill", "STRASSE"]),
        ({"title__regex": "^.{5}$"}, ["Hotel"]),
        ({"body__icontains": "CAFE\N{COMBINING ACUTE ACCENT}"}, ["STRASSE", ""]),
        ({"body__regex": "[0-9]", "title__iexact": "hotel"}, ["Hotel"]),
    ],
)
def test_a_lookup_selects(lookups: dict[str, Any], titles: list[str]) -> None:
    assert found_by(**lookups) == titles


def reminders(**lookups: Any) -> list[str]:
    made = [
        Reminder(content="early", remind_at=EARLY),
        Reminder(content="late", remind_at=LATE),
        Reminder(content="none", remind_at=None),
    ]
    return [each.content for each in Collection(Reminder, made).where(**lookups)]


@pytest.mark.parametrize(
    ("lookups", "contents"),
    [
        ({"remind_at__lt": LATE}, ["early"]),
        ({"remind_at__lte": LATE}, ["early", "late"]),
        ({"remind_at__gt": EARLY}, ["late"]),
        ({"remind_at__gte": EARLY, "remind_at__lt": LATE}, ["early"]),
        ({"remind_at__isnull": True}, ["none"]),
        ({"remind_at__isnull": False}, ["early", "late"]),
        ({"remind_at": None}, ["none"]),
        ({"remind_at__ne": None}, ["early", "late"]),
        ({"remind_at__ne": EARLY}, ["late", "none"]),
        ({"remind_at__in": [None, EARLY]}, ["early", "none"]),
    ],
)
def test_missing_values_are_only_found_if_they_are_asked_for(
    lookups: dict[str, Any], contents: list[str]
) -> None:
    assert reminders(**lookups) == contents


@pytest.mark.parametrize(
    ("model", "lookups", "error", "message"),
    [
        (Page, {"titel__contains": "x"}, TypeError, "no field 'titel'; did you mean 'title'"),
        (Page, {"title__contain": "x"}, TypeError, "no lookup 'contain'.*'contains'"),
        (Page, {"title__x": "x"}, TypeError, "no lookup 'x'.*there are __exact, __ne"),
        (Page, {"title__": "x"}, TypeError, "no lookup '' in 'title__'; there are __exact"),
        (Page, {"": "x"}, TypeError, "Page has no field ''"),
        (Page, {"url": "x"}, TypeError, "'url': pass a function, such as lambda page: page.url"),
        (Note, {"page_id": 7}, TypeError, "Note cannot be found by 'page_id': use page=…"),
        (Item, {"list__position": 7}, TypeError, "List has no field 'position'$"),
        (Item, {"list__page_id": 7}, TypeError, "List cannot be found by 'page_id': pass a func"),
        (Page, {"tags__nam": "x"}, TypeError, "Tag has no field 'nam'; did you mean 'name'"),
        (
            Page,
            {"tags": "x"},
            TypeError,
            "'tags' with 'x': give a Tag or its id, or .*tags__name=…",
        ),
        (Note, {"page": None}, TypeError, "such as page__title=…"),
        (Page, {"tags__in": "x"}, ValidationError, "a list of records is needed, not 'x'"),
        (Page, {"tags": Page(title="x")}, ValidationError, "takes the id of a record, .* or a Tag"),
        (Page, {"tags": 0}, ValidationError, "Page.tags takes the id of a record"),
        (Page, {"tags__isnul": True}, TypeError, "no lookup 'isnul' .* did you mean 'isnull'"),
        (Page, {"tags__isnull": 1}, ValidationError, "True or False is needed"),
        (Note, {"page__isnull": True}, ValidationError, "Note.page __isnull: every Note has one"),
        (Page, {"title__isnull": True}, ValidationError, "__isnull: it always has a value"),
        (Page, {"title": None}, ValidationError, "Page.title is never None"),
        (Page, {"title__in": ["a", None]}, ValidationError, "Page.title __in: .*text is needed"),
        (Page, {"public": True}, TypeError, "found by 'public': no response includes it"),
        (Page, {"title__contains": 7}, ValidationError, "Page.title __contains: text is needed"),
        (Item, {"completed__contains": "x"}, ValidationError, "it is no text"),
        (Item, {"completed__lt": True}, ValidationError, "have no order"),
        (Page, {"id__in": "71"}, ValidationError, "a list of values is needed, not '71'"),
        (Page, {"id__in": ["71"]}, ValidationError, "a whole number is needed"),
        (Page, {"title__regex": "("}, ValidationError, "no regular expression"),
        (Page, {"scope__isnull": "yes"}, ValidationError, "True or False is needed"),
        (Note, {"created_at__lt": "2031"}, ValidationError, "a datetime is needed"),
    ],
)
def test_a_mistake_is_reported(
    model: Any, lookups: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        all_of(model, [], lookups)


def test_a_mistake_makes_no_request(connection: Connection, box: Sandbox) -> None:
    before = box.requests
    for find in (Page.where, Page.find_by, Page.get, Note.where, User.get):
        with pytest.raises(TypeError, match="has no field 'nmae'"):
            find(nmae="x")
    assert box.requests == before


def test_times_with_and_without_a_zone_are_not_compared() -> None:
    with pytest.raises(ValidationError, match="has no zone here"):
        reminders(remind_at__lt=LATE.astimezone())


def test_related_records_are_compared(connection: Connection) -> None:
    assert [page.title for page in Page.where(tags__name="Portugal")] == ["Lisbon"]
    assert [page.title for page in Page.where(tags__name__in=["Portugal"])] == ["Lisbon"]
    lisbon = Page.get(title="Lisbon")
    assert len(lisbon.notes.where(page__title="Lisbon")) == len(lisbon.notes)
    assert not lisbon.notes.where(page__title__icontains="porto")


def test_a_page_is_loaded_only_for_what_the_list_of_pages_omits(
    connection: Connection, box: Sandbox
) -> None:
    before = box.requests
    assert Page.where(title__icontains="LISBON", scope__isnull=False) is not None
    assert box.requests - before == 1
    assert not list(Page.where(notes__title="Hotel"))
    assert box.requests - before == 3


def test_fresh_bypasses_the_cache(connection: Connection, box: Sandbox) -> None:
    Page.all()
    before = box.requests
    assert Page.get(title="Lisbon") == Page.find_by(title="Lisbon")
    assert box.requests == before
    Page.get(title="Lisbon", fresh=True)
    assert box.requests - before == 1


def test_get_returns_the_only_one(connection: Connection) -> None:
    pages = Page.all()
    assert pages.get(title="Lisbon") is pages["Lisbon"]
    with pytest.raises(NotFound, match="there is no Page with title='Paris', id=7"):
        pages.get(title="Paris", id=7)
    with pytest.raises(NotFound, match="there is no Page here"):
        pages[:0].get()
    with pytest.raises(MultipleFound, match=r"13 Page records.*Page\(id=.*8 more"):
        Page.get()
    with pytest.raises(NotFound, match="there is no Page with title='Paris'"):
        Page.get(title="Paris")
    with pytest.raises(NotFound, match="there is no Note with title='Paris'"):
        Note.get(title="Paris")
    with pytest.raises(MultipleFound, match=r"2 Page records.*Page\(id="):
        Page.get(scope="friends")


def test_collections_in_a_record_are_reloaded_to_search_them(
    connection: Connection, box: Sandbox
) -> None:
    with Connection(box.url, token=box.token):
        stored = Page.get(title="Lisbon")
    notes = Page.get(title="Lisbon").notes
    searches: list[Callable[[bool], object]] = [
        lambda fresh: notes.get(title="New", fresh=fresh),
        lambda fresh: notes.find_by(title="New", fresh=fresh).title,  # type: ignore[union-attr]
        lambda fresh: notes.first(title="New", fresh=fresh).title,  # type: ignore[union-attr]
        lambda fresh: notes.last(title="New", fresh=fresh).title,  # type: ignore[union-attr]
        lambda fresh: notes.where(title="New", fresh=fresh)[0],
        lambda fresh: {True: 1}[notes.exists(title="New", fresh=fresh)],
        lambda fresh: {1: 1}[notes.count(title="New", fresh=fresh)],
    ]
    for search in searches:
        notes.reload()
        new = stored.notes.create(title="New")
        before = box.requests
        with pytest.raises((NotFound, AttributeError, IndexError, KeyError)):
            search(False)
        assert box.requests == before
        assert search(True)
        assert box.requests == before + 1
        new.destroy()


def test_results_are_not_reloaded(connection: Connection, box: Sandbox) -> None:
    pages, search = Page.all(), Page.where(notes__isnull=False)
    before = box.requests
    for find in (pages.where, pages.get, pages.first, pages.last, search.where, search.exists):
        with pytest.raises(TypeError, match=r"pass fresh=True to the call it is from"):
            find(title="Lisbon", fresh=True)
    assert box.requests == before


def test_functions_are_conditions(connection: Connection) -> None:
    pages = Page.all()
    short = pages.where(lambda page: len(page.title) < 7, title__startswith="L")
    assert [page.title for page in short] == ["Lisbon"]
    assert pages.exists(lambda page: page.title == "Lisbon")
    assert pages.find_by(lambda page: page.title == "Paris") is None


def test_slices_and_combinations_are_collections(connection: Connection) -> None:
    pages = Page.all()
    first, last = pages[:8], pages[5:]
    assert isinstance(first, Collection)
    assert list(first | last) == list(pages)
    assert list(first & last) == list(pages[5:8])
    assert (first | last).count() == len(pages) == pages.count()
    assert pages.last() is pages[-1]
    assert pages[:0].last() is None
    with pytest.raises(TypeError):
        first | [pages[0]]  # type: ignore[operator]


def test_the_order_is_stable_and_ignores_case() -> None:
    notes = Collection(
        Note,
        [
            Note(page=HOME, title="b", body="1"),
            Note(page=HOME, title="A", body="2"),
            Note(page=HOME, title="a", body="1"),
            Note(page=HOME, title="B", body="2"),
        ],
    )

    def titles(*names: str) -> str:
        return "".join(note.title for note in notes.order_by(*names))

    assert titles("title") == "AaBb"
    assert titles("-title") == "bBaA"
    assert titles("body") == "baAB"
    assert titles("-body", "title") == "ABab"
    assert titles() == "bAaB"
    with pytest.raises(TypeError, match="did you mean 'title'"):
        titles("-titel")


def test_an_order_is_that_of_fields(connection: Connection, box: Sandbox) -> None:
    before = box.requests
    for name, message in [
        ("titel", "Note has no field 'titel'; did you mean 'title'"),
        ("-page_id", "Note cannot be ordered by '-page_id': pass a function"),
        ("page", "Note cannot be ordered by 'page': pass a function"),
        ("", "Note has no field ''"),
    ]:
        with pytest.raises(TypeError, match=message):
            Note.where().order_by(name)
    with pytest.raises(TypeError, match="Page cannot be ordered by 'tags'"):
        Page.where().order_by("tags")
    assert box.requests == before + 1  # the list of pages


def test_an_order_may_be_that_of_the_parent() -> None:
    lisbon, porto = Page(title="lisbon"), Page(title="Porto")
    notes = Collection(
        Note,
        [
            Note(page=page, title=title)
            for page, title in [
                (porto, "a"),
                (lisbon, "b"),
                (porto, "c"),
                (Page(title="Evora"), "d"),
            ]
        ],
    )

    def titles(*names: str) -> str:
        return "".join(note.title for note in notes.order_by(*names))

    assert titles("page__title") == "dbac"
    assert titles("-page__title", "-title") == "cabd"


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (Note, "page__titel", "Page has no field 'titel'; did you mean 'title'"),
        (Note, "pages__title", "Note has no field 'pages__title'"),
        (
            Page,
            "notes__title",
            "Page cannot be ordered by 'notes__title', which leads to several records",
        ),
        (
            Note,
            "page__notes__title",
            "Note cannot be ordered by 'page__notes__title', which leads to",
        ),
    ],
)
def test_an_order_across_relations_names_a_field_of_the_parent(
    model: type[Note] | type[Page], name: str, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        Collection[Any](model, []).order_by(name)


def test_records_without_a_value_are_last_in_both_orders() -> None:
    made = [Reminder(content=str(each), remind_at=each) for each in (None, LATE, EARLY)]
    collection = Collection(Reminder, made)
    for name, first in (("remind_at", EARLY), ("-remind_at", LATE)):
        ordered = collection.order_by(name)
        assert ordered[0].remind_at == first
        assert ordered[-1].remind_at is None


def test_an_order_may_be_that_of_a_function() -> None:
    bodies = {"a": "two words", "b": "", "c": "and three words"}
    notes = Collection(Note, [Note(page=HOME, title=t, body=b) for t, b in bodies.items()])

    def titles(*keys: str | Callable[[Note], Any]) -> str:
        return "".join(note.title for note in notes.order_by(*keys))

    assert titles(lambda note: len(note.body)) == "bac"
    assert titles(lambda note: note.body or None) == "cab"  # without a value: last
    assert titles(lambda note: bool(note.body), "-title") == "bca"
    with pytest.raises(TypeError, match="takes attributes and functions, not 7"):
        titles(7)  # type: ignore[arg-type]


# The iota below a Greek letter is a mark, and a letter of its own once it is folded.
@given(st.text().filter(lambda text: "\u0345" not in normalize("NFD", text)))
def test_a_text_is_found_in_any_case_and_composition(text: str) -> None:
    swapped = [c.swapcase() if c.swapcase().casefold() == c.casefold() else c for c in text]
    for form in ("NFC", "NFD"):
        typed = normalize(form, "".join(swapped))
        assert all_of(Note, [], {"title__iexact": typed}).matches(Note(page=HOME, title=text))
