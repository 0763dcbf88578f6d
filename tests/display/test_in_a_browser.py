"""Cards in a real browser, if one is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from backpack_orm import Note, Page
from tests.display.screenshots import LAB_DARK, LAB_LIGHT, PLAIN, Surroundings, read, take

pytestmark = pytest.mark.browser

ATTACKS = [
    "<script>document.title = 'RUN'</script>",
    "<img src=x onerror=\"document.title = 'RUN'\">",
    "<svg/onload=\"document.title = 'RUN'\">",
    "<style onload=\"document.title = 'RUN'\"></style>",
    "</div></style><script>document.title = 'RUN'</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"document.title = 'RUN'\">",
    "<noscript><p title=\"</noscript><img src=x onerror=document.title='RUN'>\">",
    "notextile. <script>document.title = 'RUN'</script>",
    "<details open ontoggle=\"document.title = 'RUN'\">x</details>",
]


def picture(html: str, where: Surroundings, folder: Path) -> bytes:
    path = folder / "picture.png"
    take(html, where, path)
    return path.read_bytes()


@pytest.fixture
def card() -> str:
    page = Page(title="Lisbon", description="Ten days in *May*", tags=["Travel"])
    return page._repr_html_()


def test_the_browser_runs_scripts() -> None:
    assert "RUN" in read("<script>document.title = 'R' + 'UN'</script>", PLAIN)


def test_scripts_in_texts_do_not_run() -> None:
    page = Page(title="".join(ATTACKS), tags=ATTACKS)
    cards = [page._repr_html_()]
    for attack in ATTACKS:
        note = Note(page=page, title=attack, body=attack)
        cards.append(note._repr_html_())
    final = read("".join(cards), PLAIN)
    assert "document.title" in final, "the script is displayed as text"
    assert "<title>" not in final


def test_a_card_uses_the_colours_of_its_surroundings(card: str, tmp_path: Path) -> None:
    light, dark = (evolve(each, width=500, height=200) for each in (LAB_LIGHT, LAB_DARK))
    of_dark_system = picture(card, evolve(light, is_dark=True), tmp_path)
    assert picture(card, evolve(light, is_dark=False), tmp_path) == of_dark_system
    assert picture(card, dark, tmp_path) != of_dark_system


def test_a_card_without_theme_follows_the_system(card: str, tmp_path: Path) -> None:
    small = evolve(PLAIN, width=500, height=200)
    assert picture(card, small, tmp_path) != picture(card, evolve(small, is_dark=True), tmp_path)
