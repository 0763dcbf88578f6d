"""Tags over HTTP."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = XML + '<response success="true"></response>'


def tags(api: Client, page: str) -> list[str]:
    return re.findall('<tag name="([^"]*)"', api.ws(page))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('Music "Long Scores" Jazz', ["Music", "Long Scores", "Jazz"]),
        ('"Music"\n"Long Scores"\n"Jazz"', ["Music", "Long Scores", "Jazz"]),
        ("one\ttwo\n three ", ["one", "two", "three"]),
        ("twice twice", ["twice"]),
        ('"" " " real', ["real"]),
        ("Ünï-côdé R&amp;B", ["&#220;n&#239;-c&#244;d&#233;", "R&amp;B"]),
        ("", []),
        ('"unclosed quote', ["unclosed", "quote"]),
    ],
)
def test_tags_are_parsed_from_a_text(api: Client, page: str, text: str, names: list[Any]) -> None:
    assert api.ws(f"{page}/tags/tag", f"<tags>{text}</tags>") == DONE
    assert tags(api, page) == names


def test_new_tags_replace_the_previous_ones(api: Client, page: str) -> None:
    api.ws(f"{page}/tags/tag", "<tags>old both</tags>")
    api.ws(f"{page}/tags/tag", "<tags>both new</tags>")
    assert tags(api, page) == ["both", "new"]


def test_a_tag_has_the_same_id_on_all_pages_and_after_changes(api: Client, page: str) -> None:
    api.ws(f"{page}/tags/tag", "<tags>Travel</tags>")
    api.ws("pages/new", "<page><title>Porto</title></page>")
    api.ws("page/40000004/tags/tag", "<tags>Food Travel</tags>")
    assert '<tag name="Travel" id="40000003"/>' in api.ws("page/40000004")


def test_names_of_any_length_with_the_same_start_are_different_tags(api: Client, page: str) -> None:
    name = Random(1).randbytes(5_000).hex()  # which PostgreSQL does not compress to fit an index
    for _ in range(2):
        api.ws(f"{page}/tags/tag", f"<tags>{name}1 {name}2</tags>")
        assert tags(api, page) == [f"{name}1", f"{name}2"]
    assert set(re.findall('<tag name="[^"]*" id="([^"]*)"', api.ws(page))) == {
        "40000003",
        "40000004",
    }


def test_selecting_a_tag_lists_its_pages(api: Client, page: str) -> None:
    api.ws(f"{page}/tags/tag", "<tags>Travel</tags>")
    api.ws("pages/new", "<page><title>Untagged</title></page>")
    assert api.ws("tags/select/40000003") == (
        f'{XML}<response success="true"><pages><page title="Lisbon" id="40000002"/></pages>'
        "</response>"
    )


def test_an_unused_tag_selects_no_pages(api: Client, page: str) -> None:
    api.ws(f"{page}/tags/tag", "<tags>Travel</tags>")
    api.ws(f"{page}/tags/tag", "<tags></tags>")
    assert "<pages></pages>" in api.ws("tags/select/40000003")


def test_an_unknown_tag_is_not_found(api: Client) -> None:
    assert "Record not found" in api.ws("tags/select/7", status=404)


def test_tagging_needs_tags(api: Client, page: str) -> None:
    assert "Internal error" in api.ws(f"{page}/tags/tag", status=500)
