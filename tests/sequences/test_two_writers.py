"""The mapper and a plain client write one account; nothing is lost or doubled, whatever fails.

Objects of two connections stay in use while the plain client writes, so they are older than what is
stored, and some have unsaved changes. During a call, one request fails, or the plain client or
another thread writes before it. Then the plain client reads everything and compares it with what
the call should have done.

`TWO_WRITERS=1000` runs that many sequences; by default, as many as take few seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from backpack_orm import BackpackError, Connection, Page, StaleRecord, ValidationError
from backpack_orm.connection import parallel
from backpack_orm.sandbox import Sandbox

from .calls import CALLS, NEW, Account, Call, Totals, discard, on
from .plain_client import PlainClient

Act = Callable[[], Any]

EXAMPLES = int(os.environ.get("TWO_WRITERS", "10"))
STEPS = 12
FAULTS = ["drop_before_write", "drop_after_write", "status 500", "status 403"]
DECIDED = ("/destroy/", "/update/", "/tags/tag")
"""Writes that rest on what was read right before: an edit in between is lost, as documented."""


class Interception:
    """Does something right before a request of the mapper is sent, once."""

    def __init__(self, number: int, act: Act) -> None:
        self._left, self._act = number, act
        self.path = ""

    def __enter__(self) -> Interception:
        self._send = send = requests.adapters.HTTPAdapter.send

        def intercepted(adapter: Any, request: Any, **options: Any) -> Any:
            if not self.path:
                self._left -= 1
                if self._left < 0:
                    self.path = request.url
                    self._act()
            return send(adapter, request, **options)

        self._patch(intercepted)
        return self

    def __exit__(self, *error: object) -> None:
        self._patch(self._send)

    def _patch(self, send: Any) -> None:
        requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]


class TwoWriters(RuleBasedStateMachine):
    """An account with two pages, each with a list and notes."""

    def __init__(self) -> None:
        super().__init__()
        self.box = Sandbox(seed="empty")
        self.box.start()
        self.plain = PlainClient(self.box.url, self.box.token)
        self.clients = [
            Connection(self.box.url, token=self.box.token, max_wait=0, limits=None)
            for _ in range(2)
        ]
        self.objects: dict[tuple[int, int], Page] = {}
        self.texts = map("text{}".format, count())
        self.workers, parallel.WORKERS = parallel.WORKERS, 1

    def teardown(self) -> None:
        parallel.WORKERS = self.workers
        for client in self.clients:
            client.close()
        self.box.close()

    @initialize()
    def fill(self) -> None:
        self.pages = [self.plain.create_page(title) for title in ("one", "two")]
        for page in self.pages:
            of = self.plain.create_list(page, "list")
            for content in ("Milk", "Bread", "Eggs"):
                self.plain.create_item(page, of, content)
            self.plain.create_note(page, "Note", "body")
            self.plain.tag(page, {"old"})

    def page(self, client: int, number: int) -> Page:
        """Return the object of a client for a page, which may be old."""
        key = client, self.pages[number]
        if key not in self.objects:
            self.objects[key] = Page.find(key[1], using=self.clients[client], fresh=True)
        return self.objects[key]

    # --- between the calls ------------------------------------------------------------------

    @rule(client=st.integers(0, 1), number=st.integers(0, 1))
    def load(self, client: int, number: int) -> None:
        self.objects.pop((client, self.pages[number]), None)
        self.page(client, number)

    @rule(number=st.integers(0, 1), kind=st.integers(0, 5), which=st.integers(0, 9))
    def write_elsewhere(self, number: int, kind: int, which: int) -> None:
        """Edit a record, copy one of any page to this one, or destroy a list."""
        account, page = self.plain.read(), self.pages[number]
        if kind < 3:
            self.edit(account, number, which)
        elif kind == 3:
            notes = [note for each in account.values() for note in each.notes.values()]
            if notes:
                self.plain.create_note(page, *notes[which % len(notes)])
        elif kind == 4:
            items = [item for each in account.values() for item in each.items.values()]
            lists = [*account[page].lists] or [self.plain.create_list(page, "list")]
            if items:
                self.plain.create_item(page, lists[0], items[which % len(items)][1])
        elif account[page].notes:
            self.plain.destroy(
                page, "notes", [*account[page].notes][which % len(account[page].notes)]
            )

    def edit(self, account: Account, number: int, which: int) -> None:
        """Give a record of a page another text, in the account too."""
        page, stored, text = self.pages[number], account[self.pages[number]], next(self.texts)
        records = [*stored.notes, *stored.items]
        if not records or which % 4 == 3:
            stored.tags.add(text)
            self.plain.tag(page, stored.tags)
            return
        id = records[which % len(records)]
        if id in stored.notes:
            stored.notes[id] = stored.notes[id][0], text
            self.plain.edit_note(page, id, *stored.notes[id])
        else:
            of, _, done = stored.items[id]
            stored.items[id] = of, text, done
            self.plain.edit_item(page, of, id, text)

    @rule(client=st.integers(0, 1), number=st.integers(0, 1), which=st.integers(0, 9))
    def type_a_text(self, client: int, number: int, which: int) -> None:
        """Set a text of an object, and do not save it."""
        page = self.page(client, number)
        items = [item for each in page.lists for item in each.items]
        if items:
            items[which % len(items)].content = ("Milk", "Eggs", "typed")[which % 3]
        if page.notes and which % 2:
            page.notes[0].title = ("Note", "typed")[which % 4 == 1]

    # --- calls ------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(sorted(CALLS)),
        client=st.integers(0, 1),
        here=st.integers(0, 1),
        which=st.integers(0, 5),
        fault=st.sampled_from(FAULTS),
        at=st.integers(0, 11),
        during=st.sampled_from(["fault", "edit", "nothing"]),
        again=st.booleans(),
    )
    def call(
        self,
        name: str,
        client: int,
        here: int,
        which: int,
        fault: str,
        at: int,
        during: str,
        again: bool,
    ) -> None:
        call = CALLS[name](
            self.page(client, here), self.page(client, 1 - here), which, next(self.texts)
        )
        if call is None:
            return
        before = self.plain.read()
        start = deepcopy(before)
        interrupt: dict[str, Act] = {
            "fault": lambda: self.box.faults.add(f"{fault} times=1"),
            "edit": lambda: self.edit(start, which % 2, which),
            "nothing": lambda: None,
        }
        with Interception(at, interrupt[during]) as interception:
            tries, is_done, is_spoilt = self.attempt(call, again=again)
        after = self.plain.read()
        is_late = during == "edit" and any(each in interception.path for each in DECIDED)
        if not is_late:
            stored, found = totals(start, before), totals(after, before)
            removed, added = call.change(start)
            expected = stored - removed + added
            if is_done and not is_spoilt and (removed or found != stored + call.change(before)[1]):
                assert found == expected, (found - expected, expected - found)
            check(found, stored, expected, tries)
        for id in {*after} - {*before}:
            self.plain.destroy_page(id)

    def attempt(self, call: Call, *, again: bool) -> tuple[int, bool, bool]:
        """Make a call, and do the rest after an error.

        Returns:
            The number of attempts, whether it is done, and whether a copy was spoilt.
        """
        act, is_spoilt = call.act, False
        for tries in range(1, 4):
            try:
                act()
            except ValidationError:
                for page in self.objects.values():
                    discard(page)
                break
            except BackpackError as error:
                self.box.faults.clear()
                is_spoilt |= isinstance(error, StaleRecord)
                if call.is_resumable and not (call.is_repeatable and again):
                    act = error.resume
                elif not call.is_repeatable:
                    break
            else:
                return tries, True, is_spoilt
        return tries, False, is_spoilt


def totals(account: Account, before: Account) -> Totals:
    """Return all that is stored, and how often, by page."""
    found = Totals()
    for id, page in account.items():
        found += on(id if id in before else NEW, page)
    return found


def check(found: Totals, start: Totals, end: Totals, tries: int) -> None:
    """Check that nothing is lost or doubled on all pages, after a call that was stopped."""
    has, had, has_to = (anywhere(each) for each in (found, start, end))
    for text in {*has, *had, *has_to}:
        assert has[text] >= min(had[text], has_to[text]), ("lost", text)
        spoilt = tries if has_to[text] > had[text] or text in anywhere(end - start) else 0
        assert has[text] <= max(had[text], has_to[text]) + spoilt, ("doubled", text)


def anywhere(each: Totals) -> Totals:
    """Return how often each text is stored, on any page."""
    found = Totals()
    for (_, *text), n in each.items():
        found[tuple(text)] += n
    return found


@pytest.mark.network
def test_nothing_is_lost_or_doubled_whatever_fails_and_whoever_else_writes() -> None:
    run_state_machine_as_test(
        TwoWriters,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            phases=[Phase.generate],  # a sequence takes too long to be shortened
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
