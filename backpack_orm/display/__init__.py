"""What notebooks and terminals show of objects: what is loaded, and never a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.display.contents import contents

if TYPE_CHECKING:
    from rich.console import RenderableType


def html(value: object) -> str:
    """An object as a piece of HTML, for notebooks.

    It holds its own style and nothing from elsewhere, no script, and no text as anything but text.

    >>> "<h3" in html(Page.find_by(title="Lisbon"))
    True
    """
    from backpack_orm.display import web

    return web.render(contents(value))


def rich(value: object) -> RenderableType:
    """An object for the terminal, as the library rich draws it.

    >>> from rich.console import Console
    >>> console = Console(width=24)
    >>> console.print(rich(Page(title="Porto")))
    ╭─ Page: Porto ────────╮
    │ not saved yet        │
    ╰──────────────────────╯
    """
    from backpack_orm.display import terminal

    return terminal.render(contents(value))
