"""The users of an account, over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'

ME = f"""{XML}
<user><account-id type="integer">40000000</account-id>\
<created-at type="datetime">2031-03-05T18:30:15Z</created-at>\
<id type="integer">40000001</id><identity-url nil="true"/><mobile-phone-host nil="true"/>\
<mobile-phone-number nil="true"/><remind-via-email type="boolean">true</remind-via-email>\
<remind-via-mobile type="boolean">false</remind-via-mobile>\
<reminder-address>owner@acme.example</reminder-address><start-page-id nil="true"/>\
<time-zone-id>UTC</time-zone-id><updated-at type="datetime">2031-03-05T18:30:15Z</updated-at>\
<use-24h-clock type="boolean">false</use-24h-clock><name>Owner</name>\
<email-address>owner@acme.example</email-address><admin type="boolean">true</admin></user>"""


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/me.xml", "/t0ken-0123456789/me.xml"])
def test_me_returns_the_current_user(api: Client, verb: str, path: str) -> None:
    assert api.rest(verb, path).text == ME


def test_the_first_page_of_a_user_is_the_start_page(api: Client, page: str) -> None:
    assert (
        '<start-page-id type="integer">40000002</start-page-id>' in api.rest("GET", "/me.xml").text
    )


def test_the_time_zone_has_its_rails_name(demo: Client) -> None:
    zone = "<time-zone-id>Pacific Time (US &amp; Canada)</time-zone-id>"
    assert zone in demo.rest("GET", "/me.xml").text


def test_all_users_of_the_account_are_listed(box: Sandbox, api: Client) -> None:
    box.add_user("Sam")
    assert api.rest("GET", "/users.xml").text == (
        f'{XML}\n<users type="array">'
        '<user><id type="integer">40000001</id><name>Owner</name></user>'
        '<user><id type="integer">40000002</id><name>Sam</name></user></users>'
    )


def test_another_user_is_an_admin_only_on_request(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    sam, kim = as_user(box.add_user("Sam")), as_user(box.add_user("Kim", admin=True))
    assert '<admin type="boolean">false<' in sam.rest("GET", "/me.xml").text
    assert '<admin type="boolean">true<' in kim.rest("GET", "/me.xml").text
