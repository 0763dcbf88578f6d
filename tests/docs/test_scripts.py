"""The programs of the cookbook for everyday writes do what they promise, with their requests."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Calendar, CalendarEvent, Connection, Item, Note, Page, connect
from backpack_orm.sandbox import Sandbox
from tests.docs import documents
from tests.typing.checkers import CHECKERS, errors_in

_DOCUMENT = documents.ROOT / "docs" / "cookbook.md"
PROGRAMS = {documents.file_name(text): text for text in documents.programs(_DOCUMENT)}
TODAY = date(2026, 5, 14)  # of the sandbox
Counted = Callable[[Callable[[], Any]], tuple[Any, int]]
FEW_AND_MANY = pytest.mark.parametrize("number", [2, 20])


@pytest.fixture
def fast(box: Sandbox) -> Connection:
    """The current connection, which does not wait for rate limits."""
    return connect(box.url, token=box.token, limits=None)


def functions_of(name: str) -> dict[str, Any]:
    """Return what a program defines, without running it."""
    space: dict[str, Any] = {"__name__": name.removesuffix(".py")}
    exec(compile(PROGRAMS[name], name, "exec"), space)
    return space


@pytest.fixture
def count(box: Sandbox, fast: Connection) -> Counted:
    """Return a function that calls another with an empty cache, and counts its requests."""

    def counted(call: Callable[[], Any]) -> tuple[Any, int]:
        fast.clear_cache()
        before = box.requests
        result = call()
        return result, box.requests - before

    return counted


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_programs_pass_the_type_checkers(checker: str, tmp_path: Path) -> None:
    assert errors_in("\n".join(PROGRAMS.values()), checker, tmp_path) == {}


@FEW_AND_MANY
def test_the_digest_makes_five_requests_and_one_per_calendar(number: int, count: Counted) -> None:
    digest = functions_of("digest.py")["digest"]
    calendars = Calendar.all()
    for each in range(number):
        CalendarEvent.create(calendar=calendars[0], title=f"5/15 2pm Talk {each}")
    text, requests = count(lambda: digest(TODAY))
    assert requests == 5 + len(calendars)
    assert text.splitlines()[:2] == ["Due", "13:39 Call the baker about the key"]
    assert text.count("Fri 15 May Talk") == number
    assert "Tomás Leite: No train before noon 🚂" in text
    assert "Photographed the fence, no. 250" in text


@FEW_AND_MANY
def test_retagging_makes_four_requests_and_two_for_each_page(number: int, count: Counted) -> None:
    retag = functions_of("retag.py")["retag"]
    for each in range(number - 1):  # the demo account has one
        Page.create(title=f"Trip {each}").update(tags=["Travel", "Sea"])
    text, requests = count(lambda: retag("Travel", "Journeys"))
    assert requests == 4 + 2 * number
    assert text == f"{number} pages have the tag Journeys now"
    assert len(Page.where(tags__name="Journeys", fresh=True)) == number
    assert count(lambda: retag("Travel", "Journeys")) == ("0 pages have the tag Journeys now", 3)


def test_retagging_reports_the_pages_that_failed(count: Counted, box: Sandbox) -> None:
    retag = functions_of("retag.py")["retag"]
    box.faults.status(403, path="/ws/page/*/tags/tag")
    text, _ = count(lambda: retag("Travel", "Journeys"))
    assert text.splitlines()[0] == "0 pages have the tag Journeys now"
    assert text.splitlines()[1].startswith("Lisbon: Forbidden")


@FEW_AND_MANY
def test_stale_pages_are_tagged_with_two_requests_for_each(number: int, count: Counted) -> None:
    tag_stale = functions_of("stale.py")["tag_stale"]
    for each in range(number):
        Page.create(title=f"Items only {each}").lists.create(name="Packing")
        Page.create(title=f"Note {each}").notes.create(title="Hotel")
    pages = Page.all(load=True)
    with_times = [page for page in pages if page.notes or any(each.items for each in page.lists)]
    lists = sum(bool(each.items) for page in with_times for each in page.lists)
    everything, requests = count(lambda: tag_stale(datetime(2027, 5, 14)))
    assert [*everything] == with_times  # a year later, nothing is new
    assert requests == 3 + lists + 1 + 2 * len(with_times)
    limit = datetime(2026, 5, 2)
    old = [page for page in with_times if not any(n.created_at >= limit for n in page.notes)]
    without_items = [page for page in old if not any(each.items for each in page.lists)]
    stale, requests = count(lambda: tag_stale(limit + timedelta(days=183)))
    assert [*stale] == without_items  # the sandbox has changed all items since
    lists = sum(bool(each.items) for page in old for each in page.lists)
    assert requests == 3 + lists + 1 + 2 * (len(with_times) - len(stale))
    assert [*Page.where(tags__name="Stale", fresh=True)] == [*stale]


@pytest.mark.network
def test_an_item_that_changes_makes_a_page_active_again() -> None:
    is_stale = functions_of("stale.py")["is_stale"]
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with Sandbox(clock=lambda: now) as box, Connection(box.url, token=box.token):
        page = Page.create(title="Trip")
        assert not is_stale(page, datetime(2026, 5, 1)), "it has no times"
        item = page.lists.create(name="Packing").items.create(content="Socks")
        assert is_stale(Page.get(title="Trip", fresh=True), datetime(2026, 5, 1))
        page.notes.create(title="Hotel")
        assert is_stale(Page.get(title="Trip", fresh=True), datetime(2026, 5, 1))
        now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        item.complete()
        assert not is_stale(Page.get(title="Trip", fresh=True), datetime(2026, 5, 1))


@FEW_AND_MANY
def test_open_items_are_written_with_three_requests(
    number: int, count: Counted, tmp_path: Path
) -> None:
    write_open_items = functions_of("open_items.py")["write_open_items"]
    Page.create(title="=1+1").lists.create(name="Ümläut").items.create_many(["a,b"] * number)
    path = tmp_path / "open-items.csv"
    written, requests = count(lambda: write_open_items(path))
    assert requests == 3
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written == len(Item.where(completed=False))
    assert [(row["list_name"], row["content"]) for row in rows].count(("Ümläut", "a,b")) == number


@FEW_AND_MANY
def test_the_review_notes_completed_items_and_then_removes_them(
    number: int, count: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    review = functions_of("weekly_review.py")["review"]
    rows = [{"content": f"Task {each}", "completed": True} for each in range(number)]
    Page.create(title="Chores").lists.create(name="Home").items.create_many(rows)
    items = Item.where(completed=True)
    kept = [item for item in items if item.page.scope != "personal"]
    done = len(items) - len(kept)
    result, requests = count(lambda: review(TODAY))
    assert len(result.succeeded) == done
    assert requests == 6 + 2 + done
    note = Note.get(title="Week 20 of 2026", fresh=True)
    lines = note.body.splitlines()
    assert len(lines) == len({*lines}) <= done
    assert f"* Chores, Home: Task {number - 1}" in lines
    assert [*Item.where(completed=True, fresh=True)] == kept
    _, requests = count(lambda: review(TODAY))
    assert requests == 5  # nothing is new
    assert note.reload().body.splitlines() == lines


def test_a_review_that_fails_is_completed_by_the_next(count: Counted, box: Sandbox) -> None:
    review = functions_of("weekly_review.py")["review"]
    box.faults.status(500, path="/ws/page/*/lists/*/items/destroy/*", after=10)
    with pytest.raises(Exception, match="not attempted"):
        review(TODAY)
    box.faults.clear()
    lines = Note.get(title="Week 20 of 2026", fresh=True).body.splitlines()
    assert len(review(TODAY).succeeded) > 0
    assert Note.get(title="Week 20 of 2026", fresh=True).body.splitlines() == lines


@FEW_AND_MANY
def test_completed_items_are_moved_with_two_requests_each(number: int, count: Counted) -> None:
    move_completed = functions_of("move_completed.py")["move_completed"]
    page = Page.create(title="Chores")
    rows = [{"content": f"Task {each}", "completed": True} for each in range(number)]
    page.lists.create(name="Home").items.create_many([*rows, "open"])
    page.lists.create(name="Done").items.create(content="before")
    result, requests = count(lambda: move_completed("Chores", "Home", "Done"))
    assert requests == 2 + 2 * number + 2 + 2 * -(-number // 8)
    assert len(result.records) == number
    home, done = Page.find(page.id, fresh=True).lists
    assert [item.content for item in home.items] == ["open"]
    expected = ["before", *(f"Task {each}" for each in range(number))]
    assert [item.content for item in done.items] == expected
    assert count(lambda: move_completed("Chores", "Home", "Done"))[1] == 2  # nothing is left


def test_a_move_that_was_killed_is_completed_by_adopting(count: Counted, box: Sandbox) -> None:
    move_completed = functions_of("move_completed.py")["move_completed"]
    rows = [{"content": "same", "completed": True}] * 4
    page = Page.create(title="Chores")
    page.lists.create(name="Home").items.create_many(rows)
    page.lists.create(name="Done").items.create_many(rows[:2])  # and here it was killed
    move_completed("Chores", "Home", "Done", adopt=True)
    home, done = Page.find(page.id, fresh=True).lists
    assert (len(home.items), len(done.items)) == (0, 4)


@FEW_AND_MANY
def test_a_template_is_cloned_with_a_request_for_each_changed_text(
    number: int, count: Counted, box: Sandbox
) -> None:
    clone = functions_of("clone_template.py")["clone"]
    template = Page.create(title="Template")
    template.notes.create_many([{"title": f"{each}", "body": "for {x}"} for each in range(number)])
    copy, requests = count(lambda: clone("Template", "Ann", {"{x}": "Ann"}))
    assert requests == 6 + number
    found = Page.find(copy.id, fresh=True)
    assert (found.title, {note.body for note in found.notes}) == ("Ann", {"for Ann"})
    box.faults.status(500, path="/ws/page/*/notes/update/*", times=1)
    copy, _ = count(lambda: clone("Template", "Rui", {"{x}": "Rui"}))
    assert {note.body for note in Page.find(copy.id, fresh=True).notes} == {"for Rui"}
    assert Page.count(title="Rui", fresh=True) == 1


@FEW_AND_MANY
def test_pages_are_merged_with_a_request_for_each_record(number: int, count: Counted) -> None:
    merge = functions_of("merge_pages.py")["merge"]
    page, other = Page.create(title="One", tags=["a"]), Page.create(title="Two")
    page.notes.create_many([f"{each}" for each in range(number)])
    page.lists.create(name="x").items.create_many([f"{each}" for each in range(number)])
    result, requests = count(lambda: merge("One", "Two"))
    assert requests == 3 + 2 * number + 1 + 2
    assert len(result.records) == number + 1
    found = Page.find(other.id, fresh=True)
    assert (len(found.notes), len(found.lists[0].items)) == (number, number)
    assert [tag.name for tag in found.tags] == ["a"]
    assert len(Page.find(page.id, fresh=True).notes) == number


@FEW_AND_MANY
def test_a_list_is_synced_with_a_request_for_each_difference(number: int, count: Counted) -> None:
    sync = functions_of("sync_list.py")["sync"]
    page = Page.create(title="Plan")
    target = {f"{each}": bool(each % 2) for each in range(number)}
    plan, requests = count(lambda: sync("Plan", "New", target, dry_run=True))
    assert (len(plan.to_create), requests) == (number, 4)
    _, requests = count(lambda: sync("Plan", "New", target, dry_run=False))
    assert requests == 3 + number
    target = {content: not completed for content, completed in target.items()} | {"more": True}
    _, requests = count(lambda: sync("Plan", "New", target, dry_run=False))
    assert requests == 3 + 2 * number + 1
    items = Page.find(page.id, fresh=True).lists[0].items
    assert {item.content: item.completed for item in items} == target


@pytest.mark.parametrize("number", [20, 200])
def test_two_hundred_items_make_two_hundred_requests(
    number: int, count: Counted, box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_lines = functions_of("import_lines.py")["import_lines"]
    path = tmp_path / "Reading.txt"
    lines = [f"Chapter {each}" for each in range(number)]
    path.write_text("\n\n".join(lines), "utf-8")
    items, requests = count(lambda: import_lines(path, "Lisbon"))
    assert requests == 3 + number
    assert [item.content for item in items] == lines
    box.faults.status(500, path="/ws/page/*/lists/*/items/add", after=5, times=1)
    again, requests = count(lambda: import_lines(path, "Lisbon"))
    assert requests == 3 + number + 3  # one failed, and the list was read twice before the next try
    assert [item.content for item in again] == lines
    assert "5 of" in capsys.readouterr().out
