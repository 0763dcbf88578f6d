"""Saved exports: read like live records, and changed only in the account."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from backpack_orm import (
    Connection,
    Export,
    InvalidExport,
    Item,
    NotConnected,
    Note,
    Page,
    Tag,
    User,
    ValidationError,
    using,
)
from backpack_orm.sandbox import Sandbox

KEPT = b"""<?xml version="1.0" encoding="UTF-8"?>
<user id="4" name="Ana" account="acme"><pages>
<page title="Lisbon" id="71"><belongings>
<belonging id="901"><position>1</position><widget type="Note" id="301"/></belonging>
<belonging id="902"><position>2</position><widget type="List" id="401"/></belonging></belongings>
<tags><tag name="Travel" id="5"/></tags>
<lists><list name="Packing" id="401"><items><item completed="false" id="501" list_id="401">Socks
</item></items></list></lists>
<notes><note title="Hotel" id="301" created_at="2026-05-14 16:39:02">Baixa</note></notes>
<separators><separator id="701">Evenings</separator></separators>
<emails><email subject="Hello" id="801" created_at="2026-05-14 16:39:02">Dear Ana</email></emails>
<items><item completed="false" id="511">Key</item></items></page></pages>
<reminders><reminder remind_at="2031-01-02 09:05:00" id="81">Call</reminder></reminders></user>
"""


@pytest.fixture
def export() -> Export:
    return Export.read(KEPT)


# --- what can be read -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Path, str])
def test_an_export_is_read_from_its_file(tmp_path: Path, make: Callable[[str], str | Path]) -> None:
    file = tmp_path / "backup.xml"
    file.write_bytes(KEPT)
    export = Export.read(make(str(file)))
    assert (export.user_id, export.username, export.account) == (4, "Ana", "acme")
    assert repr(export) == "Export(username='Ana', account='acme', 1 page, 1 reminder)"
    assert repr(export.pages[0].connection) == f"Connection({str(file)!r})"


def test_all_of_it_is_there_without_any_connection(export: Export) -> None:
    page = export.pages[0]
    assert page.tags[0].name == "Travel"
    assert page.lists[0].items[0].content == "Socks\n"
    assert [each.widget for each in page.belongings] == [page.notes[0], page.lists[0]]
    assert page.separators[0].name == "Evenings"
    assert page.emails[0].body == "Dear Ana"
    assert page.items[0].content == "Key"
    assert page.scope is None
    assert list(page.matches) == list(page.galleries) == list(page.linked_pages) == []
    assert export.reminders[0].remind_at == datetime(2031, 1, 2, 9, 5)
    assert export.reminders[0].creator is None


@pytest.mark.parametrize("path", ["users/{}/export.xml", "ws/account/export"])
def test_a_saved_response_reads_like_the_live_export(
    box: Sandbox, connection: Connection, path: str
) -> None:
    me = User.me()
    request = Request(
        f"{box.url}/{path.format(me.id)}",
        data=b"<request/>" if path.startswith("ws/") else None,
        headers={"X-BP-Token": box.token},
    )
    with urlopen(request) as response:
        saved = Export.read(response.read())
    live = me.export()
    assert [page.title for page in saved.pages] == [page.title for page in live.pages]
    assert [each.to_dict()["content"] for each in saved.reminders] == [
        each.content for each in live.reminders
    ]
    assert saved.pages[0] != live.pages[0]
    if not path.startswith("ws/"):  # the older call returns less
        assert saved.user_id == live.user_id == me.id
        for page, twin in zip(saved.pages, live.pages, strict=True):
            plain, omitted = page.to_dict(), {"linked_pages", "emails"}
            assert twin.to_dict().items() <= plain.items()
            # A live page loads what is empty in a saved one, if its belongings do not deny it.
            assert all(plain[name] == [] for name in plain.keys() - twin.to_dict().keys())
            assert plain.keys() - twin.to_dict().keys() <= omitted


def test_a_live_export_loads_the_links_that_it_omits(box: Sandbox, connection: Connection) -> None:
    lisbon, porto = Page.create(title="Lisbon 2"), Page.create(title="Porto 2")
    lisbon.link(porto)
    page = User.me().export().pages.find(lisbon.id)
    before = box.requests
    assert not page.linked_pages.is_loaded
    assert [linked.title for linked in page.linked_pages] == ["Porto 2"]
    assert box.requests == before + 1


def test_the_same_file_twice_gives_equal_records_and_another_file_others(export: Export) -> None:
    assert Export.read(KEPT).pages[0] == export.pages[0]
    assert Export.read(KEPT + b"\n").pages[0] != export.pages[0]


# --- what cannot ------------------------------------------------------------------------------


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="backup.xml"):
        Export.read(tmp_path / "backup.xml")
    with pytest.raises(IsADirectoryError):
        Export.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "it is HTML"),
        (b"<html><body>Log in</body></html>", "it is HTML"),
        (KEPT[:-9], "it ends too early"),
        (KEPT[:400], "it ends too early"),
        (KEPT + b"and more", "no well-formed XML"),
        (b"\x89PNG\r\n", "no well-formed XML"),
        (b'{"pages": []}', "no well-formed XML"),
        (b"<calendars/>", "<user> or <backpack> or <pages> or <page> was expected, not <calend"),
        (b"<notes><note id='3'/></notes>", "was expected, not <notes>"),
        (b"<response success='true'></response>", "was expected, not <response>"),
        (b"<response success='false'><error code='404'>No</error></response>", "was expected, not"),
        (b"<user><id>4</id><name>Ana</name></user>", "a <user> without <pages> is no export"),
        (b"<page title='Lisbon'/>", "a value in <page> cannot be read"),
        (b"<pages><page title='Lisbon' id='x'/></pages>", "a value in <pages> cannot be read"),
        (b"<page id='1'/><page id='2'/>", "one <page> was expected, not 2"),
    ],
)
def test_a_file_that_is_no_export_is_refused_by_name(
    tmp_path: Path, content: bytes, saying: str
) -> None:
    file = tmp_path / "backup.xml"
    file.write_bytes(content)
    with pytest.raises(InvalidExport, match=f"backup.xml cannot be read: .*{saying}"):
        Export.read(file)
    with pytest.raises(InvalidExport, match=f"the export cannot be read: .*{saying}"):
        Export.read(content)


@pytest.mark.parametrize("source", [None, 5, ["backup.xml"], bytearray(KEPT)])
def test_what_is_neither_a_path_nor_bytes_is_refused(source: object) -> None:
    with pytest.raises(ValidationError, match="Export.read takes a path or bytes, not"):
        Export.read(source)  # type: ignore[arg-type]


# --- what cannot be changed -------------------------------------------------------------------


def retitle(page: Page) -> None:
    page.title = "Porto"
    page.save()


def retag(page: Page) -> None:
    page.tags = ["Food"]
    page.save()


def rewrite(page: Page) -> None:
    page.notes[0].body = "Alfama"
    page.notes[0].save()


CHANGES: list[Callable[[Page], object]] = [
    retitle,
    retag,
    rewrite,
    Page.destroy,
    Page.reload,
    Page.duplicate,
    Page.email_copy,
    Page.unshare,
    lambda page: page.share(public=True),
    lambda page: page.link(page),
    lambda page: page.reorder(list(page.belongings)[::-1]),
    lambda page: page.notes.create(title="T"),
    lambda page: page.lists.create(name="T"),
    lambda page: page.separators.create(name="T"),
    lambda page: page.items.create(content="T"),
    lambda page: page.notes.reload(),
    lambda page: page.notes[0].destroy(),
    lambda page: page.notes[0].reload(),
    lambda page: page.lists[0].destroy(),
    lambda page: page.lists[0].items.reorder(page.lists[0].items),
    lambda page: page.lists[0].items[0].complete(),
    lambda page: page.lists[0].items[0].toggle(),
    lambda page: page.lists[0].items[0].move_higher(),
    lambda page: page.items[0].complete(),
    lambda page: page.separators[0].destroy(),
    lambda page: page.emails[0].destroy(),
    lambda page: page.tags[0].destroy(),
    lambda page: Note.create(page=page, title="T"),
    lambda page: Note.all(page=page),
    lambda page: Item.all(list=page.lists[0]),
    lambda page: Tag.create(page=page, name="Food"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_of_a_file_cannot_be_changed_with_any_connection(
    export: Export, box: Sandbox, connection: Connection, change: Callable[[Page], object]
) -> None:
    with pytest.raises(NotConnected, match="it was read from a file: find the record in the acc"):
        change(export.pages[0])
    with using(connection), pytest.raises(NotConnected):
        change(Export.read(KEPT).pages[0])
    assert box.requests == 0


@pytest.mark.parametrize("moment", [datetime(2031, 7, 1), datetime(2031, 7, 1, tzinfo=UTC)])
def test_a_reminder_of_a_file_cannot_be_changed(
    export: Export, box: Sandbox, connection: Connection, moment: datetime
) -> None:
    reminder = export.reminders[0]
    reminder.remind_at = moment
    with pytest.raises(NotConnected, match="it was read from a file"):
        reminder.save()
    with pytest.raises(NotConnected, match="it was read from a file"):
        reminder.destroy()
    assert box.requests == 0


def test_a_record_of_a_file_is_foreign_to_every_account(
    export: Export, box: Sandbox, connection: Connection
) -> None:
    saved, live = export.pages[0], Page.all()[0]
    with pytest.raises(ValidationError, match="belongs to another account"):
        live.link(saved)
    with pytest.raises(ValidationError, match="so it cannot be used with"):
        Note.create(page=saved, title="T", using=connection)
    with pytest.raises(ValidationError, match="so it cannot be used with"):
        Note.all(page=saved, using=connection)
    assert box.requests == 1


def test_what_was_read_from_a_file_is_so_after_pickling_too(
    export: Export, box: Sandbox, connection: Connection
) -> None:
    copy = pickle.loads(pickle.dumps(export))
    assert copy.pages[0] == export.pages[0]
    assert copy.pages[0].notes[0].body == "Baixa"
    with pytest.raises(NotConnected, match="it was read from a file"):
        copy.pages[0].destroy()
    assert box.requests == 0
