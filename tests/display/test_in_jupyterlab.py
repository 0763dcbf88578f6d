"""Rich display under the style sheets of JupyterLab, in it and in pages that nbconvert writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from backpack_orm import Connection, Page, Reminder
from tests.display.screenshots import BROWSER

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
]

STYLES = """() => {
    const style = selector => getComputedStyle(document.querySelector(selector));
    const number = style('.backpack td.bp-number'), text = style('.backpack td:not(.bp-number)');
    const term = document.querySelector('.backpack dt');
    return {
        number: number.textAlign,
        text: text.textAlign,
        stripes: style('.backpack tbody tr:nth-child(even)').backgroundColor,
        list: style('.backpack .bp-items').listStyleType,
        term: style('.backpack dt').float,
        lines: Math.round(term.clientHeight / parseFloat(getComputedStyle(term).lineHeight)),
        ink: style('.backpack').color,
    };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which(BROWSER), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def notebook(connection: Connection) -> Any:
    """A notebook whose outputs are a card with a list, a table, and facts."""
    import nbformat  # here and below, since it takes seconds, in each process of the tests

    pages = Page.all()
    notebook = nbformat.v4.new_notebook()
    for shown in (Page.find(pages[0].id), pages, Reminder.all()[0], connection.stats):
        output = nbformat.v4.new_output(
            "execute_result", {"text/html": shown._repr_html_()}, execution_count=1
        )
        cell = nbformat.v4.new_code_cell("shown", outputs=[output], execution_count=1)
        notebook.cells.append(cell)
    return notebook


def check(styles: dict[str, Any], *, is_dark: bool) -> None:
    """Check that the style is ours where the surrounding page has another one."""
    brightness = float(re.findall(r"[\d.]+", styles.pop("ink"))[0])
    assert (brightness > 128) == is_dark
    assert styles == {
        "number": "right",
        "text": "start",
        "stripes": "rgba(0, 0, 0, 0)",
        "list": "none",
        "term": "none",
        "lines": 1,
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_of_nbconvert_leaves_our_style_as_it_is(
    browser: Browser, notebook: Any, theme: str, tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter(template_name="lab", theme=theme).from_notebook_node(notebook)
    path = tmp_path / "notebook.html"
    path.write_text(html, "utf-8")
    page = browser.new_page()
    page.route("http*://**", lambda route: route.abort())  # MathJax, which nothing here needs
    page.goto(path.as_uri())
    check(page.evaluate(STYLES), is_dark=theme == "dark")
    page.close()


@pytest.fixture
def lab(notebook: Any, tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab with the notebook, in the dark theme."""
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary(data_dir=str(tmp_path))
    notary.sign(notebook)
    notary.store.close()
    nbformat.write(notebook, tmp_path / "shown.ipynb")
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    theme = {"theme": "JupyterLab Dark"}
    (settings / "themes.jupyterlab-settings").write_text(json.dumps(theme), "utf-8")
    variables = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += ["--IdentityProvider.token=", "--ServerApp.password=", f"--notebook-dir={tmp_path}"]
    command += [f"--LabApp.user_settings_dir={tmp_path / 'settings'}"]
    server = subprocess.Popen(
        command,
        env=os.environ | dict.fromkeys(variables, str(tmp_path)),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        found = (re.search(r"http://127\.0\.0\.1:\d+/", line) for line in server.stderr)
        yield next(match[0] for match in found if match)
    finally:
        server.kill()  # asked to end, it may wait for its own threads for ever
        server.wait()
        server.stderr.close()  # without reading to its end: the kernel may hold it open


def test_jupyterlab_leaves_our_style_as_it_is(browser: Browser, lab: str) -> None:
    page = browser.new_page()
    page.goto(f"{lab}lab/tree/shown.ipynb")
    for awaited in (".backpack dt", 'body[data-jp-theme-light="false"]'):
        page.wait_for_selector(awaited, state="attached", timeout=120_000)
    check(page.evaluate(STYLES), is_dark=True)
    page.close()
