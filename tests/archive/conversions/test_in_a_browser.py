"""The site in a real browser: opened as files, without a network, for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Request, expect

from backpack_orm.archive import Archive
from tests.browsers import DESKTOP, PHONE, check_accessibility, launched

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(archive_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    Archive(archive_folder).to_html(folder)
    return folder


@pytest.fixture(params=["light", "dark"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    context = browser.new_context(color_scheme=request.param, viewport=PHONE)
    yield context
    context.close()


def addresses(site: Path) -> list[str]:
    return [path.as_uri() for path in sorted(site.rglob("*.html"))]


def kinds(site: Path) -> list[str]:
    """Return the addresses of one page of each kind."""
    pages = [*site.glob("*.html"), *(site / "pages").glob("[HLW]*.html")]
    return [path.as_uri() for path in sorted(pages)]


def test_no_page_loads_anything_from_a_network(browser: Browser, site: Path) -> None:
    requests: list[str] = []
    errors: list[str] = []
    context = browser.new_context(viewport=DESKTOP)

    def note(request: Request) -> None:
        requests.append(request.url)

    context.on("request", note)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: errors.append(message.text))
    page = context.new_page()
    for address in addresses(site):
        page.goto(address)
        page.wait_for_load_state("networkidle")
    context.close()
    assert len(requests) > len(addresses(site)), "the style sheet too"
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert errors == []


def test_all_pages_are_accessible(context: BrowserContext, site: Path) -> None:
    page = context.new_page()
    for address in kinds(site):
        page.goto(address)
        check_accessibility(page)


def test_no_page_is_wider_than_a_phone(context: BrowserContext, site: Path) -> None:
    page = context.new_page()
    for address in addresses(site):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address


def test_each_page_begins_a_new_sheet_of_the_pdf(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "print.html").as_uri())
    sheets = page.pdf().count(b"/Type /Page\n")
    assert sheets > page.locator("article").count() > 10


def test_a_page_is_reached_with_the_keyboard_alone(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pages/Lisbon.html")
    page.close()


def test_a_printed_page_contains_the_page_alone(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "pages" / "Lisbon.html").as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("h1").is_visible()
    page.close()


def found(browser: Browser, site: Path, term: str) -> tuple[str, list[str]]:
    page = browser.new_page()
    page.goto((site / "search.html").as_uri())
    page.fill("#term", term)
    expect(page.locator("#status")).to_contain_text("result")
    results = page.locator("#results > li").all_inner_texts()
    status = page.inner_text("#status")
    page.close()
    return status, results


def test_the_search_finds_words_in_any_text(browser: Browser, site: Path) -> None:
    status, results = found(browser, site, "tram BICA")
    assert status == "1 result"
    assert results[0].startswith("Lisbon: Where we sleep")
    assert found(browser, site, "no such word") == ("0 results", [])


def test_a_result_leads_to_its_place(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "search.html").as_uri())
    page.fill("#term", "Walking shoes")
    page.locator("#results a").first.click()
    page.wait_for_url("**/pages/Lisbon.html#item-*")
    assert page.locator(":target").inner_text().endswith("Walking shoes")
    page.close()


def test_the_search_finds_a_word_of_the_last_of_two_thousand_pages(
    browser: Browser, tmp_path: Path
) -> None:
    body = "Lorem ipsum dolor sit amet, consetetur sadipscing elitr. " * 20
    pages = "".join(
        f"<page id='{n}' title='Page {n}'><notes>"
        f"<note id='{n + 5000}' title='Note' created_at='2020-01-01 00:00:00'>"
        f"{body}{'quokka' if n == 2000 else ''}</note></notes></page>"
        for n in range(1, 2001)
    )
    export = tmp_path / "export.xml"
    export.write_text(f"<user id='1' name='N' account='a'><pages>{pages}</pages></user>")
    archive = Archive(tmp_path / "backup")
    archive.add_export(export, taken_at=datetime(2020, 1, 1, tzinfo=UTC))
    archive.to_html(tmp_path / "site")
    assert len(list((tmp_path / "site").glob("search-*.js"))) > 1
    assert found(browser, tmp_path / "site", "quokka")[1][0].startswith("Page 2000: Note")
