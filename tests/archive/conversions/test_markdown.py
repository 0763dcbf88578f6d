"""Markdown: read back by other libraries, safe in Obsidian, and complete."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import frontmatter
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from backpack_orm import Connection, Page, ValidationError
from backpack_orm.archive import Archive, Snapshot
from backpack_orm.archive.conversions.markdown import plain
from backpack_orm.archive.conversions.names import file_name
from backpack_orm.archive.conversions.yaml import to_yaml
from backpack_orm.sandbox import Sandbox

TITLES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["yes", "no", "null", "~", "123", "1e3", "0x1f", "2026-01-01", "a: b", "'"]),
    st.sampled_from(['"', "- x", "# x", "---", "a\n---\nb", "...", "🎶", "{x}", "*a", "&a", "!x"]),
    st.sampled_from([" ", "a\x85b", "a\u2028b", "\ufeff", "a\rb"]),
)
"""Texts that a parser of YAML may take for something else."""
HARD = "Hard: <b>/..\\ & *co*"


@pytest.fixture
def written(snapshot: Snapshot, out: Path) -> Path:
    snapshot.to_markdown(out)
    return out


def page(folder: Path, title: str) -> frontmatter.Post:
    return frontmatter.load(str(folder / "pages" / f"{file_name(title)}.md"))


def test_the_time_of_an_archive_of_another_zone_is_in_utc(tmp_path: Path, out: Path) -> None:
    archive = Archive(tmp_path / "old")
    export = b"<pages><page id='71' title='Lisbon'/></pages>"
    archive.add_export(export, taken_at="2009-07-14T12:00", timezone="Europe/Lisbon")
    archive.to_markdown(out)
    assert "Archived on 2009-07-14 at 11:00 UTC." in (out / "Pages.md").read_text("utf-8")


def test_metadata_is_read_back(snapshot: Snapshot, written: Path) -> None:
    post = page(written, HARD)
    assert post["title"] == HARD
    assert post["tags"] == ["tag-2026", "Long-weekends", "RD"]
    assert post["backpack_tags"] == ["2026", "Long weekends", "R&D"]
    assert post["backpack_id"] == snapshot.pages[HARD].id
    assert str(post["backpack_url"]).endswith(f"/pages/{post['backpack_id']}")


@given(st.dictionaries(st.sampled_from(["title", "scope"]), TITLES), st.lists(TITLES, max_size=4))
def test_any_title_is_read_back(values: dict[str, str], tags: list[str]) -> None:
    known = {**values, "backpack_tags": tags}
    assert frontmatter.loads(f"---\n{to_yaml(known)}---\n\n# x\n").metadata == known


def test_every_page_is_a_file_that_the_index_links(snapshot: Snapshot, written: Path) -> None:
    files = {path.stem for path in (written / "pages").iterdir()}
    assert files == {file_name(each.title) for each in snapshot.pages}
    for token in links(written / "Pages.md"):
        assert (written / unquote(token)).is_file()


def test_what_is_on_a_page_follows_in_its_order(written: Path) -> None:
    content = page(written, "Lisbon").content
    headings = [line for line in content.splitlines() if line.startswith("## ") or line == "---"]
    assert headings == [
        "## Where we sleep",
        "## Packing",
        "## Not to be missed",
        "---",
        "## Last time",
        "## Your reservation",
        "## Re: Your reservation",
    ]
    assert content.startswith("# Lisbon\n\nTen days in **May**.")


def test_items_are_a_task_list(written: Path) -> None:
    content = page(written, HARD).content
    assert "- [ ] x \\< 1 & y\n- [x] first line\\\n  second line" in content


def test_links_to_pages_lead_to_their_files(written: Path) -> None:
    targets = [*links(written / "pages" / f"{file_name(HARD)}.md")]
    assert targets[0] == "The%20garden.md"
    assert unquote(targets[1]) == f"{file_name(HARD)}.md"
    assert targets[2] == "http://a.example/"
    for target in targets[:2]:
        assert (written / "pages" / unquote(target)).is_file()


def test_texts_run_nothing_and_footnotes_remain(written: Path) -> None:
    content = page(written, HARD).content
    assert "<script" not in MarkdownIt("commonmark").render(content)
    assert "[^1]: A note." in content


def test_other_parts_of_the_account_are_files(written: Path) -> None:
    journal = (written / "Journal.md").read_text("utf-8")
    assert journal.count("**Nora Whitfield**") > 50
    assert "Call the baker about the key" in (written / "Reminders.md").read_text("utf-8")
    assert "Yuki's birthday" in (written / "Calendars.md").read_text("utf-8")
    assert "sharing: the API" in (written / "Pages.md").read_text("utf-8")


def test_downloaded_files_are_linked_by_name(snapshot: Snapshot, out: Path, tmp_path: Path) -> None:
    downloads = tmp_path / "down loads" / "2026"
    downloads.mkdir(parents=True)
    (downloads / "itinerary.pdf").write_bytes(b"%PDF")
    snapshot.to_markdown(out, files_dir=tmp_path / "down loads")
    (link,) = (each for each in links(out / "pages" / "Lisbon.md") if "itinerary" in each)
    assert (out / "pages" / unquote(link)).resolve() == (downloads / "itinerary.pdf").resolve()


def test_of_several_downloads_with_one_name_none_is_guessed(
    snapshot: Snapshot, out: Path, tmp_path: Path
) -> None:
    id = snapshot.pages["Lisbon"].id
    for folder in ("1", "2"):
        (tmp_path / "files" / folder).mkdir(parents=True)
        (tmp_path / "files" / folder / "itinerary.pdf").touch()
    snapshot.to_markdown(out, files_dir=tmp_path / "files")
    content = page(out, "Lisbon").content
    assert f"[itinerary.pdf](<https://127.0.0.1/pages/{id}>)" in content
    (tmp_path / "files" / "2").rename(tmp_path / "files" / str(id))
    snapshot.to_markdown(out, files_dir=tmp_path / "files")
    assert f"[itinerary.pdf](<../../files/{id}/itinerary.pdf>)" in page(out, "Lisbon").content


def test_a_missing_folder_of_files_is_refused_before_anything_is_written(
    snapshot: Snapshot, out: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="files_dir: .*nowhere is not a folder"):
        snapshot.to_markdown(out, files_dir=tmp_path / "nowhere")
    assert not out.exists()


def test_two_conversions_write_the_same(snapshot: Snapshot, written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*.md")}
    snapshot.to_markdown(written)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*.md")} == before


def test_a_page_whose_contents_are_a_gap_says_so(tmp_path: Path, network: None) -> None:
    with Sandbox() as box, Connection(box.url, token=box.token, limits=None) as connection:
        id = Page.get(title="Lisbon", using=connection).id
        box.faults.status(403, path="/users/*/export.xml")
        box.faults.status(403, path=f"/ws/page/{id}")
        archive = Archive(tmp_path / "backup")
        archive.sync(connection)
    archive.to_markdown(tmp_path / "out")
    archive.to_html(tmp_path / "site")
    assert "> Not in the archive: the contents (" in page(tmp_path / "out", "Lisbon").content
    assert "Not in the archive" not in page(tmp_path / "out", "Someday").content
    index = (tmp_path / "out" / "Pages.md").read_text("utf-8")
    incomplete = index[index.index("## Incomplete pages") : index.index("## All pages")]
    assert "- [Lisbon](<pages/Lisbon.md>): Not in the archive: the contents" in incomplete
    assert "Someday" not in incomplete


def test_a_page_that_is_taken_from_an_earlier_snapshot_says_so(
    tmp_path: Path, network: None
) -> None:
    archive = Archive(tmp_path / "backup")
    with Sandbox() as box, Connection(box.url, token=box.token, limits=None) as connection:
        archive.sync(connection)
        id = Page.get(title="Lisbon", using=connection).id
        box.faults.status(403, path="/users/*/export.xml")
        box.faults.status(403, path=f"/ws/page/{id}")
        Page.create(title="Porto")
        archive.sync(connection)
    archive.to_markdown(tmp_path / "out")
    text = page(tmp_path / "out", "Lisbon").content
    assert "> From snapshot 1: the contents (" in text
    assert "Walking shoes" in text


@pytest.mark.parametrize(
    "text",
    [
        "# no title",
        "1. no list\n2) none\n- none\n+ none",
        "a\n===\nb\n---",
        "2 * 3 * 4 _x_ `y` [z](http://a.example) ![i](x)",
        "<b>&amp; &#60; x & y</b>",
        "a | b\n--|--\n1 | 2",
        "> quote?\n\n    indented",
        "ends with a backslash \\",
    ],
)
def test_plain_text_is_shown_unchanged(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(plain(text))
    shown = html.replace("<br>\n", "\n").replace("<br />\n", "\n").removeprefix("<p>")
    shown = shown.replace("</p>\n<p>", "\n\n").removesuffix("</p>\n")
    for mark, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(mark, char)
    assert [line.strip() for line in shown.split("\n")] == [
        line.strip() for line in text.split("\n")
    ]


def links(path: Path) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(
        path.read_text("utf-8").partition("\n---\n")[2] or path.read_text("utf-8")
    )
    inner = (child for token in tokens for child in token.children or ())
    return [str(child.attrs["href"]) for child in inner if child.type == "link_open"]
