"""The site: complete, safe, and the same each time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

from backpack_orm import Connection, JournalEntry, User, text
from backpack_orm.archive import Archive, Snapshot
from backpack_orm.archive.conversions.names import file_name
from backpack_orm.sandbox import Sandbox

HARD = "Hard: <b>/..\\ & *co*"


@pytest.fixture
def site(snapshot: Snapshot, out: Path) -> Path:
    snapshot.to_html(out)
    return out


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_page_is_a_file(snapshot: Snapshot, site: Path) -> None:
    stems = {path.stem for path in (site / "pages").iterdir()}
    assert stems == {file_name(page.title) for page in snapshot.pages}


def test_all_links_within_the_site_lead_somewhere(site: Path) -> None:
    checked = 0
    for path in pages(site):
        document = html.parse(str(path)).getroot()
        for _, attribute, link, _ in document.iterlinks():
            parts = urlsplit(link)
            if parts.scheme or attribute not in ("href", "src"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (path.name, link)
            if parts.fragment:
                found = html.parse(str(target)).getroot().get_element_by_id(parts.fragment)
                assert found is not None
            checked += 1
    assert checked > 100


def test_ids_are_unique_on_each_page(site: Path) -> None:
    for path in pages(site):
        ids = html.parse(str(path)).xpath("//@id")
        assert len(ids) == len(set(ids)), path.name


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_inline(site: Path) -> None:
    for path in pages(site):
        document = html.parse(str(path)).getroot()
        assert document.xpath("//img | //iframe | //style | //@style | //script[not(@src)]") == []
        attributes = [str(name) for element in document.iter() for name in element.attrib]
        assert [name for name in attributes if name.startswith("on")] == []
        loaded = document.xpath("//link/@href | //script/@src")
        assert all(not urlsplit(link).netloc for link in loaded)


def test_a_page_shows_everything_on_it(site: Path) -> None:
    document = html.parse(str(site / "pages" / "Lisbon.html")).getroot()
    assert [each.text_content() for each in document.xpath("//h2")] == [
        "Where we sleep",
        "Packing",
        "Not to be missed",
        "On the way",
        "Last time",
        "Your reservation",
        "Re: Your reservation",
    ]
    states = document.xpath("//ul[@class='items'][1]/li/span/@aria-label")
    assert states[:1] == ["open"]
    assert states[-1:] == ["completed"]


def test_texts_are_escaped(site: Path) -> None:
    source = (site / "pages" / f"{file_name(HARD)}.html").read_text("utf-8")
    assert '<h1 dir="auto">Hard: &lt;b&gt;/..\\ &amp; *co*</h1>' in source
    assert "<script>alert" not in source


def test_the_search_data_contains_every_text(snapshot: Snapshot, site: Path) -> None:
    data = "".join(
        path.read_text("utf-8").removeprefix("addTexts(").removesuffix(");\n")
        for path in sorted(site.glob("search-*.js"))
    )
    texts = json.loads(data)
    for note in snapshot.notes:
        assert any(title == note.page.title for _, title, _, _ in texts)
    assert any("no. 250" in text for _, _, _, text in texts), "the journal too"
    assert any(text == "Walking shoes" for _, _, _, text in texts)


@pytest.mark.network
def test_the_journal_begins_with_the_newest_year(out: Path) -> None:
    moment = [datetime(2025, 12, 31, 12, tzinfo=UTC)]
    with Sandbox(seed="empty", clock=lambda: moment[0]) as box:
        connection = Connection(box.url, token=box.token, limits=None)
        user = User.me(using=connection)
        JournalEntry.create(user=user, body="Before midnight")
        moment[0] += timedelta(days=1)
        JournalEntry.create(user=user, body="After midnight")
        archive = Archive(out / "backup")
        archive.sync(connection)
    archive.newest.to_html(out / "site")
    shown = {path.name: path.read_text("utf-8") for path in (out / "site").glob("journal*.html")}
    assert shown.keys() == {"journal.html", "journal-2025.html", "journal-2026.html"}
    for name, has_old, has_new in (
        ("journal.html", False, True),
        ("journal-2025.html", True, False),
        ("journal-2026.html", False, True),
    ):
        assert ("Before midnight" in shown[name], "After midnight" in shown[name]) == (
            has_old,
            has_new,
        )


def test_two_conversions_write_the_same(snapshot: Snapshot, site: Path) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    snapshot.to_html(site)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


def test_each_text_is_parsed_once(
    snapshot: Snapshot, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    parse = text.parse

    def counted(source: str, **options: Any) -> Any:
        parsed.append(source)
        return parse(source, **options)

    monkeypatch.setattr(text, "parse", counted)
    snapshot.to_html(out)
    bodies = Counter(note.body for note in snapshot.notes if len(note.body) > 20)
    assert {body: parsed.count(body) for body in bodies} == bodies
