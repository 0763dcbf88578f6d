"""Notes and mails over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = XML + '<response success="true"></response>'
NOTE = "<note><title>Keys</title><body>With the baker</body></note>"


def test_creating_a_note_returns_its_body_and_time(api: Client, page: str) -> None:
    assert api.ws(f"{page}/notes/create", NOTE) == (
        f'{XML}<response success="true"><note title="Keys" id="40000003" '
        'created_at="2031-03-05 18:30:15">With the baker</note></response>'
    )


def test_notes_are_listed_oldest_first(api: Client, page: str) -> None:
    api.ws(f"{page}/notes/create", NOTE)
    api.ws(f"{page}/notes/create", "<note><title/><body/></note>")
    assert api.ws(f"{page}/notes/list") == (
        f'{XML}<response success="true"><notes>'
        '<note title="Keys" id="40000003" created_at="2031-03-05 18:30:15">With the baker</note>'
        '<note title="" id="40000005" created_at="2031-03-05 18:30:15"></note>'
        "</notes></response>"
    )


def test_times_are_in_the_zone_of_the_user(
    box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
) -> None:
    api.ws(f"{page}/notes/create", NOTE)
    sam = as_user(box.add_user("Sam", email_address="sam@x", time_zone="Tokyo"))
    api.ws(f"{page}/share", "<email_addresses>sam@x</email_addresses>")
    assert 'created_at="2031-03-06 03:30:15"' in sam.ws(f"{page}/notes/list")


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ("<note><title>Door</title></note>", '"Door".*>With the baker<'),
        ("<note><body>Under the mat</body></note>", '"Keys".*>Under the mat<'),
        ("<note><title></title><body></body></note>", 'note title="".*"></note>'),
        ("<note><show-created-at>false</show-created-at></note>", '"Keys".*>With the baker<'),
        ("", '"Keys".*>With the baker<'),
    ],
)
def test_fields_of_a_note_that_an_update_omits_are_preserved(
    api: Client, page: str, change: str, note: str
) -> None:
    api.ws(f"{page}/notes/create", NOTE)
    assert api.ws(f"{page}/notes/update/40000003", change) == DONE
    assert re.search(note, api.ws(f"{page}/notes/list"))


def test_a_note_can_be_destroyed_once(api: Client, page: str) -> None:
    api.ws(f"{page}/notes/create", NOTE)
    assert api.ws(f"{page}/notes/destroy/40000003") == DONE
    assert "<notes></notes>" in api.ws(f"{page}/notes/list")
    assert "Record not found" in api.ws(f"{page}/notes/destroy/40000003", status=404)
    assert "Record not found" in api.ws(f"{page}/notes/update/40000003", NOTE, 404)


def test_an_id_of_another_type_is_not_found(api: Client, page: str) -> None:
    api.ws(f"{page}/notes/create", NOTE)
    assert "Record not found" in api.ws(f"{page}/lists/destroy/40000003", status=404)


def test_mails_are_listed_newest_first(demo: Client) -> None:
    assert api_ids(demo.ws("page/40000004/emails/list")) == ["40000043", "40000041"]


def api_ids(response: str) -> list[str]:
    return re.findall(r' id="(\d+)"', response)


def test_a_single_mail_is_a_child_of_the_response(demo: Client) -> None:
    assert demo.ws("page/40000004/emails/show/40000043") == (
        f'{XML}<response success="true"><email subject="Re: Your reservation" id="40000043" '
        'created_at="2031-03-02 07:30:15">Five, if there is room. Thank you!</email></response>'
    )


def test_white_space_in_a_mail_is_preserved(demo: Client) -> None:
    assert ">     See attached.\n</email>" in demo.ws("page/40000343/emails/list")


def test_a_mail_can_be_destroyed(box: Sandbox, as_user: Callable[..., Client]) -> None:
    demo = as_user(box.add_account("demo", seed="demo"))
    assert demo.ws("page/40000004/emails/destroy/40000043") == DONE
    assert "Record not found" in demo.ws("page/40000004/emails/show/40000043", status=404)
    assert api_ids(demo.ws("page/40000004/emails/list")) == ["40000041"]


def test_a_page_without_mails_has_an_empty_list_response(api: Client, page: str) -> None:
    assert "<emails></emails>" in api.ws(f"{page}/emails/list")


class TestDelivering:
    def test_a_mail_arrives_on_top_of_its_page(self, box: Sandbox, api: Client, page: str) -> None:
        api.ws(f"{page}/notes/create", NOTE)
        assert box.deliver_email(40000002, subject="Keys & such", body="Mat\n") == 40000005
        assert api.ws(f"{page}/emails/list") == (
            f'{XML}<response success="true"><emails><email subject="Keys &amp; such" '
            'id="40000005" created_at="2031-03-05 18:30:15">Mat\n</email></emails></response>'
        )
        assert re.findall('widget type="(.*?)"', api.ws(page)) == ["Email", "Note"]

    def test_a_mail_can_be_for_another_account(
        self, box: Sandbox, as_user: Callable[..., Client]
    ) -> None:
        other = as_user(box.add_account("other"))
        other.ws("pages/new", "<page><title>Porto</title></page>")
        box.deliver_email(40000002, subject="A", body="b", account="other")
        assert 'subject="A"' in other.ws("page/40000002")

    def test_an_unknown_page_or_account_is_refused(self, box: Sandbox, page: str) -> None:
        with pytest.raises(ValueError, match="the account 'acme' has no page 7"):
            box.deliver_email(7, subject="A", body="b")
        with pytest.raises(ValueError, match="has no account 'nobody'"):
            box.deliver_email(40000002, subject="A", body="b", account="nobody")

    @pytest.mark.parametrize("text", ["\0", "\ud800", "a\x1b"])
    def test_a_text_that_xml_cannot_contain_is_refused(
        self, box: Sandbox, api: Client, page: str, text: str
    ) -> None:
        with pytest.raises(ValueError, match="XML cannot represent"):
            box.deliver_email(40000002, subject=text, body="")
        with pytest.raises(ValueError, match="XML cannot represent"):
            box.deliver_email(40000002, subject="", body=text)
        assert "<emails></emails>" in api.ws(f"{page}/emails/list")
