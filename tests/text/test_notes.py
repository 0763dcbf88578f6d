"""The properties of notes that convert their text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from backpack_orm import Connection, Export, Note, Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.text import ConversionWarning

BODY = "Key: *third* floor[1].\n\nfn1. Ask the baker."


@pytest.fixture
def note(connection: Connection) -> Note:
    page = Page.create(title="Lisbon")
    page.notes.create(title="Hotel", body=BODY)
    return Page.find(page.id).notes[0]


def test_a_loaded_note_is_converted_without_a_request(note: Note, box: Sandbox) -> None:
    before = box.requests
    assert note.html.startswith(
        f'<p>Key: <strong>third</strong> floor<sup id="note-{note.id}-fnref1">'
    )
    assert note.markdown == "Key: **third** floor[^1].\n\n[^1]: Ask the baker."
    assert note.plain == "Key: third floor[1].\n\n[1] Ask the baker."
    assert box.requests == before


def test_a_note_without_its_body_loads_it_with_one_request(note: Note, box: Sandbox) -> None:
    stub = Note._stub(note.id, note.page)
    before = box.requests
    assert stub.plain == note.plain
    assert stub.html == note.html
    assert box.requests == before + 1


def test_changed_text_is_converted(note: Note) -> None:
    note.body = "*new*"
    assert (note.html, note.markdown, note.plain) == (
        "<p><strong>new</strong></p>",
        "**new**",
        "new",
    )


def test_a_new_note_is_converted() -> None:
    note = Note(page=Page(title="Lisbon"), body=BODY)
    assert 'id="note-fn1"' in note.html
    assert Note(page=Page(title="Lisbon")).html == ""


def test_notes_of_an_export_are_converted() -> None:
    source = (
        "<page id='7' title='P'><notes><note id='3' title=''>*b* &amp;amp;</note></notes></page>"
    )
    note = Export.read(source.encode()).pages[0].notes[0]
    assert note.html == "<p><strong>b</strong> &amp;</p>"


def test_conversions_are_not_fields(note: Note) -> None:
    note.html, note.markdown  # noqa: B018  # reading must not change the note
    assert not note.changes
    assert not {"html", "markdown", "plain"} & set(note.to_dict())
    with pytest.raises(AttributeError):
        note.html = "<p>"  # type: ignore[misc]  # assignment must raise


def test_a_note_that_is_too_large_warns() -> None:
    note = Note(page=Page(title="Lisbon"), body="x" * 200_000)
    with pytest.warns(ConversionWarning, match="shown as typed: it has 200,000 characters"):
        assert note.plain == note.body


def test_without_the_extra_an_error_names_it(note: Note, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textile", None)
    with pytest.raises(ImportError, match=r"pip install 'backpack_orm\[text\]'"):
        _ = note.markdown


def test_importing_notes_does_not_import_the_converters() -> None:
    code = (
        "import sys; from backpack_orm import Note;"
        "sys.exit(bool({'textile', 'nh3', 'backpack_orm.text.document'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
