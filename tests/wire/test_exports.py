"""Saved exports in all their forms, as the mapper reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from backpack_orm import Export, InvalidExport, User
from tests.wire.service import document, loaded, responding
from tests.wire.test_documents import EMPTY_PAGE, FULL_PAGE

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
ITEMS = ((501, "Socks", False, ()), (502, "Passport", True, ()))
EXPORTED_PAGE = {  # notes and items of an export contain their comments
    **FULL_PAGE,
    "notes": tuple((*note, ()) for note in FULL_PAGE["notes"]),
    "lists": ((401, "Packing", ITEMS), (402, "", ())),
    "items": tuple((*item, ()) for item in FULL_PAGE["items"]),
}
PAGES = [
    b"<page " + document(name).partition(b"<page ")[2].replace(b"</response>", b"")
    for name in ("page.documented", "page.real")
]


def exported(content: bytes) -> tuple[Any, ...]:
    """Return the username, the account, and what is loaded of pages and reminders of an export."""
    export = Export.read(content)
    return export.username, export.account, loaded(export.pages), loaded(export.reminders)


def page_of(content: bytes) -> dict[str, Any]:
    """Return what is loaded of an exported page that has these parts."""
    (page,) = exported(b"<page id='71' title=''>%s</page>" % content)[2]
    assert isinstance(page, dict)
    return page


@pytest.mark.parametrize("page", PAGES, ids=["documented", "real"])
@pytest.mark.parametrize(
    ("opening", "closing", "whose"),
    [
        (b"<user id='4' name='Ana' account='acme'><pages>", b"</pages></user>", ("Ana", "acme")),
        (b'<user name="Ana" id="4"><pages>', b"</pages><reminders/></user>", ("Ana", "")),
        (b"<backpack username='Ana'><pages>", b"</pages></backpack>", ("Ana", "")),
        (b"<pages>", b"</pages>", ("", "")),
        (b"<pages type='array'>", b"</pages>", ("", "")),
        (b"", b"", ("", "")),
    ],
    ids=["user", "user without account", "backpack", "pages", "typed pages", "page"],
)
@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "in a response"])
def test_an_export_of_any_shape_holds_whole_pages(
    page: bytes, opening: bytes, closing: bytes, whose: tuple[str, str], is_bare: bool
) -> None:
    content = opening + page + closing
    if not is_bare:
        content = b"<response success='true'>" + content + b"</response>"
    assert exported(DECLARATION + content) == (*whose, [EXPORTED_PAGE], [])


@pytest.mark.parametrize(
    ("reminders", "creator"),
    [
        (b"<reminder remind_at='2031-01-02 09:05:00' id='81'>Call the hotel</reminder>", {}),
        (
            b"<reminder id='81'><remind_at>2031-01-02 09:05:00</remind_at>"
            b"<content>Call the hotel</content><creator id='4' name='Ana'/></reminder>",
            {"creator": (4, "Ana")},
        ),
    ],
)
@pytest.mark.parametrize("root", [b"user", b"backpack"])
def test_the_reminders_of_an_export_come_in_either_form(
    root: bytes, reminders: bytes, creator: dict[str, Any]
) -> None:
    content = b"<%s><pages/><reminders>%s</reminders></%s>" % (root, reminders, root)
    moment = datetime(2031, 1, 2, 9, 5)
    reminder = {"id": 81, "content": "Call the hotel", "remind_at": moment, **creator}
    assert exported(content)[3] == [reminder]


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (b"<user id='4' name='Ana'><pages/></user>", 4),
        (b"<user><id type='integer'>4</id><pages/></user>", 4),
        (b"<user name='Ana'><pages/></user>", None),
        (b"<backpack username='Ana'><pages/></backpack>", None),
        (b"<pages/>", None),
        (b"<page id='71' title=''/>", None),
    ],
)
def test_an_export_includes_its_user(content: bytes, id: int | None) -> None:
    assert Export.read(content).user_id == id


def test_only_a_live_export_leaves_open_which_pages_are_linked() -> None:
    content = b"<user id='4'><pages><page id='71' title='Lisbon'/></pages></user>"
    with responding(document("me.real"), content):
        assert "linked_pages" not in User.me().export().pages[0].to_dict()
    assert Export.read(content).pages[0].to_dict()["linked_pages"] == []


def test_a_page_of_an_export_may_be_entirely_empty() -> None:
    expected = {**EMPTY_PAGE, "emails": ()}
    del expected["email_address"]
    assert page_of(b"") == expected


@pytest.mark.parametrize(
    "content",
    [b"<user><pages/></user>", b"<backpack><pages/></backpack>", b"<pages/>", b"<pages></pages>"],
)
def test_an_export_may_have_no_pages(content: bytes) -> None:
    assert exported(content) == ("", "", [], [])


@pytest.mark.parametrize("root", ["user", "backpack"])
def test_what_has_no_place_for_pages_is_no_export(root: str) -> None:
    content = f"<{root}><id>4</id><name>Ana</name></{root}>".encode()
    with pytest.raises(InvalidExport, match=f"a <{root}> without <pages> is no export"):
        Export.read(content)


# --- comments ---------------------------------------------------------------------------------

COMMENTS = (
    b"<message id='91' created_at='2026-05-14 16:39:02'>Which one?</message><message>Both</message>"
)
SAID = ((91, "Which one?", datetime(2026, 5, 14, 16, 39, 2)), (None, "Both", None))


def test_comments_stand_under_notes_and_items() -> None:
    page = page_of(
        b"<notes><note id='301' title='a'>text%(comments)s</note></notes>"
        b"<lists><list id='401' name=''><items><item id='501' completed='false'>Socks%(comments)s"
        b"</item></items></list></lists>"
        b"<items><incomplete><item id='511'>Key%(comments)s</item></incomplete></items>"
        % {b"comments": COMMENTS}
    )
    assert page["notes"] == ((301, "a", "text", SAID),)
    assert page["lists"] == ((401, "", ((501, "Socks", False, SAID),)),)
    assert page["items"] == ((511, "Key", False, SAID),)


@pytest.mark.parametrize(
    "content",
    [
        b"<message id='91' created_at='2026-05-14 16:39:02'>Which one?</message>",
        b"<message><id>91</id><body>Which one?</body>"
        b"<created-at>2026-05-14 16:39:02</created-at></message>",
    ],
)
def test_a_comment_is_read_in_either_form(content: bytes) -> None:
    page = page_of(b"<notes><note id='3'>x%s</note></notes>" % content)
    assert page["notes"][0][-1] == SAID[:1]


def test_only_a_comment_may_come_without_an_id() -> None:
    page = page_of(b"<notes><note id='3'>x<message>Hm</message></note></notes>")
    assert page["notes"][0][-1] == ((None, "Hm", None),)
