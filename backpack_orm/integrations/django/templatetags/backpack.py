"""Filters for templates: `{% load backpack %}`, `{{ note.body|backpack_html }}`."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from backpack_orm import text

register = template.Library()


@register.filter
def backpack_html(source: str) -> SafeString:
    """Return a text of Backpack as safe HTML."""
    return mark_safe(text.to_html(source))  # noqa: S308 - it is safe


@register.filter
def backpack_markdown(source: str) -> str:
    """Return a text of Backpack as Markdown."""
    return text.to_markdown(source)


@register.filter
def backpack_plain(source: str) -> str:
    """Return a text of Backpack as plain text."""
    return text.to_plain(source)
