"""A whole account is read from the user's export, and is the same as if read page by page."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    BackpackError,
    Connection,
    Email,
    Forbidden,
    Gallery,
    HasMany,
    Image,
    Item,
    List,
    Model,
    Note,
    NotFound,
    Page,
    PageItem,
    Separator,
    StaleRecord,
    Tag,
    User,
    ValidationError,
    using,
)
from backpack_orm.models.whole_account import MIN_PAGES, exported_pages, fill
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.shapes import Response

NOW = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)
EXPORT, SHOWS, LIST = "users/*/export.xml", "ws/page/*", "ws/pages/all"
EVERYWHERE = [Note, List, Item, Tag, Separator, Gallery, Image, Attachment, PageItem]

# Entities, line ends, a friend's page, pages without belongings or without anything, legacy items
# and descriptions, every kind of widget, and two kinds of records with one id.
ACCOUNT = """\
<user id="17" name="Ana &amp; Rui"><pages>
<page title="R &amp; D &amp;rarr; &#8594; &lt;b&gt;" id="71" email_address="ab12@x.example">
<belongings><belonging id="901"><position>1</position><widget type="Note" id="301"/></belonging>
<belonging id="902"><position>2</position><widget type="List" id="301"/></belonging>
<belonging id="903"><position>3</position><widget type="Separator" id="701"/></belonging>
<belonging id="904"><position>4</position><widget type="WriteboardLink" id="9"/></belonging>
<belonging id="905"><position>5</position><widget type="Poll" id="12"/></belonging></belongings>
<tags><tag name="R&amp;amp;D" id="5"/><tag name="caf&#233;" id="6"/></tags>
<lists><list name="&amp;#8211;" id="301"><items>
<item completed="false" id="501" list_id="301">a &amp;rarr; b</item>
<item completed="true" id="502" list_id="301">ends in blanks  &#13;
</item></items></list></lists>
<notes><note title="&amp;amp;" id="301" created_at="2007-05-14 16:39:02">one&#13;
two &amp; &amp;copy; three&#13;
</note></notes><separators><separator id="701">&amp;lt;3</separator></separators></page>
<page title="From before" id="72"><description>h1. Old &amp;nbsp; text</description>
<items><item completed="false" id="511">Key<message id="7">Which?</message></item></items></page>
<page title="Mails and files" id="73"><belongings>
<belonging id="911"><position>1</position><widget type="Email" id="801"/></belonging>
<belonging id="912"><position>2</position><widget type="Gallery" id="601"/></belonging>
<belonging id="913"><position>3</position><widget type="Asset" id="608"/></belonging></belongings>
<galleries><gallery name="Porto" id="601"><images><image gallery_id="601" file_name="a.jpg"
id="602" description="A &amp; B"/></images></gallery></galleries>
<attachments><attachment file_name="plan.pdf" id="608"/></attachments>
<emails><email subject="Hi &amp;hellip;" id="801" created_at="2007-05-14 16:39:02">
     Dear Ana</email></emails></page>
<page title="" id="74" scope="friends"><notes><note title="" id="305"
created_at="2007-05-14 16:39:02"></note></notes><lists><list name="" id="405"><items></items></list>
</lists></page>
<page title="Empty" id="75"/><page title="Empty too" id="76"/>
{more}</pages><reminders><reminder remind_at="2007-04-01 09:00:00" id="91">Long ago</reminder>
</reminders></user>
"""


def account(pages: int) -> str:
    """An export of an account with so many pages, six of which have contents of all kinds."""
    more = "\n".join(
        f'<page title="Page {id}" id="{id}"><notes><note title="Note {id}" id="{1000 + id}" '
        f'created_at="2007-05-14 16:39:02">On {id}</note></notes></page>'
        for id in range(101, 101 + pages - 6)
    )
    return ACCOUNT.format(more=more)


@pytest.fixture
def large(tmp_path: Path, network: None) -> Iterator[Callable[[int], Sandbox]]:
    """Return a function that starts a sandbox with so many pages, and connects to it."""
    started: list[Sandbox] = []

    def start(pages: int) -> Sandbox:
        seed = tmp_path / f"{pages}.xml"
        seed.write_text(account(pages), "utf-8")
        box = Sandbox(seed=str(seed), clock=lambda: NOW)
        box.start()
        started.append(box)
        connect(box)
        return box

    yield start
    for box in started:
        box.close()


def connect(box: Sandbox, **options: Any) -> Connection:
    return backpack_orm.connect(box.url, token=box.token, limits=None, **options)


@pytest.fixture
def twenty(large: Callable[[int], Sandbox]) -> Sandbox:
    """An account with 20 pages."""
    return large(20)


def edit_export(
    monkeypatch: pytest.MonkeyPatch, edit: Callable[[bytes], bytes], *, at_most: int = 1000
) -> None:
    """Change the bytes of exports before they are parsed."""
    real = Connection.call_for_parts
    left = [at_most]

    def edited(self: Any, endpoint: Any, ids: Any, part: Any, *, read: Any, **more: Any) -> Any:
        def read_edited(response: Response) -> Any:
            left[0] -= 1
            content = edit(response.content) if left[0] >= 0 else response.content
            return read(response._replace(content=content))

        return real(self, endpoint, ids, part, read=read_edited, **more)

    monkeypatch.setattr(Connection, "call_for_parts", edited)


def paths(box: Sandbox, since: int = 0) -> list[str]:
    return [exchange.path for exchange in box.log[since:]]


def of_pages(box: Sandbox, since: int = 0) -> list[str]:
    """The requests for single pages."""
    return [path for path in paths(box, since) if path.startswith("/ws/page/")]


# --- the number of requests -------------------------------------------------------------------

READS: dict[str, Callable[[], Any]] = {
    "Page.all": lambda: Page.all(load=True),
    "Page.where": lambda: list(Page.where(description="", tags__name="café")),
    "Page.all.to_frame": lambda: Page.all(load=True).to_frame(),
    "Note.where": lambda: list(Note.where(title__startswith="Note")),
    "Note.where with its page": lambda: list(Note.where(page__title="Page 101")),
    "Item.all.to_frame": lambda: Item.all().to_frame(),
    **{f"{model.__name__}.all": model.all for model in EVERYWHERE},  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("pages", [MIN_PAGES, 25])
@pytest.mark.parametrize("read", READS)
def test_a_whole_account_takes_three_requests(
    large: Callable[[int], Sandbox], pages: int, read: str
) -> None:
    box = large(pages)
    READS[read]()
    assert paths(box) == ["/ws/pages/all", "/[token]/me.xml", "/[token]/users/17/export.xml"]
    READS[read]()
    assert box.requests == 3  # now it is cached


def test_whatever_was_read_first_serves_all_other_reads(twenty: Sandbox) -> None:
    Note.all()
    for read in READS.values():
        read()
    assert twenty.requests == 3


def test_fewer_than_ten_pages_are_read_one_by_one(large: Callable[[int], Sandbox]) -> None:
    box = large(MIN_PAGES - 1)
    Note.all()
    assert box.requests == 1 + (MIN_PAGES - 1) == 1 + len(of_pages(box))


@pytest.mark.parametrize(("pages", "requests"), [(12, 13), (13, 6), (20, 6)])
def test_a_record_is_looked_for_with_six_requests_or_on_few_pages_one_by_one(
    large: Callable[[int], Sandbox], pages: int, requests: int
) -> None:
    box = large(pages)
    with pytest.raises(NotFound):
        Note.find(1)
    assert box.requests == requests


def test_an_account_without_pages_takes_one_request(demo: Any, network: None) -> None:
    with Sandbox(seed="empty") as box:
        connect(box)
        assert not Note.all() and not Page.all(load=True) and not Page.all(load="export")
        assert box.requests == 1


def test_emails_are_listed_where_no_belongings_rule_them_out(twenty: Sandbox) -> None:
    pages = Page.all(load=True)
    unsure = [page for page in pages if not page.belongings]
    before = twenty.requests
    assert [mail.subject for mail in Email.all()] == ["Hi &hellip;"]
    assert twenty.requests == before + len(unsure)
    assert {path.rpartition("/emails")[1] for path in paths(twenty, before)} == {"/emails"}


def test_without_a_cache_it_takes_three_requests_each_time(twenty: Sandbox) -> None:
    connect(twenty, ttl=0)
    first, again = Note.all(), Note.all()
    assert twenty.requests == 6
    assert [note.to_dict() for note in first] == [note.to_dict() for note in again]
    assert [page.title for page in first[0].page.linked_pages] == []
    assert twenty.requests == 7


def test_fresh_bypasses_the_cache(twenty: Sandbox) -> None:
    with Connection(twenty.url, token=twenty.token) as other:
        page, note = Page.find(101), Note.all()[0]
        Page.find(101, using=other)
        before = twenty.requests
        found = Note.all(fresh=True)
        assert paths(twenty, before) == ["/ws/pages/all", "/[token]/users/17/export.xml"]
        assert found[0] == note and found[0] is not note
        before = twenty.requests
        assert Page.find(page.id).title == page.title  # an older response, so it was dropped
        assert twenty.requests == before + 1


def test_what_is_cached_page_by_page_is_used(twenty: Sandbox) -> None:
    for page in Page.all()[: 20 - MIN_PAGES + 1]:
        Page.find(page.id)
    before = twenty.requests
    assert len(Note.all()) == 16
    assert len(of_pages(twenty, before)) == twenty.requests - before == MIN_PAGES - 1


def test_after_a_write_only_the_written_page_is_read_again(twenty: Sandbox) -> None:
    note = Note.all()[3]
    note.title = "Written"
    note.save()
    before = twenty.requests
    assert Note.all()[3].title == "Written"
    assert paths(twenty, before) == [f"/ws/page/{note.page_id}"]


def test_the_connection_passed_is_used(twenty: Sandbox, large: Callable[[int], Sandbox]) -> None:
    with Connection(twenty.url, token=twenty.token) as connection:
        other = large(30)  # which is current now
        assert len(Note.all(using=connection)) == 16
        assert (twenty.requests, other.requests) == (3, 0)
        assert Note.all(using=connection)[0].connection is connection


@pytest.mark.parametrize("pages", [20, 40])
def test_a_search_reads_the_export_after_three_pages(
    large: Callable[[int], Sandbox], pages: int
) -> None:
    box = large(pages)
    last = Page.all()[-1]
    searches: list[Callable[[], bool]] = [
        lambda: Note.find(1000 + last.id).page == last,
        lambda: Note.get(title=f"Note {last.id}").page == last,
        lambda: Page.first(lambda page: page.notes.exists(id=1000 + last.id)) == last,
        lambda: not Page.exists(notes__title="no such note"),
    ]
    for search in searches:
        connect(box)
        before = box.requests
        assert search()
        assert box.requests <= before + 1 + 3 + 2
        before = box.requests
        assert search()
        assert box.requests == before


def test_a_search_that_finds_its_record_early_does_not_read_the_export(twenty: Sandbox) -> None:
    assert Note.find(301).page_id == 71
    assert twenty.requests == 2
    connect(twenty)
    assert Page.first(lambda page: page.title == "Page 110") is not None
    assert twenty.requests == 3


def test_a_search_reads_page_by_page_where_the_export_fails(twenty: Sandbox) -> None:
    connect(twenty, max_wait=0)
    fault = twenty.faults.status(403, path=EXPORT)
    for search in (
        lambda: Note.find(1000 + 105).page_id == 105,
        lambda: Page.first(lambda page: page.notes.exists(id=1105)),
    ):
        assert search()
        assert fault.fired == 1  # it is remembered


# --- what `load` takes ------------------------------------------------------------------------


@pytest.mark.parametrize("load", ["exports", "", "PAGES", 1, 0, None, ["export"], b"pages"])
def test_another_value_of_load_is_refused_before_any_request(twenty: Sandbox, load: Any) -> None:
    with pytest.raises(ValidationError, match=r"Page.all: load takes True, False, \"export\" or"):
        Page.all(load=load)
    for model in (Note, List, Item, Tag):
        with pytest.raises(ValidationError, match='all: load takes True, "export" or "pages"'):
            model.all(load=load)
    assert twenty.requests == 0


def test_the_contents_of_pages_cannot_be_left_unloaded(twenty: Sandbox) -> None:
    with pytest.raises(ValidationError, match="Note.all: load takes True, .*, not False"):
        Note.all(load=False)
    assert twenty.requests == 0


@pytest.mark.parametrize(
    "read",
    [
        lambda: Note.all(page=101, load="pages"),
        lambda: Item.all(page=101, load="export"),
        lambda: Item.all(list=301, page=71, load="pages"),
        lambda: Tag.all(page=71, load="export"),
    ],
)
def test_one_place_is_not_loaded_in_another_way(twenty: Sandbox, read: Callable[[], Any]) -> None:
    with pytest.raises(ValidationError, match="leave it out in one place"):
        read()
    assert twenty.requests == 0


def test_pages_can_be_read_one_by_one_on_demand(twenty: Sandbox) -> None:
    for read in (lambda: Page.all(load="pages"), lambda: Note.all(load="pages"), Note.all):
        read()
        assert twenty.requests == 1 + len(of_pages(twenty)) == 21


def test_the_export_can_be_read_whatever_the_number_of_pages(
    large: Callable[[int], Sandbox],
) -> None:
    box = large(7)
    assert len(Page.all(load="export")) == 7
    assert box.requests == 3
    assert len(Item.all(load="export")) == 2
    assert box.requests == 3


# --- the same as page by page -----------------------------------------------------------------


def everything(page: Page) -> dict[str, Any]:
    """All values of a page and of what is on it, but comments, which only exports include."""
    for name in page._table.relations:
        collection = getattr(page, name)
        len(collection)
    for each in page.lists:
        len(each.items)
    return cast("dict[str, Any]", without_comments(page.to_dict()))


def without_comments(value: Any) -> Any:
    if isinstance(value, list):
        return [without_comments(each) for each in value]
    if isinstance(value, dict):
        return {key: without_comments(each) for key, each in value.items() if key != "messages"}
    return value


def test_it_is_the_same_field_by_field(twenty: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    Page.find(72).link(Page.find(75))
    friend = twenty.add_user("Bo", email_address="bo@x.example")
    with Connection(twenty.url, token=friend) as theirs:
        shared = Page.create(title="Bo's &rarr; page", using=theirs)
        shared.notes.create(title="&amp;", body="one\r\ntwo\n")
        shared.share(["seventeen@x.example"])
    assert [page.title for page in Page.where(scope="friends")]
    by_page = {page.id: everything(page) for page in Page.all(load="pages")}
    edit_export(monkeypatch, lambda content: without_page(content, 103))
    connect(twenty)
    before = twenty.requests
    pages = Page.all(load=True)
    assert of_pages(twenty, before) == ["/ws/page/103"]
    assert twenty.requests == before + 4
    assert {page.id: everything(page) for page in pages} == by_page
    assert list(by_page) == [page.id for page in pages]


def without_page(content: bytes, id: int) -> bytes:
    start = content.index(b'<page title="Page %d"' % id)
    end = content.index(b"</page>", start) + len(b"</page>")
    return content[:start] + content[end:]


@pytest.mark.parametrize("model", EVERYWHERE)
def test_all_records_are_the_same(twenty: Sandbox, model: Any) -> None:
    by_page = without_comments([record.to_dict() for record in model.all(load="pages")])
    connect(twenty)
    found = model.all()
    assert without_comments([record.to_dict() for record in found]) == by_page
    if model is not Image:  # which is in a gallery
        by_page = [record.page for record in model.all(load="pages")]
        assert [record.page for record in found] == by_page


def test_comments_are_only_in_the_export(twenty: Sandbox) -> None:
    (item,) = (item for item in PageItem.all() if item.content == "Key")
    assert [message.body for message in item.messages] == ["Which?"]


def test_titles_and_scopes_come_from_the_list(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_export(monkeypatch, lambda content: content.replace(b'"Page 101"', b'"Wrong"'))
    page = Page.all(load=True).find(101)
    assert (page.title, page.scope) == ("Page 101", "personal")
    assert {page.title for page in Page.all(load=True)} == {page.title for page in Page.all()}


def test_a_page_that_was_destroyed_meanwhile_is_left_out(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    Page.all()
    gone = Page._stub(103, Connection(twenty.url, token=twenty.token))
    backpack_orm.connect(twenty.url.replace("127.0.0.1", "localhost"), token=twenty.token)
    Page.all()
    gone.destroy()
    assert [page.id for page in Page.all(load=True) if page.id == 103] == []
    assert [note.title for note in Note.all() if note.page_id == 103] == []


def test_reminders_are_not_read_from_the_export(twenty: Sandbox) -> None:
    Page.all(load=True)
    before = twenty.requests
    assert not backpack_orm.Reminder.all()
    assert paths(twenty, before) == ["/[token]/reminders.xml"]


# --- what an export omits ---------------------------------------------------------------------


def test_links_are_read_when_they_are_needed(twenty: Sandbox) -> None:
    Page.find(71).link(Page.find(72))
    page = Page.all(load=True).find(71)
    before = twenty.requests
    assert not page.linked_pages.is_loaded
    assert [linked.title for linked in page.linked_pages] == ["From before"]
    assert twenty.requests == before + 1
    assert Page.where(linked_pages__title="From before")[0] == page


def test_change_times_of_items_are_read_when_they_are_needed(twenty: Sandbox) -> None:
    item = Item.all()[0]
    before = twenty.requests
    assert item.updated_at == Item.all(list=301, page=71)[0].updated_at
    assert twenty.requests == before + 1


@pytest.mark.parametrize("section", ["notes", "lists", "separators", "galleries", "emails"])
def test_a_section_that_belongings_prove_to_exist_is_read_when_it_is_needed(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    expected = [plain(page, section) for page in Page.all(load="pages")]
    connect(twenty)
    edit_export(monkeypatch, lambda content: without_sections(content, section.encode()))
    pages = Page.all(load=True)
    omitted = [page for page in pages if not getattr(page, section).is_loaded]
    if section == "notes":  # with which all pages are loaded
        assert "/ws/page/71" in of_pages(twenty)
    else:
        (page,) = (page for page in omitted if page.id in (71, 73))
        before = twenty.requests
        assert list(getattr(page, section))
        assert twenty.requests == before + 1
    assert [plain(page, section) for page in pages if page.id in (71, 73)] == expected[:3:2]


def plain(page: Page, section: str) -> Any:
    return [without_comments(record.to_dict()) for record in getattr(page, section)]


def without_sections(content: bytes, section: bytes) -> bytes:
    while (start := content.find(b"<%s>" % section)) >= 0:
        end = b"</%s>" % section
        content = content[:start] + content[content.index(end, start) + len(end) :]
    return content


def test_records_of_a_section_that_is_incomplete_are_all_found(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [note.body for note in Note.all(load="pages")]
    connect(twenty)
    edit_export(monkeypatch, lambda content: without_first_note(content))
    before = twenty.requests
    assert [note.body for note in Note.all()] == expected
    assert of_pages(twenty, before) == ["/ws/page/71"]


def without_first_note(content: bytes) -> bytes:
    start = content.index(b'<note title="&amp;amp;"')
    return content[:start] + content[content.index(b"</note>", start) + len(b"</note>") :]


# --- where the export cannot be read ----------------------------------------------------------

FAULTS: dict[str, Callable[[Sandbox], object]] = {
    "403": lambda box: box.faults.status(403, path=EXPORT),
    "404": lambda box: box.faults.status(404, path=EXPORT),
    "401": lambda box: box.faults.status(401, path=EXPORT),
    "500": lambda box: box.faults.error_body(500, path=EXPORT),
    "503": lambda box: box.faults.status(503, path=EXPORT),
    "HTML": lambda box: box.faults.html_page(path=EXPORT),
    "truncated": lambda box: box.faults.truncate(path=EXPORT),
    "dropped": lambda box: box.faults.drop_after_write(path=EXPORT),
    "no user": lambda box: box.faults.status(500, path="me.xml"),
}


def lines(notes: Any) -> list[tuple[Any, ...]]:
    return [(note.id, note.title, note.body, note.page_id) for note in notes]


@pytest.mark.parametrize("fault", FAULTS)
def test_pages_are_read_one_by_one_if_the_export_fails(twenty: Sandbox, fault: str) -> None:
    expected = lines(Note.all())
    connection = connect(twenty, max_wait=0)
    FAULTS[fault](twenty)
    before = twenty.requests
    assert lines(Note.all()) == expected
    assert len(of_pages(twenty, before)) == 20
    before = twenty.requests
    assert lines(Note.all(fresh=True)) == expected
    assert twenty.requests == before + 1 + 20  # it is remembered
    twenty.faults.clear()
    connection.clear_cache()
    before = twenty.requests
    assert lines(Note.all()) == expected
    assert twenty.requests == before + 3


def test_pages_are_read_one_by_one_if_the_export_is_too_large(twenty: Sandbox) -> None:
    expected = lines(Note.all())
    connect(twenty, max_response_size=3000)
    assert lines(Note.all()) == expected
    assert len(of_pages(twenty)) == 20


def test_pages_are_read_one_by_one_if_the_export_exceeds_the_deadline(twenty: Sandbox) -> None:
    expected = lines(Note.all())
    connect(twenty, deadline=1.0)
    twenty.faults.latency(60, path=EXPORT)
    assert lines(Note.all()) == expected
    assert len(of_pages(twenty)) == 20


def test_it_is_not_remembered_if_the_pages_fail_too(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backpack_orm.connection.parallel.WORKERS", 1)  # the first page fails
    connect(twenty, max_wait=0)
    Page.all()
    twenty.faults.status(503, times=2)
    with pytest.raises(BackpackError, match="while reading Page"):
        Note.all()
    twenty.faults.clear()
    before = twenty.requests
    Note.all()
    assert paths(twenty, before)[-1] == "/[token]/users/17/export.xml"


def test_an_export_that_was_demanded_raises_if_it_fails(twenty: Sandbox) -> None:
    fault = twenty.faults.status(403, path=EXPORT)
    for read in (lambda: Note.all(load="export"), lambda: Page.all(load="export")):
        with pytest.raises(Forbidden, match="export.xml"):
            read()
    assert fault.fired == 2
    assert not of_pages(twenty)
    Note.all()
    assert fault.fired == 3
    with pytest.raises(Forbidden):  # it is tried although it has failed before
        Note.all(load="export", fresh=True)


def test_a_page_of_the_rest_that_fails_is_named(
    twenty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_export(monkeypatch, lambda content: without_page(content, 103))
    twenty.faults.status(500, path="ws/page/103")
    with pytest.raises(BackpackError, match=r"while reading Page\(id=103, title='Page 103'\)"):
        Note.all()


def test_progress_is_reported_page_by_page(twenty: Sandbox) -> None:
    reported: list[tuple[str, int, int]] = []
    Note.all(progress=lambda *step: reported.append(step))
    assert reported == [("reading pages", done, 20) for done in range(1, 21)]


# --- texts that may have been escaped twice ---------------------------------------------------


def escape_twice(content: bytes) -> bytes:
    """Let the export have an entity where the service has the character."""
    return content.replace(b"&#8594;", b"&amp;rarr;")


@pytest.fixture
def arrows(twenty: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An account with arrows in all texts, whose export escapes them twice."""
    page = Page.find(101)
    page.description, page.tags = "h1. a → b", ["a→b", "plain"]
    page.save()
    page.notes[0].title, page.notes[0].body = "a → b", "From → to"
    page.notes[0].save()
    page.notes.create(title="Other → note", body="More")
    page.lists.create(name="List → name").items.create(content="Item → content")
    page.separators.create(name="Line → name")
    edit_export(monkeypatch, escape_twice)
    connect(twenty)
    return twenty


def stored(box: Sandbox, read: Callable[[Page], Any]) -> Any:
    """What the service has."""
    with Connection(box.url, token=box.token) as connection:
        return read(Page.find(101, using=connection))


def test_such_a_text_is_shown_as_the_export_has_it(arrows: Sandbox) -> None:
    page = Page.all(load=True).find(101)
    before = arrows.requests
    assert page.description == "h1. a &rarr; b"
    assert page.notes[0].body == "From &rarr; to"
    assert arrows.requests == before
    assert Page.all(load="pages").find(101).description == "h1. a → b"


TEXTS: dict[str, tuple[Callable[[Page], Model], str, Callable[[Page], str]]] = {
    "description": (lambda page: page, "description", lambda page: page.description),
    "title": (lambda page: page.notes[0], "title", lambda page: page.notes[0].title),
    "body": (lambda page: page.notes[0], "body", lambda page: page.notes[0].body),
    "name": (lambda page: page.lists[0], "name", lambda page: page.lists[0].name),
    "content": (
        lambda page: page.lists[0].items[0],
        "content",
        lambda page: page.lists[0].items[0].content,
    ),
    "separator": (
        lambda page: page.separators[0],
        "name",
        lambda page: page.separators[0].name,
    ),
    "tag": (lambda page: page.tags[0], "name", lambda page: page.tags[0].name),
}


@pytest.mark.parametrize("text", TEXTS)
def test_an_edit_that_repeats_such_a_text_is_refused_until_it_is_made_again(
    arrows: Sandbox, text: str
) -> None:
    find, name, read = TEXTS[text]
    before = stored(arrows, read)
    assert "→" in before
    record: Any = find(Page.all(load=True).find(101))
    setattr(record, name, getattr(record, name) + "!")
    for _ in range(2):  # not only the first time
        with pytest.raises(StaleRecord, match="escaped twice.*reload"):
            record.save()
        assert stored(arrows, read) == before
    record.reload()
    assert getattr(record, name) == before
    setattr(record, name, before + "!")
    assert record.save()
    assert stored(arrows, read) == before + "!"


@pytest.mark.parametrize("text", TEXTS)
def test_a_new_text_replaces_such_a_text(arrows: Sandbox, text: str) -> None:
    find, name, read = TEXTS[text]
    record: Any = find(Page.all(load=True).find(101))
    setattr(record, name, "new")
    assert record.save()
    found = stored(arrows, lambda page: [tag.name for tag in page.tags])
    assert "new" in (found if text == "tag" else [stored(arrows, read)])


def test_a_save_of_another_attribute_leaves_such_a_text_and_corrects_it(arrows: Sandbox) -> None:
    note = Page.all(load=True).find(101).notes[0]
    note.title = "Plain"
    before = arrows.requests
    assert note.save().fields == ("title",)
    assert paths(arrows, before) == [
        "/ws/page/101/notes/list",
        f"/ws/page/101/notes/update/{note.id}",
    ]
    assert note.body == "From → to"
    note.body += "!"
    before = arrows.requests
    assert note.save().fields == ("body",)
    assert arrows.requests == before + 1  # it was read once
    assert stored(arrows, lambda page: page.notes[0].body) == "From → to!"


def test_a_record_without_such_a_text_is_saved_with_one_request(arrows: Sandbox) -> None:
    note = next(note for note in Note.all() if note.title == "Note 102")
    note.title = "Other"
    before = arrows.requests
    assert note.save()
    assert arrows.requests == before + 1


def test_a_text_that_is_the_same_on_the_service_is_saved(twenty: Sandbox) -> None:
    note, item = Note.all()[0], Item.all()[0]
    note.body += "More"
    item.content += " &rarr; c"
    assert note.save().fields == ("body",)
    assert item.save().fields == ("content",)
    assert stored(twenty, lambda page: 0) == 0
    page = Page.find(71, fresh=True)
    assert page.notes[0].body == "one\r\ntwo & &copy; three\r\nMore"
    assert page.lists[0].items[0].content == "a &rarr; b &rarr; c"


def test_tags_are_not_renamed_by_adding_one(arrows: Sandbox) -> None:
    page = Page.all(load=True).find(101)
    page.tags = [*[tag.name for tag in page.tags], "new"]
    with pytest.raises(StaleRecord, match="escaped twice"):
        page.save()
    page.reload()
    page.tags = [*page.tags, "new"]
    assert page.save()
    assert stored(arrows, lambda page: [tag.name for tag in page.tags]) == ["a→b", "plain", "new"]
    page = Page.all(load=True).find(101)
    page.tags = ["only"]
    assert page.save()


@pytest.mark.parametrize("text", TEXTS)
def test_destroying_returns_the_stored_texts(arrows: Sandbox, text: str) -> None:
    record: Any = TEXTS[text][0](Page.all(load=True).find(101))
    gone = json.dumps(record.destroy(), default=str, ensure_ascii=False)
    assert "→" in gone and "&rarr;" not in gone


def test_completing_an_item_sends_the_stored_text(arrows: Sandbox) -> None:
    item = Page.all(load=True).find(101).lists[0].items[0]
    assert item.complete()
    assert item.content == "Item → content"
    again = Page.all(load=True, fresh=True).find(101).lists[0].items[0]
    again.content += "!"
    with pytest.raises(StaleRecord, match="escaped twice"):
        again.reopen()
    content = stored(arrows, lambda page: page.lists[0].items[0].content)
    assert content == "Item → content"


def test_a_checked_save_reads_the_record_once(twenty: Sandbox) -> None:
    note = Note.all()[0]
    note.title = "Checked"
    before = twenty.requests
    assert note.save(check=True).fields == ("title",)
    assert twenty.requests == before + 2
    stale = Note.all()[0]
    other = Note.all(page=71)[0]
    other.title = "Theirs"
    other.save()
    stale.title = "Mine"
    with pytest.raises(StaleRecord, match="title was 'Checked' and is 'Theirs'"):
        stale.save(check=True)


def test_a_reloaded_page_corrects_what_was_not_edited(arrows: Sandbox) -> None:
    page = Page.all(load=True).find(101)
    note, other = page.notes[0], page.notes[1]
    note.body += "!"
    assert list(page.notes.reload()) == [note, other]
    assert (note.body, note.title) == ("From &rarr; to!", "a → b")
    assert other.title == "Other → note"
    with pytest.raises(StaleRecord, match="escaped twice"):
        note.save()
    other.title += "!"
    before = arrows.requests
    assert other.save()
    assert arrows.requests == before + 1


def test_the_export_of_a_user_is_treated_alike(arrows: Sandbox) -> None:
    note = User.me().export().pages.find(102).notes[0]
    note.title = "Other"
    assert note.save()


@pytest.mark.parametrize("copied", [copy.copy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_is_verified_too(arrows: Sandbox, copied: Callable[[Any], Any]) -> None:
    note = copied(Page.all(load=True).find(101).notes[0])
    note.body += "!"
    with pytest.raises(StaleRecord, match="escaped twice"):
        note.save()
    page = copied(Page.all(load=True).find(101))
    before = arrows.requests
    assert not page.linked_pages.is_loaded
    assert len(page.notes) == 2
    assert arrows.requests == before


# --- subclasses -------------------------------------------------------------------------------


class Memo(Note):
    """A note of one's own."""

    is_read: bool = False


class Trip(Page):
    """A page of one's own."""

    notes = HasMany(Memo)


def test_subclasses_are_filled_too(twenty: Sandbox) -> None:
    trips, memos = Trip.all(load=True), Memo.all()
    assert twenty.requests == 3
    assert {type(trip) for trip in trips} == {Trip}
    assert {type(memo) for memo in memos} == {type(trips[0].notes[0])} == {Memo}
    assert list(trips) == list(Page.all(load=True))
    assert memos[0] == trips[0].notes[0] == Note.all()[0]
    memos[0].title = "Changed"
    memos[0].save()
    assert Trip.all(load=True)[0].notes[0].title == Memo.all()[0].title == "Changed"
    assert twenty.requests == 3 + 2 + 1  # the note is verified and saved; its page is read again


# --- without a connection ---------------------------------------------------------------------


def test_an_export_is_combined_with_a_list_without_a_connection() -> None:
    listed = Page._listed.read_many(
        Response(200, b"<pages><page title='A' id='71' scope='friends'/><page id='7'/></pages>")
    )
    nowhere = backpack_orm.connection.connection.unconnected("file", "digest", "it is a file")
    pages = Page._listed.load[Page](listed, nowhere)
    fill(pages, exported_pages(Response(200, account(10).encode())))
    page = pages[0]
    assert (page.title, page.scope, page.notes[0].title) == ("A", "friends", "&amp;")
    assert not pages[1].notes.is_loaded


@pytest.mark.parametrize("content", [b"<user id='4'/>", b"<pages/>", b"<html/>"])
def test_what_is_no_export_of_a_user_is_refused(content: bytes) -> None:
    with pytest.raises(backpack_orm.InvalidResponse):
        exported_pages(Response(200, content))


def test_the_current_connection_is_used(twenty: Sandbox) -> None:
    with Connection(twenty.url, token=twenty.token) as connection, using(connection):
        assert Note.all()[0].connection is connection
