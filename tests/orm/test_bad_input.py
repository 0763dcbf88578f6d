"""What cannot be sent is refused with a word on why and what to do, and nothing is sent."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

import backpack_orm
from backpack_orm import (
    AuthenticationError,
    Connection,
    Item,
    List,
    NotConnected,
    Note,
    NotFound,
    Page,
    ReadOnly,
    Reminder,
    Tag,
    TransportError,
    ValidationError,
    connect,
)
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    page = Page.all()[0]
    page.notes.first()
    return page


def refused(
    box: Sandbox, error: type[Exception], saying: str, act: Callable[[], object]
) -> Exception:
    """Make sure that something is refused in these words, and that nothing was sent."""
    before = box.requests
    with pytest.raises(error, match=saying) as caught:
        act()
    assert box.requests == before
    return caught.value


def test_without_a_connection_the_error_says_how_to_connect() -> None:
    with pytest.raises(NotConnected, match=r'connect\("your-account", token="…"\)'):
        Page.all()
    with pytest.raises(NotConnected):
        Page(title="T").save()
    with pytest.raises(NotConnected, match="BACKPACK_URL and BACKPACK_TOKEN"):
        connect()


def test_a_wrong_token_is_an_authentication_error(box: Sandbox) -> None:
    connect(box.url, token="0" * 40)
    with pytest.raises(AuthenticationError, match="the token is wrong, or of another account"):
        Page.all()
    with pytest.raises(AuthenticationError):
        Page.create(title="T")
    with pytest.raises(AuthenticationError):
        Reminder.all()


def test_a_wrong_host_is_a_transport_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connect(f"http://127.0.0.1:{taken.getsockname()[1]}", token="secret")
        with pytest.raises(TransportError, match="cannot be reached: check the address"):
            Page.all()


@pytest.mark.parametrize("name", ["acme/evil", "acme evil", "", "acme.evil", "-acme", "ac\nme"])
def test_an_account_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises((ValidationError, NotConnected)):
        connect(name, token="secret")


def test_a_misspelled_attribute_is_an_error_that_knows_better(page: Page, box: Sandbox) -> None:
    refused(box, AttributeError, "no attribute 'titel'; did you mean 'title'?", lambda: page.titel)
    refused(box, AttributeError, "titel", lambda: setattr(page, "titel", "T"))
    refused(box, AttributeError, "titel", lambda: setattr(Note(page=page), "titel", "T"))


@pytest.mark.parametrize(
    "act",
    [
        lambda page: Note(page=page, titel="T"),
        lambda page: Note.create(page=page, titel="T"),
        lambda page: page.notes.create(titel="T"),
        lambda page: page.notes.where(titel="T"),
        lambda page: Note.where(page=page, titel="T"),
        lambda page: Note.find_by(titel="T"),
        lambda page: Page.where(titel="T"),
        lambda page: Page.find_by(titel="T"),
    ],
)
def test_a_misspelled_argument_is_an_error_that_knows_better(
    page: Page, box: Sandbox, act: Callable[[Page], object]
) -> None:
    refused(box, TypeError, "has no field 'titel'; did you mean 'title'?", lambda: act(page))


def test_other_models_know_their_own_arguments(page: Page, box: Sandbox) -> None:
    refused(box, TypeError, "did you mean 'content'", lambda: Item.where(page=page, contents="x"))
    refused(box, TypeError, "did you mean 'name'", lambda: Tag.where(nam="x"))
    refused(box, TypeError, "did you mean 'content'", lambda: Reminder.find_by(contents="x"))


def test_records_are_found_by_plain_values_only(page: Page, box: Sandbox) -> None:
    refused(box, TypeError, "cannot be found by 'tags'", lambda: Page.where(tags=["Travel"]))
    refused(box, TypeError, "cannot be found by 'public'", lambda: Page.find_by(public=True))
    refused(box, TypeError, "cannot be found by 'items'", lambda: page.lists.where(items=[]))


def test_a_read_only_field_is_not_taken(page: Page, box: Sandbox) -> None:
    refused(box, ReadOnly, "Note.id is given by the service", lambda: Note(page=page, id=5))
    refused(box, ReadOnly, "create them one by one", lambda: Page(title="T", notes=[]))


@pytest.mark.parametrize("model", [Page, Note, List, Item, Tag, Reminder])
def test_what_is_no_id_is_refused(connection: Connection, box: Sandbox, model: type[Page]) -> None:
    saying = rf"{model.__name__}.find takes the id of a record, a whole number above 0"
    for id in ("abc", "7", None, -1, 0, 1.5, True, [7]):
        refused(box, ValidationError, saying, lambda id=id: model.find(id))


def test_a_record_of_another_kind_is_no_id(page: Page, box: Sandbox) -> None:
    note = page.notes[0]
    refused(box, ValidationError, "or a Page, not Note", lambda: Page.find(note))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a Page, not Note", lambda: Note.all(page=note))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a List, not", lambda: Item.all(list="x"))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a Page, not", lambda: page.link("x"))  # type: ignore[arg-type]


def test_what_is_gone_is_not_found(page: Page) -> None:
    with pytest.raises(NotFound, match=r"Record not found \(404 to POST /ws/page/7\)") as caught:
        Page.find(7)
    assert caught.value.status == 404
    with pytest.raises(LookupError):
        Note.all(page=7)
    with pytest.raises(NotFound):
        page.notes.find(7)


@pytest.mark.parametrize(
    ("model", "parent"), [(Note, "page"), (List, "page"), (Item, "list"), (Tag, "page")]
)
def test_a_child_without_its_parent_is_refused(
    box: Sandbox, connection: Connection, model: type[Note], parent: str
) -> None:
    saying = f"{model.__name__} needs the {parent.title()} it lives in: give {parent}=…"
    refused(box, ValidationError, saying, lambda: model())
    refused(box, ValidationError, "takes the id", lambda: model(**{parent: "x"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("strange", ["\x00", "\x07", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_carry_is_refused_by_name(
    page: Page, box: Sandbox, strange: str
) -> None:
    saying = f"cannot be .*: it holds the character U\\+{ord(strange):04X} at position 4"
    refused(
        box, ValidationError, f"Page.title {saying}", lambda: Page.create(title="ring" + strange)
    )
    refused(box, ValidationError, "Note.body", lambda: page.notes.create(body="ring" + strange))
    refused(box, ValidationError, "Page.search", lambda: Page.search("ring" + strange))
    page.title = "ring" + strange
    refused(box, ValidationError, f"Page.title {saying}", page.save)
    page.discard()
    page.tags = ["ring" + strange]
    refused(box, ValidationError, "Page.tags", page.save)


def test_a_tag_with_a_quote_is_refused(page: Page, box: Sandbox) -> None:
    refused(
        box,
        ValidationError,
        "the tag 'say \"hi\"' holds a quote, which no tag can",
        lambda: setattr(page, "tags", ['say "hi"']) or page.save(),  # type: ignore[func-returns-value]
    )
    page.discard()
    refused(box, ValidationError, "holds a quote", lambda: Tag.create(page=page, name='"'))
    refused(box, ValidationError, "a tag needs a name", lambda: _save_tags(page, [" "]))
    refused(box, ValidationError, "takes a list, not 'Travel'", lambda: _save_tags(page, "Travel"))
    refused(box, ValidationError, "text is needed", lambda: _save_tags(page, [5]))


def _save_tags(page: Page, tags: object) -> None:
    page.tags = tags  # type: ignore[assignment]  # just this is refused
    page.save()


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_text_is_refused_where_one_is_needed(page: Page, box: Sandbox, empty: str) -> None:
    refused(box, ValidationError, "Page.title cannot be empty", lambda: Page.create(title=empty))
    refused(box, ValidationError, "Tag.name", lambda: Tag.create(page=page, name=empty))
    refused(box, ValidationError, "Page.search needs a term", lambda: Page.search(empty))
    page.title = empty
    refused(box, ValidationError, "Page.title cannot be empty", page.save)
    item = page.lists[0].items[0]
    item.content = empty
    refused(box, ValidationError, "Item.content cannot be empty", item.save)
    refused(box, ValidationError, "Item.content cannot be empty", item.complete)


def test_what_is_needed_is_asked_for(page: Page, box: Sandbox) -> None:
    refused(box, ValidationError, "Page needs title=…", lambda: Page())  # type: ignore[call-arg]
    refused(box, ValidationError, "Item needs content=…", lambda: page.lists[0].items.create())
    refused(box, ValidationError, "Reminder needs content=…", lambda: Reminder.create())


@pytest.mark.parametrize("value", [5, None, b"bytes", ["T"]])
def test_a_value_of_another_type_is_refused(page: Page, box: Sandbox, value: object) -> None:
    note = page.notes[0]
    note.title = value  # type: ignore[assignment]  # just this is refused
    refused(box, ValidationError, "Note.title cannot be .*: text is needed", note.save)
    item = page.lists[0].items[0]
    item.completed = "yes"  # type: ignore[assignment]
    refused(box, ValidationError, "Item.completed cannot be 'yes': True or False", item.save)
    reminder = Reminder(content="T", remind_at="tomorrow")  # type: ignore[arg-type]
    refused(box, ValidationError, "Reminder.remind_at cannot be .*: a datetime", reminder.save)
    reminder = Reminder(content="T", remindees=["Ana"])  # type: ignore[list-item]
    refused(box, ValidationError, "Reminder.remindees cannot be .*: a whole number", reminder.save)


def test_a_title_of_ten_thousand_characters_arrives_whole(page: Page) -> None:
    title = "é&<" * 3334
    assert Page.find(Page.create(title=title).id, fresh=True).title == title


def test_a_page_is_reordered_only_by_all_that_stands_on_it(page: Page, box: Sandbox) -> None:
    other = Page.all()[1].notes[0]
    here = list(page.belongings)
    refused(box, ValidationError, "does not stand on Page", lambda: page.reorder([*here, other]))
    refused(box, ValidationError, "does not stand on Page", lambda: page.reorder([7]))
    refused(box, ValidationError, "does not stand on Page", lambda: page.reorder(["x"]))  # type: ignore[list-item]
    refused(box, ValidationError, rf"\[{here[0].id}\] are left out", lambda: page.reorder(here[1:]))
    refused(box, ValidationError, "named more than once", lambda: page.reorder([*here, here[0]]))


def test_items_are_reordered_only_by_all_of_their_list(page: Page, box: Sandbox) -> None:
    items, other = page.lists[0].items, page.lists[1].items[0]
    refused(box, ValidationError, "is not in List", lambda: items.reorder([*items, other]))
    refused(box, ValidationError, "left out", lambda: items.reorder(items[1:]))
    refused(box, ValidationError, "more than once", lambda: items.reorder([*items, items[0]]))
    refused(box, ValidationError, "takes the id", lambda: items.reorder(["x"]))  # type: ignore[list-item]


def test_sharing_needs_somebody_or_everybody(page: Page, box: Sandbox) -> None:
    refused(box, ValidationError, "give emails=", page.share)
    refused(
        box, ValidationError, "takes a list of addresses", lambda: page.share("ana@example.com")
    )
    refused(box, ValidationError, "e-mail address is needed", lambda: page.share(["ana"]))
    refused(box, ValidationError, "e-mail", lambda: page.share(["ana@example.com rui@x.com"]))
    refused(box, ValidationError, "True or False", lambda: page.share(public="yes"))  # type: ignore[arg-type]


def test_an_aware_time_is_refused_for_a_reminder(box: Sandbox, connection: Connection) -> None:
    moment = datetime(2031, 1, 1, tzinfo=timezone.utc)
    saying = "Reminder.remind_at cannot be .*: a datetime without a zone is needed"
    refused(box, ValidationError, saying, lambda: Reminder.create(content="T", remind_at=moment))


def test_a_parent_of_one_account_cannot_be_used_with_another(page: Page, box: Sandbox) -> None:
    other = Connection(box.url, token=box.add_account("other", seed="demo"))
    saying = "belongs to Connection.* so it cannot be used with"
    refused(box, ValidationError, saying, lambda: Note.create(page=page, using=other))
    refused(box, ValidationError, saying, lambda: Note.all(page=page, using=other))
    refused(box, ValidationError, saying, lambda: Item.all(list=page.lists[0], using=other))


def test_every_refusal_is_of_this_library() -> None:
    assert issubclass(ValidationError, backpack_orm.BackpackError)
    assert issubclass(ValidationError, ValueError)
