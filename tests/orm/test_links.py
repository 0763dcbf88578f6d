"""Addresses of pages, links to pages in notes, and the excerpts of what a search has found."""

from __future__ import annotations

import pickle
from copy import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import (
    Connection,
    Export,
    List,
    NotConnected,
    Note,
    NotFound,
    NotSaved,
    Page,
    ValidationError,
)
from backpack_orm.archive import Archive
from backpack_orm.models.excerpts import excerpt
from backpack_orm.models.page_addresses import id_at, linked_id
from backpack_orm.sandbox import Sandbox
from tests.conftest import TOKEN

ACME = "https://acme.backpackit.com"


def test_a_page_has_an_address_that_finds_it(box: Sandbox, connection: Connection) -> None:
    page = Page.all()[0]
    assert page.url == f"{box.url}/pages/{page.id}"
    assert box.requests == 1
    assert Page.find(page.url) == page
    assert Page.find(page.url, using=connection, fresh=True).title == "Lisbon"
    assert box.requests == 3


def test_a_subclass_is_found_by_its_address(connection: Connection) -> None:
    class Trip(Page):
        pass

    assert type(Trip.find(Page.all()[0].url)) is Trip


def test_a_new_page_has_no_address(connection: Connection) -> None:
    with pytest.raises(NotSaved):
        _ = Page(title="Porto").url


def test_only_pages_have_an_address(connection: Connection) -> None:
    page = Page.find(Page.all()[0].id)
    for record in (page.notes[0], page.lists[0], page.lists[0].items[0], page.tags[0]):
        assert not hasattr(record, "url")
    with pytest.raises(ValidationError, match=r"Note\.find takes the id of a record"):
        Note.find(f"{page.url}/notes/7")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.backpackit.com/pages/71",
        "http://acme.backpackit.com/pages/71",
        "HTTPS://ACME.BackpackIt.com:443/pages/71/",
        "https://acme.backpackit.com/page/71",
        "https://acme.backpackit.com/pub/71-lisbon-in-may",
        "https://acme.backpackit.com/pages/71?from=home#note",
    ],
)
def test_all_forms_of_an_address_lead_to_the_page(address: str) -> None:
    assert id_at(address, ACME) == 71


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://other.backpackit.com/pages/71", "is not an address in https://acme"),
        ("https://acme.backpackit.com:8443/pages/71", "is not an address in https://acme"),
        ("https://acme.backpackit.com.evil.example/pages/71", "is not an address in"),
        ("https://acme.backpackit.com@evil.example/pages/71", "is not an address in"),
        ("ftp://acme.backpackit.com/pages/71", "is not an address in"),
        ("https://acme.backpackit.com/lists/71", "is not the address of a page"),
        ("https://acme.backpackit.com/pages/", "is not the address of a page"),
        ("https://acme.backpackit.com/pages/0", "is not the address of a page"),
        (f"https://acme.backpackit.com/pages/{2**63}", "is not the address of a page"),
        ("https://acme.backpackit.com/pages/٧", "is not the address of a page"),
        (f"https://acme.backpackit.com/{TOKEN}/me.xml", "is not the address of a page"),
        (f"https://{TOKEN}@acme.backpackit.com/x", "is not the address of a page"),
        ("https://[acme/pages/71", "not an address"),
        ("https://acme.backpackit.com:port/pages/71", "not an address"),
    ],
)
def test_other_addresses_are_refused_before_any_request(address: str, message: str) -> None:
    with (
        Connection("acme", token="0123456789abcdef") as acme,
        pytest.raises(ValidationError, match=message) as raised,
    ):
        Page.find(address, using=acme)
    assert TOKEN not in str(raised.value)


def test_a_text_that_is_no_address_is_no_id() -> None:
    with (
        Connection("acme", token="0123456789abcdef") as acme,
        pytest.raises(ValidationError, match=r"Page\.find takes the id of a record"),
    ):
        Page.find("Lisbon", using=acme)


def test_links_of_a_note_lead_to_pages_without_a_request(
    box: Sandbox, connection: Connection
) -> None:
    lisbon, club, garden = Page.all()[:3]
    body = (
        f'"one":{club.url} and "two":/pages/{garden.id}, "three":{lisbon.id}, '
        f'<a href="/page/{club.id}-again">four</a> "five":https://example.com/pages/9 '
        f'"six":#fn1 "seven":mailto:ana@example.com'
    )
    note = lisbon.notes.create(title="See", body=body)
    before = box.requests
    assert [page.id for page in note.links] == [club.id, garden.id, lisbon.id]
    assert [page.url for page in note.links] == [club.url, garden.url, lisbon.url]
    assert box.requests == before
    assert note.links[1].title == "The garden"
    assert box.requests == before + 1


def test_links_of_a_note_with_ten_times_as_many_make_no_request_either(
    box: Sandbox, connection: Connection
) -> None:
    page = Page.all()[0]
    for number in (13, 130):
        body = " ".join(f'"page":/pages/{id}' for id in range(1, number + 1))
        note = Note(page=page, body=body)
        assert [linked.id for linked in note.links] == list(range(1, number + 1))
    assert box.requests == 1


def test_a_note_without_its_body_loads_it_for_its_links(
    box: Sandbox, connection: Connection
) -> None:
    note = Page.all()[0].notes[0]
    stub = Note._stub(note.id, note.page)
    before = box.requests
    assert list(stub.links) == []
    assert box.requests == before + 1


def test_links_of_a_note_in_a_file_have_only_an_id() -> None:
    body = '"here":/pages/72, "there":https://acme.backpackit.com/pages/73'
    source = f"<page id='7' title='P'><notes><note id='3' title=''>{body}</note></notes></page>"
    (page,) = Export.read(source.encode()).pages[0].notes[0].links
    assert page.id == 72


def test_pages_of_a_file_have_no_address() -> None:
    page = Export.read(b"<pages><page id='7' title='P'/></pages>").pages[0]
    with pytest.raises(NotConnected, match="which has no web site"):
        _ = page.url
    with pytest.raises(NotConnected, match="find the page by its id"):
        Page.find("https://acme.backpackit.com/pages/7", using=page.connection)


def test_pages_of_an_archive_have_no_address_but_links(
    connection: Connection, tmp_path: Path
) -> None:
    lisbon, garden = Page.get(title="Lisbon"), Page.get(title="The garden")
    lisbon.notes.create(title="See", body=f'"absolute":{lisbon.url} "relative":{garden.id}')
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    (linked,) = archive.pages["Lisbon"].notes["See"].links
    assert linked.title == "The garden"
    with pytest.raises(NotConnected, match="which has no web site"):
        _ = linked.url


@given(st.text())
def test_any_text_may_be_a_link(link: str) -> None:
    found = linked_id(link, ACME)
    assert found is None or 0 < found < 2**63


def test_a_match_is_the_record_that_was_found(box: Sandbox, connection: Connection) -> None:
    page = Page.all()[0]
    page.notes.create(title="Trams", body="The tram 28 is full, the TRAM 12 is not.")
    page.lists[0].items.create(content="A tram ticket")
    before = box.requests
    (found,) = Page.search("tram")
    assert box.requests == before + 1
    records = [match.record for match in found.matches]
    assert box.requests == before + 2
    assert {type(record) for record in records} == {Note, List}
    assert all(match.record is not None for match in found.matches)
    excerpts = [match.excerpt for match in found.matches]
    assert "The **tram** 28 is full, the **TRAM** 12 is not." in excerpts
    assert "A **tram** ticket" in excerpts
    assert box.requests == before + 2


def test_ten_times_as_many_matches_on_a_page_make_one_request(
    box: Sandbox, connection: Connection
) -> None:
    pages = [Page.create(title=f"Many, no. {number}") for number in range(2)]
    for page, number in zip(pages, (3, 30), strict=True):
        for _ in range(number):
            page.notes.create(body="xylophone")
    before = box.requests
    few, many = sorted(Page.search("xylophone"), key=lambda page: len(page.matches))
    assert box.requests == before + 1
    assert {match.excerpt for match in few.matches} == {"**xylophone**"}
    assert box.requests == before + 2
    assert {match.excerpt for match in many.matches} == {"**xylophone**"}
    assert len(many.matches) == 30
    assert box.requests == before + 3


def test_an_email_that_was_found_is_loaded(box: Sandbox, connection: Connection) -> None:
    (page,) = Page.search("typewriter")
    before = box.requests
    assert any("1 × **typewriter** ribbon" in match.excerpt for match in page.matches)
    assert box.requests == before + 1


def test_a_writeboard_that_was_found_cannot_be_read(connection: Connection) -> None:
    (page,) = Page.search("Complaint, second draft")
    (match,) = page.matches
    assert (match.type, match.record, match.excerpt) == ("writeboard_link", None, "")


def test_a_record_that_is_gone_is_not_found(connection: Connection) -> None:
    note = Page.all()[0].notes.create(body="xylophone")
    (page,) = Page.search("xylophone")
    note.destroy()
    with pytest.raises(NotFound):
        _ = page.matches[0].record


def test_a_match_keeps_its_term(box: Sandbox, connection: Connection) -> None:
    (page,) = Page.search("tram")
    for match in (
        page.matches[0],
        copy(page.matches[0]),
        pickle.loads(pickle.dumps(page)).matches[0],
    ):
        assert match.term == "tram"
        assert match.to_dict() == {"id": match.id, "type": "note", "term": "tram"}
    page.notes[0].title  # noqa: B018  # loads the page, which has no matches
    assert page.matches[0].term == "tram"
    assert Page.search("TRAM")[0].matches[0].term == "TRAM"


def test_a_search_in_a_file_is_not_possible(tmp_path: Path) -> None:
    source = b"<pages><page id='7' title='P'><send id='3'>note</send></page></pages>"
    assert not Export.read(source).pages[0].matches


@pytest.mark.parametrize(
    ("texts", "term", "expected"),
    [
        (["the tram"], "tram", "the **tram**"),
        (["title", "the tram"], "tram", "the **tram**"),
        (["STRASSE 7"], "straße", "**STRASSE** 7"),
        (["Straße 7"], "STRASSE", "**Straße** 7"),
        (["Cafe\u0301 au lait"], "café", "**Cafe\u0301** au lait"),
        (["café and cafe"], "cafe", "café and **cafe**"),
        (["two\n  words here"], "two words", "**two words** here"),
        (["word " * 30 + "tram" + " word" * 30], "tram", None),
        (["aaaa"], "aa", "**aa****aa**"),
        (["nothing"], "tram", "nothing"),
        (["", "nothing"], "tram", "nothing"),
        ([], "tram", ""),
        (["x" * 500], "tram", "x" * 40 + "…"),
    ],
)
def test_an_excerpt_marks_the_term(texts: list[str], term: str, expected: str | None) -> None:
    wanted = "…word word word word word word word **tram** word word word word word word word…"
    assert excerpt(texts, term) == (wanted if expected is None else expected)


@given(st.text(max_size=300), st.text(min_size=1, max_size=5))
def test_an_excerpt_is_a_part_of_the_text(text: str, term: str) -> None:
    line = " ".join(text.split())
    shown = excerpt([text], term)
    assert len(shown) <= len(line) + 4 * len(line) + 2
    if "*" not in text and "…" not in text:
        assert shown.replace("*", "").strip("…") in line
    if term.strip() and " ".join(term.split()) in line and "*" not in term:
        assert "**" in shown
