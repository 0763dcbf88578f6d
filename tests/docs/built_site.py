"""The built site in a browser: as wide as the screen, accessible, and small. `make site` runs it.

It is not part of the other tests, which need no site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, ViewportSize

from backpack_orm.errors import CATALOG
from tests.browsers import DESKTOP, PHONE, check_accessibility, launched
from tests.docs import documents

SITE = documents.ROOT / "docs" / "_build" / "html"
_ADDRESS = "https://backpack-orm.readthedocs.io/"
_FILES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PAGES = [name for name in _FILES if not name.startswith("_static/")]
LARGEST_FRONT_PAGE = 300_000
KINDS = [
    *(
        "404",
        "command-line",
        "exploring",
        "genindex",
        "index",
        "notebooks",
        "performance",
        "search",
    ),
    *("reference/models/Page", "errors"),
]
"""Pages that have everything of which the site is made: code, tables, cards, charts and lists."""
SEARCHES = {
    "429": "limits-and-retries",
    "503": "errors limits-and-retries",
    "AuthenticationError": "errors",
    "asyncio": "applications cookbook",
    "backup": "backup",
    "chatgpt": "mcp",
    "cli": "command-line",
    "close account": "leaving",
    "cron": "backup",
    "csv": "conversions",
    "delete": "writing",
    "django": "django",
    "docker": "cookbook sandbox",
    "encrypt": "faq",
    "excel": "conversions cookbook",
    "faq": "faq",
    "install": "start",
    "license": "faq",
    "lost notes": "old-export",
    "mock": "testing",
    "notion": "faq",
    "oauth": "signing-in",
    "obsidian": "cookbook",
    "old export": "old-export",
    "print": "conversions faq",
    "proxy": "connecting cookbook",
    "redis": "limits-and-retries",
    "restore": "backup",
    "timezone": "reminders",
    "token": "connecting",
    "trust": "reliability",
    "type hints": "compatibility",
    "undo": "faq writing",
    "windows": "compatibility",
}
"""What visitors type, and the documents of which one must be among the first three results."""
pytestmark = [pytest.mark.browser, pytest.mark.network]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    handler = partial(_Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return browser.new_page()


def width(page: Page, viewport: ViewportSize) -> int:
    page.set_viewport_size(viewport)
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_as_wide_as_the_screen(path: str, page: Page, address: str) -> None:
    page.goto(f"{address}/{path}")
    assert width(page, PHONE) <= PHONE["width"]
    assert width(page, DESKTOP) <= DESKTOP["width"]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_breaks_no_rule_of_accessibility(path: str, page: Page, address: str) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto(f"{address}/{path}")
    check_accessibility(page)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_breaks_no_rule_of_accessibility_on_a_phone_in_the_dark(
    kind: str, browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport=PHONE, color_scheme="dark")
    page.goto(f"{address}/{kind}.html")
    check_accessibility(page)
    page.close()


def test_the_front_page_is_small_and_loads_nothing_from_elsewhere(
    browser: Browser, address: str
) -> None:
    responses: list[Response] = []
    page = browser.new_page(viewport=DESKTOP)
    page.on("response", lambda response: responses.append(response))
    page.goto(address)
    page.mouse.wheel(0, 20_000)  # pictures below are loaded when they are near
    page.wait_for_load_state("networkidle")
    assert [each.url for each in responses if not each.url.startswith(address)] == []
    size = sum(len(each.body()) for each in responses)
    assert size <= LARGEST_FRONT_PAGE, {each.url: len(each.body()) for each in responses}
    page.close()


def test_the_front_page_shows_the_card_the_command_line_and_the_site(
    browser: Browser, address: str
) -> None:
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        assert page.get_by_role("region", name="Lisbon").get_by_text("Walking shoes").is_visible()
        assert page.get_by_alt_text("Open items on a terminal").is_visible()
        shown: list[Any] = [
            each.get_attribute("src")
            for each in page.get_by_alt_text("web site of an archive").all()
            if each.is_visible()
        ]
        assert [f"-{scheme}." in src for src in shown] == [True]
        page.close()


def test_the_page_for_missing_pages_works_at_any_address() -> None:
    text = (SITE / "404.html").read_text("utf-8")
    paths = re.findall(r'(?:href|src)="(?!https?:|data:|#)([^"]+)"', text)
    assert paths
    assert all(path.startswith("/") for path in paths)


def test_language_models_find_all_documents() -> None:
    text = (SITE / "llms.txt").read_text("utf-8")
    names = re.findall(r"readthedocs\.io/([\w-]+\.html)", text)
    assert len(names) > 40
    assert all((SITE / name).exists() for name in names)


def test_a_downloaded_notebook_has_no_role_of_the_site_and_no_relative_link() -> None:
    (path,) = SITE.glob("_downloads/*/*.ipynb")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    text = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    assert not re.findall(r"\{[\w-]+\}`|^:::|^```\{|^\+\+\+", text, re.MULTILINE)
    links = re.findall(r"\]\(([^)]+)\)", text)
    own = [link.removeprefix(_ADDRESS) for link in links if link.startswith(_ADDRESS)]
    assert len(own) >= 4
    assert all((SITE / link.partition("#")[0]).exists() for link in own)
    assert all(link.startswith("https://") for link in links)
    assert all(cell["outputs"] for cell in cells if "plt.show()" in cell["source"])


def test_objects_link_to_their_source() -> None:
    text = (SITE / "reference" / "models" / "Page.html").read_text("utf-8")
    assert re.search(r"blob/\w+/backpack_orm/models/page\.py#L\d+-L\d+", text)


def test_every_document_is_on_the_site() -> None:
    built = {Path(path).stem for path in PAGES}
    assert {path.stem for path in (documents.ROOT / "docs").glob("*.md")} <= built


def test_the_help_of_every_error_has_an_anchor() -> None:
    text = (SITE / "errors.html").read_text("utf-8")
    missing = [info.code for info in CATALOG.values() if f'id="{info.code}"' not in text]
    assert not missing


def test_a_search_finds_what_visitors_type(page: Page, address: str) -> None:
    wrong = {}
    for words, wanted in SEARCHES.items():
        page.goto(f"{address}/search.html?q={words}")
        page.get_by_text(re.compile(r"found (one|\d+) page|did not match")).wait_for()
        links = page.locator("#search-results ul.search > li > a").all()[:3]
        first = [str(link.get_attribute("href")).partition(".html")[0] for link in links]
        if not set(wanted.split()) & {*first}:
            wrong[words] = first
    assert not wrong
