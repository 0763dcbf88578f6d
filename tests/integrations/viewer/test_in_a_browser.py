"""The viewer in a real browser: for everybody, on a phone, with a keyboard, without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from playwright.sync_api import Page as Tab

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.integrations.viewer import Admission, create_app, serving
from backpack_orm.sandbox import Sandbox
from tests.browsers import DESKTOP, PHONE, check_accessibility_in_both_schemes, launched
from tests.integrations.viewer.serving import served

pytestmark = pytest.mark.browser
NARROW = 320
"""The width of a phone whose text is enlarged, in CSS pixels."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def home(demo: Callable[..., Sandbox], network: None) -> Iterator[str]:
    """The address of the viewer of an account, which the tests of this module share."""
    with demo() as box, Connection(box.url, token=box.token) as connection:
        Page.create(title="Donaudampfschifffahrt" * 8).notes.create(body="wide|" * 60)
        packing = Page.create(title="Trip").lists.create(name="Packing")
        packing.items.create_many(["Socks", "Sun hat"])
        with served(create_app(connection)) as address:
            yield address


@pytest.fixture(scope="module")
def archived(archive_folder: Path) -> Iterator[str]:
    """The address of the viewer of an archive."""
    with served(create_app(Archive(archive_folder))) as address:
        yield address


@pytest.fixture
def phone(browser: Browser) -> Iterator[Tab]:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without JavaScript."""
    context = browser.new_context(viewport=DESKTOP, java_script_enabled=False)
    yield context
    context.close()


def every_kind(tab: Tab, home: str) -> Iterator[str]:
    """Open a page of each kind, one after the other."""
    for path in ["", "tags", "journal", "calendars", "search?term=tram", "search", "pages/7"]:
        tab.goto(home + path)
        yield path
    for title in ("Lisbon", "Words", "Donau", "alert"):
        tab.goto(home)
        link = tab.get_by_role("link", name=title)
        if link.count():
            follow(tab, title)
            yield title
    tab.goto(home + "tags")
    follow(tab, "Travel")
    yield "tag"


def open_page(tab: Tab, home: str, title: str) -> None:
    tab.goto(home)
    follow(tab, title)


def follow(tab: Tab, link: str) -> None:
    """Follow a link, and wait until the page is there with its styles."""
    with tab.expect_navigation(wait_until="load"):
        tab.get_by_role("link", name=link).click()


def test_every_page_is_accessible_and_fits_on_a_phone(phone: Tab, home: str) -> None:
    check_pages(phone, home)


def test_every_page_is_accessible_on_a_desktop(browser: Browser, home: str) -> None:
    context = browser.new_context(viewport=DESKTOP)
    tab = context.new_page()
    for _ in every_kind(tab, home):
        check_accessibility_in_both_schemes(tab)
    context.close()


def test_so_does_every_page_of_an_archive(phone: Tab, archived: str) -> None:
    check_pages(phone, archived)


def check_pages(tab: Tab, home: str) -> None:
    for kind in every_kind(tab, home):
        check_accessibility_in_both_schemes(tab)
        for width in (PHONE["width"], NARROW):
            tab.set_viewport_size({"width": width, "height": PHONE["height"]})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, kind


def test_forms_messages_and_errors_are_accessible(phone: Tab, home: str) -> None:
    open_page(phone, home, "Record shelf")
    phone.get_by_text("Add a note").tap()
    phone.get_by_text("Add a list").tap()
    check_accessibility_in_both_schemes(phone)
    phone.get_by_label("Name").fill("Trains")
    phone.get_by_role("button", name="Add list").tap()
    expect(phone.get_by_role("status")).to_have_text("Added the list “Trains”.")
    check_accessibility_in_both_schemes(phone)
    phone.get_by_text("Add a note").tap()
    phone.get_by_role("button", name="Add note").tap()
    expect(phone.get_by_role("alert")).to_be_visible()
    check_accessibility_in_both_schemes(phone)


def test_a_note_that_two_people_edit_is_accessible(phone: Tab, browser: Browser, home: str) -> None:
    context = browser.new_context(viewport=DESKTOP)
    tab = context.new_page()
    for each in (phone, tab):
        open_page(each, home, "Donau")
        each.get_by_role("link", name="Edit").click()
        check_accessibility_in_both_schemes(each)
        each.get_by_label("Title").fill(f"by {each.viewport_size}")
    tab.get_by_role("button", name="Save note").click()
    expect(tab.get_by_role("status")).to_contain_text("Saved the note")
    phone.get_by_role("button", name="Save note").tap()
    expect(phone.get_by_role("alert")).to_contain_text("Somebody has changed this note")
    check_accessibility_in_both_schemes(phone)
    phone.get_by_role("button", name="Replace the note by this").tap()
    expect(phone.get_by_role("status")).to_contain_text("Saved the note")
    context.close()


def test_a_browser_is_admitted_by_the_file_that_leads_there(
    phone: Tab, browser: Browser, archive_folder: Path
) -> None:
    admission = Admission()
    with served(create_app(Archive(archive_folder), admission=admission)) as address:
        phone.goto(address)
        check_accessibility_in_both_schemes(phone)
        context = browser.new_context(viewport=DESKTOP)
        tab = context.new_page()

        with serving.opened(f"{address}?token={admission.secret}", tab.goto):
            tab.wait_for_url(address)
            expect(tab.get_by_role("heading", level=1)).to_have_text("Pages")
        context.close()


def test_what_is_tapped_is_large_enough(phone: Tab, home: str) -> None:
    open_page(phone, home, "Lisbon")
    for control in phone.locator("button:visible, summary:visible, nav a:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24, control.inner_text()


def test_nothing_is_loaded_from_elsewhere_and_the_policy_blocks_nothing(
    browser: Browser, home: str
) -> None:
    context = browser.new_context()
    requests: list[str] = []
    problems: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    context.on("console", lambda message: problems.append(message.text))
    tab = context.new_page()
    for kind in every_kind(tab, home):
        assert tab.evaluate("document.styleSheets.length") == 2, kind
    context.close()
    assert [url for url in requests if not url.startswith(home)] == []
    assert [text for text in problems if "404" not in text] == []


def test_the_keyboard_reaches_everything_in_order(browser: Browser, home: str) -> None:
    tab = browser.new_page()
    open_page(tab, home, "Lisbon")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to content"
    expect(tab.get_by_text("Skip to content")).to_be_in_viewport()
    tab.keyboard.press("Enter")
    reached = []
    for _ in range(8):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.innerText"))
        outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached
    assert reached[:5] == ["Travel", "Long weekends", "Portugal", "Add a note", "Add a list"]
    expect(tab.get_by_role("button", name="Complete Sun hat")).to_be_focused()
    tab.close()


def test_after_completing_an_item_the_keyboard_goes_on_from_there(
    browser: Browser, home: str
) -> None:
    tab = browser.new_page()
    open_page(tab, home, "Lisbon")
    tab.get_by_role("button", name="Complete Tile museum").press("Enter")
    expect(tab.get_by_role("status")).to_have_text("Completed “Tile museum”.")
    expect(tab.get_by_role("status")).to_be_in_viewport()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Reopen Tile museum")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Complete Tile museum")).to_be_visible()
    tab.close()


def test_everything_works_without_javascript(context: BrowserContext, home: str) -> None:
    tab = context.new_page()
    open_page(tab, home, "Trip")
    tab.get_by_text("Add a note").click()
    tab.get_by_label("Title").fill("Lunch")
    tab.get_by_label("Text", exact=True).fill("Sardines, at *one*")
    tab.get_by_role("button", name="Add note").click()
    expect(tab.get_by_role("heading", name="Lunch")).to_be_in_viewport()
    expect(tab.locator("strong", has_text="one")).to_be_visible()
    field = tab.get_by_label("New item in Packing")
    field.focus()
    for text in ("Umbrella", "Whistle"):
        expect(field).to_be_focused()
        tab.keyboard.type(text)
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("status")).to_have_text(f"Added “{text}”.")
    tab.get_by_role("button", name="Complete Umbrella").click()
    tab.get_by_role("button", name="Reopen Umbrella").wait_for()
    tab.get_by_label("Search all pages").fill("whistle")
    tab.keyboard.press("Enter")
    tab.get_by_role("main").get_by_role("link", name="Whistle").click()
    expect(tab.locator(":target")).to_contain_text("Packing")


def test_what_was_written_survives_an_error(context: BrowserContext, home: str) -> None:
    tab = context.new_page()
    open_page(tab, home, "Trip")
    other = context.new_page()
    open_page(other, home, "Trip")
    tab.get_by_text("Add a note").click()
    tab.get_by_label("Text", exact=True).fill("\n\n first\nsecond")
    context.clear_cookies()
    tab.get_by_role("button", name="Add note").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("This form has expired")
    assert tab.locator(".written").last.inner_text() == "\n\n first\nsecond"


def test_a_reloaded_page_sends_nothing_again(context: BrowserContext, home: str) -> None:
    tab = context.new_page()
    open_page(tab, home, "Trip")
    tab.get_by_label("New item in Packing").fill("Castle")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Castle", exact=True)).to_have_count(1)
    tab.reload()
    expect(tab.get_by_text("Castle", exact=True)).to_have_count(1)
    expect(tab.get_by_role("status")).to_have_count(0)
