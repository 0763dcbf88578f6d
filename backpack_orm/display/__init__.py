"""What notebooks and terminals display of objects: what is loaded. Makes no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.display import results as results  # it registers more types with `contents`
from backpack_orm.display.charts import journal_timeline as journal_timeline
from backpack_orm.display.charts import open_items as open_items
from backpack_orm.display.contents import contents

if TYPE_CHECKING:
    from rich.console import RenderableType


def html(value: object) -> str:
    """Return an object as HTML for notebooks.

    It includes its style, contains no script, refers to nothing outside, and escapes all texts.

    >>> "<h3" in html(Page.find_by(title="Lisbon"))
    True
    """
    from backpack_orm.display import web

    return web.render(contents(value))


def rich(value: object) -> RenderableType:
    """Return an object for the terminal, as an object of the library rich.

    >>> from rich.console import Console
    >>> console = Console(width=24)
    >>> console.print(rich(Page(title="Porto")))
    ╭─ Page: Porto ────────╮
    │ not saved yet        │
    ╰──────────────────────╯
    """
    from backpack_orm.display import terminal

    return terminal.render(contents(value))
