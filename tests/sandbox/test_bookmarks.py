"""Bookmarks over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from sqlalchemy import text

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'

FIRST = f"""{XML}
<bookmarks type="array"><bookmark><bookmarkable-id type="integer">40000004</bookmarkable-id>\
<bookmarkable-type type="string">Page</bookmarkable-type>\
<created-at type="datetime">2031-03-05T18:30:15Z</created-at><id type="integer">30000001</id>\
<position type="integer">1</position><updated-at type="datetime">2031-03-05T18:30:15Z</updated-at>\
<user-id type="integer">40000001</user-id></bookmark><bookmark>"""


def marked(response: requests.Response) -> list[tuple[str, ...]]:
    return re.findall(
        '<bookmarkable-id type="integer">([0-9]+)<.*?<bookmarkable-type type="string">(.*?)<',
        response.text,
    )


def test_a_bookmark_is_shown_with_its_page_or_tag(demo: Client) -> None:
    assert demo.send("GET", "/t0ken-0123456789/users/40000001/bookmarks.xml").text.startswith(FIRST)


def test_bookmarks_are_listed_by_position(demo: Client) -> None:
    response = demo.rest("GET", "/users/40000001/bookmarks.xml")
    assert [kind for _, kind in marked(response)] == ["Page", "Tag", "Page", "Page", "Tag"]
    assert re.findall('<position type="integer">(.)<', response.text) == ["1", "2", "3", "4", "5"]


def test_bookmarks_are_not_listed_by_id(box: Sandbox, as_user: Callable[..., Client]) -> None:
    other = as_user(box.add_account("other", seed="demo"))
    with box._database.transaction() as session:
        session.execute(text("UPDATE bookmarks SET position = 10 - position"))
    listed = other.rest("GET", "/users/40000001/bookmarks.xml").text
    assert re.findall('<position type="integer">(.)<', listed) == ["5", "6", "7", "8", "9"]


def test_without_bookmarks_the_list_is_empty(api: Client) -> None:
    response = api.rest("GET", "/users/40000001/bookmarks.xml")
    assert response.text == f'{XML}\n<bookmarks type="array"></bookmarks>'


def test_bookmarks_of_another_user_are_forbidden_and_of_an_unknown_user_not_found(
    demo: Client,
) -> None:
    assert demo.rest("GET", "/users/40000002/bookmarks.xml").status_code == 403
    assert demo.rest("GET", "/users/7/bookmarks.xml").status_code == 404


def test_destroying_a_page_removes_its_bookmark(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    other = as_user(box.add_account("other", seed="demo"))
    other.ws("page/40000004/destroy")
    left = marked(other.rest("GET", "/users/40000001/bookmarks.xml"))
    assert [kind for _, kind in left] == ["Tag", "Page", "Page", "Tag"]


def test_a_page_that_is_no_longer_visible_is_not_listed(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    other = as_user(box.add_account("other", seed="demo"))
    choir = "40000356"
    assert (choir, "Page") in marked(other.rest("GET", "/users/40000001/bookmarks.xml"))
    other.ws(f"page/{choir}/unshare_friend_page")
    assert (choir, "Page") not in marked(other.rest("GET", "/users/40000001/bookmarks.xml"))
