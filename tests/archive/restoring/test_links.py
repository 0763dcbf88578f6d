"""Links between pages are rewritten, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.archive.restoring.links import rewrite, unknown_ids

IDS = {72: 9, 7: 1}
HOST = "acme.backpackit.com"
NEW = "https://new.backpackit.com"


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ('See "Porto":/pages/72.', 'See "Porto":/pages/9.'),
        ('"Porto":/page/72#note_5', '"Porto":/page/9#note_5'),
        ("<a href='/pages/72'>x</a>", "<a href='/pages/9'>x</a>"),
        ('<a href = "/pages/72">x</a>', '<a href = "/pages/9">x</a>'),
        ("<a href=/pages/72>x</a>", "<a href=/pages/9>x</a>"),
        ("https://acme.backpackit.com/pages/72", f"{NEW}/pages/9"),
        ("http://ACME.backpackit.com/page/72-porto?x=1", f"{NEW}/page/9-porto?x=1"),
        ("http://acme.backpackit.com:3000/pub/7", f"{NEW}/pub/1"),
    ],
)
def test_links_to_pages_lead_to_their_copies(text: str, rewritten: str) -> None:
    assert rewrite(text, IDS, HOST, NEW) == rewritten


@pytest.mark.parametrize(
    "text",
    [
        '"Faro":/pages/73',
        '"Porto":/pages/721',
        "https://other.backpackit.com/pages/72",
        "https://acme.backpackit.com.evil.example/pages/72",
        "see /pages/72 in the menu",
        "https://acme.backpackit.com/pages/",
        "https://acme.backpackit.com/notes/72",
        "\r\n  spaces \t stay  \r",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert rewrite(text, IDS, HOST, NEW) == text


def test_without_a_host_only_relative_links_are_rewritten() -> None:
    text = '"a":/pages/72 https://acme.backpackit.com/pages/72'
    assert rewrite(text, IDS, None, NEW) == '"a":/pages/9 https://acme.backpackit.com/pages/72'


@given(st.text())
def test_a_text_without_links_stays_byte_for_byte(text: str) -> None:
    assert rewrite(text, {}, HOST, NEW) == text


def test_links_to_unknown_pages_are_listed_once_in_order() -> None:
    text = '"a":/pages/99 "b":/pages/72 "c":/pages/98 https://acme.backpackit.com/page/99'
    assert unknown_ids(text, IDS, HOST) == [99, 98]
