"""What the demonstration has, so that what is built on it can rely on it."""

import re
from xml.etree import ElementTree as ET

import pytest


@pytest.fixture(scope="module")
def pages(demo):
    listed = ET.fromstring(demo.ws("pages/all"))
    return {
        page.get("title"): ET.fromstring(demo.ws(f"page/{page.get('id')}"))[0]
        for page in listed.iter("page")
    }


def test_the_first_page_is_a_rich_one(pages):
    title, lisbon = next(iter(pages.items()))
    assert title == "Lisbon"
    assert len(lisbon.findall("lists/list")) == 2
    assert {item.get("completed") for item in lisbon.iter("item")} == {"true", "false"}
    assert lisbon.findall("notes/note")
    assert "Long weekends" in [tag.get("name") for tag in lisbon.iter("tag")]


def test_there_are_a_dozen_pages_of_many_kinds(pages):
    assert len(pages) >= 12
    assert any(not len(page) for page in pages.values())
    assert any(len(page.findall("lists/list/items/item")) == 200 for page in pages.values())
    assert any(page.find("linked_pages") is not None for page in pages.values())
    assert any(
        page.find("lists") is None and page.find("notes") is not None for page in pages.values()
    )
    assert any(note.get("title") == "" for page in pages.values() for note in page.iter("note"))
    assert any(re.search("[\u0590-\u06ff]", title) for title in pages)


def test_ids_are_unique_over_all_types_and_start_high(demo, pages):
    ids = [
        element.get("id")
        for page in pages.values()
        for element in page.iter()
        if element.get("id") and element.tag not in {"widget", "tag"}
    ]
    linked = [
        page.get("id") for root in pages.values() for page in root.findall("linked_pages/page")
    ]
    assert len(ids) - len(linked) == len(set(ids))
    assert min(map(int, ids)) > 40_000_000


def test_every_belonging_but_a_writeboard_has_its_widget_on_the_page(pages):
    for page in pages.values():
        ids = {
            (element.tag, element.get("id"))
            for path in (
                "notes/*",
                "lists/*",
                "galleries/*",
                "attachments/*",
                "separators/*",
                "emails/*",
            )
            for element in page.findall(path)
        }
        for widget in page.iter("widget"):
            tag = {"Asset": "attachment"}.get(widget.get("type"), widget.get("type").lower())
            assert (tag, widget.get("id")) in ids or widget.get("type") == "WriteboardLink"


def test_what_is_not_on_a_page_takes_no_id_from_what_is_created_next(box, as_user):
    other = as_user(box.add_account("other", seed="demo"))
    assert 'id="40000368"' in other.ws("pages/new", "<page><title>Next</title></page>")
    for path in ("statuses", "journal_entries", "calendars", "users/40000001/bookmarks"):
        ids = re.findall('<id type="integer">(3[0-9]+)<', other.rest("GET", f"/{path}.xml").text)
        assert ids
        assert all("30000001" <= id < "30000300" for id in ids)


def test_a_page_is_shared_with_friends_and_one_is_a_friends(demo):
    listed = demo.ws("pages/all")
    assert '<page scope="friends" title="Kitchen renovation"' in listed
    assert '<page scope="friends" title="Choir in autumn' in listed
    assert "Yuki's own" not in listed


def test_there_are_three_people(demo):
    assert demo.rest("GET", "/users.xml").text.count("<user>") == 3
