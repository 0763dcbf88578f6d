"""Writes the pictures of the documentation: `python -m tests.integrations.viewer.pictures`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from backpack_orm import Connection
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox
from tests.browsers import launched
from tests.integrations.viewer.serving import served

FOLDER = Path(__file__).parents[3] / "docs" / "static"
SIZE = (760, 720)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    width, height = SIZE
    with (
        Sandbox() as box,
        Connection(box.url, token=box.token) as connection,
        served(create_app(connection)) as address,
        launched() as browser,
    ):
        tab = browser.new_page(viewport={"width": width, "height": height})
        tab.goto(address)
        tab.get_by_role("link", name="Lisbon").click()
        name = tab.locator(".site a")
        name.evaluate("name => { name.textContent = 'Backpack of acme.backpackit.com' }")
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme)
            tab.screenshot(path=FOLDER / f"viewer-{scheme}.png")


if __name__ == "__main__":
    main()
    print(f"2 pictures in {FOLDER}")
