"""What a snapshot lacks is never shown as empty, whatever the format."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from backpack_orm import NotInArchive
from backpack_orm.archive import Archive

EXPORT = b"""<user id="4" name="Ana" account="acme"><pages><page title="Lisbon" id="71">
<belongings><belonging id="9"><position>1</position><widget type="Email" id="8"/></belonging>
</belongings><emails><email id="8" subject="" created_at="2009-03-01 10:00:00">Hello
\x20\x20\x20
Bye</email></emails></page></pages><reminders/></user>"""
REASON = "Not in the archive: exports contain pages and reminders only."


@pytest.fixture
def exported(tmp_path: Path) -> Archive:
    """An archive of an export, which lacks the journal and more, and has no reminders."""
    archive = Archive(tmp_path / "old")
    archive.add_export(EXPORT, taken_at="2009-03-14")
    return archive


@pytest.mark.parametrize("part", ["journal", "calendars", "statuses"])
def test_a_part_that_is_a_gap_says_so_in_the_site_and_in_markdown(
    exported: Archive, out: Path, part: str
) -> None:
    exported.to_html(out / "site")
    exported.to_markdown(out / "notes")
    page = (out / "site" / f"{part}.html").read_text("utf-8")
    assert f"<p>{REASON}</p>" in page
    title = part.title()
    assert (out / "notes" / f"{title}.md").read_text("utf-8") == f"# {title}\n\n{REASON}\n"


def test_a_part_that_is_empty_says_so_too(exported: Archive, out: Path) -> None:
    exported.to_html(out / "site")
    exported.to_markdown(out / "notes")
    assert "<p>There is nothing here.</p>" in (out / "site/reminders.html").read_text("utf-8")
    assert (out / "notes/Reminders.md").read_text("utf-8") == (
        "# Reminders\n\nThere is nothing here.\n"
    )


@pytest.fixture
def incomplete(tmp_path: Path) -> Archive:
    """An archive in which one of two pages lacks a note and emails."""
    page = EXPORT.replace(b'"Email" id="8"', b'"Note" id="9"').replace(b"emails>", b"other>")
    other = b"<page title='Porto' id='72'/></pages>"
    archive = Archive(tmp_path / "incomplete")
    archive.add_export(page.replace(b"</pages>", other), taken_at="2009-03-14")
    return archive


OWN = "notes, lists or files (the page names 1 that the export does not contain)."


def test_the_site_shows_what_a_page_lacks_on_the_page_and_before_all_pages(
    incomplete: Archive, out: Path
) -> None:
    incomplete.to_html(out)
    assert (
        f'<p class="gap">Not in the archive: {OWN}</p>' in (out / "pages/Lisbon.html").read_text()
    )
    assert "Not in the archive" not in (out / "pages/Porto.html").read_text()
    index = (out / "index.html").read_text()
    own, _, pages = index.partition('<ul class="pages">')
    general = pages.partition("Not in the archive")[2]
    assert f'<a dir="auto" href="pages/Lisbon.html">Lisbon</a>: Not in the archive: {OWN}' in own
    assert 'Lisbon</a> <span class="gap">incomplete</span>' in pages
    assert 'Porto</a> <span class="gap">' not in pages
    assert "scopes of pages" in general
    assert "page 71" not in general


def test_markdown_shows_what_a_page_lacks_on_the_page_and_before_all_pages(
    incomplete: Archive, out: Path
) -> None:
    incomplete.to_markdown(out)
    assert f"\n> Not in the archive: {OWN}\n" in (out / "pages/Lisbon.md").read_text()
    assert "Not in the archive" not in (out / "pages/Porto.md").read_text()
    own, _, rest = (out / "Pages.md").read_text().partition("## All pages")
    assert own.endswith(
        f"## Incomplete pages\n\n- [Lisbon](<pages/Lisbon.md>): Not in the archive: {OWN}\n\n"
    )
    assert "page 71" not in rest


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_that_is_a_gap_has_no_file_and_an_empty_one_has(
    exported: Archive, out: Path, kind: str
) -> None:
    getattr(exported, f"to_{kind}")(out)
    tables = {path.stem for path in out.glob(f"*.{kind}")}
    assert tables.isdisjoint(
        ["users", "statuses", "linked_pages", "journal_entries", "bookmarks", "calendars"]
    )
    assert {"pages", "notes", "reminders", "remindees", "gaps"} <= tables


def test_the_table_of_gaps_is_in_sqlite(exported: Archive, tmp_path: Path) -> None:
    exported.to_sqlite(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        gaps = dict(database.execute("SELECT what, reason FROM gaps"))
    assert gaps == {gap.what: gap.reason for gap in exported.newest.gaps}
    assert gaps["journal"] == "exports contain pages and reminders only"


def test_a_frame_of_a_gap_is_refused(exported: Archive) -> None:
    with pytest.raises(NotInArchive, match=f"no journal_entries. {REASON}"):
        exported.frame("journal_entries")
    assert exported.frame("notes").empty


def test_a_mail_without_a_subject_has_a_heading_and_blank_lines_are_blank(
    exported: Archive, out: Path
) -> None:
    exported.to_markdown(out)
    page = (out / "pages/Lisbon.md").read_text("utf-8")
    assert page.endswith("## (no subject)\n\n*2009-03-01 10:00*\n\nHello\n\nBye\n")


@pytest.mark.parametrize(
    ("convert", "package"),
    [("html", "jinja2"), ("html", "textile"), ("markdown", "yaml"), ("ics", "icalendar")],
)
def test_a_missing_extra_is_named_before_anything_is_written(
    exported: Archive, out: Path, monkeypatch: pytest.MonkeyPatch, convert: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ImportError, match=rf"needs {package}: pip install 'backpack_orm\[archive\]'"
    ):
        getattr(exported, f"to_{convert}")(out)
    assert not out.exists()
