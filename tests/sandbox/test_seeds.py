"""The contents of the demonstration, on which other tests rely."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client


@pytest.fixture(scope="module")
def pages(demo: Client) -> Any:
    listed = ET.fromstring(demo.ws("pages/all"))
    return {
        page.get("title"): ET.fromstring(demo.ws(f"page/{page.get('id')}"))[0]
        for page in listed.iter("page")
    }


def test_the_first_page_has_records_of_many_types(pages: Any) -> None:
    title, lisbon = next(iter(pages.items()))
    assert title == "Lisbon"
    assert len(lisbon.findall("lists/list")) == 2
    assert {item.get("completed") for item in lisbon.iter("item")} == {"true", "false"}
    assert lisbon.findall("notes/note")
    assert "Long weekends" in [tag.get("name") for tag in lisbon.iter("tag")]


def test_there_are_a_dozen_different_pages(pages: Any) -> None:
    assert len(pages) >= 12
    assert any(not len(page) for page in pages.values())
    assert any(len(page.findall("lists/list/items/item")) == 200 for page in pages.values())
    assert any(page.find("linked_pages") is not None for page in pages.values())
    assert any(
        page.find("lists") is None and page.find("notes") is not None for page in pages.values()
    )
    assert any(note.get("title") == "" for page in pages.values() for note in page.iter("note"))
    assert any(re.search("[\u0590-\u06ff]", title) for title in pages)


def test_ids_are_unique_over_all_types_and_start_high(demo: Client, pages: Any) -> None:
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
    assert min(map(int, ids)) > 30_000_000


def test_every_belonging_but_a_writeboard_has_its_widget_on_the_page(pages: Any) -> None:
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


def test_records_outside_of_pages_do_not_change_the_next_ids(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    other = as_user(box.add_account("other", seed="demo"))
    assert 'id="40000368"' in other.ws("pages/new", "<page><title>Next</title></page>")
    for path in ("statuses", "journal_entries", "calendars", "users/40000001/bookmarks"):
        ids = re.findall('<id type="integer">(3[0-9]+)<', other.rest("GET", f"/{path}.xml").text)
        assert ids
        assert all("30000001" <= id < "30000300" for id in ids)


def test_a_page_is_shared_with_friends_and_one_is_a_friends(demo: Client) -> None:
    listed = demo.ws("pages/all")
    assert '<page scope="friends" title="Kitchen renovation"' in listed
    assert '<page scope="friends" title="Choir in autumn' in listed
    assert "Yuki's own" not in listed


@pytest.mark.parametrize(
    "kind", ["Note", "List", "Gallery", "Asset", "Separator", "WriteboardLink", "Email"]
)
def test_every_type_of_widget_is_on_some_page(pages: Any, kind: str) -> None:
    assert kind in {widget.get("type") for page in pages.values() for widget in page.iter("widget")}


def test_a_page_has_six_mails_listed_newest_first(demo: Client, pages: Any) -> None:
    listed = demo.ws(f"page/{pages['Parcels'].get('id')}/emails/list")
    times = re.findall('created_at="(.*?)"', listed)
    assert len(times) == 6
    assert times == sorted(times, reverse=True)


def test_reminders_are_past_and_to_come(demo: Client) -> None:
    exported = demo.rest("GET", "/users/40000001/export.xml").text
    upcoming = demo.rest("GET", "/reminders.xml").text
    assert 0 < upcoming.count("<reminder ") < exported.count("<reminder ")


def test_there_are_250_entries_in_the_journal(demo: Client) -> None:
    windows = [demo.rest("GET", f"/journal_entries.xml?n={n}").text for n in range(4)]
    assert [window.count("<journal-entry>") for window in windows] == [100, 100, 50, 0]


def test_there_are_bookmarks_statuses_and_two_calendars_with_events(demo: Client) -> None:
    assert demo.rest("GET", "/users/40000001/bookmarks.xml").text.count("<bookmark>") == 5
    assert demo.rest("GET", "/statuses.xml").text.count("<status>") == 3
    calendars = demo.rest("GET", "/calendars.xml").text
    ids = re.findall('<id type="integer">(.*?)<', calendars)
    events = [demo.rest("GET", f"/calendars/{id}/calendar_events.xml").text for id in ids]
    assert len(events) == 2
    assert all("<calendar-event>" in response for response in events)


def test_there_are_three_users(demo: Client) -> None:
    assert demo.rest("GET", "/users.xml").text.count("<user>") == 3
