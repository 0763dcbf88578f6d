"""Restoring into another account: everything that can be, once, whatever fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import (
    AuthenticationError,
    BackpackError,
    Connection,
    Forbidden,
    List,
    NotFound,
    OutcomeUnknown,
    Page,
    ReadOnly,
    Reminder,
    ValidationError,
)
from backpack_orm.archive import Archive, Plan, RestoreResult
from backpack_orm.archive.restoring.journal import RestoreJournal
from backpack_orm.archive.restoring.rehearsal import differences
from backpack_orm.archive.restoring.run import _Restore
from backpack_orm.errors import ArchiveError
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def target_box(network: None) -> Iterator[Sandbox]:
    with Sandbox(seed="empty") as box:
        yield box


@pytest.fixture
def target(target_box: Sandbox) -> Iterator[Connection]:
    """A connection that sends nothing twice, so that one lost response is a failure."""
    options = {"limits": None, "max_wait": 0, "ttl": 0}
    with Connection(target_box.url, token=target_box.token, **options) as target:  # type: ignore[arg-type]
        yield target


@pytest.fixture
def shopping(archive: Archive, box: Sandbox, connection: Connection) -> Archive:
    """An archive of a page with three items "Milk", the last one completed."""
    page = Page.create(title="Shopping", using=connection)
    items = page.lists.create(name="Weekly").items
    for completed in (False, False, True):
        items.create(content="Milk", completed=completed)
    page.notes.create(title="Shops", body=f'The baker, "here":/pages/{page.id}')
    archive.sync(connection)
    return archive


@pytest.fixture
def planned(shopping: Archive, target: Connection, tmp_path: Path) -> Callable[[], Plan]:
    journal = tmp_path / "journal.sqlite3"
    return lambda: shopping.plan(target, pages=["Shopping"], again=True, journal=journal)


def contents(target: Connection) -> list[tuple[str, list[tuple[str, bool]], list[str]]]:
    return [
        (
            page.title,
            [(item.content, item.completed) for each in page.lists for item in each.items],
            [note.title for note in page.notes],
        )
        for page in Page.all(load=True, using=target, fresh=True)
    ]


MILK = ("Milk", False)
RESTORED = ("Shopping", [MILK, MILK, ("Milk", True)], ["Shops"])


def until_done(archive: Archive, plan: Callable[[], Plan]) -> RestoreResult:
    for _ in range(20):
        try:
            return archive.restore(plan())
        except BackpackError:
            continue
    raise AssertionError("it does not end")


# --- what is restored -------------------------------------------------------------------------


def test_a_whole_account_is_restored(synced: Archive, target: Connection, tmp_path: Path) -> None:
    plan = synced.plan(target, journal=tmp_path / "journal")
    result = synced.restore(plan)
    assert not list(differences(synced.newest, synced._known_info(), target, result))
    assert {type: len(ids) for type, ids in result.ids.items()} == {
        **plan.created,
        "item": len(synced.items),
        "reminder": 0,
    }
    assert abs(result.requests - plan.requests) < 20
    assert "files" in " ".join(plan.impossible)
    assert "reminders" in plan.impossible
    assert "linked pages of 13 pages" in plan.impossible, "the export omits them"
    assert len(Reminder.all(using=target)) == 0


def test_reminders_to_come_are_restored_if_asked(
    archive: Archive, connection: Connection, target: Connection, tmp_path: Path
) -> None:
    at = datetime(2099, 5, 1, 9, 30)
    Reminder.create(content="Water the fern", remind_at=at, using=connection)
    archive.sync(connection)
    plan = archive.plan(target, pages=[], reminders=True, journal=tmp_path / "journal")
    assert plan.created == {"reminder": 1}
    archive.restore(plan)
    (reminder,) = Reminder.all(using=target)
    assert reminder.content == "Water the fern"
    assert reminder.remind_at == at + timedelta(hours=7), "the target is in UTC"
    assert (
        archive.plan(target, pages=[], reminders=True, journal=tmp_path / "journal").created == {}
    )


def test_links_lead_to_the_copies(
    shopping: Archive, target: Connection, planned: Callable[[], Plan]
) -> None:
    shopping.restore(planned())
    (page,) = Page.all(using=target)
    assert page.notes[0].body == f'The baker, "here":/pages/{page.id}'


def test_links_to_pages_that_are_not_restored_are_listed(
    archive: Archive, connection: Connection, target: Connection, tmp_path: Path
) -> None:
    other = Page.create(title="Other", using=connection)
    page = Page.create(title="One", using=connection)
    note = page.notes.create(title="x", body=f'"x":/pages/{other.id}')
    archive.sync(connection)
    result = archive.restore(archive.plan(target, pages=["One"], journal=tmp_path / "j"))
    assert result.unknown_links == {f"note:{note.id}": (other.id,)}
    (copy,) = Page.all(using=target)
    assert copy.notes[0].body == note.body


def test_a_selection_is_restored(synced: Archive, target: Connection, tmp_path: Path) -> None:
    lisbon = synced.pages["Lisbon"].id
    plan = synced.plan(target, pages=[lisbon, "Someday"], tags=["Music"], journal=tmp_path / "j")
    titles = {"Lisbon", "Someday", "Record shelf", "Choir in autumn 🎶"}
    assert set(plan.pages.values()) == titles
    synced.restore(plan)
    assert {page.title for page in Page.all(using=target)} == titles


def test_an_old_snapshot_is_restored(
    synced: Archive, connection: Connection, target: Connection, tmp_path: Path
) -> None:
    page = Page.get(title="Lisbon", using=connection)
    page.notes[0].body = "overwritten"
    page.notes[0].save()
    synced.sync(connection)
    old = synced.snapshots[0]
    plan = synced.plan(target, snapshot=old, pages=["Lisbon"], journal=tmp_path / "j")
    synced.restore(plan)
    assert Page.get(title="Lisbon", using=target).notes[0].body.startswith("Rua da Bica")


def test_a_page_whose_contents_are_a_gap_is_announced(
    archive: Archive, box: Sandbox, connection: Connection, target: Connection, tmp_path: Path
) -> None:
    id = Page.get(title="Lisbon", using=connection).id
    box.faults.status(403, path="/users/*/export.xml")
    box.faults.status(403, path=f"/ws/page/{id}")
    archive.sync(connection)
    plan = archive.plan(target, pages=["Lisbon"], journal=tmp_path / "j")
    assert plan.created == {"page": 1}
    assert "title alone" in plan.impossible["contents of 1 page"]
    archive.restore(plan)
    assert lisbon_on(target).title == "Lisbon"


def test_everything_that_is_left_out_is_announced(
    archive: Archive, target: Connection, tmp_path: Path
) -> None:
    comment = "<message id='9'>With a view?</message>"
    unlisted = f"<item id='501' completed='false'>Tea{comment}</item>"
    items = f"<items>{unlisted}<item id='502' completed='false'></item></items>"
    note = f"<notes><note id='301' title='Hotel'>Baixa{comment}</note></notes>"
    widgets = "".join(
        f"<belonging id='{n}'><widget type='{type}' id='{n}'/></belonging>"
        for n, type in enumerate(("Writeboard", "Writeboard"), 1)
    )
    page = f"<page id='71' title='Lisbon'>{note}{items}<belongings>{widgets}</belongings></page>"
    archive.add_export(page.encode(), taken_at="2026-03-09", timezone="UTC")
    with pytest.raises(ArchiveError, match="may be the account"):
        archive.plan(target, journal=tmp_path / "j")
    plan = archive.plan(target, into_source=True, journal=tmp_path / "j")
    assert plan.created == {"item": 1, "list": 1, "note": 1, "page": 1}
    assert {"2 comments", "1 empty item", "2 other parts"} <= plan.impossible.keys()


def test_a_title_without_a_visible_character_is_replaced(
    archive: Archive, target: Connection, tmp_path: Path
) -> None:
    seed = tmp_path / "export.xml"
    seed.write_text('<user id="1000" name="Ana"><pages><page title=" " id="7"/></pages></user>')
    with Sandbox(seed=str(seed)) as box, Connection(box.url, token=box.token) as connection:
        archive.sync(connection)
    result = archive.restore(archive.plan(target, journal=tmp_path / "j"))
    assert [page.title for page in Page.all(using=target)] == ["Untitled"]
    assert not list(differences(archive.newest, archive._known_info(), target, result))


def test_progress_is_reported_for_plan_and_restore(
    shopping: Archive, target: Connection, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []

    def report(*step: Any) -> None:
        seen.append(step)

    plan = shopping.plan(target, pages=["Shopping"], journal=tmp_path / "j", progress=report)
    assert seen == [("planning pages", 0, 1), ("planning pages", 1, 1)]
    shopping.restore(plan, progress=report)
    assert seen[2:] == [
        ("creating pages", 0, 1),
        ("restoring pages", 0, 1),
        ("restoring pages", 1, 1),
    ]


# --- nothing twice ----------------------------------------------------------------------------


def test_restoring_again_creates_nothing(
    shopping: Archive, target: Connection, planned: Callable[[], Plan]
) -> None:
    first = shopping.restore(planned())
    plan = planned()
    assert plan.created == {}
    assert sum(plan.skipped.values()) == 6
    assert shopping.restore(plan).ids == first.ids
    assert contents(target) == [RESTORED]


@pytest.mark.parametrize("timezone", [None, "Europe/Lisbon"])
def test_a_reminder_is_adopted_by_content_and_time(
    archive: Archive,
    connection: Connection,
    target_box: Sandbox,
    tmp_path: Path,
    timezone: str | None,
) -> None:
    at = datetime(2099, 5, 1, 9, 30)
    Reminder.create(content="Water the fern", remind_at=at, using=connection)
    archive.sync(connection)
    options = {"limits": None, "max_wait": 0, "ttl": 0, "timezone": timezone}
    target = Connection(target_box.url, token=target_box.token, **options)  # type: ignore[arg-type]

    def restore() -> None:
        archive.restore(
            archive.plan(target, pages=[], reminders=True, journal=tmp_path / "journal")
        )

    target_box.faults.drop_before_write(verb="POST", path="reminders.xml", times=1)
    with pytest.raises(OutcomeUnknown):
        restore()
    weekly = Reminder.create(
        content="Water the fern", remind_at=datetime(2099, 5, 8, 9, 30), using=target
    )
    restore()  # which creates it: the one that is there is due at another time
    assert len(Reminder.all(using=target)) == 2
    weekly.destroy()
    (tmp_path / "journal").unlink()
    Reminder.all(using=target)[0].destroy()
    target_box.faults.drop_after_write(verb="POST", path="reminders.xml", times=1)
    restore()  # which adopts what the lost response has created
    (reminder,) = Reminder.all(using=target)
    assert reminder.content == "Water the fern"


@pytest.mark.parametrize("after", range(6))
def test_a_lost_response_to_any_creation_creates_nothing_twice(
    shopping: Archive,
    target_box: Sandbox,
    target: Connection,
    planned: Callable[[], Plan],
    after: int,
) -> None:
    existing = Page.create(title="Shopping", using=target).lists.create(name="Weekly")
    milk = existing.items.create(content="Milk")
    for path in ("**/new", "**/add", "**/create"):
        target_box.faults.drop_after_write(path=path, times=1, after=after // 2)
    until_done(shopping, planned)
    target_box.faults.clear()
    assert sorted(contents(target)) == sorted([RESTORED, ("Shopping", [MILK], [])])
    assert List.find(existing.id, page=existing.page, fresh=True).items[0].id == milk.id


@pytest.mark.parametrize("killed_at", range(6))
def test_a_process_killed_before_it_notes_an_outcome_creates_nothing_twice(
    shopping: Archive,
    target: Connection,
    planned: Callable[[], Plan],
    killed_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish = RestoreJournal.finish
    calls = 0

    def killed(self: RestoreJournal, step: str, target_id: int) -> None:
        nonlocal calls
        calls += 1
        if calls == killed_at + 1:
            raise KeyboardInterrupt
        finish(self, step, target_id)

    monkeypatch.setattr(RestoreJournal, "finish", killed)
    with pytest.raises(KeyboardInterrupt) as caught:
        shopping.restore(planned())
    assert "restore the same snapshot again" in caught.value.__notes__[-1]
    shopping.restore(planned())
    assert contents(target) == [RESTORED]


def test_two_equal_new_records_stop_with_an_error(
    shopping: Archive, target_box: Sandbox, target: Connection, planned: Callable[[], Plan]
) -> None:
    target_box.faults.drop_before_write(path="**/pages/new", times=1)
    with pytest.raises(OutcomeUnknown):
        shopping.restore(planned())
    for _ in range(2):  # as somebody else does
        Page.create(title="Shopping", using=target)
    with pytest.raises(ArchiveError, match="2 new records look like it"):
        shopping.restore(planned())
    assert len(Page.all(using=target, fresh=True)) == 2


def test_a_lost_journal_is_noticed(
    shopping: Archive, target: Connection, planned: Callable[[], Plan], tmp_path: Path
) -> None:
    shopping.restore(planned())
    with pytest.raises(ArchiveError, match=r"'Shopping'.*no journal.*again=True"):
        shopping.plan(target, pages=["Shopping"], journal=tmp_path / "other")
    plan = shopping.plan(target, pages=["Shopping"], again=True, journal=tmp_path / "other")
    shopping.restore(plan)
    assert contents(target) == [RESTORED, RESTORED]


# --- what somebody destroys on the target -----------------------------------------------------


DESTROYED: dict[str, Callable[[Page], object]] = {
    "page": lambda page: page.destroy(),
    "list": lambda page: page.lists[0].destroy(),
    "item": lambda page: page.lists[0].items[0].destroy(),
    "note": lambda page: page.notes[0].destroy(),
    "separator": lambda page: page.separators[0].destroy(),
}


def lisbon_on(target: Connection) -> Page:
    return Page.get(title="Lisbon", using=target, fresh=True)


@pytest.mark.parametrize("what", DESTROYED)
def test_a_copy_that_was_destroyed_is_named(
    synced: Archive, target: Connection, tmp_path: Path, what: str
) -> None:
    plan = synced.plan(target, journal=tmp_path / "j", pages=["Lisbon", "Someday"])
    synced.restore(plan)
    DESTROYED[what](lisbon_on(target))
    before = target.stats.requests
    with pytest.raises(ArchiveError, match=rf"{what} \d+.*'Lisbon'.*leave it out.*again=True"):
        synced.restore(plan)
    assert target.stats.requests - before <= 2, "nothing was written"
    synced.restore(synced.plan(target, journal=tmp_path / "j", pages=["Someday"]))


@pytest.mark.parametrize("what", DESTROYED)
def test_a_copy_that_is_destroyed_during_the_restore_is_named(
    synced: Archive,
    target: Connection,
    tmp_path: Path,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reorder = _Restore._restore_order

    def destroy_first(self: _Restore, page: Page, id: int) -> None:
        DESTROYED[what](lisbon_on(target))
        reorder(self, page, id)

    monkeypatch.setattr(_Restore, "_restore_order", destroy_first)
    plan = synced.plan(target, journal=tmp_path / "j", pages=["Lisbon"])
    with pytest.raises(ArchiveError, match=r"'Lisbon'.*were destroyed or moved") as caught:
        synced.restore(plan)
    assert "1 of 1 page created" in caught.value.__notes__[-1]


def test_a_page_is_created_anew_on_request(
    synced: Archive, target: Connection, tmp_path: Path
) -> None:
    synced.restore(synced.plan(target, journal=tmp_path / "j", pages=["Lisbon"]))
    lisbon_on(target).destroy()
    anew = synced.plan(target, journal=tmp_path / "k", pages=["Lisbon"], again=True)
    result = synced.restore(anew)
    assert not list(differences(synced.newest, synced._known_info(), target, result))


# --- what is refused --------------------------------------------------------------------------


def test_the_archived_account_itself_is_refused(
    shopping: Archive, connection: Connection, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveError, match="into_source=True"):
        shopping.plan(connection, journal=tmp_path / "j")
    plan = shopping.plan(
        connection, pages=["Shopping"], into_source=True, again=True, journal=tmp_path / "j"
    )
    shopping.restore(plan)
    assert len(Page.where(title="Shopping", using=connection, fresh=True)) == 2


def test_a_wrong_token_is_refused_and_nothing_is_noted(
    shopping: Archive, target_box: Sandbox, tmp_path: Path
) -> None:
    wrong = Connection(target_box.url, token="wrong")
    with pytest.raises(AuthenticationError):
        shopping.plan(wrong, pages=["Shopping"], journal=tmp_path / "journal")
    assert list(tmp_path.glob("journal*")) == []


def test_a_read_only_target_is_refused_without_a_request(
    shopping: Archive, target_box: Sandbox, tmp_path: Path
) -> None:
    reader = Connection(target_box.url, token=target_box.token, read_only=True)
    with pytest.raises(ReadOnly):
        shopping.plan(reader, journal=tmp_path / "j")
    assert reader.stats.requests == 0


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        ({"pages": "Lisbon"}, ValidationError, "pages takes a list"),
        ({"tags": "Travel"}, ValidationError, "tags takes a list"),
        ({"pages": ["Lisbno"]}, NotFound, "'Lisbno'.*Lisbon"),
        ({"pages": [7]}, NotFound, "no page 7"),
        ({"tags": ["Travle"]}, NotFound, "'Travle'.*Travel"),
    ],
)
def test_a_wrong_selection_is_refused(
    synced: Archive,
    target: Connection,
    tmp_path: Path,
    selection: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        synced.plan(target, journal=tmp_path / "j", **selection)  # type: ignore[arg-type]


def test_an_ambiguous_title_is_refused(
    archive: Archive, connection: Connection, target: Connection, tmp_path: Path
) -> None:
    ids = [Page.create(title="Twin", using=connection).id for _ in range(2)]
    archive.sync(connection)
    with pytest.raises(NotFound, match=f"pass an id of {ids[0]}, {ids[1]}"):
        archive.plan(target, pages=["Twin"], journal=tmp_path / "j")


def test_the_page_limit_of_the_target_is_reached_half_way(
    synced: Archive, target_box: Sandbox, target: Connection, tmp_path: Path
) -> None:
    target_box.faults.status(403, path="**/pages/new", after=5)
    plan = synced.plan(target, journal=tmp_path / "j")
    with pytest.raises(Forbidden) as caught:
        synced.restore(plan)
    assert "5 of 13 pages created" in caught.value.__notes__[-1]
    target_box.faults.clear()
    result = synced.restore(synced.plan(target, journal=tmp_path / "j"))
    assert not list(differences(synced.newest, synced._known_info(), target, result))
    assert len(Page.all(using=target, fresh=True)) == 13


# --- the rehearsal ----------------------------------------------------------------------------


def set_and_save(record: object, **values: object) -> None:
    for name, value in values.items():
        setattr(record, name, value)
    record.save()  # type: ignore[attr-defined]


ALTERED: dict[str, Callable[[Page], object]] = {
    "title": lambda page: set_and_save(page, title="Lisboa"),
    "description": lambda page: set_and_save(page, description="Ten days in *June*."),
    "tags": lambda page: set_and_save(page, tags=["Travel"]),
    "order": lambda page: page.reorder(list(page.belongings)[::-1]),
    "records": lambda page: page.separators[0].destroy(),
    "presence": lambda page: page.notes[0].destroy(),
    "body": lambda page: set_and_save(page.notes[0], body=page.notes[0].body + " "),
    "name": lambda page: set_and_save(page.lists[0], name="Baggage"),
    "order of items": lambda page: page.lists[0].items[0].move_lower(),
    "content": lambda page: set_and_save(page.lists[0].items[0], content="walking shoes"),
    "completed": lambda page: page.lists[0].items[0].complete(),
}


@pytest.mark.parametrize("field", ALTERED)
def test_an_altered_copy_is_noticed(
    synced: Archive, target: Connection, tmp_path: Path, field: str
) -> None:
    result = synced.restore(synced.plan(target, pages=["Lisbon"], journal=tmp_path / "j"))
    info = synced._known_info()
    assert not list(differences(synced.newest, info, target, result))
    (page,) = Page.all(using=target)
    ALTERED[field](Page.find(page))
    found = list(differences(synced.newest, info, target, result))
    assert field in {each.field for each in found}
    assert all(str(each) for each in found)


def test_a_title_of_the_note_is_compared(
    synced: Archive, target: Connection, tmp_path: Path
) -> None:
    result = synced.restore(synced.plan(target, pages=["Lisbon"], journal=tmp_path / "j"))
    (page,) = Page.all(using=target)
    set_and_save(Page.find(page).notes[0], title="Where they sleep")
    (found,) = differences(synced.newest, synced._known_info(), target, result)
    assert (found.record, found.field) == (f"note {synced.pages['Lisbon'].notes[0].id}", "title")


def test_verify_rehearses_a_restore(synced: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Page.save

    def alter(self: Page, **options: Any) -> Any:
        if self.description:
            self.description += "?"
        return save(self, **options)

    monkeypatch.setattr(Page, "save", alter)
    result = synced.verify(rehearse=True)
    assert not result
    assert not result.problems
    assert {each.field for each in result.differences} == {"description"}
    assert "ids" in result.not_compared
    assert "links from 13 pages" in result.not_compared, "exports omit them"


LEGACY = b"""<backpack username="Ana"><pages><page title="Lisbon" id="71">
<items><incomplete><item id="7">Key</item></incomplete><completed><item id="8">Map</item>
</completed></items><linked_pages><page id="72" title="Porto"/></linked_pages></page>
<page title="Porto" id="72"><linked_pages/></page></pages><reminders/></backpack>"""
ALTERED_LEGACY: dict[str, Callable[[Page], object]] = {
    "linked pages": lambda page: page.unlink(page.linked_pages[0]),
    "completed": lambda page: page.lists[0].items[0].complete(),
    "content": lambda page: set_and_save(page.lists[0].items[0], content="keys"),
    "order of items": lambda page: page.lists[0].items[0].destroy(),
}


@pytest.mark.parametrize("field", ALTERED_LEGACY)
def test_links_and_items_without_a_list_are_compared_too(
    archive: Archive, target: Connection, tmp_path: Path, field: str
) -> None:
    archive.add_export(LEGACY, taken_at="2007-01-01")
    plan = archive.plan(target, into_source=True, journal=tmp_path / "j")
    result = archive.restore(plan)
    info = archive._known_info()
    assert not list(differences(archive.newest, info, target, result))
    ALTERED_LEGACY[field](Page.get(title="Lisbon", using=target))
    found = list(differences(archive.newest, info, target, result))
    assert field in {each.field for each in found}
    verified = archive.verify(rehearse=True)
    assert verified
    assert not [what for what in verified.not_compared if "links" in what]


def test_the_journal_contains_no_token(
    shopping: Archive, target: Connection, planned: Callable[[], Plan], target_box: Sandbox
) -> None:
    plan = planned()
    shopping.restore(plan)
    with closing(sqlite3.connect(plan.journal)) as database:
        assert target_box.token not in "".join(database.iterdump())
    assert target_box.token not in f"{plan}{plan!r}"
