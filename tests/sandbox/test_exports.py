"""Exports over HTTP, in both dialects."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.sandbox.conftest import Client, matched

XML = '<?xml version="1.0" encoding="UTF-8"?>'
CALL = "<reminder><content>Call</content><remind_at>2031-03-06 09:00:00</remind_at></reminder>"


def inner(response: str) -> str:
    """Return the contents of a response of the ws dialect."""
    return matched('(?s)<response success="true">(.*)</response>', response)


class TestUserExport:
    def test_it_contains_full_pages_and_reminders(self, api: Client, page: str) -> None:
        api.ws(f"{page}/notes/create", "<note><title>Keys</title><body>R&amp;amp;D</body></note>")
        api.rest("POST", "/reminders.xml", CALL)
        reminder = api.rest("GET", "/reminders.xml").text.removeprefix(XML)
        assert api.send("GET", "/t0ken-0123456789/users/40000001/export.xml").text == (
            f'{XML}\n<user id="40000001" name="Owner" account="acme">'
            f"<pages>{inner(api.ws(page))}</pages>{reminder}</user>"
        )

    def test_it_omits_linked_pages_unlike_the_page_and_the_older_export(
        self, api: Client, page: str
    ) -> None:
        api.ws("pages/new", "<page><title>Porto</title></page>")
        api.ws(f"{page}/link", "<linked_page_id>40000003</linked_page_id>")
        links = '<linked_pages><page title="Porto" id="40000003"/></linked_pages>'
        assert links in api.ws(page)
        assert links in api.ws("account/export")
        assert "linked_pages" not in api.rest("GET", "/users/40000001/export.xml").text

    def test_entities_in_a_text_are_escaped_twice(self, api: Client, page: str) -> None:
        api.ws(f"{page}/items/add", "<item><content>&amp;rarr; there</content></item>")
        exported = api.rest("GET", "/users/40000001/export.xml").text
        assert ">&amp;rarr; there</item>" in exported

    def test_an_empty_account_can_be_exported(self, api: Client) -> None:
        assert api.rest("GET", "/users/40000001/export.xml").text == (
            f'{XML}\n<user id="40000001" name="Owner" account="acme">'
            "<pages></pages><reminders></reminders></user>"
        )

    def test_it_contains_everything_visible_to_the_user_including_past_reminders(
        self, demo: Client
    ) -> None:
        exported = demo.rest("GET", "/users/40000001/export.xml").text
        pages = re.findall(r'<page [^>]*id="(\d+)"/>', demo.ws("pages/all"))
        assert [page.get("id") for page in ET.fromstring(exported).findall("pages/page")] == pages
        for id in pages:
            whole = inner(demo.ws(f"page/{id}"))
            assert re.sub("<linked_pages>.*</linked_pages>", "", whole) in exported
        assert "<content>Renew the library card</content>" in exported
        assert exported.count("<reminder ") == 6
        assert "Yuki's own" not in exported

    def test_an_export_of_another_user_is_forbidden_and_of_an_unknown_user_not_found(
        self, demo: Client
    ) -> None:
        assert demo.rest("GET", "/users/40000002/export.xml").status_code == 403
        assert demo.rest("GET", "/users/7/export.xml").status_code == 404


class TestAccountExport:
    def test_it_contains_pages_with_their_text_and_reminders_as_lines(
        self, api: Client, page: str
    ) -> None:
        api.ws(f"{page}/update_body", "<page><description>In *May*</description></page>")
        api.rest("POST", "/reminders.xml", CALL)
        address = matched('email_address="([^"]*)"', api.ws(page))
        assert api.ws("account/export") == (
            f'{XML}\n<backpack username="Owner"><pages>'
            f'<page title="Lisbon" id="40000002" email_address="{address}">'
            "<description>In *May*</description><items></items></page></pages>"
            '<reminders><reminder remind_at="2031-03-06 09:00:00" id="40000003">Call</reminder>'
            "</reminders></backpack>"
        )

    def test_a_page_without_a_text_has_an_empty_one(self, api: Client, page: str) -> None:
        assert "<description></description><items></items></page>" in api.ws("account/export")

    def test_it_contains_the_records_of_pages(self, demo: Client) -> None:
        exported = ET.fromstring(demo.ws("account/export"))
        assert len(exported.findall("pages/page")) == 13
        assert len(exported.findall("pages/page/lists/list")) > 10
        assert len(exported.findall("reminders/reminder")) == 6


@pytest.mark.parametrize("kind", ["note", "list", "separator", "gallery", "email"])
def test_there_is_a_section_for_every_type_in_the_belongings(demo: Client, kind: str) -> None:
    exported = ET.fromstring(demo.rest("GET", "/users/40000001/export.xml").text)
    named = {
        widget.get("id")
        for widget in exported.iter("widget")
        if widget.get("type", "").lower() == kind
    }
    assert named == {element.get("id") for element in exported.iter(kind)}
