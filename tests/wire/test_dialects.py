"""The spellings of one record: every form that a response is known to come in reads the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from backpack_orm import (
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Export,
    Gallery,
    InvalidResponse,
    Item,
    JournalEntry,
    List,
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
from backpack_orm.wire import build, parse, values
from backpack_orm.wire.shapes import MISSING, Column, Response, Section, Shape
from tests.seeds import examples

Draw: TypeAlias = "Callable[[SearchStrategy[Any]], Any]"

MORNING = datetime(2026, 5, 14, 7, 30)


def one(model: type[Model], content: bytes, view: Projection | None = None) -> tuple[Any, ...]:
    found: tuple[Any, ...] = (view or model._full).read_one(Response(200, content))
    return found


def many(
    model: type[Model], content: bytes, view: Projection | None = None
) -> tuple[tuple[Any, ...], ...]:
    return (view or model._full).read_many(Response(200, content))


def shown(inside: bytes, head: bytes = b"<page id='71' title='Lisbon'>") -> dict[str, Any]:
    """A page as its show includes it, with the places of its record by name."""
    record = one(Page, b"<response success='true'>" + head + inside + b"</page></response>", SHOWN)
    return dict(zip(Page._table.positions, record, strict=True))


def page(inside: bytes) -> Page:
    """A page as an object that makes no requests."""
    return Export.read(b"<page id='71' title='Lisbon'>" + inside + b"</page>").pages[0]


SHOWN = Page._full


# --- attributes and children, dashes and underscores, quotes ----------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"<item completed='true' id='5' list_id='4' updated_at='2026-05-14 07:30:00'>Hat</item>",
        b'<item id="5" list-id="4" updated-at="2026-05-14 07:30:00" completed="true">Hat</item>',
        b"<item\n\tid = '5'\n\tcompleted = \"true\"\n\tupdated_at='2026-05-14 07:30'\n>Hat</item >",
        b"<item><id>5</id><content>Hat</content><completed>true</completed>"
        b"<updated_at>2026-05-14 07:30:00</updated_at><list_id>4</list_id></item>",
        b"<item>\n  <completed type='boolean'>1</completed>\n  <content>Hat</content>\n"
        b"  <id type='integer'>5</id>\n  <list-id type='integer'>4</list-id>\n"
        b"  <updated-at type='datetime'>2026-05-14 07:30</updated-at>\n</item>",
        b"<item id='5'>Hat<completed>1</completed><updated-at>2026-05-14 07:30</updated-at></item>",
        b"<item id='5' completed='1' updated_at='2026-05-14 07:30'> <content>Hat</content></item>",
    ],
)
def test_an_item_in_every_form(content: bytes) -> None:
    assert one(Item, content) == (5, "Hat", True, MORNING, MISSING)


@pytest.mark.parametrize(
    "content",
    [
        b"<reminder remind_at='2026-05-14 07:30:00' id='81'>Call</reminder>",
        b'<reminder remind-at="2026-05-14 07:30" id="81">Call</reminder>',
        b"<reminder id='81'><remind_at>2026-05-14 07:30:00</remind_at><content>Call</content>"
        b"</reminder>",
        b"<reminder>\n  <id>81</id>\n  <remind-at>2026-05-14 07:30:00</remind-at>\n"
        b"  <content>Call</content>\n  <creator nil='true'/>\n  <remindees type='array'/>\n"
        b"</reminder>",
        b"<reminder id='81' remind_at='2026-05-14 07:30' content='Call'><creator/><remindees/>"
        b"</reminder>",
    ],
)
def test_a_reminder_in_every_form(content: bytes) -> None:
    assert one(Reminder, content) == (81, "Call", MORNING, None, ())


@pytest.mark.parametrize(
    "content",
    [
        b"<users><user id='4' name='Ana'/></users>",
        b'<users type="array"><user><id type="integer">4</id><name>Ana</name></user></users>',
        b"<response success='true'><users><user id='4'><name>Ana</name></user></users></response>",
    ],
)
def test_users_in_every_form(content: bytes) -> None:
    assert [record[:2] for record in many(User, content)] == [(4, "Ana")]


@pytest.mark.parametrize(
    "content",
    [
        b"<journal-entry id='51' user-id='4'><body>Booked</body></journal-entry>",
        b"<journal_entry id='51' user_id='4'>Booked</journal_entry>",
        b"<journal-entry><id>51</id><body>Booked</body><user-id>4</user-id></journal-entry>",
        b"<journal_entry><id>51</id><body>Booked</body><user_id>4</user_id></journal_entry>",
        b"<response><journal-entry><id>51</id><body>Booked</body><user id='4'/></journal-entry>"
        b"</response>",
    ],
)
def test_a_journal_entry_in_every_form(content: bytes) -> None:
    record = one(JournalEntry, content)
    assert record[:2] == (51, "Booked")
    assert record[-1][0] == 4


@pytest.mark.parametrize(
    "root", ["calendar-events", "calendar_events", "calendar-events type='array'"]
)
@pytest.mark.parametrize("element", ["calendar-event", "calendar_event"])
def test_names_with_underscores_are_read_with_dashes_and_underscores(
    root: str, element: str
) -> None:
    content = f"<{root}><{element}><id>62</id><all_day>1</all_day></{element}></{root.split()[0]}>"
    assert [(record[0], record[5]) for record in many(CalendarEvent, content.encode())] == [
        (62, True)
    ]


@pytest.mark.parametrize("name", [b"linked_pages", b"linked-pages"])
def test_a_section_with_an_underscore_too(name: bytes) -> None:
    (linked,) = shown(b"<%s><page id='72' title='Porto'/></%s>" % (name, name))["linked_pages"]
    assert linked[:2] == (72, "Porto")


@pytest.mark.parametrize(
    "content",
    [
        b"<belonging id='901'><position>1</position><widget type='Note' id='301'/></belonging>",
        b'<belonging id="901"><widget id="301" type="Note"/><position>1</position></belonging>',
        b"<belonging id='901' position='1'><widget><id>301</id><type>Note</type></widget>"
        b"</belonging>",
        b"<belonging><id type='integer'>901</id><position type='integer'>1</position>"
        b"<widget id='301'><type>Note</type></widget></belonging>",
    ],
)
def test_a_belonging_in_every_form(content: bytes) -> None:
    assert shown(b"<belongings>" + content + b"</belongings>")["belongings"] == (
        (901, 1, "Note", 301),
    )


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_of_the_other_kind_stand_in_quotes_of_one(quote: str) -> None:
    other = {"'": '"', '"': "'"}[quote]
    content = f"<tag id={quote}5{quote} name={quote}a{other}b&quot;&apos;{quote}/>"
    assert one(Tag, content.encode()) == (5, f"a{other}b\"'")


# --- padded and raw bodies --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"Dear Ana", "Dear Ana"),
        (b"\n    Dear Ana\n  ", "\n    Dear Ana\n  "),
        (b"\n\tDear Ana\n", "\n\tDear Ana\n"),
        (b"\n    Dear Ana\n  yours\n  ", "\n    Dear Ana\n  yours\n  "),
        (b"\n     Dear Ana,\nit rains\n", "\n     Dear Ana,\nit rains\n"),
        (b"\nDear Ana\n", "\nDear Ana\n"),
        (b" Dear Ana ", " Dear Ana "),
        (b"Dear Ana\n\n", "Dear Ana\n\n"),
        (b"\n    Dear Ana", "\n    Dear Ana"),
        (b"\n  ", "\n  "),
        (b" ", " "),
        (b"", ""),
    ],
)
def test_a_body_is_read_exactly(written: bytes, text: str) -> None:
    assert one(Note, b"<note id='1'>" + written + b"</note>")[2] == text
    assert one(Note, b"<note><id>1</id><body>" + written + b"</body></note>")[2] == text
    assert one(Email, b"<email id='1'>" + written + b"</email>")[2] == text
    assert one(Item, b"<item id='1'>" + written + b"</item>")[1] == text
    assert one(JournalEntry, b"<journal-entry id='1'>" + written + b"</journal-entry>")[1] == text
    assert shown(b"<description>" + written + b"</description>")["description"] == text


def test_a_name_is_no_body_and_keeps_its_padding() -> None:
    assert one(List, b"<list id='1' name='&#10;  a&#10;'/>", List._full.partial)[1] == "\n  a\n"
    assert one(Status, b"<status id='1'><message>\n  a\n</message></status>")[1] == "\n  a\n"


# --- what is missing --------------------------------------------------------------------------

SECTIONS = [
    "belongings",
    "tags",
    "lists",
    "notes",
    "galleries",
    "attachments",
    "separators",
    "linked_pages",
]


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("form", ["", "<{0}/>", "<{0}></{0}>", "<{0}>\n  </{0}>", "<{0} a='b'/>"])
def test_a_section_that_is_missing_or_empty_has_nothing_in_it(name: str, form: str) -> None:
    assert shown(form.format(name).encode())[name] == ()


def test_mails_that_a_page_leaves_out_are_not_known_to_be_none() -> None:
    assert shown(b"")["emails"] is MISSING
    assert shown(b"<emails/>")["emails"] == ()


@pytest.mark.parametrize("form", ["", "<list id='4' name=''><items/></list>"])
def test_a_list_without_items_is_empty(form: str) -> None:
    lists = shown(f"<lists>{form}</lists>".encode())["lists"]
    assert lists == ((4, "", ()),) * bool(form)


def test_a_list_that_omits_its_items_or_name_does_not_include_them() -> None:
    lists = shown(b"<lists><list id='4' name=''/><list id='5'><items/></list></lists>")["lists"]
    assert lists == ((4, "", MISSING), (5, MISSING, ()))


def test_a_gallery_without_images_is_empty() -> None:
    galleries = (
        b"<galleries><gallery id='6' name=''/><gallery id='7'><images/></gallery></galleries>"
    )
    assert shown(galleries)["galleries"] == ((6, "", ()), (7, "", ()))


@pytest.mark.parametrize(
    "nothing",
    [
        b"",
        b"<{}/>",
        b"<{}></{}>",
        b"<{} nil='true'/>",
        b'<{} nil="true"></{}>',
        b"<{} type='datetime' nil='true'></{}>",
        b"<{} type='datetime'></{}>",
    ],
)
@pytest.mark.parametrize(
    ("name", "place"),
    [
        (b"occurs-until", 4),
        (b"reminded_at", 7),
        (b"all-day", 5),
        (b"remind", 2),
        (b"calendar-id", -1),
    ],
)
def test_a_value_that_is_absent_empty_or_nil_is_none(
    nothing: bytes, name: bytes, place: int
) -> None:
    content = b"<calendar-event><id>62</id>" + nothing.replace(b"{}", name) + b"</calendar-event>"
    assert one(CalendarEvent, content)[place] is None


@pytest.mark.parametrize("nothing", [b"", b"<{} nil='true'/>", b"<{} nil='true'>x</{}>"])
@pytest.mark.parametrize("name", [b"identity-url", b"mobile-phone-number", b"time-zone-id"])
def test_a_text_of_a_user_that_is_absent_or_nil_is_none(nothing: bytes, name: bytes) -> None:
    content = b"<user><id>4</id>" + nothing.replace(b"{}", name) + b"</user>"
    place = User._table.positions[name.decode().replace("-", "_")]
    assert one(User, content)[place] is None


@pytest.mark.parametrize("nothing", [b"", b"<title/>", b"<title nil='true'/>", b"<title></title>"])
def test_a_title_that_is_absent_empty_or_nil_is_empty(nothing: bytes) -> None:
    assert one(Note, b"<note id='3'>" + nothing + b"</note>")[1] == ""
    assert one(CalendarEvent, b"<calendar-event id='3'>" + nothing + b"</calendar-event>")[1] == ""


@pytest.mark.parametrize(
    "content",
    [
        b"<bookmark><id>1</id><position nil='true'/><bookmarkable-id/></bookmark>",
        b"<bookmark id='1' position='' bookmarkable_id=''/>",
        b"<bookmark id='1'/>",
    ],
)
def test_numbers_may_have_no_value(content: bytes) -> None:
    assert one(Bookmark, content) == (1, None, "", None)


# --- times ------------------------------------------------------------------------------------

UTC = UTC


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("2026-05-14 07:30:00", MORNING),
        ("2026-05-14 07:30", MORNING),
        ("2026-05-14T07:30:00Z", MORNING.replace(tzinfo=UTC)),
        ("2026-05-14T07:30Z", MORNING.replace(tzinfo=UTC)),
        ("2026-05-14T07:30", MORNING.replace(tzinfo=UTC)),
        ("2006-10-06T00:00", datetime(2006, 10, 6, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("form", ["<{0} id='1' {1}='{2}'/>", "<{0} id='1'><{1}>{2}</{1}></{0}>"])
@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Note, "created_at"),
        (Email, "created_at"),
        (Item, "updated_at"),
        (Reminder, "remind_at"),
        (Status, "updated-at"),
        (JournalEntry, "created-at"),
        (CalendarEvent, "occurs-at"),
        (Calendar, "created-at"),
        (User, "updated-at"),
        (Message, "created_at"),
    ],
)
def test_a_time_in_every_form(
    word: str, moment: datetime, form: str, model: type[Model], name: str
) -> None:
    record = one(model, form.format(model._element, name, word).encode())
    read = record[model._table.positions[name.replace("-", "_")]]
    assert (read, read.tzinfo) == (moment, moment.tzinfo)


@pytest.mark.parametrize("word", ["soon", "14.05.2026", "2026-05-14", "07:30", " ", "0000-00-00"])
def test_a_time_that_is_none_is_an_invalid_response(word: str) -> None:
    with pytest.raises(InvalidResponse, match="is not a time"):
        one(Note, f"<note id='1' created_at='{word}'/>".encode())


# --- what stands for characters ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"caf&#233; &#8211; &#x1F600;", "café \u2013 \U0001f600"),
        (b"R&amp;D &lt;b&gt;", "R&D <b>"),
        (b"&amp;rarr; &amp;#8211; &amp;amp;", "&rarr; &#8211; &amp;"),
        (b"&amp;amp;rarr;", "&amp;rarr;"),
        ("由紀 — ñandú".encode(), "由紀 — ñandú"),
    ],
)
def test_references_are_read_once_in_every_place_of_a_text(written: bytes, text: str) -> None:
    assert one(Note, b"<note id='1' title='" + written + b"'/>")[1] == text
    assert one(Note, b"<note id='1'>" + written + b"</note>")[2] == text
    assert one(Tag, b"<tag><id>1</id><name>" + written + b"</name></tag>")[1] == text
    assert one(Separator, b"<separator id='1'>" + written + b"</separator>")[1] == text
    assert one(Calendar, b"<calendar id='1'><name>" + written + b"</name></calendar>")[1] == text
    assert shown(b"<description>" + written + b"</description>")["description"] == text
    assert Export.read(b"<user name='" + written + b"'><pages/></user>").username == text


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_a_response_declares_its_encoding(encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}"?><tag id="5" name="café"/>'
    assert one(Tag, content.encode(encoding)) == (5, "café")


# --- what is not known here -------------------------------------------------------------------


def test_unknown_attributes_and_elements_are_passed_over() -> None:
    plain = shown(
        b"<belongings><belonging id='9'><position>1</position><widget type='Note' id='3'/>"
        b"</belonging></belongings><notes><note id='3' title='a'>text</note></notes>"
        b"<lists><list id='4' name='b'><items><item id='5' completed='true'>c</item></items></list>"
        b"</lists>"
    )
    strange = shown(
        b"<weather><id>7</id><title>no</title></weather>"
        b"<belongings count='1'><page/><belonging id='9' x='y'><since/>"
        b"<position of='2'>1</position><widget type='Note' id='3' v='2'><deep/></widget>"
        b"</belonging></belongings>"
        b"<notes><b/><note color='red' id='3' title='a' by='4'>text<id>8</id><lock/></note></notes>"
        b"<lists><list id='4' kind='x' name='b'><total>1</total><items of='4'><done/>"
        b"<item due='' id='5' completed='true'>c<who id='4'/></item></items></list></lists>",
        head=b"<page xmlns:x='urn:x' x:id='8' id='71' lang='pt' title='Lisbon'>",
    )
    assert strange == plain


def test_a_belonging_of_an_unknown_kind_passes_through() -> None:
    found = page(
        b"<belongings><belonging id='9'><position>1</position>"
        b"<widget type='WriteboardLink' id='3'/></belonging></belongings>"
    ).belongings[0]
    assert (found.type, found.widget_id, found.widget) == ("WriteboardLink", 3, None)


@pytest.mark.parametrize("widget", [b"", b"<widget/>", b"<widget type='Note'/>"])
def test_a_belonging_without_a_widget_has_none(widget: bytes) -> None:
    found = page(
        b"<belongings><belonging id='9'><position>1</position>" + widget + b"</belonging>"
        b"</belongings><notes><note id='3'/></notes>"
    ).belongings[0]
    assert found.position == 1
    assert found.widget_id is None
    assert found.widget is None


@pytest.mark.parametrize("kind", ["Note", "List", "Separator", "Gallery", "Asset", "Email"])
def test_a_belonging_whose_widget_is_absent_has_none(kind: str) -> None:
    widget = f"<belonging id='9'><widget type='{kind}' id='3'/></belonging>"
    found = page(f"<belongings>{widget}</belongings>".encode()).belongings[0]
    assert (found.type, found.widget_id, found.widget) == (kind, 3, None)


def test_equal_ids_of_different_types_are_different_records() -> None:
    kinds = ["Note", "List", "Separator", "Gallery", "Asset", "Email"]
    whole = page(
        b"<belongings>"
        + "".join(
            f"<belonging id='{n}'><widget type='{kind}' id='3'/></belonging>"
            for n, kind in enumerate(kinds, 1)
        ).encode()
        + b"</belongings><notes><note id='3'/></notes><lists><list id='3'/></lists>"
        b"<separators><separator id='3'/></separators><galleries><gallery id='3'/></galleries>"
        b"<attachments><attachment id='3'/></attachments><emails><email id='3'/></emails>"
    )
    widgets = [belonging.widget for belonging in whole.belongings]
    assert [type(widget).__name__ for widget in widgets] == [
        "Note",
        "List",
        "Separator",
        "Gallery",
        "Attachment",
        "Email",
    ]
    assert len(set(widgets)) == 6


def test_children_are_not_found_by_belongings() -> None:
    whole = page(b"<notes><note id='3' title='a'/></notes><lists><list id='4' name='b'/></lists>")
    assert [note.title for note in whole.notes] == ["a"]
    assert [each.name for each in whole.lists] == ["b"]
    assert list(whole.belongings) == []


def test_records_keep_the_order_served() -> None:
    whole = page(b"<notes><note id='9'/><note id='3'/></notes>")
    assert [note.id for note in whole.notes] == [9, 3]


# --- items without a list ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "items",
    [
        b"<item id='5' completed='false'>Hat</item><item id='6' completed='true'>Scarf</item>",
        b"<item><id>5</id><content>Hat</content><completed>false</completed></item>"
        b"<item><id>6</id><content>Scarf</content><completed>true</completed></item>",
        b"<incomplete><item id='5'>Hat</item></incomplete>"
        b"<completed><item id='6'>Scarf</item></completed>",
        b"\n  <incomplete>\n    <item id='5'>Hat</item>\n  </incomplete>\n"
        b"  <completed>\n    <item id='6'>Scarf</item>\n  </completed>\n",
        b"<incomplete><item id='5' completed='false'>Hat</item></incomplete>"
        b"<completed><item id='6' completed='true'>Scarf</item></completed>",
    ],
)
def test_items_without_a_list_are_flat_or_grouped(items: bytes) -> None:
    found = shown(b"<items>" + items + b"</items>")["items"]
    assert [record[:3] for record in found] == [(5, "Hat", False), (6, "Scarf", True)]


@pytest.mark.parametrize("groups", [b"<incomplete/><completed/>", b"<completed></completed>", b""])
def test_groups_may_be_empty(groups: bytes) -> None:
    assert shown(b"<items>" + groups + b"</items>")["items"] == ()


# --- search hits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "matches"),
    [
        (b"", ()),
        (b"<send id='3'>note</send>", ((3, "note", ""),)),
        (
            b"\n  <send id='3'>note</send>\n  <send id='4'>list</send>\n",
            ((3, "note", ""), (4, "list", "")),
        ),
        (b"<send id='3'>note</send><send id='3'>email</send>", ((3, "note", ""), (3, "email", ""))),
        (b"<send id='3'>hologram</send>", ((3, "hologram", ""),)),
        (b"<other/><send kind='x' id='3'>note<of/></send>", ((3, "note", ""),)),
    ],
)
def test_a_search_includes_what_has_matched(inside: bytes, matches: tuple[Any, ...]) -> None:
    content = b"<pages><page title='Lisbon' id='71'>" + inside + b"</page></pages>"
    assert many(Page, content, Page._found)[0][Page._table.positions["matches"]] == matches


# --- several roots ----------------------------------------------------------------------------

EVENTS = [
    "<calendar-event><id>1</id></calendar-event><calendar-event><id>2</id></calendar-event>",
    "<calendar-event><id>1</id></calendar-event>\n<calendar-event><id>2</id></calendar-event>\n",
    "<calendar-events><calendar-event><id>1</id></calendar-event></calendar-events>\n"
    "<calendar-events><calendar-event><id>2</id></calendar-event></calendar-events>",
    "<calendar-events><calendar-event><id>1</id></calendar-event></calendar-events>"
    "<calendar-event><id>2</id></calendar-event>",
    "<calendar-event><id>1</id></calendar-event>"
    "<calendar-events><calendar-event><id>2</id></calendar-event></calendar-events>",
    "<calendar-events/><calendar-event><id>1</id></calendar-event>"
    "<calendar-event><id>2</id></calendar-event>",
]


@pytest.mark.parametrize("content", EVENTS)
@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>\n'])
def test_a_list_may_have_several_roots(content: str, declaration: str) -> None:
    records = many(CalendarEvent, (declaration + content).encode())
    assert [record[0] for record in records] == [1, 2]


def test_a_single_root_is_enough() -> None:
    content = b"<calendar-events><calendar-event><id>1</id></calendar-event></calendar-events>"
    assert [record[0] for record in many(CalendarEvent, content)] == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"<page id='1' title='a'/><page id='2' title='b'/>",
        b"<response><page id='1' title='a'/><page id='2' title='b'/></response>",
    ],
)
def test_two_records_where_one_is_asked_for_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidResponse, match="one <page> was expected, not 2"):
        one(Page, content, Page._named)
    with pytest.raises(InvalidResponse, match="one <page> was expected, not 2"):
        Export.read(content)


@pytest.mark.parametrize(
    "garbage",
    [b"and more", b"&", b"<", b"</calendar-events>", b"<calendar-event>", b"]]>", b"\x00"],
)
@pytest.mark.parametrize("content", ["<calendar-events/>", *EVENTS[:2]])
def test_garbage_after_a_root_is_refused(content: str, garbage: bytes) -> None:
    with pytest.raises(InvalidResponse, match="no well-formed XML"):
        many(CalendarEvent, content.encode() + garbage)


@pytest.mark.parametrize("content", EVENTS[:3])
def test_several_roots_that_are_cut_off_are_refused(content: str) -> None:
    content = content.rstrip()
    for end in range(1, len(content)):
        if content[:end].rstrip() in ("", *whole_beginnings(content)):
            continue
        with pytest.raises(InvalidResponse):
            many(CalendarEvent, content[:end].encode())


def whole_beginnings(content: str) -> list[str]:
    """The beginnings of several roots that end where a root does."""
    for tag in ("</calendar-events>", "</calendar-event>"):
        if content.endswith(tag):
            first = content.index(tag) + len(tag)
            return [content[:first]]
    raise AssertionError(content)


def test_a_page_that_is_cut_off_is_never_half_a_page() -> None:
    whole = (
        b"<response success='true'><page id='71' title='a'><notes><note id='3'>x</note></notes>"
        b"<lists><list id='4' name='b'><items/></list></lists></page></response>"
    )
    for end in range(1, len(whole)):
        with pytest.raises(InvalidResponse):
            one(Page, whole[:end], SHOWN)


# --- whatever is written ----------------------------------------------------------------------

WRITABLE = st.characters(codec="utf-8", exclude_categories=["Cs"], min_codepoint=0x20).filter(
    lambda letter: letter not in "\ufffe\uffff" and ord(letter) % 0x10000 < 0xFFFE
)
ANY_TEXT = st.text(st.one_of(WRITABLE, st.sampled_from("\t\n\r &<>\"'")))
NAMED = Shape("tag", (Column("id", values.INTEGER), Column("name", values.TEXT)))


@pytest.mark.parametrize("paths", [["tag/@id", "tag/@name"], ["tag/id", "tag/name"]])
@given(name=ANY_TEXT)
def test_any_name_that_is_written_is_read_again(paths: list[str], name: str) -> None:
    content = build.resource(paths, {"id": "5", "name": name})
    assert parse.one(NAMED)(Response(200, content)) == (5, name)


@given(title=ANY_TEXT, body=ANY_TEXT)
def test_any_note_that_is_written_is_read_again(title: str, body: str) -> None:
    sent = build.resource(["note/@id", "note/title", "note/body"], {
        "id": "3", "title": title, "body": body,
    })  # fmt: skip
    assert one(Note, sent)[:3] == (3, title, body)


@given(text=ANY_TEXT, reminder=ANY_TEXT)
def test_any_text_between_tags_is_read_again(text: str, reminder: str) -> None:
    written = escape(text, {"\r": "&#13;"}).encode()
    assert one(Item, b"<item id='5' completed='false'>" + written + b"</item>")[1] == text
    assert one(Separator, b"<separator id='5'>" + written + b"</separator>")[1] == text


# --- any record in any form -------------------------------------------------------------------

TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
VALUES = {
    values.INTEGER.load: st.integers(1, 2**40),
    values.BOOLEAN.load: st.booleans(),
    values.TIME.load: TIMES | TIMES.map(lambda moment: moment.replace(tzinfo=UTC)),
    values.TEXT.load: ANY_TEXT,
}


def values_of(column: Column) -> SearchStrategy[Any]:
    """What a column may hold."""
    found = VALUES[column.value_type.load]
    if column.name == "id" and not column.inside and not column.is_optional:
        return found
    return (
        st.none() | found.filter(lambda value: value != "")
        if column.value_type.empty is None
        else found
    )


def records_of(shape: Shape) -> SearchStrategy[Any]:
    """Any record of a shape."""
    return st.tuples(*[part_of(part) for part in shape.parts])


def part_of(part: Column | Section | None) -> SearchStrategy[Any]:
    if part is None:
        return st.just(MISSING)
    if isinstance(part, Column):
        return values_of(part)
    inside = records_of(part.shape)
    return st.none() | inside if part.is_single else st.lists(inside, max_size=2).map(tuple)


def text_of(draw: Draw, value: object) -> str:
    """A value in any of its spellings."""
    if isinstance(value, bool):
        return str(draw(st.sampled_from(["true", "1"] if value else ["false", "0"])))
    if not isinstance(value, datetime):
        return str(value)
    raw = value.replace(tzinfo=None).isoformat("T" if value.tzinfo else " ")
    if value.second == 0 and draw(st.booleans()):
        raw = raw[:-3]
    return raw + ("Z" if value.tzinfo and draw(st.booleans()) else "")


def spelled(draw: Draw, name: str) -> str:
    return name.replace("_", "-") if draw(st.booleans()) else name


def quoted(draw: Draw, raw: str) -> str:
    quote: str = draw(st.sampled_from("'\""))
    escaped = {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;", quote: f"&#{ord(quote)};"}
    return quote + escape(raw, escaped) + quote


def element(name: str, attributes: list[str], inside: str) -> str:
    return f"<{' '.join([name, *attributes])}>{inside}</{name}>"


def rendered(draw: Draw, shape: Shape, record: tuple[Any, ...], name: str | None = None) -> str:
    """A record as an element whose values are attributes or its text, or children, at random."""
    attributes: list[str] = []
    children: list[str] = []
    within: dict[str, tuple[list[str], list[str]]] = {}
    text = ""
    for part, value in zip(shape.parts, record, strict=True):
        if part is None or value is None:
            children += nil(draw, part)
            continue
        if isinstance(part, Section):
            children.append(section(draw, part, value))
            continue
        raw = text_of(draw, value)
        if not part.name:  # the text of a child
            part = part._replace(name=part.inside, inside="")
        called = draw(st.sampled_from([part.name, part.other])) if part.other else part.name
        form = draw(st.sampled_from(["child", "text" if part.is_text else "attribute"]))
        if form == "text" and not raw.strip(" \t\r\n"):
            form = "child"  # blank text between the values of a record is layout
        if form == "text":
            text = escape(raw, {"\r": "&#13;"})
            continue
        inner, outer = within.setdefault(part.inside, ([], []))
        if form == "attribute":
            inner.append(f"{spelled(draw, called)}={quoted(draw, raw)}")
        else:
            outer.append(element(spelled(draw, called), [], escape(raw, {"\r": "&#13;"})))
    for inside, (inner, outer) in within.items():
        if inside:
            children.append(element(inside, inner, "".join(outer)))
        else:
            attributes, children = attributes + inner, children + outer
    return element(
        spelled(draw, name or shape.element),
        draw(st.permutations(attributes)),
        text + "".join(draw(st.permutations(children))),
    )


def nil(draw: Draw, part: Column | Section | None) -> list[str]:
    """What says that there is no value, where omitting it would not."""
    if isinstance(part, Column) and not part.is_sure:
        return [f"<{spelled(draw, part.name)} nil='true'/>"]
    return []


def section(draw: Draw, part: Section, value: tuple[Any, ...]) -> str:
    if part.is_single:
        return rendered(draw, part.shape, value, part.path)
    container, _, _ = part.path.rpartition("/")
    inside = "".join(rendered(draw, part.shape, record) for record in value)
    return element(spelled(draw, container), [], inside) if container else inside


@pytest.mark.parametrize(
    "view",
    [
        Page._full,
        Page._found,
        Page._listed,
        Note._full.exported,
        List._full.exported,
        Item._full.exported,
        PageItem._full.exported,
        Gallery._full,
        Email._full,
        Separator._full,
        Tag._full,
        Reminder._full,
        User._full,
        Bookmark._full,
        Calendar._full,
        CalendarEvent._full,
        JournalEntry._full,
        Status._full,
    ],
    ids=lambda view: view.model.__name__,
)
@examples(25)
@given(data=st.data())
def test_any_record_reads_the_same_in_any_form(view: Projection, data: DataObject) -> None:
    record = data.draw(records_of(view.shape))
    content = rendered(data.draw, view.shape, record)
    assert view.read_one(Response(200, content.encode())) == record


def test_the_items_of_a_page_may_be_listed_in_groups() -> None:
    content = (
        b"<items><incomplete><item id='9'>one</item></incomplete>"
        b"<completed><item id='8'>two</item></completed></items>"
    )
    records = PageItem._full.read_many(Response(200, content))
    assert [record[:3] for record in records] == [(9, "one", False), (8, "two", True)]
