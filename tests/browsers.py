"""A browser for tests: Chromium, where it is installed, and the rules of axe for accessibility."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

BROWSER = shutil.which("chromium")
PHONE: ViewportSize = {"width": 375, "height": 812}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


@contextmanager
def launched() -> Iterator[Browser]:
    """Start the browser for the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def check_accessibility(page: Page) -> None:
    """Check that the page breaks no rule of axe."""
    _check(page, {})


def check_accessibility_in_both_schemes(page: Page) -> None:
    """Check that the page breaks no rule of axe, and none about colors in dark mode either."""
    page.emulate_media(color_scheme="light")
    _check(page, {})
    page.emulate_media(color_scheme="dark")
    _check(page, {"runOnly": ["color-contrast", "link-in-text-block"]})


def _check(page: Page, options: dict[str, object]) -> None:
    results = Axe().run(page, options={"preload": False, **options})
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"
