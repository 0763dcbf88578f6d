"""Statuses over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

from .conftest import NOW

XML = '<?xml version="1.0" encoding="UTF-8"?>'
MINE = "/users/40000001/status.xml"
FIELDS = (
    '<id type="integer">40000002</id><message>Packing</message>'
    '<updated-at type="datetime">2031-03-05T18:30:15Z</updated-at>'
    '<user-id type="integer">40000001</user-id>'
)


def status(message: str = "Packing") -> str:
    return f"<status><message>{message}</message></status>"


def test_a_status_never_set_is_not_found(api: Client) -> None:
    assert api.rest("GET", MINE).status_code == 404


def test_setting_it_returns_only_success(api: Client) -> None:
    response = api.rest("PUT", MINE, status())
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    "body", [status(), f"<request><token>t0ken-0123456789</token>{status()}</request>"]
)
def test_it_is_shown_with_the_id_of_its_user(api: Client, body: str) -> None:
    api.rest("PUT", MINE, body)
    assert api.rest("GET", MINE).text == f"{XML}\n<status>{FIELDS}</status>"


def test_the_list_names_the_user_too(api: Client) -> None:
    api.rest("PUT", MINE, status())
    assert api.rest("GET", "/statuses.xml").text == (
        f'{XML}\n<statuses type="array"><status>{FIELDS}'
        '<user><id type="integer">40000001</id><name>Owner</name></user></status></statuses>'
    )


def test_users_without_one_are_not_listed(box: Sandbox, api: Client) -> None:
    box.add_user("Sam")
    assert api.rest("GET", "/statuses.xml").text == f'{XML}\n<statuses type="array"></statuses>'


def test_a_new_one_replaces_the_old_one_under_its_id(api: Client) -> None:
    for message in ("Packing", "Gone", ""):
        api.rest("PUT", MINE, status(message))
    shown = api.rest("GET", MINE).text
    assert '<id type="integer">40000002</id><message></message>' in shown


def test_the_time_is_that_of_the_last_status(as_user: Callable[..., Client]) -> None:
    now = [NOW]
    with Sandbox(seed="empty", token="one-token-of-many", clock=lambda: now[0]) as box:
        api = as_user("one-token-of-many", box.url)
        api.rest("PUT", MINE, status())
        now[0] += timedelta(minutes=1)
        api.rest("PUT", MINE, status())
        shown = api.rest("GET", MINE).text
    assert '<updated-at type="datetime">2031-03-05T18:31:15Z</updated-at>' in shown


def test_statuses_are_listed_in_the_order_of_users(
    box: Sandbox, api: Client, as_user: Callable[..., Client]
) -> None:
    sam = as_user(box.add_user("Sam"))
    sam.rest("PUT", "/users/40000002/status.xml", status())
    api.rest("PUT", MINE, status())
    listed = api.rest("GET", "/statuses.xml").text
    assert re.findall("<name>(.*?)<", listed) == ["Owner", "Sam"]


def test_a_status_is_visible_to_all_and_only_set_by_its_user(
    box: Sandbox, api: Client, as_user: Callable[..., Client]
) -> None:
    sam = as_user(box.add_user("Sam"))
    api.rest("PUT", MINE, status())
    assert "<message>Packing</message>" in sam.rest("GET", MINE).text
    assert sam.rest("PUT", MINE, status("Hm")).status_code == 403
    assert "<message>Packing</message>" in sam.rest("GET", "/statuses.xml").text


def test_statuses_are_not_visible_to_other_accounts(
    box: Sandbox, api: Client, as_user: Callable[..., Client]
) -> None:
    api.rest("PUT", MINE, status())
    other = as_user(box.add_account("other"))
    assert "Packing" not in other.rest("GET", "/statuses.xml").text
    assert other.rest("GET", MINE).status_code == 404


def test_the_status_of_an_unknown_user_is_not_found(api: Client) -> None:
    assert api.rest("GET", "/users/7/status.xml").status_code == 404
    assert api.rest("PUT", "/users/7/status.xml", status()).status_code == 404


def test_a_status_needs_a_message(api: Client) -> None:
    assert api.rest("PUT", MINE, "<status></status>").status_code == 500
    assert api.rest("GET", MINE).status_code == 404


def test_three_users_of_the_demonstration_have_a_status(demo: Client) -> None:
    listed = demo.rest("GET", "/statuses.xml").text
    assert re.findall("<name>([^ ]*)", listed) == ["Nora", "Tom&#225;s", "Yuki"]
