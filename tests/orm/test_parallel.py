"""Reading all pages: at once, in order, and no further than it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backpack_orm import Connection, Email, Item, List, Note, NotFound, Page, ServerError, Tag
from backpack_orm.connection.parallel import WORKERS, in_order
from backpack_orm.sandbox import Sandbox


def test_results_come_in_order_whatever_is_ready_first() -> None:
    last = threading.Event()

    def wait(number: int) -> int:
        if number == 3:
            last.set()
        assert last.wait(30)
        return number

    assert list(in_order(wait, [0, 1, 2, 3])) == [0, 1, 2, 3]


def test_as_many_are_made_at_once_as_there_are_workers() -> None:
    meeting = threading.Barrier(WORKERS, timeout=30)
    assert list(in_order(lambda _: meeting.wait() >= 0, range(WORKERS))) == [True] * WORKERS


def test_the_first_is_made_alone_when_it_may_be_enough() -> None:
    made: list[int] = []
    results = in_order(made.append, range(100), ahead=1)
    next(results)
    assert made == [0]
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert set(made) <= {0, 1, 2}


def test_none_is_begun_after_one_has_failed() -> None:
    made: list[int] = []

    def fail(number: int) -> None:
        made.append(number)
        if number == 1:
            raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        list(in_order(fail, range(1000)))
    assert len(made) <= 2 * WORKERS


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    results = in_order(abs, range(100))
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert set(threading.enumerate()) == before


def test_nothing_comes_of_nothing() -> None:
    assert list(in_order(abs, [])) == []


def test_all_pages_are_loaded_with_one_request_each(box: Sandbox, connection: Connection) -> None:
    titles = [page.title for page in Page.all()]
    pages = Page.all(load="pages")
    assert [page.title for page in pages] == titles
    assert box.requests == 1 + len(pages)
    for page in pages:
        list(page.notes), list(page.lists), list(page.tags), list(page.belongings)
    assert box.requests == 1 + len(pages)


@pytest.mark.parametrize("model", [Note, List, Item, Tag, Email])
def test_what_lives_on_pages_comes_in_their_order(
    model: type[Note], box: Sandbox, connection: Connection
) -> None:
    records = model.all(load="pages")
    assert box.requests == 1 + len(Page.all())
    order = {page: place for place, page in enumerate(Page.all())}
    places = [order[record.page] for record in records]
    assert places == sorted(places)


def test_progress_is_reported_page_by_page(connection: Connection) -> None:
    reported: list[tuple[str, int, int]] = []
    pages = Page.all(load="pages", progress=lambda *step: reported.append(step))
    assert reported == [("reading pages", done, len(pages)) for done in range(1, len(pages) + 1)]
    for model in (Note, Item, Tag):
        reported.clear()
        model.all(load="pages", progress=lambda *step: reported.append(step))
        assert reported[-1] == ("reading pages", len(pages), len(pages))


def test_the_error_names_the_page_and_the_rest_is_stopped(
    box: Sandbox, connection: Connection
) -> None:
    pages = Page.all()
    box.faults.error_body(path=f"ws/page/{pages[2].id}")
    before = box.requests
    with pytest.raises(ServerError, match=r"while reading Page\(id=\d+, title='The garden'\)"):
        Page.all(load="pages")
    assert box.requests - before <= 2 + WORKERS < len(pages)


def test_a_page_that_goes_meanwhile_is_left_out(connection: Connection) -> None:
    pages = Page.all()
    with Connection(connection.url, token="b7f0c2d94e1a8356b7f0c2d94e1a8356b7f0c2d9") as other:
        Page.find(pages[1].id, using=other).destroy()
    assert [page.id for page in Page.all(load="pages")] == [
        page.id for page in pages if page.id != pages[1].id
    ]


def test_a_find_reads_no_further_than_it_must(box: Sandbox, connection: Connection) -> None:
    first = Page.find(Page.all()[0].id).notes[0]
    connection.clear_cache()
    before = box.requests
    assert Note.find(first.id) == first
    assert box.requests == before + 2
    with pytest.raises(NotFound):
        Note.find(7)
    assert box.requests == before + 1 + 3 + 2  # three pages, and the export with all others


def test_pages_are_looked_through_only_when_a_listed_attribute_is_not_enough(
    box: Sandbox, connection: Connection
) -> None:
    assert Page.where(scope="friends", title="Kitchen renovation")
    assert box.requests == 1
    assert Page.where(description="")
    assert box.requests == 3


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    yield
    assert not [each for each in threading.enumerate() if each.name.startswith("backpack_orm")]
