"""A field that a response omits is not loaded, and loads when it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    Belonging,
    Bookmark,
    Calendar,
    CalendarEvent,
    Connection,
    Email,
    Gallery,
    Image,
    Item,
    JournalEntry,
    List,
    Match,
    Message,
    Model,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
)
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.orm.schema.registry import registry
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.shapes import MISSING, Column, Response


class Case(NamedTuple):
    """A projection of a model, and the fields that are empty if a response omits them."""

    model: type[Model]
    name: str
    empty: frozenset[str]

    @property
    def projection(self) -> Projection:
        found: Projection = attrgetter(self.name)(self.model)
        return found


def projection(model: type[Model], name: str, empty: str = "") -> Case:
    return Case(model, name, frozenset(empty.split()))


# Fields are empty when they are omitted only where no other response could include them.
PROJECTIONS = [
    # No other response includes what a page show includes of these.
    projection(Attachment, "_full", "file_name"),
    projection(Belonging, "_full", "position type widget_id"),
    projection(Gallery, "_full", "name"),
    projection(Image, "_full", "file_name description"),
    projection(Message, "_full", "id body created_at"),
    projection(Separator, "_full", "name"),
    projection(Tag, "_full", "name"),
    # Only a search includes matches; only a list includes bookmarks and calendars.
    projection(Match, "_full", "type term"),
    projection(Bookmark, "_full", "position bookmarkable_type bookmarkable_id"),
    projection(
        Calendar,
        "_full",
        "name color account_id created_at updated_at token ics_url ical_subscription_url",
    ),
    # The list of events and the event itself include the same, and any part may be absent: reading
    # each would make a request per event, of which the service permits two in a second.
    projection(
        CalendarEvent,
        "_full",
        "title remind occurs_at occurs_until all_day message reminded_at created_at updated_at",
    ),
    # The most complete response that there is of these.
    projection(Email, "_full", "subject body created_at"),
    projection(Item, "_full", "content completed updated_at"),
    projection(PageItem, "_full", "content completed updated_at list_id"),
    projection(Note, "_full", "title body created_at"),
    projection(List, "_listed", "name"),
    projection(List, "_full", "name"),
    projection(Page, "_full", "title email_address description"),
    projection(JournalEntry, "_full", "account_id body created_at updated_at"),
    projection(Status, "_full", "message updated_at"),
    projection(Reminder, "_full", "content remind_at"),
    projection(
        User,
        "_full",
        "name account_id email_address admin time_zone_id use_24h_clock remind_via_email "
        "remind_via_mobile reminder_address mobile_phone_number mobile_phone_host identity_url "
        "start_page_id created_at updated_at",
    ),
    # Of these another response includes more.
    projection(Email, "_full.partial"),
    projection(Item, "_full.partial"),
    projection(Item, "_created"),
    projection(Item, "_full.exported"),
    projection(PageItem, "_full.partial"),
    projection(PageItem, "_created"),
    projection(PageItem, "_full.exported"),
    projection(Note, "_full.partial"),
    projection(Note, "_full.exported"),
    projection(List, "_full.partial"),
    projection(List, "_full.exported"),
    projection(Page, "_listed", "scope"),  # which only this list includes
    projection(Page, "_named"),
    projection(Page, "_created"),
    projection(Page, "_found"),
    projection(Page, "_exported", "description"),  # which a page that has none omits
    projection(Page, "_exported_by_user", "description"),
    projection(JournalEntry, "_listed"),
    projection(JournalEntry, "_updated"),
    projection(Status, "_listed"),
    projection(Reminder, "_full.partial"),
    projection(User, "_listed"),
    projection(User, "_named"),
]


def columns(view: Projection) -> Iterator[tuple[str, Column]]:
    for name, part in zip(view.model._table.positions, view.shape.parts, strict=True):
        if isinstance(part, Column) and name != "id":
            yield name, part


def sample(column: Column) -> str:
    """A value that the column can be read from."""
    for word in ("7", "true", "2026-05-14T16:39:02Z"):
        try:
            column.value_type.load(word)
        except ValueError:
            continue
        return word
    return "text"


def element(view: Projection, omitted: str) -> bytes:
    """A response about one record, with every field of the view but one, each as a child."""
    parts: dict[str, list[str]] = {}
    for name, column in columns(view):
        if name == omitted:
            continue
        word = sample(column)
        if column.inside:
            attribute = f"{column.name}='{word}'" if column.name else ""
            text = "" if column.name else word
            parts.setdefault(column.inside, []).append(attribute or text)
        else:
            parts[column.name] = [f">{word}"]
    children = ["<id>7</id>"]
    for tag, inside in parts.items():
        if inside[0].startswith(">"):
            children.append(f"<{tag}{inside[0]}</{tag}>")
        elif "=" in inside[0]:
            children.append(f"<{tag} {' '.join(inside)}/>")
        else:
            children.append(f"<{tag}>{inside[0]}</{tag}>")
    name = view.model._element
    return f"<{name}>{''.join(children)}</{name}>".encode()


CASES = [
    pytest.param(each, field, id=f"{each.model.__name__}.{each.name}: {field}")
    for each in PROJECTIONS
    for field, _ in columns(each.projection)
]


@pytest.mark.parametrize(("projection", "field"), CASES)
def test_an_omitted_field_is_not_loaded_unless_no_other_response_includes_it(
    projection: Case, field: str
) -> None:
    model, view = projection.model, projection.projection
    response = Response(200, element(view, field))
    record = view.read_one(response)
    (found,) = view.load[model]([record], None)
    twin = view.load_one[model](record, None)
    for object in (found, twin):
        if field in projection.empty:
            assert object._slot(field) == model._table.fields[field].value_type.empty
        else:
            assert object._slot(field, MISSING) is MISSING
            assert object._slot("id") == 7
        assert not object.is_dirty
        others = {name for name, _ in columns(view)} - {field}
        assert all(object._slot(name, MISSING) is not MISSING for name in others)


@pytest.mark.parametrize(("projection", "field"), CASES)
def test_a_field_that_is_nil_has_no_value(projection: Case, field: str) -> None:
    model, view = projection.model, projection.projection
    column = dict(columns(view))[field]
    if column.inside:
        pytest.skip("its values are attributes, which are never nil")
    content = element(view, field)
    end = f"</{model._element}>".encode()
    nil = f"<{column.name} nil='true'/>".encode()
    record = view.read_one(Response(200, content.replace(end, nil + end)))
    assert record[model._table.positions[field]] == column.value_type.empty


def test_every_projection_of_every_model_is_in_the_table() -> None:
    there = {
        (model.__name__, name)
        for model in registry.values()
        for name, value in vars(model).items()
        if isinstance(value, Projection) and model.__module__.startswith("backpack_orm.")
    }
    tested = {(each.model.__name__, each.name) for each in PROJECTIONS}
    assert {(model, name) for model, name in tested if "." not in name} == there


def test_what_a_creation_omits_is_what_was_sent_or_not_loaded(
    connection: Connection, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch, "notes/create", "title", "created_at")
    note = Note.create(page=Page.all()[0], title="Sent")
    before = box.requests
    assert note.title == "Sent"
    assert box.requests == before
    assert note.created_at is not None
    assert box.requests == before + 1


# --- live: what is omitted is read from the response that includes more --------------------------


def strip(monkeypatch: pytest.MonkeyPatch, path: str, *names: str) -> None:
    """Take attributes and elements out of the responses of one endpoint."""
    call = Connection.call

    def stripped(self: Any, endpoint: Any, *args: Any, read: Any, **more: Any) -> Any:
        def read_less(response: Response) -> Any:
            content = response.content
            for name in names if endpoint.path.endswith(path) else ():
                for spelled in (name, name.replace("_", "-")):
                    word = spelled.encode()
                    content = re.sub(rb' %s="[^"]*"' % word, b"", content)
                    content = re.sub(rb"(?s)<%s\b[^>]*>.*?</%s>" % (word, word), b"", content)
            return read(response._replace(content=content))

        return call(self, endpoint, *args, read=read_less, **more)

    monkeypatch.setattr(Connection, "call", stripped)


def page() -> Page:
    found = Page.find_by(title="Lisbon")
    assert found is not None
    return Page.find(found.id)


def entry() -> JournalEntry:
    return JournalEntry.all(user=User.me())[0]


LIVE: list[tuple[str, str, Callable[[], Any]]] = [
    ("ws/page/{id}", "title", lambda: page().notes[0]),
    ("ws/page/{id}", "created_at", lambda: page().notes[0]),
    ("ws/page/{id}", "completed", lambda: page().lists[0].items[0]),
    ("ws/page/{id}", "updated_at", lambda: page().lists[0].items[0]),
    ("ws/page/{id}", "name", lambda: page().lists[0]),
    ("ws/page/{id}", "subject", lambda: page().emails[0]),
    ("ws/page/{id}", "created_at", lambda: page().emails[0]),
    ("ws/pages/all", "title", lambda: Page.all()[0]),
    ("ws/pages/search", "title", lambda: Page.search("tram")[0]),
    ("statuses.xml", "message", lambda: Status.all()[0]),
    ("journal_entries.xml?n={n}&count=100", "updated_at", entry),
    ("export.xml", "created_at", lambda: User.me().export().pages[0].notes[0]),
    ("export.xml", "updated_at", lambda: User.me().export().pages[0].lists[0].items[0]),
    ("export.xml", "scope", lambda: User.me().export().pages[0]),
    ("export.xml", "email_address", lambda: User.me().export().pages[0]),
]


@pytest.mark.parametrize(("path", "name", "find"), LIVE, ids=[f"{p} {n}" for p, n, _ in LIVE])
def test_an_omitted_field_is_read_when_it_is_asked_for(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, path: str, name: str, find: Callable[[], Any]
) -> None:
    backpack_orm.connect(box.url, token=box.token)
    full = getattr(find(), name)
    assert full is not None
    backpack_orm.connect(box.url, token=box.token)
    strip(monkeypatch, path, name)
    record = find()
    before = box.requests
    assert getattr(record, name) == full
    assert getattr(record, name) == full
    assert box.requests <= before + 1
    assert not record.is_dirty


def test_what_the_most_complete_response_omits_has_no_value(
    connection: Connection, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip(monkeypatch, "items/list", "updated_at")
    item = page().lists[0].items[0]
    before = box.requests
    assert item.updated_at is None
    assert item.updated_at is None
    assert box.requests == before + 1


# --- save(check=True) compares what both know -------------------------------------------------


def test_an_item_that_came_with_its_page_can_be_checked(
    connection: Connection, box: Sandbox
) -> None:
    item = page().lists[0].items[0]
    item.content = "Boots"
    assert item.save(check=True).fields == ("content",)
    twin = page().lists[0].items[0]
    item.content = "Sandals"
    item.save()
    twin.content = "Clogs"
    with pytest.raises(backpack_orm.StaleRecord, match="content was 'Boots' and is 'Sandals'"):
        twin.save(check=True)


def test_a_record_of_an_export_can_be_checked(connection: Connection) -> None:
    exported = User.me().export().pages[0]
    for record, name in ((exported.lists[0].items[0], "content"), (exported.notes[0], "title")):
        setattr(record, name, "new")
        assert record.save(check=True).fields == (name,)
