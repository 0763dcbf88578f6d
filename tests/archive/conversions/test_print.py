"""One file of the site contains everything, to print it or save it as PDF."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from lxml import html

from backpack_orm.archive import Snapshot


@pytest.fixture
def printed(snapshot: Snapshot, out: Path) -> html.HtmlElement:
    snapshot.to_html(out)
    return html.parse(str(out / "print.html")).getroot()


def test_everything_is_in_it_in_the_order_of_its_contents(
    printed: html.HtmlElement, snapshot: Snapshot
) -> None:
    articles = printed.xpath("//article")
    titles = [page.title or "Untitled" for page in snapshot.pages]
    titles += ["Journal", "Reminders", "Calendars", "Statuses"]
    assert [each.xpath("string(h1)") for each in articles] == titles
    linked = printed.xpath("//main/ul//a/@href")
    assert linked == [f"#{each.get('id')}" for each in articles]


def test_an_article_contains_what_its_file_does(printed: html.HtmlElement, out: Path) -> None:
    for file in [*(out / "pages").iterdir(), out / "reminders.html", out / "calendars.html"]:
        page = html.parse(str(file)).getroot()
        [main] = page.xpath("//main")
        title = page.xpath("string(//h1)")
        [article] = printed.xpath("//article[h1=$title]", title=title)
        assert article.text_content().split() == main.text_content().split()


def test_links_to_pages_stay_in_the_file_and_others_are_relative_to_it(
    printed: html.HtmlElement, out: Path
) -> None:
    links = [str(link) for link in printed.xpath("//article//a/@href")]
    ids = {str(id) for id in printed.xpath("//@id")}
    within = [link[1:] for link in links if link.startswith("#")]
    files = [link for link in links if not link.startswith("#") and ":" not in link]
    assert within
    assert set(within) <= ids
    assert files
    assert all((out / unquote(file.partition("#")[0])).is_file() for file in files)
    assert not any(file.startswith(("pages/", "..")) for file in files)
