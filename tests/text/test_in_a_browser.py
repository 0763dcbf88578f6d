"""Converted attacks in a real browser, if one is installed."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from backpack_orm import Note, Page
from backpack_orm.text import to_html, to_markdown
from tests.display.screenshots import PLAIN, read
from tests.text import attacks

pytestmark = pytest.mark.browser


def assert_nothing_ran(html: str) -> None:
    final = read(html, PLAIN)
    assert "document.title" in final, "it is there, as text"
    assert "<title>" not in final


def test_attacks_would_run_if_they_were_not_converted() -> None:
    assert "<title>RUN</title>" in read("".join(attacks.MARKUP[:6]), PLAIN)


def test_no_attack_runs_as_html() -> None:
    assert_nothing_ran("".join(map(to_html, attacks.texts())))


def test_no_attack_runs_as_markdown_that_is_rendered_with_its_html() -> None:
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    assert_nothing_ran("".join(renderer.render(to_markdown(text)) for text in attacks.texts()))


def test_no_attack_runs_on_a_card() -> None:
    page = Page(title="Attacks")
    notes = [Note(page=page, title="Attack", body=text) for text in attacks.texts()]
    assert_nothing_ran("".join(note._repr_html_() for note in notes))
