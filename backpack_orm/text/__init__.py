"""Conversion of Textile and the HTML in it to safe HTML, Markdown and plain text."""

from backpack_orm.text.document import (
    ConversionWarning,
    Document,
    parse,
    to_html,
    to_markdown,
    to_plain,
)

__all__ = ["ConversionWarning", "Document", "parse", "to_html", "to_markdown", "to_plain"]
