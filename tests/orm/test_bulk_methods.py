"""Writes of one line: update, and writes of whole collections."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from backpack_orm import (
    BulkResult,
    Connection,
    Destroyed,
    HasItems,
    Item,
    List,
    Note,
    NotFound,
    NotSaved,
    Page,
    PageItem,
    ReadOnly,
    Reminder,
    ServerError,
    Status,
    Tag,
    User,
    ValidationError,
    connect,
)
from backpack_orm.sandbox import Sandbox

pytestmark = pytest.mark.network


@pytest.fixture
def page(connection: Connection) -> Page:
    """Lisbon, complete."""
    return Page.find(Page.all()[0].id)


@pytest.fixture
def fast(box: Sandbox) -> Connection:
    """The current connection, which does not wait for rate limits."""
    return connect(box.url, token=box.token, limits=None)


def stored(page: Page) -> Page:
    return Page.find(page.id, fresh=True)


def names(page: Page) -> list[str]:
    return [tag.name for tag in stored(page).tags]


class Counted:
    """The number of requests in a block, as the sandbox counts them."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def __enter__(self) -> Counted:
        self._before = self._box.requests
        return self

    def __exit__(self, *error: object) -> None:
        self.requests = self._box.requests - self._before


# --- record.update ----------------------------------------------------------------------------


def test_update_sends_only_what_differs(page: Page, box: Sandbox) -> None:
    note = page.notes[0]
    with Counted(box) as counted:
        result = note.update(title="Rooms", body=note.body)
    assert (result.fields, result.updated, counted.requests) == (("title",), True, 1)
    assert stored(page).notes[0].title == "Rooms"
    with Counted(box) as counted:
        assert not note.update(title="Rooms")
    assert counted.requests == 0


def test_update_saves_other_local_changes_too(page: Page) -> None:
    note = page.notes[0]
    note.body = "Two rooms"
    assert note.update(title="Rooms").fields == ("title", "body")


def test_update_calls_a_save_of_a_subclass(connection: Connection) -> None:
    saved = []

    class Audited(Note):
        def save(self, *, check: bool = False) -> Any:
            saved.append(self.title)
            return super().save(check=check)

    Audited.all(page=Page.all()[0])[0].update(title="Rooms")
    assert saved == ["Rooms"]


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"titel": "x"}, TypeError, "no field 'titel'; did you mean 'title'"),
        ({"page": 7}, ReadOnly, r"Note\.page cannot be changed: the API has no call that moves"),
        ({"page_id": 7}, ReadOnly, r"Note\.page_id cannot be changed"),
        ({"created_at": None}, ReadOnly, r"Note\.created_at is read-only"),
        ({"id": 7}, ReadOnly, r"Note\.id is read-only"),
        ({"messages": []}, ReadOnly, r"Note\.messages is read-only"),
        ({"title": 5}, ValidationError, r"Note\.title"),
        ({"title": None}, ValidationError, r"Note\.title"),
        ({"body": "ring \x07"}, ValidationError, r"Note\.body cannot be"),
        ({"title": "good", "body": "ring \x07"}, ValidationError, r"Note\.body cannot be"),
    ],
)
@pytest.mark.parametrize("of", ["record", "collection"])
def test_a_wrong_update_is_refused_before_any_request_and_changes_nothing(
    attributes: dict[str, Any],
    error: type[Exception],
    message: str,
    of: str,
    page: Page,
    box: Sandbox,
) -> None:
    target: Any = page.notes[0] if of == "record" else page.notes
    with Counted(box) as counted, pytest.raises(error, match=message):
        target.update(**attributes)
    assert counted.requests == 0
    assert not any(note.is_dirty for note in page.notes)


def test_update_takes_no_positional_values(page: Page) -> None:
    with pytest.raises(TypeError, match="takes keyword arguments only"):
        page.update("Porto")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes keyword arguments only"):
        page.notes.update("stop", False, "Porto")  # type: ignore[call-arg]


def test_a_failed_update_restores_earlier_edits_and_no_others(page: Page, box: Sandbox) -> None:
    page.title, page.tags = "Edited", ["Food"]
    box.faults.status(500, path="/ws/page/*/update_title")
    with pytest.raises(ServerError):
        page.update(title="Porto", description="New", tags=["Sea"])
    assert page.changes["title"][1] == "Edited"
    assert page.changes["tags"][1] == ("Food",)
    assert "description" not in page.changes


def test_what_was_saved_before_a_failed_update_stays(page: Page, box: Sandbox) -> None:
    box.faults.status(500, path="/ws/page/*/tags/tag")
    with pytest.raises(ServerError, match="saved before: title"):
        page.update(title="Porto", tags=["Sea"])
    assert (page.title, page.is_dirty) == ("Porto", False)
    assert "Travel" in page.tags


def test_an_update_whose_response_is_lost_is_read_again(box: Sandbox) -> None:
    connection = connect(box.url, token=box.token, max_wait=0)
    note = Page.all()[0].notes[0]
    box.faults.drop_after_write(path="/ws/page/*/notes/update/*", times=9)
    with pytest.raises(Exception, match="dropped|lost|connection"):
        note.update(title="Rooms")
    box.faults.clear()
    assert not note.is_dirty
    assert note.title == "Rooms"
    assert connection is note.connection


def test_new_and_destroyed_records_cannot_be_updated(page: Page) -> None:
    with pytest.raises(NotSaved):
        Note(page=page).update(title="x")
    note = page.notes[0]
    note.destroy()
    with pytest.raises(Destroyed):
        note.update(title="x")


# --- collections ------------------------------------------------------------------------------


def test_a_collection_is_updated_with_one_request_for_each_changed_record(
    page: Page, box: Sandbox
) -> None:
    items = page.lists["Packing"].items
    with Counted(box) as counted:
        result = items.update(content="Same")
    assert (len(result.succeeded), counted.requests, result.requests) == (8, 8, 8)
    assert {item.content for item in stored(page).lists["Packing"].items} == {"Same"}
    with Counted(box) as counted:
        result = items.where(lambda item: True).update(content="Same")
    assert [bool(each) for each in result.values] == [False] * 8
    assert counted.requests == 0


def test_a_collection_is_updated_whatever_class_its_records_have(connection: Connection) -> None:
    class Chore(Item):
        pass

    class Chores(List):
        items = HasItems(Chore)

    chores = Chores.all(page=Page.all()[0])[0]
    result = chores.items.update(content="Same")
    assert {type(item) for item in result.succeeded} == {Chore}


def test_a_search_is_read_and_written_by_one_line(fast: Connection, box: Sandbox) -> None:
    with Counted(box) as counted:
        result = Note.where(title="").update(title="Untitled")
    assert result.succeeded
    assert result.requests == counted.requests == 3 + len(result.succeeded)
    assert not Note.exists(title="", fresh=True)


def test_nothing_is_written_if_a_record_of_the_collection_is_destroyed(
    page: Page, box: Sandbox
) -> None:
    notes = page.notes[:]
    notes[1].destroy()
    with Counted(box) as counted, pytest.raises(Destroyed):
        notes.update(title="x")
    assert counted.requests == 0


def test_the_result_tells_the_records_of_which_the_update_failed(page: Page, box: Sandbox) -> None:
    packing = page.lists["Packing"].items[:]
    gone = packing[2]
    Item.find(gone.id, list=packing[0].list).destroy()
    result = packing.update(content="Same", on_error="continue")
    assert [record for record, _ in result.failed] == [gone]
    assert isinstance(result.failed[0].error, NotFound)
    assert len(result.succeeded) == 7
    assert gone.content != "Same"


def test_stopping_raises_the_error_with_the_result(page: Page, box: Sandbox) -> None:
    box.faults.status(500, path="/ws/page/*/lists/*/items/update/*")
    items = page.lists["Packing"].items[:]
    with pytest.raises(ServerError) as caught:
        items.update(content="Same")
    result = BulkResult.of(caught.value)
    assert result.failed[0].error is caught.value
    assert len(result.failed) + len(result.succeeded) + len(result.not_attempted) == 8


def test_a_collection_is_destroyed(page: Page, box: Sandbox) -> None:
    done = page.lists["Packing"].items.where(completed=True)
    contents = [item.content for item in done]
    with Counted(box) as counted:
        result = done.destroy()
    assert [gone["content"] for gone in result.values] == contents
    assert all(item.is_destroyed for item in done)
    assert counted.requests == 3
    left = [item.content for item in page.lists["Packing"].items]
    assert len(left) == 5
    assert left == [item.content for item in stored(page).lists["Packing"].items]


def test_notes_of_one_page_that_are_destroyed_at_once_all_leave_it(page: Page) -> None:
    for number in range(30):
        page.notes.create(title=str(number))
    page.notes.destroy()
    assert len(page.notes) == 0 == len(stored(page).notes)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: User.all().update(name="x"), "no call to update User records"),  # type: ignore[arg-type, misc]
        (lambda: User.all().destroy(), "no call to destroy User records"),  # type: ignore[misc]
        (lambda: Status.all().destroy(), "no call to destroy Status records"),  # type: ignore[misc]
        (lambda: Page.all().complete(), "no call to complete Page records"),  # type: ignore[misc]
        (lambda: Page.all().reopen(), "no call to reopen Page records"),  # type: ignore[misc]
        (lambda: Reminder.all().retag(add=["x"]), "no call to retag Reminder records"),  # type: ignore[arg-type, misc]
    ],
)
def test_what_the_api_cannot_do_is_refused(
    write: Callable[[], object], message: str, connection: Connection
) -> None:
    with pytest.raises(TypeError, match=message):
        write()


def test_dir_lists_only_the_methods_that_the_records_have(connection: Connection) -> None:
    pages, users = dir(Page.all()), dir(User.all())
    assert {"update", "destroy", "retag"} <= {*pages}
    assert not {"complete", "reopen"} & {*pages}
    assert not {"update", "destroy", "retag", "complete"} & {*users}


def test_a_read_only_connection_refuses_before_any_request(box: Sandbox) -> None:
    connect(box.url, token=box.token, read_only=True)
    page = Page.find(Page.all()[0].id)
    items = page.lists["Packing"].items
    writes: list[Callable[[], object]] = [
        lambda: page.update(title="x"),
        lambda: page.notes.update(title="x"),
        lambda: page.notes.destroy(),
        items.complete,
        items.reopen,
        lambda: page.tags.add("x"),
        lambda: page.tags.remove("Travel"),
        lambda: page.tags.set([]),
        lambda: Page.all().retag(add=["x"]),
        lambda: items[0].move_before(items[1]),
        lambda: items[0].move_after(items[1]),
    ]
    for write in writes:
        with Counted(box) as counted, pytest.raises(ReadOnly, match="is read-only"):
            write()
        assert counted.requests == 0
    assert not page.is_dirty


def test_a_value_in_another_zone_is_converted_for_a_collection_too(fast: Connection) -> None:
    from datetime import UTC

    result = Reminder.all().update(remind_at=datetime(2030, 1, 1, 20, 0, tzinfo=UTC))
    assert result.is_complete
    assert {each.remind_at for each in Reminder.all(fresh=True)} == {datetime(2030, 1, 1, 12, 0)}


def test_progress_names_what_is_done(page: Page) -> None:
    seen: list[object] = []
    page.notes.update(title="x", progress=lambda *step: seen.append(step))
    assert seen == [("updating notes", 1, 2), ("updating notes", 2, 2)]


def test_a_result_can_be_pickled(page: Page) -> None:
    result = pickle.loads(pickle.dumps(page.notes.update(title="x")))
    assert [note.title for note in result.succeeded] == ["x", "x"]


# --- completing -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [5, 50])
def test_completing_makes_a_request_to_read_each_item_and_one_to_write_it(
    number: int, fast: Connection, box: Sandbox
) -> None:
    page = Page.create(title="Chores")
    for name in ("Home", "Garden"):
        page.lists.create(name=name).items.create_many([str(each) for each in range(number)])
    items = Item.all(page=page)
    with Counted(box) as counted:
        result = items.complete()
    assert len(result.succeeded) == 2 * number
    assert counted.requests == result.requests == 2 * 2 * number
    assert all(item.completed for item in Item.all(page=page, fresh=True))
    with Counted(box) as counted:
        assert not any(items.complete().values)
    assert counted.requests == 2 * number


def test_completing_sends_the_content_that_another_has_written(page: Page) -> None:
    items = page.lists["Packing"].items[:]
    other = Item.find(items[0].id, list=items[0].list, fresh=True)
    other.update(content="Boots")
    items.complete()
    assert {(i.content, i.completed) for i in Item.all(page=page, fresh=True)} >= {("Boots", True)}
    assert items[0].content == "Boots"


def test_completing_saves_edited_contents_without_reading(page: Page, box: Sandbox) -> None:
    items = page.lists["Packing"].items.where(completed=False)[:1]
    items[0].content = "Boots"
    with Counted(box) as counted:
        items.complete()
    assert counted.requests == 1
    assert items[0].reload().content == "Boots"


def test_completing_reads_nothing_with_partial_updates(box: Sandbox) -> None:
    connect(box.url, token=box.token, partial_updates=True)
    items = Page.find(Page.all()[0].id).lists["Packing"].items.where(completed=False)
    with Counted(box) as counted:
        items.complete()
    assert counted.requests == 5


def test_an_item_that_is_gone_fails_and_the_others_are_completed(page: Page) -> None:
    items = page.lists["Packing"].items.where(completed=False)
    Item.find(items[1].id, list=items[1].list, fresh=True).destroy()
    result = items.complete(on_error="continue")
    assert [record for record, _ in result.failed] == [items[1]]
    assert len(result.succeeded) == 4
    assert not items[1].is_dirty


def test_updating_completed_alone_is_completing(page: Page, box: Sandbox) -> None:
    items = page.lists["Packing"].items.where(completed=False)
    with Counted(box) as counted:
        items.update(completed=True)
    assert counted.requests == 2 * 5


def test_page_items_are_completed_and_reopened(connection: Connection) -> None:
    page = Page.create(title="Errands")
    for content in "abc":
        page.items.create(content=content)
    page.items.complete()
    assert [item.completed for item in stored(page).items] == [True] * 3
    PageItem.all(page=page, fresh=True).reopen()
    assert [item.completed for item in stored(page).items] == [False] * 3


# --- tags -------------------------------------------------------------------------------------


def test_adding_a_tag_preserves_what_others_have_added(page: Page, box: Sandbox) -> None:
    assert len(page.tags) == 3
    Page.find(page.id, fresh=True).tags.add("Theirs")
    with Counted(box) as counted:
        result = page.tags.add("Mine", "Travel", "Mine")
    assert (result.fields, counted.requests) == (("tags",), 2)
    assert names(page) == ["Travel", "Long weekends", "Portugal", "Theirs", "Mine"]
    assert [tag.name for tag in page.tags] == names(page)


def test_tags_are_removed_and_set(page: Page, box: Sandbox) -> None:
    assert page.tags.remove("Travel", "no such tag").updated
    assert names(page) == ["Long weekends", "Portugal"]
    assert page.tags.set([page.tags[1], "Sea side"]).updated
    assert names(page) == ["Portugal", "Sea side"]
    assert page.tags.set([]).updated
    assert names(page) == []


def test_tags_that_do_not_change_are_not_sent(page: Page, box: Sandbox) -> None:
    with Counted(box) as counted:
        assert not page.tags.add("Travel")
        assert not page.tags.remove("no such tag")
        assert not page.tags.set(names(page))
    assert counted.requests == 4
    assert not [each for each in box.log if each.path.endswith("/tags/tag")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tags: tags.add(""), "a tag needs a name"),
        (lambda tags: tags.add('a "quote"'), "contains a quote"),
        (lambda tags: tags.add(" x"), "begins or ends with spaces"),
        (lambda tags: tags.add(5), "Page.tags"),
        (lambda tags: tags.add(["a", "b"]), "Page.tags"),
        (lambda tags: tags.remove("\x07"), "Page.tags"),
        (lambda tags: tags.set("Travel"), "Page.tags takes a list, not 'Travel'"),
        (lambda tags: tags.set(None), "Page.tags takes a list, not None"),
    ],
)
def test_a_wrong_tag_is_refused_before_any_request(
    change: Callable[[Any], object], message: str, page: Page, box: Sandbox
) -> None:
    with Counted(box) as counted, pytest.raises(ValidationError, match=message):
        change(page.tags)
    assert counted.requests == 0


def test_tags_of_a_page_with_an_assigned_list_are_refused(page: Page, box: Sandbox) -> None:
    page.tags = ["Mine"]
    with Counted(box) as counted, pytest.raises(NotSaved, match=r"save\(\) or discard\(\)"):
        page.tags.add("x")
    assert counted.requests == 0
    assert page.save().fields == ("tags",)


def test_the_tags_of_a_page_are_not_destroyed_by_mistake(page: Page) -> None:
    with pytest.raises(ReadOnly, match="removes them from all pages"):
        page.tags.destroy()
    assert len(names(page)) == 3


def test_threads_that_add_different_tags_lose_none(fast: Connection) -> None:
    page = Page.create(title="Shared")
    copies = [Page.find(page.id, using=fast, fresh=True) for _ in range(12)]
    threads = [
        threading.Thread(target=each.tags.add, args=(f"t{number}",))
        for number, each in enumerate(copies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(names(page)) == sorted(f"t{n}" for n in range(12))


# --- retagging --------------------------------------------------------------------------------


@pytest.fixture
def tagged(fast: Connection) -> Callable[[int], list[Page]]:
    def make(number: int) -> list[Page]:
        pages = [Page.create(title=f"Tagged {each}") for each in range(number)]
        for page in pages:
            page.update(tags=["Old", "Other one"])
        return pages

    return make


@pytest.mark.parametrize("number", [4, 40])
def test_retagging_makes_one_request_and_two_for_each_page_that_changes(
    number: int, tagged: Callable[[int], list[Page]], box: Sandbox
) -> None:
    made = tagged(number)
    pages = Page.where(tags__name="Old")
    assert len(pages) == number
    with Counted(box) as counted:
        result = pages.retag(add=["New"], remove=["Old"])
    assert counted.requests == result.requests == 1 + 2 * number
    assert len(result.succeeded) == number
    assert {tuple(names(page)) for page in made} == {("Other one", "New")}
    assert not Page.exists(tags__name="Old")


def test_retagging_preserves_tags_that_were_added_after_the_pages_were_read(
    tagged: Callable[[int], list[Page]],
) -> None:
    tagged(3)
    pages = Page.where(tags__name="Old")
    assert len(pages) == 3
    stored(pages[1]).tags.add("Theirs")
    pages.retag(add=["New"])
    assert names(pages[1]) == ["Old", "Other one", "Theirs", "New"]


def test_a_page_that_changes_while_others_are_retagged_is_read_again(
    tagged: Callable[[int], list[Page]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged(3)
    pages = Page.where(tags__name="Old")
    last = pages[2]

    monkeypatch.setattr("backpack_orm.connection.parallel.WORKERS", 1)
    has_changed = threading.Event()
    retagger = Page._retagger

    def slow(*arguments: Any) -> Callable[[Page], Any]:
        retag = retagger(*arguments)

        def call(page: Page) -> Any:
            if page == last:
                assert has_changed.wait(30)
            return retag(page)

        return call

    def report(what: str, done: int, total: int) -> None:
        if done == 2:
            Page.find(last.id, fresh=True).tags.add("Theirs")
            has_changed.set()

    monkeypatch.setattr(Page, "_retagger", staticmethod(slow))
    pages.retag(add=["New"], progress=report)
    assert names(last) == ["Old", "Other one", "Theirs", "New"]


def test_pages_whose_tags_are_not_certain_are_read_too(
    tagged: Callable[[int], list[Page]], box: Sandbox
) -> None:
    pages = tagged(3)
    pages[0].tags.set(["R&amp;D"])
    pages[1].tags.set([])
    found = Page.where(title__startswith="Tagged")
    assert len(found) == 3
    User.me()
    with Counted(box) as counted:
        found.retag(add=["New"])
    assert counted.requests == 1 + 3 + 3
    assert [names(page)[0] for page in pages] == ["R&amp;D", "New", "Old"]


def test_an_export_without_any_tags_is_not_relied_on(network: None) -> None:
    with Sandbox(seed="empty") as box, Connection(box.url, token=box.token):
        for title in "abc":
            Page.create(title=title)
        pages = Page.all()
        with Counted(box) as counted:
            pages.retag(add=["New"])
        assert counted.requests == 2 + 3 + 3
        assert [names(page) for page in pages] == [["New"]] * 3


@pytest.mark.parametrize("options", [{"ttl": 0}, {}])
def test_retagging_works_without_a_cache_and_without_an_export(
    options: dict[str, Any], box: Sandbox
) -> None:
    connect(box.url, token=box.token, limits=None, **options)
    if not options:
        box.faults.status(403, path="/*/users/*/export.xml", times=9)
    pages = Page.all()[:3]
    before = [names(page) for page in pages]
    result = pages.retag(add=["New"])
    assert result.is_complete
    assert [names(page) for page in pages] == [[*each, "New"] for each in before]


def test_pages_that_do_not_change_are_not_written(
    tagged: Callable[[int], list[Page]], box: Sandbox
) -> None:
    tagged(3)
    pages = Page.where(tags__name="Old")
    assert len(pages) == 3
    with Counted(box) as counted:
        assert not any(pages.retag(add=["Old"], remove=["no such tag"]).values)
    assert counted.requests == 1


def test_tags_have_a_public_way_for_a_tag_object(page: Page) -> None:
    tag = Tag.find_by(name="Travel", page=page)
    assert tag is not None
    Page.all()[:1].retag(remove=[tag])
    assert "Travel" not in names(page)


# --- order ------------------------------------------------------------------------------------


def contents(each: List) -> list[str]:
    return [item.content for item in each.items]


@pytest.fixture
def steps(page: Page) -> List:
    """A list of five open items."""
    steps = page.lists.create(name="Steps")
    steps.items.create_many(["a", "b", "c", "d", "e"])
    return steps


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda i: i["e"].move_before(i["a"]), "eabcd"),
        (lambda i: i["a"].move_after(i["e"]), "bcdea"),
        (lambda i: i["a"].move_before(i["c"]), "bacde"),
        (lambda i: i["d"].move_after(i["b"]), "abdce"),
    ],
)
def test_an_item_is_moved_beside_another_with_one_reorder(
    move: Callable[[Any], object], expected: str, steps: List, box: Sandbox
) -> None:
    assert contents(steps) == list("abcde")
    with Counted(box) as counted:
        move(steps.items)
    assert counted.requests == 2
    assert contents(steps) == list(expected)
    assert [item.position for item in steps.items] == [0, 1, 2, 3, 4]


def test_an_item_that_is_there_already_sends_nothing(steps: List, box: Sandbox) -> None:
    items = steps.items
    assert items["a"].position == 0
    with Counted(box) as counted:
        items["a"].move_before(items["b"])
        items["b"].move_after(items["a"])
    assert counted.requests == 2


def test_a_move_keeps_the_order_that_another_has_set(steps: List) -> None:
    items = steps.items
    assert contents(steps) == list("abcde")
    theirs = List.find(steps.id, page=steps.page, fresh=True)
    theirs.items.create(content="f")
    theirs.items["e"].move_to_top()
    items["a"].move_after(items["c"])
    assert contents(steps) == list("ebcadf")


def test_moves_that_are_not_possible_are_refused_before_any_request(
    steps: List, page: Page, box: Sandbox
) -> None:
    item, other = steps.items["a"], page.lists["Packing"].items[0]
    gone = steps.items["e"]
    gone.destroy()
    with Sandbox(seed="demo") as elsewhere:
        pages = Page.all(using=Connection(elsewhere.url, token=elsewhere.token))
        theirs = pages[0].lists[0].items[0]
    wrong: list[tuple[object, type[Exception], str]] = [
        (other, ValidationError, "is in List"),
        (theirs, ValidationError, "belongs to another account"),
        (item, ValidationError, "is the item itself"),
        (page.notes[0], ValidationError, "takes an item of a list"),
        (item.id, ValidationError, "takes an item of a list"),
        (gone, Destroyed, "was destroyed"),
        (Item(list=steps, content="new"), NotSaved, "save"),
    ]
    for target, error, message in wrong:
        for move in (item.move_before, item.move_after):
            with Counted(box) as counted, pytest.raises(error, match=message):
                move(target)  # type: ignore[arg-type]
            assert counted.requests == 0, message
    with pytest.raises(Destroyed):
        gone.move_before(item)
    with pytest.raises(Destroyed):
        gone.position  # noqa: B018


def test_an_item_that_another_has_destroyed_is_not_found(steps: List) -> None:
    items = steps.items
    first, last = items["a"], items["e"]
    List.find(steps.id, page=steps.page, fresh=True).items["e"].destroy()
    with pytest.raises(NotFound, match="is not in List"):
        first.move_after(last)
    assert "".join(contents(List.find(steps.id, page=steps.page, fresh=True))) == "abcd"


def test_a_page_is_reordered_by_titles_and_records(connection: Connection) -> None:
    page = Page.create(title="Order")
    note, two = page.notes.create(title="One"), page.lists.create(name="Two")
    line = page.separators.create(name="Three")
    page.reorder([note, "Two", line])
    assert [each.widget for each in stored(page).belongings] == [note, two, line]
    page.reorder(["Three", two, "One"])
    assert [each.widget for each in stored(page).belongings] == [line, two, note]


def test_titles_that_name_several_or_none_are_refused(connection: Connection, box: Sandbox) -> None:
    page = Page.create(title="Order")
    page.notes.create(title="Same")
    page.lists.create(name="Same")
    gone = page.notes.create(title="Gone")
    gone.destroy()
    assert len(page.belongings) == 2
    for order, error, message in [
        (["Same", "Same"], ValidationError, "2 records have the title 'Same'"),
        (["Other"], ValidationError, "'Other' is not on Page"),
        ("Same", ValidationError, "takes a list"),
        ([gone], Destroyed, "was destroyed"),
        ([Note(page=page)], NotSaved, "save"),
        (Page.all(), ValidationError, "is not on Page"),
    ]:
        with Counted(box) as counted, pytest.raises(error, match=message):
            page.reorder(order)  # type: ignore[arg-type]
        assert counted.requests == 0
