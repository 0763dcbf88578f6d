"""Finding a page or record by id, address, title, or a part of a title."""

from __future__ import annotations

import pytest

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Run, Runner

LISBON = "40000004"


@pytest.fixture(scope="module", autouse=True)
def numbers(shared_box: Sandbox) -> dict[str, int]:
    """Pages whose titles are numbers, one of them the id of another page."""
    with Connection(shared_box.url, token=shared_box.token) as connection:
        pages = [
            Page.create(title=title, using=connection)
            for title in ("1984", LISBON, "id:7", "Twins", "Twins", "Cafe\u0301 Central")
        ]
        return {page.title: page.id for page in pages}


def title(found: Run) -> str:
    assert found.code == 0, found.stderr
    return str(found.data["title"])


@pytest.mark.parametrize(
    "name",
    ["Lisbon", "lisbon", "LISB", "isb", f"id:{LISBON}", "title:Lisbon", "title:lisb", " Lisbon "],
)
def test_a_page_is_found(name: str, run: Runner) -> None:
    assert title(run("page", "email", name, "-o", "json")) == "Lisbon"


def test_a_page_is_found_by_its_address(run: Runner, shared_box: Sandbox) -> None:
    for address in (f"/pages/{LISBON}", f"/pages/{LISBON}-lisbon#notes"):
        assert title(run("page", "email", f"{shared_box.url}{address}", "-o", "json")) == "Lisbon"


def test_the_address_of_another_account_is_refused(run: Runner) -> None:
    found = run("page", "show", "https://other.backpackit.com/pages/7")
    assert found.code == 1
    assert "is not an address in" in found.stderr


def test_a_title_that_is_a_number_is_found(run: Runner) -> None:
    assert title(run("page", "email", "1984", "-o", "json")) == "1984"
    assert title(run("page", "email", "title:id:7", "-o", "json")) == "id:7"


def test_a_number_that_is_an_id_and_a_title_is_ambiguous(run: Runner) -> None:
    found = run("page", "show", LISBON, "-o", "json")
    assert found.code == 8
    assert [each["text"] for each in found.error["candidates"]] == ["Lisbon", LISBON]
    assert found.error["hint"] == "Write `id:…` or `title:…`."
    assert title(run("page", "email", f"title:{LISBON}", "-o", "json")) == LISBON


def test_a_number_that_is_neither_is_not_found(run: Runner) -> None:
    assert run("page", "show", "12345").code == 2


def test_pages_of_one_title_are_ambiguous(run: Runner, numbers: dict[str, int]) -> None:
    found = run("page", "delete", "Twins", "--yes", "-o", "json")
    assert found.code == 8
    assert numbers["Twins"] in [each["id"] for each in found.error["candidates"]]


def test_a_whole_title_wins_over_a_part(run: Runner) -> None:
    run("page", "new", "Twin")
    assert title(run("page", "email", "twin", "-o", "json")) == "Twin"


def test_composed_and_decomposed_letters_are_the_same(run: Runner) -> None:
    assert title(run("page", "email", "café central", "-o", "json")) == "Cafe\u0301 Central"


@pytest.mark.parametrize("name", ["", " ", "title:", "id:x", "id:²"])
def test_an_empty_or_impossible_name_is_wrong_usage(name: str, run: Runner) -> None:
    assert run("page", "show", name).code == 1


@pytest.mark.parametrize("name", ["lisbon", "Lisb", "title:lisbon"])
@pytest.mark.parametrize("verb", ["delete", "unshare"])
def test_a_command_that_destroys_takes_the_exact_title_only(
    verb: str, name: str, run: Runner
) -> None:
    found = run("page", verb, name, "--yes")
    assert found.code == 2
    assert "Did you mean 'Lisbon'? Here only an id, an address or the exact text counts." in (
        found.stderr
    )


def test_finding_makes_one_request_and_an_address_none_more(
    run: Runner, shared_box: Sandbox
) -> None:
    def requests(name: str) -> int:
        before = shared_box.requests
        assert run("page", "email", name).code == 0
        return shared_box.requests - before

    assert requests("Lisbon") == 2
    assert requests("1984") == 2
    assert requests(f"id:{LISBON}") == 2


def test_a_note_is_found_by_its_id_and_title(run: Runner) -> None:
    by_title = run("note", "show", "Lisbon", "where we", "-o", "json").data
    assert by_title == run("note", "show", "Lisbon", str(by_title["id"]), "-o", "json").data
    assert run("note", "show", "Lisbon", "Atlantis").code == 2
    assert run("note", "show", "Lisbon", "id:12").code == 2


def test_items_with_a_common_part_are_ambiguous(run: Runner) -> None:
    found = run("item", "done", "Lisbon", "a", "-o", "json")
    assert found.code == 8
    assert len(found.error["candidates"]) <= 10


def test_a_user_is_found_by_a_part_of_the_name(run: Runner) -> None:
    entries = run("journal", "list", "--user", "tomás", "--limit", "2", "-o", "json").data
    assert {entry["user"] for entry in entries} == {"Tomás Leite"}
