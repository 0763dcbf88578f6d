"""File names: valid everywhere, unique, and stable."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.archive.conversions.names import file_name, file_names, obsidian_tag

HOSTILE = [
    "../../etc/passwd",
    "CON",
    "con.txt",
    "lpt1",
    "COM¹",
    "a/b",
    "x" * 300,
    "é" * 300,
    "👩‍👩‍👧" * 60,
    "",
    ".",
    "..",
    ".hidden",
    "ends with a dot.",
    " spaces ",
    "a\x00b\x1b[31m",
    "line\nbreak",
    "[[link]]#heading^block|alias",
    'what? <b>"x"</b> *',
]
PORTS = {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
RESERVED = {"con", "prn", "aux", "nul", *PORTS}
TITLES = st.sampled_from([*HOSTILE, "Lisbon", "LISBON", "lisbon (7)"])


def assert_valid(name: str) -> None:
    assert 0 < len(name) <= 120
    assert len(name.encode()) <= 200
    assert not set(name) & set('\\/:*?"<>|#^[]')
    assert all(unicodedata.category(char)[0] != "C" for char in name)
    assert name == name.strip(" .")
    assert name.split(".")[0].strip().lower() not in RESERVED


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_make_valid_names(title: str) -> None:
    assert_valid(file_name(title))


@given(st.text(max_size=300))
def test_any_title_makes_a_valid_name(title: str) -> None:
    assert_valid(file_name(title))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Lisbon", "Lisbon"),
        ("Groceries & such", "Groceries & such"),
        ("كلمات ומילים", "كلمات ומילים"),
        ("Choir 🎶", "Choir 🎶"),
        ("and/or", "and-or"),
        ("aux", "_aux"),
        ("aux.1", "_aux.1"),
        ("   ", "Untitled"),
        ("e\u0301", "é"),
    ],
)
def test_names_resemble_their_titles(title: str, name: str) -> None:
    assert file_name(title) == name


@given(st.dictionaries(st.integers(1, 10**6), TITLES))
def test_names_are_unique_where_case_is_ignored(titles: dict[int, str]) -> None:
    names = file_names(titles)
    assert names.keys() == titles.keys()
    assert len({name.casefold() for name in names.values()}) == len(titles)


def test_a_new_page_renames_no_other() -> None:
    before = file_names({7: "Lisbon", 8: "Lisbon", 9: "Porto"})
    after = file_names({7: "Lisbon", 8: "Lisbon", 9: "Porto", 10: "LISBON", 11: "porto"})
    assert before == {7: "Lisbon", 8: "Lisbon (8)", 9: "Porto"}
    assert before.items() <= after.items()


def test_a_title_like_a_numbered_name_is_numbered_too() -> None:
    assert file_names({7: "Lisbon", 8: "Lisbon (9)", 9: "Lisbon"}) == {
        7: "Lisbon",
        8: "Lisbon (9)",
        9: "Lisbon (9) (9)",
    }


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("Travel", "Travel"),
        ("Long weekends", "Long-weekends"),
        ("2026", "tag-2026"),
        ("a/b", "a/b"),
        ("#x", "x"),
        ("!!", ""),
        ("שפות", "שפות"),
    ],
)
def test_tags_are_valid_in_obsidian(tag: str, expected: str) -> None:
    assert obsidian_tag(tag) == expected
