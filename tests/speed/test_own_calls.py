"""Limits of how many calls of the package, in how many of its files, an everyday call makes.

Whoever follows a call in a debugger reads each of them. The limits are the present figures, calls
rounded up to tens, and only go down. The aims are 150 calls in 15 files for a save, 40 calls for a
save without changes, 150 for a get, and 300 for the completion of an item.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Page

FOLDER = str(Path(backpack_orm.__file__).parent)
SANDBOX = str(Path(FOLDER) / "sandbox")
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
"""Frames that are no calls: which of them exist depends on the version of Python."""


def own_calls(call: Callable[[], Any]) -> list[str]:
    """Return the file of each call of the package, the sandbox excepted, that a call makes."""
    files: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        file = code.co_filename
        if event != "call" or code.co_name in COMPREHENSIONS:
            return
        if file.startswith(FOLDER) and not file.startswith(SANDBOX):
            files.append(file)

    before = sys.getprofile()
    gc.disable()  # a collection would call other functions
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
        gc.enable()
    return files


def saved(page: Page) -> Callable[[], Any]:
    page.notes[0].body += " x"
    return page.notes[0].save


def saved_without_changes(page: Page) -> Callable[[], Any]:
    return page.notes[0].save


def found(page: Page) -> Callable[[], Any]:
    return lambda: Page.find(page.id, fresh=True)


def got(page: Page) -> Callable[[], Any]:
    return lambda: Page.get(title=page.title, fresh=True)


def created(page: Page) -> Callable[[], Any]:
    return lambda: page.notes.create(title="Tickets")


def destroyed(page: Page) -> Callable[[], Any]:
    return page.notes.create(title="Tickets").destroy


def completed(page: Page) -> Callable[[], Any]:
    page.lists["Packing"].items[0].reopen()
    return page.lists["Packing"].items[0].complete


@pytest.mark.parametrize(
    ("prepare", "calls", "files"),
    [
        (saved, 290, 28),
        (saved_without_changes, 90, 2),
        (found, 330, 23),
        (got, 210, 29),
        (created, 270, 33),
        (destroyed, 230, 30),
        (completed, 690, 35),
    ],
)
def test_an_everyday_call_makes_no_more_calls_than_its_limit(
    connection: Connection, prepare: Callable[[Page], Callable[[], Any]], calls: int, files: int
) -> None:
    page = Page.get(title="Lisbon", using=connection)
    with connection:
        prepare(page)()  # what is compiled at first use is compiled
        mine = own_calls(prepare(page))
    assert (len(mine) <= calls, len(set(mine)) <= files) == (True, True), (
        f"{len(mine)} calls in {len(set(mine))} files"
    )
