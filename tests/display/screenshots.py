"""Takes screenshots of rich display in several colour schemes with Chromium.

    python -m tests.display.screenshots FOLDER

The Debian package of the browser is `chromium`. The screenshots show the demonstration account of
the sandbox.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

import backpack_orm
from backpack_orm import Export, Item, NotFound, Page, Reminder
from backpack_orm.sandbox import Sandbox

BROWSER = "chromium"
_LAB = """
:root {{ --jp-content-font-color1: {ink}; --jp-layout-color0: {paper};
  --jp-content-font-family: system-ui; }}
.jp-RenderedHTMLCommon {{ font-size: 14px; line-height: 1.6; color: {ink}; }}
.jp-RenderedHTMLCommon h3 {{ font-size: 1.4em; line-height: 1; margin: 1.4em 0 .8em; }}
.jp-RenderedHTMLCommon h4 {{ font-size: 1.2em; margin: 1em 0; }}
.jp-RenderedHTMLCommon p {{ margin: 0 0 1em; }}
.jp-RenderedHTMLCommon ul:not(.list-inline) {{ padding-left: 2em; list-style: disc; }}
.jp-RenderedHTMLCommon table {{ border-collapse: collapse; border: none; margin: 0 auto 1em;
  font-size: 12px; table-layout: fixed; color: {ink}; }}
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th {{ text-align: right; padding: .5em; }}
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) {{ background: {paper}; }}
.jp-RenderedHTMLCommon tbody tr:nth-child(even) {{ background: {stripe}; }}
body {{ background: {paper}; margin: 16px; }}
"""
_VS_CODE = """
:root {{ --vscode-editor-foreground: {ink}; --vscode-editor-background: {paper}; }}
body {{ background: {paper}; color: {ink}; margin: 16px; font: 13px system-ui; }}
"""
_RIGHT_TO_LEFT = """
<page title="رحلة إلى لشبونة" id="71">
  <tags><tag name="سفر" id="5"/></tags>
  <notes><note id="301" title="الفندق" created_at="2026-05-14 16:39:02">شارع *الورد* ٧

* لا مصعد
* الفطور: _قهوة_</note></notes>
  <lists><list id="401" name="الحقيبة"><items>
    <item id="501" completed="false">أحذية للمشي</item>
    <item id="502" completed="true">جوازات السفر</item>
  </items></list></lists>
</page>
"""
_LIGHT = {"ink": "rgba(0, 0, 0, .87)", "paper": "#ffffff", "stripe": "#f5f5f5"}
_DARK = {"ink": "rgba(255, 255, 255, .87)", "paper": "#111111", "stripe": "#212121"}
_VS_DARK = {"ink": "#cccccc", "paper": "#1f1f1f"}


@frozen
class Surroundings:
    """The surroundings of a card: the page, and the colour scheme of the system.

    Attributes:
        body: Attributes of the body element, as the program sets them.
        style: Style sheet with the variables of the theme.
        is_dark: Whether the system prefers dark pages.
        width: Width of the window in pixels.
        height: Height of the window in pixels.
    """

    body: str = ""
    style: str = "body { margin: 16px; }"
    is_dark: bool = False
    width: int = 820
    height: int = 1500


PLAIN = Surroundings()
LAB_LIGHT = Surroundings(
    'data-jp-theme-light="true"', _LAB.format(**_LIGHT), is_dark=True
)  # on a dark system, which must have no effect
LAB_DARK = Surroundings('data-jp-theme-light="false"', _LAB.format(**_DARK))
VS_CODE_DARK = Surroundings('class="vscode-dark"', _VS_CODE.format(**_VS_DARK))


def take(html: str, surroundings: Surroundings, picture: Path) -> None:
    """Take a screenshot of HTML.

    Raises:
        FileNotFoundError: There is no Chromium.
    """
    _open(html, surroundings, f"--screenshot={picture.resolve()}")


def read(html: str, surroundings: Surroundings) -> str:
    """Return the whole page as the browser has it after all scripts have run.

    Raises:
        FileNotFoundError: There is no Chromium.
    """
    return _open(html, surroundings, "--dump-dom")


def _open(html: str, surroundings: Surroundings, task: str) -> str:
    browser = shutil.which(BROWSER)
    if browser is None:
        raise FileNotFoundError("Chromium not found: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(
            '<!doctype html><html><head><meta charset="utf-8">'
            f"<style>{surroundings.style}</style></head><body {surroundings.body}>"
            f'<div class="jp-RenderedHTMLCommon">{html}</div></body></html>',
            "utf-8",
        )
        done = subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--blink-settings=preferredColorScheme={0 if surroundings.is_dark else 1}",
                f"--window-size={surroundings.width},{surroundings.height}",
                task,
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    return done.stdout.decode()


def scenes() -> dict[str, tuple[str, Surroundings]]:
    """Return the HTML and the surroundings of each screenshot by name."""
    pages = Page.all()
    lisbon = Page.find(pages["Lisbon"].id)
    scripts = Page.find(pages[8].id)
    (journey,) = Export.read(_RIGHT_TO_LEFT.encode()).pages
    card, table = lisbon._repr_html_(), Item.all()._repr_html_()
    unloaded = pages[1]._repr_html_() + pages[1].notes._repr_html_()
    lisbon.title = "Lisboa <script>alert('never')</script>"
    lisbon.tags = ["Travel", "A rather long tag that a user has chosen"]
    facts: tuple[Any, ...] = (
        lisbon.changes,
        lisbon.connection.stats,
        Reminder.all(),
        Reminder.all()[0],
        NotFound("no such page", verb="POST", path="/ws/page/7", status=404),
    )
    small = "".join(each._repr_html_() for each in facts)
    narrow, wide = evolve(PLAIN, width=500, height=2000), evolve(LAB_LIGHT, width=1400)
    return {
        "card-light": (card, LAB_LIGHT),
        "card-dark": (card, LAB_DARK),
        "card-vs-code": (card, VS_CODE_DARK),
        "card-plain-dark": (card, evolve(PLAIN, is_dark=True)),
        "card-narrow": (card, narrow),
        "card-wide": (card, wide),
        "card-edited": (lisbon._repr_html_(), LAB_LIGHT),
        "card-of-many-scripts": (scripts._repr_html_(), evolve(LAB_LIGHT, height=480)),
        "card-right-to-left": (journey._repr_html_(), evolve(LAB_DARK, height=480)),
        "not-loaded": (unloaded, evolve(LAB_DARK, height=420)),
        "table-light": (table, evolve(LAB_LIGHT, height=900)),
        "table-dark": (table, evolve(LAB_DARK, height=900)),
        "table-narrow": (table, evolve(PLAIN, width=500, height=1400)),
        "small-objects": (small, evolve(LAB_DARK, height=1700)),
    }


def main(folder: Path) -> None:
    """Take all screenshots and save them in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with Sandbox(seed="demo") as box:
        backpack_orm.connect(box.url, token=box.token)
        for name, (html, surroundings) in scenes().items():
            take(html, surroundings, folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
