"""What the viewer shows of an account and of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.errors import ArchiveError, ValidationError
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox
from tests.integrations.viewer.conftest import Visitor

pytestmark = pytest.mark.network

PARTS = ["/", "/tags", "/journal", "/reminders", "/calendars", "/statuses", "/search?term=tram"]


@pytest.fixture(params=["visitor", "reader"])
def either(request: pytest.FixtureRequest) -> Visitor:
    """A visitor of the account, or of its archive."""
    visitor: Visitor = request.getfixturevalue(request.param)
    return visitor


def test_all_pages_are_listed_by_title(visitor: Visitor) -> None:
    visitor.get("/")
    titles = [title for title in visitor.links if title]
    assert titles == sorted(titles, key=str.casefold)
    assert len(titles) == 13


def test_titles_and_tags_with_numbers_are_in_natural_order(
    visitor: Visitor, connection: Connection
) -> None:
    titles = ["Week 2", "week 010", "Week 10b", "Week 100", "Week " + "9" * 5000]
    for title in reversed(titles):
        page = Page.create(title=title, using=connection)
        page.tags.add(title[:20])
    for path in ("/", "/tags"):
        visitor.get(path)
        found = [text[:9] for text in visitor.links if text.lower().startswith("week")]
        assert found == [title[:9] for title in titles]


@pytest.mark.parametrize("path", PARTS)
def test_every_part_shows_something(either: Visitor, path: str) -> None:
    assert either.get(path).status_code == 200
    shown = either.document.xpath("//main//ul[not(ancestor::nav)]/li")
    assert len(shown) > 0, path
    assert len(either.document.xpath("//nav//a[@aria-current='page']")) == (
        0 if "search" in path else 1
    )


def test_a_page_shows_everything_in_its_order(either: Visitor) -> None:
    either.get("/")
    either.get(either.links["Lisbon"])
    assert [each.text_content() for each in either.document.xpath("//h2")] == [
        "Where we sleep",
        "Packing",
        "Not to be missed",
        "On the way",
        "Last time",
        "Your reservation",
        "Re: Your reservation",
    ]
    text = either.document.text_content()
    for shown in ("Ten days in May", "itinerary.pdf", "The view from Graça", "No lift!"):
        assert shown in text
    assert "WriteboardLink" in text


def test_a_tag_leads_to_its_pages(either: Visitor) -> None:
    either.get("/tags")
    either.get(either.links["Travel"])
    assert either.heading == "Travel"
    assert "Lisbon" in either.links
    assert either.get("/tags/999").status_code == 404


def test_a_search_shows_where_the_term_is(either: Visitor) -> None:
    either.get("/search?term=TRAM++28")
    (mark,) = either.document.xpath("//mark")
    assert mark.text == "Tram 28"
    (excerpt,) = either.document.xpath("//a[@class='excerpt']/@href")
    assert "#note-" in excerpt
    assert excerpt.partition("#")[0] == either.links["Lisbon"]
    assert either.status == "1 page with “TRAM 28”"


def test_a_title_is_found_too(either: Visitor) -> None:
    either.get("/search?term=lisb")
    assert "Lisbon" in either.links


def test_the_search_waits_for_a_term(either: Visitor) -> None:
    assert either.get("/search?term=+").status_code == 200
    assert "Write a word" in either.document.text_content()
    either.get("/search?term=no+such+word")
    assert either.status == "0 pages with “no such word”"


def test_links_to_pages_of_the_account_lead_to_the_viewer(
    visitor: Visitor, connection: Connection
) -> None:
    garden = Page.get(title="The garden")
    body = f'"one":{garden.url} "two":/pages/{garden.id} "web":https://example.com/'
    page = Page.create(title="Links")
    page.notes.create(title="L", body=body)
    visitor.get(f"/pages/{page.id}")
    path = f"/pages/{garden.id}"
    assert (visitor.links["one"], visitor.links["two"]) == (path, path)
    assert visitor.links["web"] == "https://example.com/"


def test_the_journal_has_parts_of_a_hundred(either: Visitor) -> None:
    either.get("/journal")
    seen = []
    for _ in range(2):
        seen += either.document.xpath("//ul[@class='entries']/li/div")
        either.get(either.links["Next"])
    seen += either.document.xpath("//ul[@class='entries']/li/div")
    assert len({each.text for each in seen}) == 250
    assert "Next" not in either.links
    assert "Previous" in either.links


def test_times_are_in_the_zone_of_the_account(visitor: Visitor) -> None:
    visitor.get("/journal")
    assert visitor.document.xpath("//time/@datetime")[0].endswith(("-07:00", "-08:00"))


def test_a_prefix_of_the_application_is_part_of_all_addresses(visitor: Visitor) -> None:
    visitor.get("/", environ_overrides={"SCRIPT_NAME": "/notes"})
    addresses = visitor.document.xpath("//@href | //@action")
    assert [each for each in addresses if not each.startswith(("/notes/", "#"))] == []


# --- archives -----------------------------------------------------------------------------------


def test_an_archive_says_when_it_was_made_and_what_it_lacks(reader: Visitor) -> None:
    reader.get("/")
    text = reader.document.text_content()
    assert "Archived on 2026-10-01 03:00 UTC. Read-only copy." in text
    assert "Not in the archive" in text


def test_an_archive_shows_what_a_page_lacks(tmp_path: Path) -> None:
    note = b"<belongings><belonging id='9'><widget type='Note' id='302'/></belonging></belongings>"
    export = b"<pages><page id='71' title='Lisbon'>%s</page><page id='72' title='Oslo'/></pages>"
    archive = Archive(tmp_path / "old")
    archive.add_export(export % note, taken_at="2009-03-14")
    reader = Visitor(create_app(archive))
    reader.get("/")
    own = reader.document.xpath("string(//details[@class='gap'])")
    assert "Lisbon: Not in the archive: notes, lists or files (the page names 1 " in own
    assert "Oslo" not in own
    assert "page 71" not in reader.document.xpath("string(//section[@aria-labelledby='gaps'])")
    reader.get("/pages/71")
    assert "Not in the archive: notes" in reader.document.xpath("string(//p[@class='gap'])")
    reader.get("/pages/72")
    assert reader.document.xpath("//p[@class='gap']") == []


def test_an_archive_has_no_forms_but_the_search_and_sets_no_cookie(reader: Visitor) -> None:
    reader.get("/")
    paths = [path for title, path in reader.links.items() if title != "Next"]
    for path in paths:
        reader.get(path)
        assert reader.document.xpath("//form/@role") == ["search"], path
        assert reader.document.xpath("//main//button | //main//details") == []
        assert "Set-Cookie" not in reader.response.headers


@pytest.mark.parametrize("path", ["/", "/pages", "/pages/40000004", "/pages/40000004/notes"])
def test_an_archive_refuses_every_change(reader: Visitor, path: str) -> None:
    for method in ("post", "put", "delete"):
        response = getattr(reader.client, method)(path, data={"title": "x"})
        assert response.status_code == 405
        assert "read-only" in response.text
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_archive_without_a_snapshot_and_other_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no snapshot"):
        create_app(Archive(tmp_path))
    with pytest.raises(ValidationError, match="a connection or an archive, not 'backup'"):
        create_app("backup")  # type: ignore[arg-type]


def test_an_account_through_a_read_only_connection_has_no_forms(box: Sandbox) -> None:
    visitor = Visitor(create_app(Connection(box.url, token=box.token, read_only=True)))
    visitor.get("/")
    visitor.get(visitor.links["Lisbon"])
    assert visitor.document.xpath("//form/@role") == ["search"]
    assert visitor.client.post("/pages", data={"title": "x"}).status_code == 405


# --- requests -----------------------------------------------------------------------------------


def test_views_are_cached(visitor: Visitor, box: Sandbox, lisbon: str) -> None:
    for path in ("/", lisbon, "/tags", "/search?term=tram", lisbon):
        visitor.get(path)
    before = box.requests
    for path in ("/", lisbon, "/tags", "/search?term=tram", lisbon):
        visitor.get(path)
    assert box.requests == before


def test_the_views_make_the_documented_number_of_requests(
    visitor: Visitor, box: Sandbox, connection: Connection
) -> None:
    lisbon = Page.get(title="Lisbon", using=connection)
    views = {
        "/journal": 2,  # once, for the time zone of the account
        "/": 1,
        f"/pages/{lisbon.id}": 1,
        "/search?term=tram": 2,
        "/tags": 3,
        f"/tags/{lisbon.tags[0].id}": 2,
        "/journal?part=2": 1,
    }
    for path, requests in views.items():
        visitor.app.extensions["backpack_viewer"].connection.clear_cache()
        before = box.requests
        visitor.get(path)
        assert box.requests - before == requests, path


def test_a_forced_reload_reads_again(visitor: Visitor, connection: Connection) -> None:
    visitor.get("/")
    visitor.app.extensions["backpack_viewer"].connection._cache._host = object()  # another process
    Page.create(title="Porto", using=connection)
    visitor.get("/", headers={"Cache-Control": "max-age=0"})
    assert "Porto" not in visitor.links
    visitor.get("/", headers={"Cache-Control": "no-cache"})
    assert "Porto" in visitor.links


def test_a_search_reads_at_most_the_pages_that_it_shows(
    visitor: Visitor, box: Sandbox, connection: Connection
) -> None:
    for number in range(25):
        Page.create(title=f"Ferry {number}").notes.create(body="the ferry")
    before = box.requests
    visitor.get("/search?term=ferry")
    assert box.requests - before <= 21
    assert len(visitor.document.xpath("//main//h2")) == 20
    assert visitor.links["Next"] == "/search?term=ferry&part=2"
    visitor.get(visitor.links["Next"])
    assert len(visitor.document.xpath("//main//h2")) == 6  # with that of the demonstration


def test_two_thousand_pages_are_shown_in_parts(tmp_path: Path) -> None:
    pages = "".join(
        f"<page id='{n}' title='Page {n:04}'><notes><note id='{n + 5000}' title='' "
        f"created_at='2020-01-01 00:00:00'>{'quokka' if n == 2000 else 'x'}</note></notes></page>"
        for n in range(1, 2001)
    )
    archive = Archive(tmp_path / "backup")
    export = f"<user id='1' name='N' account='a'><pages>{pages}</pages></user>".encode()
    archive.add_export(export, taken_at="2020-01-01", timezone="UTC")
    reader = Visitor(create_app(archive))
    reader.get("/")
    assert len(reader.document.xpath("//ul[@class='pages']/li")) == 200
    reader.get("/?part=99")
    assert "Page 2000" in reader.links
    assert "Previous" in reader.links
    reader.get("/search?term=quokka")
    assert next(iter(reader.links)) == "Page 2000"
    for part in ("journal", "calendars", "statuses"):
        reader.get(f"/{part}")
        assert "Not in the archive: exports contain" in reader.document.text_content()
