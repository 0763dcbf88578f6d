"""Rich display in notebooks: cards and tables of loaded data, as safe HTML."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from lxml import html as parser
from lxml.html import HtmlElement

from backpack_orm import (
    Collection,
    Connection,
    Email,
    Export,
    Item,
    List,
    Note,
    NotFound,
    Page,
    Reminder,
    User,
)
from backpack_orm.sandbox import Sandbox
from tests.seeds import examples


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


def shown(value: object) -> HtmlElement:
    """Return the HTML that a notebook shows, after checking that it is well-formed."""
    source = value._repr_html_()  # type: ignore[attr-defined]  # all objects here have it
    for tag in ("div", "ul", "li", "table", "tr", "td", "p", "dl", "details", "style"):
        assert len(re.findall(rf"<{tag}[ >]", source)) == source.count(f"</{tag}>"), tag
    return parser.fragment_fromstring(source)


def text_of(value: object) -> str:
    """Return the text that a notebook shows."""
    root = shown(value)
    for style in root.iter("style"):
        style.text = ""
    return " ".join(" ".join(root.itertext()).split())


# --- pages ------------------------------------------------------------------------------------


def test_a_page_shows_its_records_in_page_order(page: Page) -> None:
    text = text_of(page)
    marks = [
        "Lisbon",
        "Portugal",
        "Ten days in",
        "Where we sleep",
        "Rua da Bica 41",
        "Packing",
        "Walking shoes",
        "Not to be missed",
        "On the way",
        "coach 7",
        "Last time",
        "miradouro.jpg",
        "itinerary.pdf",
        "WriteboardLink",
        "Your reservation",
        f"id {page.id}",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_page_order_follows_the_belongings(page: Page) -> None:
    lists = [belonging.widget for belonging in page.belongings if belonging.type == "List"]
    rest = [belonging for belonging in page.belongings if belonging.type != "List"]
    page.reorder([*reversed([each for each in lists if each]), *rest])
    assert "not loaded yet: read .belongings" in text_of(page)
    assert page.belongings[0].type == "List"
    text = text_of(page)
    assert text.index("Not to be missed") < text.index("Packing") < text.index("Where we sleep")


def test_completed_items_are_ticked(page: Page) -> None:
    items = {item.text_content().strip() for item in shown(page).iter("li")}
    assert "☐ Walking shoes" in {" ".join(item.split()) for item in items}
    assert "☑ Passports" in {" ".join(item.split()) for item in items}


def test_many_completed_items_are_collapsed() -> None:
    items = "".join(f"<item completed='true' id='{n}'>done {n}</item>" for n in range(1, 90))
    page = read(f"<lists><list id='4' name='Long'><items>{items}</items></list></lists>")
    root = shown(page)
    (details,) = root.iter("details")
    assert details.find("summary").text == "89 completed"
    assert "done 50" in details.text_content()
    assert "done 51" not in details.text_content()
    assert "and 39 more" in details.text_content()


def test_textile_is_rendered(page: Page) -> None:
    root = shown(page)
    assert [each.text for each in root.iter("em")] == ["pastéis"]
    assert "Tram 28 stops at the corner" in [each.text for each in root.iter("li")]


def test_text_that_cannot_be_converted_is_shown_as_typed_with_the_reason(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backpack_orm.text.limits.MAX_LENGTH", 9)
    page.notes[0].body = "*too long*"
    card = shown(page.notes[0])
    assert [each.text for each in card.find_class("bp-plain")] == ["*too long*"]
    remarks = [each.text_content() for each in card.find_class("bp-remark")]
    assert remarks == ["Shown as typed: it has 10 characters, more than 9."]


def test_a_page_that_is_not_loaded_shows_how_to_load_it(
    connection: Connection, box: Sandbox
) -> None:
    listed = Page.all()[0]
    before = box.requests
    text = text_of(listed)
    assert f"not loaded yet: Page.find({listed.id}) loads it" in text
    assert "Lisbon" in text
    assert box.requests == before


def test_a_relation_changed_by_a_create_shows_how_to_load_it(page: Page, box: Sandbox) -> None:
    page.notes.create(title="Lunch")
    before = box.requests
    assert "Not loaded yet: .notes" in text_of(page)
    assert "Packing" in text_of(page)
    assert box.requests == before
    assert page.notes["Lunch"].title == "Lunch"
    assert "Lunch" in text_of(page)


def test_records_without_a_belonging_are_shown_too() -> None:
    page = read("<notes><note id='3' title='Alone' created_at='2026-05-14 16:39:02'/></notes>")
    assert "Alone" in text_of(page)


def test_page_items_are_shown_once(page: Page) -> None:
    before = text_of(page).count("Walking shoes")
    assert page.items["Walking shoes"].content == "Walking shoes"
    assert text_of(page).count("Walking shoes") == before == 1
    old = read("<items><item id='9' completed='false'>Return the key</item></items>")
    assert "☐ Return the key" in text_of(old)


def test_an_export_with_comments_and_links_is_displayed() -> None:
    page = read(
        "<linked_pages><page id='8' title='Porto'/></linked_pages>"
        "<notes><note id='3' title='N'>Body<message id='9'>Really?</message></note></notes>"
    )
    text = text_of(page)
    assert "Linked pages Porto" in text
    assert "Body" in text


def test_a_long_text_is_truncated_with_a_notice(page: Page) -> None:
    page.notes[0].body = "word " * 2_000
    assert "… and 6,00" in text_of(page)
    assert len(text_of(page)) < 6_000


def test_long_titles_and_names_are_truncated_with_a_notice() -> None:
    long = "Lisbon, and " * 1_000
    page = read(
        f"<notes><note id='3' title='{long}'>x</note></notes>"
        f"<lists><list id='4' name='{long}'><items/></list></lists>"
        f"<separators><separator id='5'>{long}</separator></separators>"
        f"<attachments><attachment id='6' file_name='{long}'/></attachments>"
        f"<emails><email id='7' subject='{long}'>x</email></emails>"
        f"<tags><tag id='8' name='{long}'/></tags>",
        title=long,
    )
    text = text_of(page)
    assert text.count("… and 11,600 characters more") == 7
    assert len(text) < 7 * 500


def test_many_names_are_truncated_with_a_notice() -> None:
    tags = "".join(f"<tag id='{n}' name='tag {n}'/>" for n in range(1, 71))
    links = "".join(f"<page id='{n}' title='page {n}'/>" for n in range(1, 71))
    text = text_of(read(f"<tags>{tags}</tags><linked_pages>{links}</linked_pages>"))
    assert "tag 50 … and 20 more" in text
    assert "page 50 … and 20 more" in text


def test_a_page_with_many_records_is_truncated_with_a_notice() -> None:
    notes = "".join(f"<note id='{n}' title='Note {n}'>x</note>" for n in range(1, 131))
    text = text_of(read(f"<notes>{notes}</notes>"))
    assert "Note 100" in text
    assert "Note 101" not in text
    assert "and 30 more" in text


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (lambda page: setattr(page, "title", "Porto"), "edited, not saved: title"),
        (lambda page: setattr(page, "tags", ["Sea"]), "edited, not saved: tags"),
        (lambda page: setattr(page, "tags", "Sea"), "edited, and cannot be saved"),
        (lambda page: page.destroy(), "destroyed"),
    ],
)
def test_a_card_shows_unsaved_changes_and_destruction(
    page: Page, act: Callable[[Page], object], state: str
) -> None:
    act(page)
    assert state in text_of(page)


def test_a_new_page_has_a_card_too() -> None:
    assert text_of(Page(title="Porto", tags=["Sea"])) == "Page · not saved yet Porto Sea"


# --- other records ----------------------------------------------------------------------------


def test_every_kind_of_record_has_a_card(page: Page, box: Sandbox) -> None:
    records = [
        *page.notes,
        *page.lists,
        *page.galleries,
        *page.attachments,
        *page.tags,
        *page.belongings,
        *page.emails,
        page.lists[0].items[0],
        Reminder.all()[0],
        User.me(),
    ]
    before = box.requests
    for record in records:
        assert type(record).__name__ in text_of(record)
        assert f"id {record.id}" in text_of(record)
    assert box.requests == before


def test_cards_show_the_values_of_their_records(page: Page) -> None:
    assert "Where we sleep Rua da Bica 41" in text_of(page.notes[0])
    assert "☐ Walking shoes" in text_of(page.lists["Packing"])
    assert "tiles-04.jpg" in text_of(page.galleries[0])
    reminder = Reminder.all()[0]
    assert f"remind at {reminder.remind_at:%Y-%m-%d %H:%M}" in text_of(reminder)
    assert "creator Nora Whitfield" in text_of(reminder)


def test_cards_list_attributes_that_are_not_loaded(connection: Connection) -> None:
    assert "Not loaded yet: .items" in text_of(List.all(page=Page.all()[0])[0])
    note = Note._stub(7, Page.all()[0])
    assert "Not loaded yet: .body" in text_of(note)
    assert "Not loaded yet: .body" in text_of(Email._stub(7, Page.all()[0]))


def test_secrets_are_not_shown(connection: Connection) -> None:
    from backpack_orm import Calendar

    calendar = Calendar.all()[0]
    for value in (calendar, Calendar.all()):
        assert calendar.token not in value._repr_html_()


# --- collections and other objects ------------------------------------------------------------


def cells(value: object) -> list[list[str]]:
    return [[cell.text_content() for cell in row] for row in shown(value).iter("tr")]


def test_a_collection_is_a_table_of_loaded_attributes(connection: Connection, box: Sandbox) -> None:
    pages = Page.all()
    before = box.requests
    head, first, *_ = cells(pages)
    assert head == ["id", "title", "scope"]
    assert first == [str(pages[0].id), "Lisbon", "personal"]
    assert "13 pages" in text_of(pages)
    assert "Not loaded yet: .email_address , .description" in text_of(pages)
    assert box.requests == before


def test_a_table_shows_the_number_of_children(page: Page) -> None:
    assert cells(page.lists) == [
        ["id", "name", "items"],
        *[[str(each.id), each.name, str(len(each.items))] for each in page.lists],
    ]


def test_a_long_collection_shows_its_first_rows_and_the_total(connection: Connection) -> None:
    items = Item.all()
    assert len(cells(items)) == 1 + 20
    assert f"The first 20 of {len(items)}" in text_of(items)
    assert cells(items)[0][:3] == ["id", "page_id", "page_title"]


def test_a_collection_that_is_not_loaded_is_marked_as_such(
    connection: Connection, box: Sandbox
) -> None:
    notes = Page.all()[0].notes
    before = box.requests
    assert "notes of a Page Not loaded yet" in text_of(notes)
    assert box.requests == before


def test_an_empty_collection_is_shown_as_such() -> None:
    assert text_of(Collection(Page, [])) == "0 pages"
    assert text_of(Collection(Reminder, [Reminder(content="x")])).startswith("1 reminder")


def test_changes_are_a_table_of_old_and_new_values(page: Page) -> None:
    page.title = "Porto"
    page.tags = ["Sea", "Food"]
    assert cells(page.changes) == [
        ["attribute", "old", "new"],
        ["title", "Lisbon", "Porto"],
        ["tags", "Travel, Long weekends, Portugal", "Sea, Food"],
    ]
    assert page.changes == {
        "title": ("Lisbon", "Porto"),
        "tags": (("Travel", "Long weekends", "Portugal"), ("Sea", "Food")),
    }


def test_a_result_shows_its_counts_and_its_failures(connection: Connection) -> None:
    items = Page.find(Page.all()[0].id).lists["Packing"].items[:]
    Item.find(items[0].id, list=items[0].list.id, page=items[0].page).destroy()
    result = items.update(content="<b>Same</b>", on_error="continue")
    for part in ("succeeded 7", "failed 1", "outcome unknown 0", "not attempted 0", "requests 8"):
        assert part in text_of(result)
    (failure,) = [row for row in cells(result) if row[0].startswith("Item(")]
    assert "Record not found" in failure[1]


def test_stats_are_a_table(connection: Connection) -> None:
    Page.all()
    assert "requests 1" in text_of(connection.stats)
    assert ["POST /ws/pages/all", "1", "0"] in cells(connection.stats)


def test_a_notebook_gets_html_in_addition_to_the_repr(connection: Connection, box: Sandbox) -> None:
    formatter = DisplayFormatter()
    formatter.active_types = formatter.format_types
    listed = Page.all()[0]
    before = box.requests
    for value in (listed, listed.notes, listed.changes, connection.stats, NotFound("no")):
        bundle, _ = formatter.format(value)
        assert set(bundle) == {"text/html", "text/plain"}
    assert box.requests == before


def test_an_error_is_readable() -> None:
    error = NotFound("no such page", verb="POST", path="/ws/page/7", status=404)
    assert text_of(error) == (
        "NotFound no such page status 404 request POST /ws/page/7 "
        f"hint {error.hint} help {error.help_url}"
    )


# --- safety -----------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"link":javascript:alert(1)',
    '"link":JaVaScRiPt:alert(1)',
    '<a href="java\tscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>x</script>">x</a>',
    "!javascript:alert(1)!",
    "!http://example.com/spy.png(seen)!",
    "p{background:url(http://example.com/spy.png)}. x",
    "notextile. <script>alert(1)</script>",
    "==<iframe src=http://example.com></iframe>==",
    "</div></style></title><script>x</script>",
    "<style>body{display:none}</style>",
    "<form action=http://example.com><input name=a><button>x",
    "<math><mtext><table><mglyph><style><img src=x onerror=x>",
    "<noscript><p title='</noscript><img src=x onerror=x>'>",
    "<!--><img src=x onerror=x>-->",
    "`<script>`",
]
TEXTS = st.text(max_size=40) | st.lists(
    st.sampled_from([*HOSTILE, "\n", " ", "*", "_", '"', "<", ">", "&lt;", "\x00", "\ud800"]),
    max_size=6,
).map("".join)
FORBIDDEN = "script iframe object embed form input img link meta svg math base button noscript"
ALLOWED = {"class", "dir", "role", "href", "title", "rel", "start", "colspan", "rowspan", "lang"}
ALIGNED = re.compile("text-align:(left|right|center|justify)")


def assert_harmless(source: str) -> None:
    root = parser.fragment_fromstring(source)
    for element in root.iter():
        assert element.tag not in re.findall(r"\w+", FORBIDDEN)
        assert set(element.attrib) <= {*ALLOWED, "style"}
        assert ALIGNED.fullmatch(element.get("style", "text-align:left"))
        assert element.get("href", "http").startswith(("http", "mailto:"))
    (style,) = root.iter("style")
    assert "url(" not in style.text
    assert "import" not in style.text
    source.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", source)


def displaying(text: str) -> list[object]:
    """Return an object of each type that displays this text."""
    note = Note._stub(7, None)
    note.title, note.body, note.created_at = text, text, datetime(2026, 5, 14)
    packing = List._stub(8, None)
    packing.name = text
    item = Item._stub(9, packing)
    item.content, item.completed = text, True
    page = Page(title=text, description=text, tags=[text])
    return [note, packing, item, page, Collection(Note, [note]), NotFound(text, excerpt=text)]


@given(TEXTS)
@examples(60)
def test_any_text_is_displayed_as_text_only(text: str) -> None:
    for value in displaying(text):
        assert_harmless(value._repr_html_())  # type: ignore[attr-defined]  # all objects here have it


@pytest.mark.parametrize("text", HOSTILE)
def test_known_attacks_are_harmless_on_a_page(text: str) -> None:
    cell = text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
    page = read(
        f"<description>{cell}</description>"
        f"<notes><note id='3' title='{cell}'>{cell}</note></notes>"
        f"<lists><list id='4' name='{cell}'>"
        f"<items><item id='5'>{cell}</item></items></list></lists>"
        f"<separators><separator id='6'>{cell}</separator></separators>"
        f"<attachments><attachment id='7' file_name='{cell}'/></attachments>"
        f"<emails><email id='8' subject='{cell}'>{cell}</email></emails>"
        f"<tags><tag id='9' name='{cell}'/></tags>",
        title=cell,
    )
    assert_harmless(page._repr_html_())


def test_a_script_in_a_title_is_read_as_text(page: Page) -> None:
    page.title = "<script>alert(1)</script>"
    assert "<script>alert(1)</script>" in text_of(page)


def test_a_picture_is_a_link(page: Page) -> None:
    page.notes[0].body = "!http://example.com/tram.png(The tram)!"
    (link,) = shown(page).iter("a")
    assert link.get("href") == "http://example.com/tram.png"
    assert link.text == "🖼 The tram"


def test_cards_have_no_element_ids_that_could_collide(page: Page) -> None:
    page.notes[0].body = "A footnote[1]\n\nfn1. Here."
    assert ' id="' not in page._repr_html_() * 2


def test_a_table_has_no_heading_since_it_may_stand_below_one_of_any_level(page: Page) -> None:
    assert "2 notes</p>" in page.notes._repr_html_()
    assert not re.search("<h[1-6]", page.notes._repr_html_())


def test_each_text_has_its_own_direction(connection: Connection) -> None:
    page = Page(title="رحلة", description="שלום\n\nHello", tags=["سفر"])
    root = shown(page)
    assert root.find(".//h3").get("dir") == "auto"
    (text,) = root.find_class("bp-text")
    assert text.getparent().get("dir") == "auto"
    page = read(
        "<lists><list id='4' name='L'><items><item id='5'>سفر</item></items></list></lists>"
    )
    (item,) = shown(page).iter("li")
    assert item.get("dir") == "auto"
    assert not item.xpath(".//*[@dir]"), (
        "a nested dir would be ignored for the direction of the item"
    )


# --- without the extra ------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["textile", "nh3"])
def test_without_the_extra_texts_are_shown_as_typed(
    page: Page, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    page.notes[0].body = "*bold* <b>x</b>\nsecond line"
    assert "*bold* <b>x</b>" in text_of(page)
    assert_harmless(page._repr_html_())
    assert [each.text for each in shown(page.notes[0]).find_class("bp-plain")] == [
        "*bold* <b>x</b>\nsecond line"
    ]


def read(contents: str, title: str = "Lisbon") -> Page:
    """Return a page from an export."""
    return Export.read(f"<page id='71' title='{title}'>{contents}</page>".encode()).pages[0]
