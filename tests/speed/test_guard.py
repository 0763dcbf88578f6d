"""Guards of loading speed that count instead of timing: calls, parses and bytes per record."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import repeat
from types import FrameType
from typing import Any

import pytest

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import documents
from tests.benchmarks import listening, ours, responses
from tests.benchmarks.loading import bytes_of

FEW, MANY = 100, 200  # both fit into one response


def python_calls(function: Callable[[], object]) -> int:
    """Return the number of Python function calls of a call, without those inside cachetools.

    The number of those depends on its version.
    """
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call" and "cachetools" not in frame.f_code.co_filename

    function()  # initializes caches
    before = sys.getprofile()
    gc.disable()  # a collection would call other functions
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


@pytest.fixture
def page() -> Page:
    return Page._stub(7, Connection("acme", token="0123456789abcdef"))


def test_the_number_of_function_calls_does_not_depend_on_the_number_of_records(page: Page) -> None:
    few, many = responses.notes(FEW), responses.notes(MANY)
    assert python_calls(lambda: ours.load_notes(many, page)) == python_calls(
        lambda: ours.load_notes(few, page)
    )


def test_loading_an_unused_page_makes_few_function_calls_per_list(page: Page) -> None:
    def calls(lists: int) -> int:
        content = responses.page(notes=FEW, lists=lists, items=20, tags=10)
        return python_calls(lambda: ours.load_page(content, page.connection))

    per_list = (calls(30) - calls(10)) / 20
    # The readers of the list and of its items; Python 3.11 counts list comprehensions too.
    assert per_list <= 6


def test_a_note_takes_little_more_memory_than_a_tuple_of_its_values(page: Page) -> None:
    content = responses.notes(2000)
    records = ours.read_notes(content)

    def tuples() -> list[Any]:
        return [(*record,) for record in ours.read_notes(content)]

    ratio = bytes_of(lambda: ours.load_notes(content, page)) / bytes_of(tuples)
    assert len(records) == 2000
    assert ratio <= 1.3


def test_a_cached_page_is_found_without_parsing(
    box: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = Page.all()[0].id
    Page.find(id)
    parsed: list[bytes] = []
    parse_document = documents.document

    def document(content: bytes) -> Any:
        parsed.append(content)
        return parse_document(content)

    monkeypatch.setattr("backpack_orm.wire.parse.document", document)
    before = box.requests
    for _ in repeat(None, 10):
        Page.find(id)
    assert (box.requests - before, len(parsed)) == (0, 0)
    Page.find(id, fresh=True)
    assert (box.requests - before, len(parsed)) == (1, 1)


def test_a_cached_page_is_found_with_few_function_calls(connection: Connection) -> None:
    id = Page.all()[0].id
    assert python_calls(lambda: Page.find(id, using=connection)) <= 7


def test_hooks_and_signals_add_one_function_call_to_a_save_while_none_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backpack_orm.orm.signals._hooks", {})  # without those of other tests
    bare = listening.note(listening.BareConnection("acme", token="0123456789abcdef"))
    note = listening.note(Connection("acme", token="0123456789abcdef"))

    def calls(saved: Any) -> int:
        saved.title = "before"
        saved.save()

        def save() -> None:
            saved.title = "a" if saved.title != "a" else "b"
            saved.save()

        return python_calls(save)

    assert type(bare) is listening.BareNote
    assert calls(note) == calls(bare) + 1
