"""Merging pages and duplicating them with other texts."""

from __future__ import annotations

from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    BackpackError,
    Connection,
    Destroyed,
    Forbidden,
    HasMany,
    Note,
    NotFound,
    NotSaved,
    Page,
    ReadOnly,
    ServerError,
    ValidationError,
)
from backpack_orm.models.merging import ordered
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def source(connection: Connection) -> Page:
    page = Page.create(title="Source {{name}}", tags=["one", "two"], description="Hi {{name}}")
    page.separators.create(name="Evenings")
    page.notes.create(title="For {{name}}", body=" *{{name}}*\n\nis {{age}} \n")
    weekly = page.lists.create(name="List of {{name}}")
    weekly.items.create_many(["Milk", "Milk", {"content": "{{name}} {{name}}", "completed": True}])
    page.notes.create(title="", body="the same")
    return Page.find(page.id)


@pytest.fixture
def target(connection: Connection) -> Page:
    page = Page.create(title="Target", tags=["two", "three"])
    page.notes.create(title="", body="the same")
    return Page.find(page.id)


def now(page: Page) -> Page:
    return Page.find(page.id, fresh=True)


def shown(page: Page) -> list[Any]:
    """Return what is on a page as it shows it."""
    return [
        (each.title, each.body)
        if isinstance(each, Note)
        else (each.name, [(item.content, item.completed) for item in getattr(each, "items", ())])  # type: ignore[attr-defined]
        for each in ordered(now(page))
    ]


# --- merging ----------------------------------------------------------------------------------


def test_all_is_copied_to_the_top_in_the_same_order(source: Page, target: Page) -> None:
    here, there = shown(source), shown(target)
    result = source.merge_into(target)
    assert shown(target) == here + there
    assert shown(source) == here, "nothing was destroyed"
    assert list(result.records) == ordered(now(target))[:4]
    assert {type: len(ids) for type, ids in result.ids.items()} == {
        "note": 2,
        "list": 1,
        "item": 3,
        "separator": 1,
    }
    assert [tag.name for tag in now(target).tags] == ["two", "three", "one"]
    assert now(target).description == "Hi {{name}}"


def test_the_order_is_that_of_the_page_and_not_that_of_the_kinds(connection: Connection) -> None:
    page, other = (Page.create(title=title) for title in "ab")
    page.notes.create(body="last")
    page.lists.create(name="middle")
    page.notes.create(body="first")
    page.merge_into(other)
    assert [each.type for each in now(other).belongings] == ["Note", "List", "Note"]
    assert [note.body for note in ordered(now(other)) if isinstance(note, Note)] == [
        "first",
        "last",
    ]


def test_an_error_says_how_many_copies_exist_and_its_resume_makes_the_others(
    connection: Connection, box: Sandbox
) -> None:
    page, other = (Page.create(title=title) for title in "ab")
    page.notes.create_many(["one", "two"])
    box.faults.status(500, path="**/notes/create", after=1, times=1)
    with pytest.raises(ServerError, match=r"1 copy exists on Page\(id=.*, and all orig") as caught:
        page.merge_into(other)
    other.notes.create(body="two", title="")  # by another client, and not to be adopted
    assert len(caught.value.resume().records) == 2
    assert sorted(note.title for note in now(other).notes) == ["", "one", "two"]


def test_what_others_put_on_the_other_page_before_is_no_copy(
    connection: Connection, box: Sandbox
) -> None:
    page, other = (Page.find(Page.create(title=title).id) for title in "ab")
    page.notes.create(title="one")
    stranger = Connection(box.url, token=box.token)
    Page.find(other.id, using=stranger).notes.create(title="one")
    box.faults.drop_before_write(path="**/notes/create", times=1)
    with pytest.raises(BackpackError, match="0 copies exist"):
        page.merge_into(other)
    assert len(now(other).notes) == 1


def test_links_are_added_to_those_of_the_other_page(connection: Connection) -> None:
    page, other, lisbon, porto = (Page.create(title=title) for title in "abcd")
    page.link(lisbon)
    page.link(porto)
    other.link(porto)
    result = page.merge_into(now(other))
    assert [linked.title for linked in now(other).linked_pages] == ["c", "d"]
    assert "links to pages" not in result.impossible


def test_a_link_to_the_other_page_itself_is_listed(connection: Connection) -> None:
    page, other = (Page.create(title=title) for title in "ab")
    page.link(other)
    result = page.merge_into(other)
    assert list(now(other).linked_pages) == []
    assert result.impossible["links to pages"].startswith("the other page is one of them")


@pytest.mark.parametrize("n", [1, 10])
def test_it_takes_a_request_for_all_that_is_copied_and_two(
    n: int, connection: Connection, box: Sandbox
) -> None:
    page = Page.create(title="x")
    page.notes.create_many([f"{number}" for number in range(2 * n)])
    page.lists.create(name="y").items.create_many([f"{number}" for number in range(3 * n)])
    other = Page.create(title="z")
    before = box.requests
    result = page.merge_into(other)
    assert box.requests - before == result.requests == 5 * n + 1 + 2


def test_what_cannot_be_taken_along_is_listed(connection: Connection) -> None:
    result = Page.get(title="Lisbon").merge_into(Page.create(title="x", description="mine"))
    assert set(result.impossible) == {
        "ids",
        "times",
        "show_created_at",
        "2 emails",
        "1 gallery",
        "2 attachments",
        "1 other part",
        "description",
    }


def test_a_page_of_another_account_is_merged(source: Page) -> None:
    with Sandbox(seed="empty") as other:
        elsewhere = Connection(other.url, token=other.token)
        page = Page.create(title="There", using=elsewhere)
        source.merge_into(page)
        copy = Page.find(page.id, using=elsewhere, fresh=True)
        assert [note.body for note in copy.notes] == [note.body for note in source.notes]
        assert [tag.name for tag in copy.tags] == ["one", "two"]


def test_records_have_the_classes_of_the_other_page(source: Page, target: Page) -> None:
    class Plan(Note):
        pass

    class Project(Page):
        notes = HasMany(Plan)

    result = source.merge_into(Project.find(target.id))
    assert [type(each).__name__ for each in result.records] == ["Plan", "List", "Plan", "Separator"]


@pytest.mark.parametrize("after", range(7))
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_response_neither_doubles_nor_loses(
    after: int, executed: bool, source: Page, target: Page, box: Sandbox
) -> None:
    expected = shown(source) + shown(target)
    drop = box.faults.drop_after_write if executed else box.faults.drop_before_write
    creates = ("ws/page/*/notes/create", "**/add", "pages/*/separators.xml")
    kinds = [0, 1, 1, 1, 1, 0, 2]
    path, before = creates[kinds[after]], kinds[:after].count(kinds[after])
    fault = drop(path=path, after=before, times=1)
    try:
        source.merge_into(target)
    except BackpackError as error:
        assert not executed
        error.resume()
    assert fault.fired == 1
    assert shown(target) == expected


@pytest.mark.parametrize("how", ["resume", "adopt"])
def test_a_merge_that_was_stopped_is_completed(
    how: str, source: Page, target: Page, box: Sandbox
) -> None:
    target.notes[0].destroy()  # which would be adopted
    expected = sorted(map(repr, shown(source)))
    box.faults.status(500, path="**/items/add", after=1, times=1)
    with pytest.raises(ServerError, match=r"4 copies exist on Page.*Target.*, and all") as caught:
        source.merge_into(target)
    assert len(caught.value.created) == 4
    if how == "resume":
        result = caught.value.resume()
    else:
        result = source.merge_into(now(target), adopt=True)
    assert sorted(map(repr, shown(target))) == expected
    assert sum(len(ids) for ids in result.ids.values()) == 7


def test_bad_merges_are_refused_before_any_request(
    source: Page, target: Page, box: Sandbox
) -> None:
    reader = Connection(box.url, token=box.token, read_only=True)
    readable = Page.find(target.id, using=reader)
    edited = now(target)
    edited.title = "edited"
    gone = Page.create(title="Gone")
    gone.destroy()
    before = box.requests
    for other, error, message in [
        (source, ValidationError, "is the same page"),
        (Page._stub(source.id, source.connection), ValidationError, "is the same page"),
        (target.notes[0], ValidationError, "takes a Page object"),
        (target.id, ValidationError, "takes a Page object"),
        (gone, Destroyed, "was destroyed"),
        (Page(title="new"), NotSaved, "not on the service"),
        (readable, ReadOnly, "Page.merge_into"),
        (edited, ValidationError, r"not saved \(title\)"),
    ]:
        with pytest.raises(error, match=message):
            source.merge_into(other)  # type: ignore[arg-type]
    assert box.requests == before


def test_a_page_that_somebody_destroyed_gets_nothing(source: Page, target: Page) -> None:
    now(target).destroy()
    with pytest.raises(NotFound, match="0 copies exist"):
        source.merge_into(target)


# --- duplicating ------------------------------------------------------------------------------

ANN = {"{{name}}": "Ann", "{{age}}": "7"}


def test_texts_are_replaced_on_the_copy_alone(source: Page) -> None:
    here = shown(source)
    copy = source.duplicate(replace=ANN).record
    assert shown(source) == here
    assert now(copy).title == copy.title == "Source Ann"
    assert now(copy).description == "Hi Ann"
    assert shown(copy) == [
        ("", "the same"),
        ("List of Ann", [("Milk", False), ("Milk", False), ("Ann Ann", True)]),
        ("For Ann", " *Ann*\n\nis 7 \n"),
        ("Evenings", []),
    ]
    assert [tag.name for tag in now(copy).tags] == ["one", "two"]


def test_the_result_has_the_copy_and_its_id(source: Page) -> None:
    result = source.duplicate()
    assert result.records == (result.record,)
    assert result.ids == {"page": {source.id: result.record.id}}
    assert repr(result) == "CopyResult(1 page, 1 request)"
    assert result.destroyed == ()


NEVER_DUPLICATED = {"ids", "times", "sharing", "comments"}


def test_the_result_counts_what_a_loaded_page_has_and_the_copy_has_not(
    connection: Connection, source: Page
) -> None:
    lisbon = Page.get(title="Lisbon")
    assert source.duplicate().impossible.keys() == NEVER_DUPLICATED
    source.link(lisbon)
    assert source.reload().duplicate().impossible.keys() - NEVER_DUPLICATED == {"links to pages"}
    result = lisbon.reload().duplicate()
    copy = now(result.record)
    assert not [*copy.emails, *copy.galleries, *copy.attachments]
    assert result.impossible.keys() - NEVER_DUPLICATED == {
        "2 emails",
        "1 gallery",
        "2 attachments",
        "1 other part",
    }


def test_the_result_names_what_a_page_may_have_that_is_not_loaded(connection: Connection) -> None:
    page = next(page for page in Page.all() if page.title == "Lisbon")
    result = page.duplicate()
    assert result.requests == 1
    assert result.impossible.keys() - NEVER_DUPLICATED == {
        "emails",
        "galleries",
        "attachments",
        "other parts",
        "links to pages",
    }


def test_the_copy_of_a_page_of_a_subclass_has_its_class(source: Page) -> None:
    class Trip(Page):
        pass

    trip = Trip.find(source.id)
    assert type(trip.duplicate().record) is type(trip.duplicate(title="x").record) is Trip


def test_a_title_is_used_as_it_is(source: Page) -> None:
    assert now(source.duplicate(title="{{name}}", replace=ANN).record).title == "{{name}}"
    assert now(source.duplicate(title="Other").record).title == "Other"
    copy = source.duplicate(replace={"the same": "other"}).record
    assert now(copy).title == "Source {{name}} (copy)"


@pytest.mark.parametrize("n", [1, 10])
def test_it_takes_a_request_for_each_changed_record(
    n: int, connection: Connection, box: Sandbox
) -> None:
    page = Page.create(title="Template")
    page.notes.create_many([{"title": f"{number} of {{x}}"} for number in range(n)])
    page.lists.create(name="same").items.create_many(
        [f"{{x}} {number}" for number in range(n)] + ["same"]
    )
    page = Page.find(page.id)
    connection.clear_cache()
    before = box.requests
    result = page.duplicate(title="x", replace={"{x}": "y"})
    assert box.requests - before == 2 * n + 1 + 3, "the list of pages, the copying, the copy"
    assert result.requests == box.requests - before
    before = box.requests
    assert page.duplicate().requests == box.requests - before == 1


def test_replacements_are_made_at_once(source: Page) -> None:
    copy = source.duplicate(
        title="x", replace={"Milk": "Bread", "Bread": "Milk", "Mil": "no"}
    ).record
    assert [item.content for item in now(copy).lists[0].items][:2] == ["Bread", "Bread"]


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_response_makes_no_second_copy(executed: bool, source: Page, box: Sandbox) -> None:
    source.duplicate()
    drop = box.faults.drop_after_write if executed else box.faults.drop_before_write
    drop(path="ws/page/*/duplicate", times=1)
    pages = len(Page.all(fresh=True))
    if executed:
        copy = source.duplicate(replace=ANN).record
    else:
        with pytest.raises(BackpackError, match="no copy is known to exist") as caught:
            source.duplicate(replace=ANN)
        assert caught.value.created == ()
        copy = caught.value.resume().record
    assert len(Page.all(fresh=True)) == pages + 1
    assert now(copy).lists[0].name == "List of Ann"


@pytest.mark.parametrize("path", ["**/notes/update/*", "**/update_title", "**/items/update/*"])
def test_a_failure_names_the_copy_and_is_completed(path: str, source: Page, box: Sandbox) -> None:
    box.faults.status(500, path=path, times=1)
    with pytest.raises(ServerError, match=r"the copy Page\(.* lack their new texts") as caught:
        source.duplicate(replace={"{{name}}": "the {{name}} of {{name}}"})
    (copy,) = caught.value.created
    assert copy in Page.all(fresh=True)
    assert caught.value.resume().records == (copy,)
    assert now(copy).title == "Source the {{name}} of {{name}}", "replaced once"
    assert now(copy).notes[0].title == "For the {{name}} of {{name}}"
    assert now(copy).lists[0].name == "List of the {{name}} of {{name}}"


@pytest.mark.network
def test_a_page_limit_makes_no_copy() -> None:
    with Sandbox(seed="empty", page_limit=2) as box:
        connection = Connection(box.url, token=box.token)
        page, other = (Page.create(title=title, using=connection) for title in ("x", "y"))
        with pytest.raises(Forbidden, match="no copy is known to exist") as caught:
            page.duplicate(title="z")
        assert caught.value.created == ()
        assert len(Page.all(using=connection, fresh=True)) == 2
        other.destroy()
        assert caught.value.resume().record.title == "z"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"title": " "}, "Page.title cannot be empty"),
        ({"title": 5}, "Page.title"),
        ({"replace": {"Milk": ""}}, "Item.content cannot be empty"),
        ({"replace": {"Milk": "\x07"}}, "Item.content cannot be"),
        ({"replace": {"": "x"}}, "replace takes a dictionary"),
        ({"replace": {"x": 5}}, "replace takes a dictionary"),
        ({"replace": ["x"]}, "replace takes a dictionary"),
    ],
)
def test_bad_texts_are_refused_before_any_request(
    arguments: Any, message: str, source: Page, box: Sandbox
) -> None:
    before = box.requests
    with pytest.raises(ValidationError, match=message):
        source.duplicate(**arguments)
    assert box.requests == before


def test_a_read_only_connection_makes_no_copy(source: Page, box: Sandbox) -> None:
    reader = Connection(box.url, token=box.token, read_only=True)
    page = Page.find(source.id, using=reader)
    before = box.requests
    with pytest.raises(ReadOnly):
        page.duplicate(title="x")
    assert box.requests == before
