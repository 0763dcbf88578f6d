"""The commands for pages, notes, lists, items, tags and separators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm import Connection, Page
from backpack_orm.cli.state import State
from backpack_orm.orm import signals
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner


@pytest.fixture
def page(shared_box: Sandbox, request: pytest.FixtureRequest) -> str:
    """The title of a page of the test's own, with a list of three items, a note and a separator."""
    title = request.node.name
    with Connection(shared_box.url, token=shared_box.token) as connection:
        made = Page.create(title=title, using=connection)
        made.separators.create(name="Below")
        packing = made.lists.create(name="Packing")
        for content in ("Socks", "Passport", "Book"):
            packing.items.create(content=content)
        packing.items[2].complete()
        made.notes.create(title="Hotel", body="Rua da *Rosa* 7\n\n* third floor")
        made.tags = ["Travel", "Slow trains"]
        made.save()
    return str(title)


@pytest.fixture
def stored(shared_box: Sandbox, page: str) -> Callable[[], Page]:
    """Read the page from the service."""

    def read() -> Page:
        with Connection(shared_box.url, token=shared_box.token) as connection:
            found = Page.get(title=page, using=connection)
            found.reload()
            assert found.tags is not None
            return found

    return read


# --- pages ------------------------------------------------------------------------------------


def test_pages_are_listed_by_tag_and_scope(run: Runner) -> None:
    assert "Lisbon" in [
        row["title"] for row in run("page", "list", "--tag", "travel", "-o", "json").data
    ]
    scopes = {row["scope"] for row in run("page", "list", "--scope", "friends", "-o", "json").data}
    assert scopes == {"friends"}


@pytest.mark.parametrize(
    ("command", "code", "hint"),
    [
        ("page list --tag Travl", 2, "Did you mean 'Travel'?"),
        ("todos --tag Travl", 2, "Did you mean 'Travel'?"),
        ("page list --scope typo", 1, "Use friends or personal."),
    ],
)
def test_a_mistyped_tag_or_scope_is_named(command: str, code: int, hint: str, run: Runner) -> None:
    found = run(*command.split())
    assert (found.code, found.stdout) == (code, "")
    assert f"Hint: {hint}" in found.stderr


def test_a_page_is_shown_in_its_order(run: Runner, page: str) -> None:
    rows = run("page", "show", page, "-o", "json").data
    assert [(row["type"], row["title"] or row["text"]) for row in rows] == [
        ("note", "Hotel"),
        ("list", "Packing"),
        ("item", "Socks"),
        ("item", "Passport"),
        ("item", "Book"),
        ("separator", "Below"),
    ]
    assert [row["completed"] for row in rows] == [None, None, False, False, True, None]
    assert rows[2]["list_id"] == rows[1]["id"]


def test_a_page_is_shown_to_people_with_boxes_and_without_markup(run: Runner, page: str) -> None:
    shown = [line.rstrip() for line in run("page", "show", page, "-o", "table").stdout.splitlines()]
    assert shown == [
        page,
        "[Travel]  [Slow trains]",
        "",
        "Hotel",
        "Rua da Rosa 7",
        "",
        " • third floor",
        "",
        "Packing",
        "  ☐ Socks",
        "  ☐ Passport",
        "  ☑ Book",
        "",
        f"Below {'─' * 74}",
    ]


def test_what_the_api_does_not_return_is_named(run: Runner) -> None:
    rows = run("page", "show", "Lisbon", "-o", "json").data
    assert {"writeboardlink", "gallery", "asset", "email"} <= {row["type"] for row in rows}


def test_a_page_is_created_renamed_and_destroyed(run: Runner) -> None:
    made = run("page", "new", "Winter", "in", "Porto", "-o", "json").data
    assert made["title"] == "Winter in Porto"
    renamed = run("page", "rename", str(made["id"]), "Spring", "in", "Porto", "-o", "json")
    assert renamed.data["title"] == "Spring in Porto"
    assert run("page", "delete", "Spring in Porto", "--yes").code == 0
    assert run("page", "show", "Spring in Porto").code == 2


def test_a_page_is_duplicated(run: Runner, page: str) -> None:
    assert run("page", "duplicate", page, "-o", "json").data["title"] == f"{page} (copy)"


def test_a_page_is_shared_and_published(run: Runner, page: str, shared_box: Sandbox) -> None:
    found = run("page", "share", page, "ana@example.com", "--public", "--yes")
    assert found.code == 0
    assert f"Shared {page!r} with ana@example.com, everybody." in found.stderr
    assert shared_box.log[-1].path.endswith("/share")
    assert "no longer public" in run("page", "share", page, "--private").stderr
    assert run("page", "share", page).code == 1
    assert run("page", "share", page, "ana@example.com").code == 1


def test_a_page_of_a_friend_is_left(run: Runner) -> None:
    assert run("page", "unshare", "Choir in autumn 🎶", "--yes").code == 0
    assert run("page", "show", "Choir in autumn 🎶").code == 2


def test_a_page_opens_in_the_browser(
    run: Runner, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", open)
    assert run("page", "open", page).code == 0
    listed = {row["title"]: row["url"] for row in run("page", "list", "-o", "json").data}
    assert opened == [listed[page]]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert "the address is" in run("page", "open", page).stderr.lower()


def test_the_text_of_a_page_is_edited(run: Runner, page: str, stored: Callable[[], Page]) -> None:
    assert run("page", "edit", page, "-", input="Ten *days*\n").code == 0
    assert stored().description == "Ten *days*"
    assert "Nothing has changed." in run("page", "edit", page, "Ten *days*").stderr


# --- notes ------------------------------------------------------------------------------------


def test_a_note_is_added_edited_and_destroyed(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    made = run("note", "add", page, "Sardines", "--title", "Lunch", "-o", "json").data
    assert (made["title"], made["body"], made["page"]) == ("Lunch", "Sardines", page)
    run("note", "edit", page, "Lunch", "--title", "Dinner")
    assert stored().notes["Dinner"].body == "Sardines"
    run("note", "edit", page, str(made["id"]), "Bacalhau", "again")
    assert stored().notes["Dinner"].body == "Bacalhau again"
    assert run("note", "delete", page, "Dinner").code == 1
    assert run("note", "delete", page, "Dinner", "--yes").code == 0
    assert [note.title for note in stored().notes] == ["Hotel"]


def test_notes_are_shown(run: Runner, page: str) -> None:
    assert run("note", "show", page).lines[0][1:3] == [
        "Hotel",
        "Rua da *Rosa* 7\\n\\n* third floor",
    ]
    shown = run("note", "show", page, "hotel", "-o", "table").stdout
    assert [line.rstrip() for line in shown.splitlines()] == [
        "Hotel",
        "Rua da Rosa 7",
        "",
        " • third floor",
    ]


# --- items ------------------------------------------------------------------------------------


def contents(page: Page, completed: bool = False) -> list[str]:
    items = [item for each in page.lists for item in each.items]
    return [item.content for item in items if item.completed is completed]


def test_an_item_is_added_to_the_first_list_or_another(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    run("add", page, "Sun", "cream")
    assert contents(stored()) == ["Socks", "Passport", "Sun cream"]
    run("list", "add", page, "Later")
    assert run("item", "add", page, "Postcards", "--list", "later", "-o", "json").data["list"] == (
        "Later"
    )


def test_items_are_completed_and_reopened(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    assert run("item", "done", page, "sock", "passport").code == 0
    assert contents(stored()) == []
    run("item", "reopen", page, "Book")
    assert contents(stored()) == ["Book"]


def test_a_name_means_the_open_item_if_there_is_a_completed_one_too(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    run("add", page, "Book")
    assert run("done", "Book", "--page", page).code == 0
    assert contents(stored(), completed=True) == ["Book", "Book"]


def test_items_of_all_pages_are_completed_by_id(run: Runner, page: str) -> None:
    ids = run("todos", "--page", page, "--ids").stdout.split()
    assert run("done", *ids).code == 0
    assert run("todos", "--page", page).stdout == ""


def test_nothing_is_completed_if_one_item_is_not_found(run: Runner, page: str) -> None:
    assert run("done", "--page", page, "Socks", "Umbrella").code == 2
    assert len(run("todos", "--page", page).lines) == 2


@pytest.mark.parametrize(
    ("where", "order"),
    [
        ("top", ["Passport", "Socks"]),
        ("bottom", ["Socks", "Passport"]),
        ("up", ["Passport", "Socks"]),
    ],
)
def test_an_item_is_moved(
    where: str, order: list[str], run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    assert run("item", "move", page, "Passport", where).code == 0
    assert contents(stored()) == order


def test_an_item_is_edited_and_destroyed(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    run("item", "edit", page, "Socks", "Warm", "socks")
    assert contents(stored()) == ["Warm socks", "Passport"]
    assert run("item", "delete", page, "warm", "--yes").code == 2
    assert run("item", "delete", page, "Warm socks", "--yes").code == 0
    assert contents(stored()) == ["Passport"]


# --- lists, tags and separators ---------------------------------------------------------------


def test_lists_are_shown(run: Runner, page: str) -> None:
    (row,) = run("list", "show", page, "-o", "json").data
    assert (row["name"], row["open"], row["completed"]) == ("Packing", 2, 1)
    shown = run("list", "show", page, "pack", "-o", "table").stdout
    assert [line.rstrip() for line in shown.splitlines()] == [
        "Packing",
        "  ☐ Socks",
        "  ☐ Passport",
        "  ☑ Book",
    ]
    assert len(run("list", "show", page, "pack", "--open").lines) == 2


def test_a_list_is_renamed_and_destroyed(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    assert run("list", "rename", page, "packing", "To pack").code == 2
    assert run("list", "rename", page, "Packing", "To", "pack").code == 0
    assert [each.name for each in stored().lists] == ["To pack"]
    assert run("list", "delete", page, "To pack", "--yes").code == 0
    assert len(stored().lists) == 0


def test_tags_are_added_removed_and_set(run: Runner, page: str, stored: Callable[[], Page]) -> None:
    def names() -> list[str]:
        return [tag.name for tag in stored().tags]

    assert run("tag", "add", page, "Sea side", "Travel").code == 0
    assert names() == ["Travel", "Slow trains", "Sea side"]
    assert run("tag", "remove", page, "Slow trains").code == 0
    missing = run("tag", "remove", page, "Trains")
    assert (missing.code, "Its tags: Travel, Sea side." in missing.stderr) == (2, True)
    assert run("tag", "set", page, "Travel", "Sea side", "Food").code == 0
    assert run("tag", "set", page, "Food").code == 1
    assert run("tag", "set", page, "Food", "--yes", "-o", "json").data["tags"] == ["Food"]
    assert names() == ["Food"]


def test_tags_are_listed_with_the_number_of_their_pages(run: Runner, page: str) -> None:
    found = {row["name"]: row["pages"] for row in run("tag", "list", "-o", "json").data}
    assert found["Slow trains"] >= 1
    assert [fields[1] for fields in run("tag", "list", page).lines] == ["Slow trains", "Travel"]


def test_a_separator_is_added_renamed_and_destroyed(
    run: Runner, page: str, stored: Callable[[], Page]
) -> None:
    run("separator", "add", page, "Evenings")
    run("separator", "rename", page, "Evenings", "Late", "evenings")
    assert [each.name for each in stored().separators] == ["Below", "Late evenings"]
    run("separator", "delete", page, "Late evenings", "--yes")
    assert [each.name for each in stored().separators] == ["Below"]


# --- asking -----------------------------------------------------------------------------------

DESTROYS = {
    "page": ["delete"],
    "note": ["delete", "Hotel"],
    "item": ["delete", "Socks"],
    "list": ["delete", "Packing"],
    "separator": ["delete", "Below"],
}


def line(noun: str, page: str) -> list[str]:
    verb, *rest = DESTROYS[noun]
    return [noun, verb, page, *rest]


@pytest.mark.parametrize("noun", DESTROYS)
def test_nothing_is_destroyed_unasked(noun: str, run: Runner, page: str) -> None:
    before = run("page", "show", page).stdout
    found = run(*line(noun, page))
    assert found.code == 1
    assert "there is no terminal to ask on" in found.stderr
    assert "--yes" in found.stderr
    assert run("page", "show", page).stdout == before


@pytest.mark.parametrize("noun", DESTROYS)
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130), ("", 130)])
def test_somebody_at_a_terminal_is_asked(
    noun: str,
    answer: str,
    code: int,
    run: Runner,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(State, "is_interactive", True)
    found = run(*line(noun, page), input=answer)
    assert found.code == code
    assert "[y/N]" in found.stderr
    assert "Destroy" in found.stderr


@pytest.mark.parametrize("noun", DESTROYS)
def test_a_dry_run_lists_the_requests_and_sends_none(
    noun: str, run: Runner, page: str, shared_box: Sandbox
) -> None:
    before = run("page", "show", page).stdout
    found = run(*line(noun, page), "--dry-run", "-o", "json")
    (write,) = found.data
    assert ("destroy" in write["request"]) or write["request"].startswith("DELETE ")
    assert found.stderr == ""
    assert shared_box.token not in found.stdout
    assert run("page", "show", page).stdout == before


def test_a_dry_run_sends_no_signals(
    run: Runner, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "_hooks", {})
    sent: list[object] = []
    for signal in (Page.saved, Page.destroyed):
        signal(sent.append)
    run("page", "delete", page, "--yes", "-n")
    run("tag", "add", page, "Food", "-n")
    assert not sent
    run("tag", "add", page, "Food")
    assert len(sent) == 1


def test_a_dry_run_shows_the_body_without_the_token(run: Runner, page: str) -> None:
    found = run("tag", "set", page, "Food", "-n")
    assert found.stdout.endswith("/tags/tag\t<request><tags>Food</tags></request>\n")


def test_a_dry_run_without_a_write_says_so(run: Runner, page: str) -> None:
    found = run("tag", "set", page, "Travel", "Slow trains", "-n", "-o", "table")
    assert found.stderr == "No request would be sent.\n"


def test_requests_of_a_dry_run_are_read_only(run: Runner, shared_box: Sandbox, page: str) -> None:
    before: list[Any] = shared_box.log
    run("page", "delete", page, "-n")
    paths = [each.path for each in shared_box.log[len(before) :]]
    assert paths[0] == "/ws/pages/all"
    assert not [path for path in paths if "destroy" in path]
