"""Request bodies, byte for byte: what each row of the models sends."""

from __future__ import annotations

from typing import Any

import pytest

from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.tag import Tag
from backpack_orm.wire import build
from backpack_orm.wire.endpoint import Endpoint


def body(inside: str) -> bytes:
    return b"<request><token>secret</token>" + inside.encode() + b"</request>"


@pytest.mark.parametrize(
    ("row", "payload", "inside"),
    [
        (Page._all, {}, ""),
        (Page._search, {"term": "pastel"}, "<term>pastel</term>"),
        (Page._show, {}, ""),
        (Page._create, {"title": "Lisbon"}, "<page><title>Lisbon</title></page>"),
        (Page._update_title, {"title": "Porto"}, "<page><title>Porto</title></page>"),
        (
            Page._update_description,
            {"description": "h1. Hi"},
            "<page><description>h1. Hi</description></page>",
        ),
        (Page._tag, {"tags": 'A "B C"'}, '<tags>A "B C"</tags>'),
        (Page._tag, {"tags": ""}, "<tags></tags>"),
        (
            Page._share,
            {"email_addresses": "a@x b@y"},
            "<email_addresses>a@x b@y</email_addresses>",
        ),
        (Page._share, {"public": "1"}, "<page><public>1</public></page>"),
        (
            Page._share,
            {"public": "0", "email_addresses": "a@x"},
            "<email_addresses>a@x</email_addresses><page><public>0</public></page>",
        ),
        (Page._unshare, {}, ""),
        (Page._reorder, {"belongings": "785 783"}, "<belongings>785 783</belongings>"),
        (Page._duplicate, {}, ""),
        (Page._email, {}, ""),
        (Page._link, {"linked_page_id": "72"}, "<linked_page_id>72</linked_page_id>"),
        (Page._unlink, {"linked_page_id": "72"}, "<linked_page_id>72</linked_page_id>"),
        (Page._destroy, {}, ""),
        (List._all, {}, ""),
        (List._create, {"name": "Packing"}, "<name>Packing</name>"),
        (List._update_row, {"name": "Packing"}, "<list><name>Packing</name></list>"),
        (List._destroy, {}, ""),
        (Item._all, {}, ""),
        (
            Item._create,
            {"content": "Socks", "completed": "true"},
            '<item completed="true"><content>Socks</content></item>',
        ),
        (Item._create, {"content": "Socks"}, "<item><content>Socks</content></item>"),
        (
            Item._update_row,
            {"completed": "false", "content": "Socks"},
            '<item completed="false"><content>Socks</content></item>',
        ),
        (Item._toggle, {}, ""),
        (Item._move, {"direction": "move_to_top"}, "<direction>move_to_top</direction>"),
        (
            List._reorder,
            {"item_id": ["3", "1", "2"]},
            "<item-id>3</item-id><item-id>1</item-id><item-id>2</item-id>",
        ),
        (Item._destroy, {}, ""),
        (Note._all, {}, ""),
        (
            Note._create,
            {"title": "Hotel", "body": "Rua", "show_created_at": "true"},
            "<note><title>Hotel</title><body>Rua</body>"
            "<show-created-at>true</show-created-at></note>",
        ),
        (
            Note._update_row,
            {"title": "", "body": "a\nb "},
            "<note><title></title><body>a\nb </body></note>",
        ),
        (Note._destroy, {}, ""),
        (Tag._pages_with, {}, ""),
        (Tag._updates[0], {"name": '"Sea side"'}, '<tags>"Sea side"</tags>'),
    ],
)
def test_a_ws_row_sends_the_documented_body(
    row: Endpoint, payload: dict[str, Any], inside: str
) -> None:
    assert row.body_for(payload, "secret") == body(inside)


@pytest.mark.parametrize("row", [Reminder._create, Reminder._update_row])
@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (
            {"content": "now Call home"},
            b"<reminder><content>now Call home</content></reminder>",
        ),
        (
            {"content": "Call", "remind_at": "2031-01-02 09:05:00", "remindees": ["4", "5"]},
            b"<reminder><content>Call</content><remind_at>2031-01-02 09:05:00</remind_at>"
            b'<remindees type="array"><user_id>4</user_id><user_id>5</user_id></remindees>'
            b"</reminder>",
        ),
    ],
)
def test_a_reminder_is_sent_bare_and_without_the_token(
    row: Endpoint, payload: dict[str, Any], sent: bytes
) -> None:
    assert row.body_for(payload, "secret") == sent


@pytest.mark.parametrize("row", [Reminder._all, Reminder._destroy])
def test_what_sends_no_values_in_the_newer_dialect_has_no_body(row: Endpoint) -> None:
    assert row.body_for({}, "secret") is None


def test_a_body_without_the_token_has_no_token_element() -> None:
    assert Page._create.body_for({"title": "Lisbon"}, None) == (
        b"<request><page><title>Lisbon</title></page></request>"
    )


def test_a_body_without_anything_is_an_empty_request() -> None:
    assert Page._all.body_for({}, None) == b"<request/>"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("R & D", b"R &amp; D"),
        ("<b>", b"&lt;b&gt;"),
        ("]]>", b"]]&gt;"),
        ("&rarr;", b"&amp;rarr;"),
        ("\u2013", b"&#8211;"),
        ("\U0001f600", b"&#128512;"),
        ("a\r\nb", b"a&#13;\nb"),
        (" two  blanks ", b" two  blanks "),
        ('"quoted"', b'"quoted"'),
    ],
)
def test_text_is_escaped(text: str, written: bytes) -> None:
    assert build.request(["term"], {"term": text}, None) == (
        b"<request><term>" + written + b"</term></request>"
    )


def test_an_attribute_is_escaped() -> None:
    assert build.resource(["item/@completed"], {"completed": '"<&\n'}) == (
        b'<item completed="&quot;&lt;&amp;&#10;"/>'
    )


def test_a_token_is_escaped() -> None:
    assert build.request([], {}, "a<b&c") == b"<request><token>a&lt;b&amp;c</token></request>"


def test_a_path_without_a_value_is_omitted() -> None:
    assert build.request(["note/title", "note/body"], {"body": "b"}, None) == (
        b"<request><note><body>b</body></note></request>"
    )


def test_words_without_a_path_are_not_sent() -> None:
    assert build.request(["term"], {"term": "a", "other": "b"}, None) == (
        b"<request><term>a</term></request>"
    )


def test_an_empty_list_leaves_an_empty_array() -> None:
    assert build.resource(["reminder/remindees[]/user_id"], {"user_id": []}) == (
        b'<reminder><remindees type="array"/></reminder>'
    )


def test_paths_with_a_common_beginning_share_their_parents() -> None:
    assert build.request(["a/b/c", "a/b/d", "a/e"], {"c": "1", "d": "2", "e": "3"}, None) == (
        b"<request><a><b><c>1</c><d>2</d></b><e>3</e></a></request>"
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("term", "term"),
        ("note/title", "title"),
        ("note/show-created-at", "show_created_at"),
        ("item/@completed", "completed"),
        ("item-id", "item_id"),
        ("tags=name", "name"),
        ("reminder/remindees[]/user_id=remindees", "remindees"),
    ],
)
def test_a_path_names_its_value_in_the_payload(path: str, name: str) -> None:
    assert build.name_of(path) == name
