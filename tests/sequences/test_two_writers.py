"""The mapper and a plain client write one account; nothing is lost or doubled, whatever fails.

Objects of two connections stay in use while the plain client writes, so they are older than what is
stored, and some have unsaved changes. Before a request of a call, and before each of its requests
in one case or another, the plain client edits a record, or another thread makes the same call, or
the request fails. Then the plain client reads everything and compares it with what the call should
have done.

Each case has its call, the number of its request, and its seed. `TWO_WRITERS=1000` also runs that
many long sequences of all calls.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import count
from typing import Any, ClassVar, NamedTuple
from zlib import crc32

import pytest
import requests
import urllib3
from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

import backpack_orm
from backpack_orm import (
    BackpackError,
    Connection,
    NotFound,
    Page,
    StaleRecord,
    ValidationError,
)
from backpack_orm.connection import parallel
from backpack_orm.connection.sockets import Phase as Sent
from backpack_orm.connection.sockets import progress
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.schema.registry import registry
from backpack_orm.sandbox import Sandbox

from .calls import CALLS, ELSEWHERE, NEW, Account, Call, Case, Totals, discard, on
from .plain_client import PlainClient

pytestmark = pytest.mark.network

Act = Callable[[], Any]
Send = Callable[..., requests.Response]

EXAMPLES = int(os.environ.get("TWO_WRITERS", "3"))
PARTS, STEPS, LONG, TRIES = 3, 3, 20, 4
WAITS_AFTER = 0.02
"""Seconds after which another thread counts as waiting for the call."""
PRELUDES = ["nothing", "load", "typed", "twins", "created", "edited", "destroyed"]
DECIDED = re.compile(r"(?:destroy|update)/(\d+)|(\d+)/tags/tag$")
"""Writes that rest on what was read right before: an edit in between is lost, as documented."""


def dropped(request: Any) -> requests.ConnectionError:
    """Return the error of a request without a response."""
    progress.phase = Sent.SENDING
    broken = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104))
    return requests.ConnectionError(broken, request=request)


def drop_before(send: Send, adapter: Any, request: Any, **options: Any) -> requests.Response:
    raise dropped(request)


def drop_after(send: Send, adapter: Any, request: Any, **options: Any) -> requests.Response:
    send(adapter, request, **options)
    raise dropped(request)


def answering(status: int) -> Send:
    def answer(send: Send, adapter: Any, request: Any, **options: Any) -> requests.Response:
        raw = urllib3.HTTPResponse(body=b"", status=status, preload_content=False)
        response: requests.Response = adapter.build_response(request, raw)
        return response

    return answer


def pass_on(send: Send, adapter: Any, request: Any, **options: Any) -> requests.Response:
    return send(adapter, request, **options)


FAULTS: dict[str, Send] = {
    "lost before it arrived": drop_before,
    "lost after it was carried out": drop_after,
    "500": answering(500),
    "403": answering(403),
}


class Edit(NamedTuple):
    """An edit by the plain client, and the ids of what it changes; `old` is None for a new tag."""

    page: int
    old: str | None
    new: str
    ids: set[int]

    def made_to(self, all: Totals) -> Totals:
        """Return totals after the edit."""
        if self.old is None:
            return all + Totals({(self.page, "tag", self.new): 1})
        for key in all:
            if key[0] == self.page and self.old in key[1:]:
                renamed = tuple(self.new if part == self.old else part for part in key)
                return all - Totals({key: 1}) + Totals({renamed: 1})
        return all


NO_EDIT = Edit(0, "", "", set())


class Interception:
    """Does something right before a request of a call, or to it, and counts its requests."""

    def __init__(self, number: int, act: Act, fault: Send = pass_on) -> None:
        self._number, self._act, self._fault = number, act, fault
        self._is_acting = False
        self._rivals: list[threading.Thread] = []
        self.count = 0
        self.path = ""

    def __enter__(self) -> Interception:
        self._send = send = requests.adapters.HTTPAdapter.send

        def intercepted(adapter: Any, request: Any, **options: Any) -> Any:
            if self._is_acting or threading.current_thread() in self._rivals:
                return send(adapter, request, **options)
            self.count += 1
            if self.path or self.count <= self._number:
                return send(adapter, request, **options)
            self.path, self._is_acting = request.path_url, True
            self._act()
            self._is_acting = False
            return self._fault(send, adapter, request, **options)

        self._patch(intercepted)
        return self

    def __exit__(self, *error: object) -> None:
        for rival in self._rivals:
            rival.join()
        self._patch(self._send)

    def compete(self, act: Act) -> None:
        """Make a call in another thread, until it ends or waits."""

        def run() -> None:
            with suppress(BackpackError):
                act()

        self._rivals.append(threading.Thread(target=run))
        self._rivals[-1].start()
        self._rivals[-1].join(WAITS_AFTER)

    def _patch(self, send: Any) -> None:
        requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]


class TwoWriters(RuleBasedStateMachine):
    """An account with two pages, each with a list and notes."""

    box: ClassVar[Sandbox]
    names: ClassVar[list[str]] = sorted(CALLS)
    number: ClassVar[int | None] = None
    """The number of the request before which something happens; None: another one each time."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = PlainClient(self.box.url, self.box.token)
        self.clients = [
            Connection(self.box.url, token=self.box.token, max_wait=0, limits=None)
            for _ in range(2)
        ]
        self.objects: dict[tuple[int, int], Page] = {}
        self.unsaved: list[Any] = []
        """The objects with local changes."""
        self.texts = map("text{}".format, count())
        self.workers, parallel.WORKERS = parallel.WORKERS, 1

    def teardown(self) -> None:
        parallel.WORKERS = self.workers
        for client in self.clients:
            client.close()
        for id in self.plain.read():
            self.plain.destroy_page(id)

    @initialize(is_drawn=st.booleans())
    def begin(self, is_drawn: bool) -> None:
        assume(is_drawn)  # the simplest sequence, which hypothesis tries first, tests nothing
        self.fill()

    def fill(self) -> None:
        page = self.plain.create_page("page")
        of = self.plain.create_list(page, "list")
        for content in ("Milk", "Bread", "Eggs"):
            self.plain.create_item(page, of, content, done=content == "Eggs")
        self.plain.create_note(page, "Note", "body")
        self.plain.tag(page, {"old"})
        self.pages = [page, self.plain.duplicate_page(page)]

    def page(self, client: int, number: int) -> Page:
        """Return the object of a client for a page, which may be old."""
        key = client, self.pages[number]
        if key not in self.objects:
            self.objects[key] = Page.find(key[1], using=self.clients[client], fresh=True)
        return self.objects[key]

    # --- before a call ------------------------------------------------------------------------

    def nothing(self, client: int, number: int, how: int) -> None:
        """Leave all as it is."""

    def load(self, client: int, number: int, how: int) -> None:
        """Load a page again."""
        self.objects.pop((client, self.pages[number]), None)
        self.page(client, number)

    def twins(self, client: int, number: int, how: int) -> None:
        """Copy a note and the items of a page to the other one."""
        page, other = self.pages[number], self.pages[1 - number]
        here, there = self.plain.read_page(page), self.plain.read_page(other)
        of = next(iter(there.lists), None) or self.plain.create_list(other, "list")
        for _, content, done in here.items.values():
            self.plain.create_item(other, of, content, done)
        for note in here.notes.values():
            self.plain.create_note(other, *note)

    def created(self, client: int, number: int, how: int) -> None:
        """Create a note, if there is none with its title."""
        page = self.pages[number]
        if ELSEWHERE not in dict(self.plain.read_page(page).notes.values()):
            self.plain.create_note(page, ELSEWHERE, "")

    def edited(self, client: int, number: int, how: int) -> None:
        """Edit a record."""
        self.edit(self.plain.read(), number, how)

    def destroyed(self, client: int, number: int, how: int) -> None:
        """Destroy a note."""
        page = self.pages[number]
        for id, (title, _) in self.plain.read_page(page).notes.items():
            if title != ELSEWHERE:
                self.plain.destroy(page, "notes", id)
                break

    def typed(self, client: int, number: int, how: int) -> None:
        """Set texts of objects, and do not save them."""
        page = self.page(client, number)
        items = [item for each in page.lists for item in each.items]
        if items:
            item = items[how % len(items)]
            item.content = ("Milk", "Eggs", "typed")[how % 3]
            self.unsaved += [item] * item.is_dirty
        if page.notes:
            note = page.notes[0]
            note.title = ("Note", "typed")[how % 2]
            self.unsaved += [note] * note.is_dirty

    def edit(self, account: Account, number: int, how: int) -> Edit:
        """Give a record of a page another text, in the account too."""
        page, stored, text = self.pages[number], account[self.pages[number]], next(self.texts)
        now, records = self.plain.read_page(page), [*stored.items, *stored.notes]
        id = records[how % len(records)] if records else 0
        if how % 4 == 3:
            stored.tags.add(text)
            self.plain.tag(page, {*now.tags, text})
            return Edit(page, None, text, {page})
        if id in now.notes:
            title, old = stored.notes[id]
            stored.notes[id] = title, text
            self.plain.edit_note(page, id, now.notes[id][0], text)
            return Edit(page, old, text, {id})
        if id in now.items:
            of, old, done = stored.items[id]
            stored.items[id] = of, text, done
            self.plain.edit_item(page, of, id, text)
            return Edit(page, old, text, {id, of})
        return NO_EDIT

    # --- calls ------------------------------------------------------------------------------

    @rule(
        data=st.data(),
        prelude=st.sampled_from(PRELUDES),
        client=st.integers(0, 1),
        other=st.integers(0, 1),
        here=st.integers(0, 1),
        which=st.integers(0, 5),
        how=st.integers(0, 11),
        again=st.booleans(),
    )
    def call(
        self,
        data: Any,
        prelude: str,
        client: int,
        other: int,
        here: int,
        which: int,
        how: int,
        again: bool,
    ) -> None:
        """Make a call, with something before it and something at one of its requests."""
        name = data.draw(st.sampled_from(self.names))
        requests, prepare = CALLS[name]
        number = self.number
        if number is None:
            number = data.draw(st.integers(0, max(requests, 1) - 1))
        self.page(client, here), self.page(other, 1 - here)  # older than the prelude
        getattr(self, prelude)(client, here, how)
        pages = self.page(client, here), self.page(other, 1 - here)
        try:
            call = prepare(Case(*pages, which, next(self.texts)))
        except (LookupError, NotFound):
            return
        events = ["edit", "edit", *FAULTS, *(["rival"] * 4 if call.rival else [])]
        during = data.draw(st.sampled_from(events))
        place, spot = data.draw(st.tuples(st.integers(0, 1), st.integers(0, 7)))
        before = self.plain.read()
        start = deepcopy(before)
        edit = NO_EDIT

        def act() -> None:
            nonlocal edit
            if during == "edit":
                edit = self.edit(start, place, spot)
            elif call.rival and during == "rival":
                interception.compete(call.rival)

        with Interception(number, act, FAULTS.get(during, pass_on)) as interception:
            outcome = self.attempt(call, again=again)
        if name.endswith("move_to"):
            assert not any(map(is_gone, self.unsaved)), "what was typed is destroyed"
        self.unsaved.clear()
        for page in pages:
            discard(page)
        after = self.plain.read()
        self.compare(call, before, start, after, outcome, edit, interception.path, number)
        for id in {*after} - {*self.pages}:
            self.plain.destroy_page(id)

    def attempt(self, call: Call, *, again: bool) -> Outcome:
        """Make a call, and do the rest after an error."""
        act, errors = call.act, dict[int, BackpackError]()
        for _ in range(TRIES):
            try:
                act()
            except BackpackError as error:
                errors[id(error)] = error
                if isinstance(error, ValidationError):
                    break
                act = partial(rest, call, error, again=again)
            else:
                return Outcome(True, [*errors.values()])
        return Outcome(False, [*errors.values()])

    def compare(
        self,
        call: Call,
        before: Account,
        start: Account,
        after: Account,
        outcome: Outcome,
        edit: Edit,
        path: str,
        number: int,
    ) -> None:
        """Compare what is stored with what a call should have done.

        Args:
            call: The call.
            before: What was stored before it.
            start: The same with the edit during the call.
            after: What is stored afterwards.
            outcome: How it ended.
            edit: The edit during the call.
            path: The path of the request before which it was made.
            number: The number of this request.
        """
        assert outcome.is_done or not (
            call.is_repeatable and all(isinstance(each, StaleRecord) for each in outcome.errors)
        ), "it never completes"
        stored, found = totals(start, before), totals(after, before)
        removed, added = call.change(start)
        expected = stored - removed + added
        first, (left, new) = totals(before, before), call.change(before)
        undisturbed = first - left + new
        written = DECIDED.search(path)
        if written and int(written[1] or written[2]) in edit.ids:
            return
        if call.is_planned and edit.new and not outcome.errors and number:
            assert any(edit.new in key for key in found), "what was edited is destroyed"
        if any(isinstance(each, ValidationError) for each in outcome.errors[:1]):
            assert found == stored, (found - stored, stored - found)
        elif outcome.is_done and not outcome.spoilt:
            allowed = [expected, edit.made_to(undisturbed)]
            if not removed:
                allowed.append(stored + new)
            assert found in allowed, (found - expected, expected - found)
        once = anywhere(new | added)
        copies = Totals({text: outcome.spoilt * n for text, n in once.items()})
        has, had, has_to = (anywhere(each) for each in (found, stored, expected))
        lost = (had & has_to) - has
        assert not lost, ("lost", lost)
        most = anywhere(first | undisturbed | edit.made_to(undisturbed))
        doubled = has - (had | has_to | most) - copies
        assert not doubled, ("doubled", doubled)


class Outcome(NamedTuple):
    """How a call ended: whether it is done, and the errors before."""

    is_done: bool
    errors: list[BackpackError]

    @property
    def spoilt(self) -> int:
        """How many copies were left, since somebody has changed them or their originals."""
        return sum(isinstance(each, StaleRecord) for each in self.errors)


def rest(call: Call, error: BackpackError, *, again: bool) -> object:
    """Do the rest of a call: make it again, if that is allowed, or continue it."""
    is_repeatable = call.is_repeatable or error.retryable
    if not (again and is_repeatable):
        try:
            return error.resume()
        except TypeError:  # there is nothing to continue
            if not is_repeatable:
                raise error from None
    return call.act()


def is_gone(record: Any) -> bool:
    return bool(record.is_destroyed or record._parent.is_destroyed)


def totals(account: Account, before: Account) -> Totals:
    """Return all that is stored, and how often, by page."""
    found = Totals()
    for id, page in account.items():
        found += on(id if id in before else NEW, page)
    return found


def anywhere(each: Totals) -> Totals:
    """Return how often each text is stored, on any page."""
    found = Totals()
    for (_, *text), n in each.items():
        found[tuple(text)] += n
    return found


def run_sequences(names: list[str], number: int | None, seeded: str, *, steps: int) -> None:
    """Run sequences of calls, the same ones each time."""
    kind = type("TwoWriters", (TwoWriters,), {"names": names, "number": number})
    run_state_machine_as_test(
        seed(crc32(seeded.encode()))(kind),
        settings=settings(
            max_examples=1,
            stateful_step_count=steps,
            phases=[Phase.generate],  # a sequence takes too long to be shortened
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(autouse=True, scope="module")
def box() -> Iterator[None]:
    with Sandbox(seed="empty") as TwoWriters.box:
        yield


@pytest.mark.parametrize(
    ("name", "number", "part"),
    [
        (name, number, part)
        for name, (count, _) in CALLS.items()
        for number in range(max(count, 1))
        for part in range(PARTS)
    ],
)
def test_nothing_is_lost_or_doubled_whatever_happens_at_a_request(
    name: str, number: int, part: int
) -> None:
    run_sequences([name], number, f"{name} {number} {part}", steps=STEPS)


@pytest.mark.parametrize("name", CALLS)
def test_each_call_makes_as_many_requests_as_are_disturbed(name: str) -> None:
    state = TwoWriters()
    try:
        state.fill()
        call = CALLS[name][1](Case(state.page(0, 0), state.page(0, 1), 3, "text"))
        with Interception(10**6, lambda: None) as interception:
            call.act()
        assert interception.count == CALLS[name][0]
    finally:
        state.teardown()


@pytest.mark.parametrize("part", range(EXAMPLES))
def test_nothing_is_lost_or_doubled_in_long_sequences_of_all_calls(part: int) -> None:
    run_sequences(sorted(CALLS), None, str(part), steps=LONG)


# --- all calls ----------------------------------------------------------------------------------

READS = {
    *("all", "count", "exclude", "exists", "export", "find", "find_by", "first", "get", "index"),
    *("iter", "last", "me", "order_by", "search", "to_dict", "to_frame", "to_json", "to_polars"),
    *("to_records", "where"),
}
"""The methods that neither write nor discard anything; all others have calls."""


def methods_of(kind: type) -> set[str]:
    names = {name for name in dir(kind) if not name.startswith("_")}
    return {name for name in names if callable(getattr(kind, name))} - READS


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield from (each, *subclasses(each))


def test_each_method_of_records_and_collections_that_writes_has_a_call() -> None:
    for name in backpack_orm.__all__:
        getattr(backpack_orm, name)
    models = [each for each in registry.values() if each.__module__.startswith("backpack_orm")]
    names = {each.__name__ for each in models}
    assert {"Page", "Note", "Item", "List", "Tag", "Separator"} <= names
    assert called(lambda name: not name.endswith("s")) == set().union(*map(methods_of, models))
    kinds = [each for each in subclasses(Collection) if each.__module__.startswith("backpack_orm")]
    assert called(lambda name: name.endswith("s")) == set().union(*map(methods_of, kinds))


def called(is_owner: Callable[[str], bool]) -> set[str]:
    """Return the methods that are called of some owners."""
    pairs = (name.split(" ")[0].split(".") for name in CALLS)
    return {method for owner, method in pairs if is_owner(owner)}
