"""Writes the card and pictures of the front page: `python -m tests.docs.pictures`."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from backpack_orm import Connection, Page, using
from backpack_orm.archive import Archive
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW
from tests.docs import documents

FOLDER = documents.ROOT / "docs" / "static"
CARD = FOLDER / "lisbon.html"
SITE = {scheme: FOLDER / f"archive-site-{scheme}.jpg" for scheme in ("light", "dark")}
_SIZE = {"width": 760, "height": 420}


def card() -> str:
    """Return the page Lisbon of a demonstration account as notebooks display it."""
    with Sandbox(seed="demo", clock=lambda: NOW) as box:
        connection = Connection(box.url, token=box.token)
        with using(connection):
            html: str = Page.get(title="Lisbon").reload()._repr_html_()
    text = re.sub(r"<(/?)h[1-6]", r"<\1p", html)  # they are no headings of the site
    return f'<div class="card-window" tabindex="0" role="region" aria-label="Lisbon">{text}</div>\n'


def photograph() -> None:
    """Write what the web site of an archive looks like, in a light and a dark browser."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(seed="demo", clock=lambda: NOW) as box,
        sync_playwright() as playwright,
    ):
        archive = Archive(f"{folder}/archive")
        archive.sync(Connection(box.url, token=box.token))
        archive.snapshots[-1].to_html(f"{folder}/site")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme, path in SITE.items():
            page = browser.new_page(color_scheme=scheme, viewport=_SIZE)  # type: ignore[arg-type]
            page.goto(Path(f"{folder}/site/pages/Lisbon.html").as_uri())
            page.screenshot(path=path, type="jpeg", quality=60)
        browser.close()


if __name__ == "__main__":
    CARD.write_text(card(), "utf-8")
    photograph()
    print(f"{CARD.name} and {len(SITE)} pictures in {FOLDER}")
