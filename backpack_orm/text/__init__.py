"""Conversion of Textile and the HTML in it to safe HTML, Markdown and plain text.

Names are imported from their modules when they are first used, since few programs convert texts.

>>> from backpack_orm import text
>>> text.to_markdown("Rua da *Rosa* 7")
'Rua da **Rosa** 7'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpack_orm.text.document import ConversionWarning as ConversionWarning
    from backpack_orm.text.document import Document as Document
    from backpack_orm.text.document import find_links as find_links
    from backpack_orm.text.document import parse as parse
    from backpack_orm.text.document import to_html as to_html
    from backpack_orm.text.document import to_markdown as to_markdown
    from backpack_orm.text.document import to_plain as to_plain

__all__ = [
    "ConversionWarning",
    "Document",
    "find_links",
    "parse",
    "to_html",
    "to_markdown",
    "to_plain",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.document"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
