"""A campaign: threads that write and read through the mapper while the service fails."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import select

from backpack_orm import (
    BackpackError,
    Connection,
    Item,
    JournalEntry,
    List,
    Page,
    Reminder,
    Separator,
    User,
)
from backpack_orm.sandbox import Fault, Sandbox, models
from tests.chaos.journal import Difference, Journal, Key, Kind, State

THREADS = 8
SHARE = 0.1
"""Share of requests with a fault."""
NOW = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)
FAULTS = {
    "drop_before_write": 2,
    "drop_after_write": 2,
    "drop_when_idle": 1,
    "truncate": 1,
    "wrong_length": 1,
    "garbage": 1,
    "html_page": 1,
    "status 500": 1,
    "status 502": 1,
    "status 502 executed=yes": 1,
    "status 503": 1,
    "status 503 retry_after=1": 0.1,
    "error_body 500": 0.5,
    "redirect http://127.0.0.1:9{path}": 0.5,
    "latency 0.02": 0.5,
    "slow_body 0.02": 0.5,
}
"""Faults with their relative frequency; the one that pauses all threads is rare."""
TEXTS = ("", "R & D <b>", "café “q”", "two\nlines", "&rarr; &amp;", "كلمات 🎶")
ROOM = 40
"""Number of records per thread before it destroys some."""
SHOWN = 20
"""Maximum number of differences in a report."""
ACCOUNT = "the account"

KINDS: dict[str, tuple[str, Callable[[Worker, str], Any]]] = {
    "note": ("body", lambda worker, text: worker.page.notes.create(body=text)),
    "list": ("name", lambda worker, text: worker.page.lists.create(name=text)),
    "item": ("content", lambda worker, text: worker.items.items.create(content=text)),
    "separator": ("name", lambda worker, text: Separator.create(page=worker.page, name=text)),
    "page": ("title", lambda worker, text: Page.create(title=text, using=worker.connection)),
    "reminder": (
        "content",
        lambda worker, text: Reminder.create(
            content=text, remind_at=datetime(2032, 1, 1), using=worker.connection
        ),
    ),
    "entry": ("body", lambda worker, text: JournalEntry.create(user=worker.me, body=text)),
}
"""Records that are created and changed: the text field, and how to create one."""
IN_ACCOUNT = {"page", "reminder", "entry"}


@frozen
class Report:
    """Result of a campaign.

    Attributes:
        seconds: How long it took.
        writes: Writes by reported result: done, failed, unknown.
        reads: Number of reads.
        failed_reads: Number of reads that raised an error.
        calls: Requests that the service received.
        faults: Requests that met a fault, by description of the fault.
        retries: Number of retries.
        storage: How stored records differ from the reported results.
        views: How records read meanwhile differ from the reported results.
    """

    seconds: float
    writes: Mapping[str, int]
    reads: int
    failed_reads: int
    calls: int
    faults: Mapping[str, int]
    retries: int
    storage: Sequence[Difference]
    views: Sequence[Difference]

    @property
    def is_clean(self) -> bool:
        """Whether stored records match the reported results."""
        return not self.storage and not self.views

    def count(self, kind: Kind) -> int:
        """Number of records that differ in storage in this way."""
        return sum(difference.kind is kind for difference in self.storage)

    def __str__(self) -> str:
        faults = sum(self.faults.values())
        rows = {
            "seconds": f"{self.seconds:.0f}",
            "writes": f"{sum(self.writes.values()):,}, failed {self.writes['failed']:,}",
            "reads": f"{self.reads:,}, failed {self.failed_reads:,}",
            "calls": f"{self.calls:,}",
            "faults met": f"{faults:,}, {faults / self.calls:.1%}",
            "retries": f"{self.retries:,}",
            "unknown outcomes": f"{self.writes['unknown']:,}",
            "lost": f"{self.count(Kind.LOST):,}",
            "doubled": f"{self.count(Kind.DOUBLED):,}",
            "there unreported": f"{self.count(Kind.UNREPORTED):,}",
            "read otherwise": f"{len(self.views):,}",
        }
        lines = [f"{name:<17} {value}" for name, value in rows.items()]
        lines += map(str, [*self.storage, *self.views][:SHOWN])
        return "\n".join(lines)


@define(eq=False)
class Worker:
    """One thread: it writes to a page of its own and to the account, and reads."""

    number: int
    dice: random.Random
    connection: Connection
    me: User
    journal: Journal
    page: Page = field(init=False)
    name: str = field(init=False)
    items: List = field(init=False)
    switches: dict[str, Item] = field(init=False)
    """Items by content, since reading the content after an unknown outcome is a request."""
    places: dict[str, Item] = field(init=False)
    live: dict[Key, Any] = field(factory=dict, init=False)
    reads: int = field(default=0, init=False)
    failed_reads: int = field(default=0, init=False)
    views: list[Difference] = field(factory=list, init=False)
    _count: int = field(default=0, init=False)

    def settle(self) -> None:
        """Create the page and its permanent records before any fault is active."""
        self.name = f"home.{self.number}"
        self.page = Page.create(title=self.name, using=self.connection)
        self._known((self.name, "description", self.name), "")
        self._known((self.name, "tags", self.name), ())
        self.items, switches, order = (
            self.page.lists.create(name=name) for name in ("items", "switches", "order")
        )
        for each in (self.items, switches, order):
            self._known((self.name, "list", each.name), each.name)
        self.switches, self.places = (
            {name: each.items.create(content=name) for name in [f"{kind}.{n}" for n in range(5)]}
            for kind, each in [("switch", switches), ("place", order)]
        )
        for name in self.switches:
            self._known((self.name, "switch", name), False)
        placed = tuple(item.content for item in Item.all(list=order, fresh=True))
        self._known((self.name, "order", self.name), placed)

    def work(self, writes: int, reads: int) -> None:
        """Write and read this many times, in random order."""
        steps = [self.write] * writes + [self.read] * reads
        self.dice.shuffle(steps)
        for step in steps:
            step()

    def write(self) -> None:
        """Make one random write."""
        chance = self.dice.random()
        if chance < 0.2:
            self._write_home()
        elif chance < 0.6 and self.live:
            self._change(*self.dice.choice([*self.live.items()]))
        elif len(self.live) > self.dice.uniform(0, ROOM):
            self._destroy(*self.dice.choice([*self.live.items()]))
        else:
            self._create(self.dice.choice([*KINDS]))

    def read(self) -> None:
        """Make one random read; its own page must match the writes."""
        self.reads += 1
        fresh = self.dice.random() < 0.5
        ways: list[Callable[[], object]] = [
            lambda: self._look(fresh),
            lambda: self._look(fresh),
            lambda: Page.all(using=self.connection, fresh=fresh),
            lambda: Reminder.all(using=self.connection, fresh=fresh),
            lambda: next(JournalEntry.iter(using=self.connection, fresh=fresh), None),
            lambda: User.me(using=self.connection, fresh=fresh),
            lambda: len(self.page.reload().notes),
        ]
        try:
            self.dice.choice(ways)()
        except BackpackError:
            self.failed_reads += 1

    def _look(self, fresh: bool) -> None:
        page = Page.find(self.page.id, using=self.connection, fresh=fresh)
        self.views += self.journal.differences(self.name, gathered(seen(page, self.name)))

    def _known(self, key: Key, state: State) -> None:
        self.journal.write(key, lambda _: state, lambda: None)

    def _text(self, mark: str) -> str:
        self._count += 1
        return f"{mark} {self.dice.choice(TEXTS)} {self._count}"

    def _create(self, kind: str) -> None:
        self._count += 1
        mark = f"{kind}.{self.number}.{self._count}"
        text = self._text(mark)
        key = (ACCOUNT if kind in IN_ACCOUNT else self.name, kind, mark)
        _, create = KINDS[kind]
        made = self._send(key, lambda _: text, lambda: create(self, text))
        if made is None:
            return
        self.live[key] = made
        if kind == "page" and self.dice.random() < 0.3:
            copied = f"{text} (copy)"
            key = (ACCOUNT, "copy", mark)
            self._send(key, lambda _: copied, made.duplicate)

    def _change(self, key: Key, record: Any) -> None:
        text = self._text(key[2])
        setattr(record, KINDS[key[1]][0], text)
        if self._send(key, lambda _: text, record.save) is None:
            record.discard()

    def _destroy(self, key: Key, record: Any) -> None:
        del self.live[key]
        self._send(key, lambda _: None, record.destroy)

    def _write_home(self) -> None:
        what = self.dice.choice(["description", "tags", "switch", "order"])
        self._count += 1
        if what == "description":
            self._change_home("description", f"text {self._count}")
        elif what == "tags":
            self._change_home("tags", (f"tag {self._count}", "R&D"))
        elif what == "switch":
            name, item = self.dice.choice([*self.switches.items()])
            verb = self.dice.choice(["complete", "reopen", "toggle"])
            after = {"complete": lambda _: True, "reopen": lambda _: False}.get(verb, _flipped)
            key = (self.name, "switch", name)
            self._send(key, after, getattr(item, verb))
        else:
            name, item = self.dice.choice([*self.places.items()])
            verb = self.dice.choice(["move_higher", "move_lower"])
            key = (self.name, "order", self.name)
            self._send(key, lambda state: _moved(state, name, verb), getattr(item, verb))

    def _change_home(self, name: str, value: object) -> None:
        setattr(self.page, name, value)
        key = (self.name, name, self.name)
        if self._send(key, lambda _: value, self.page.save) is None:
            self.page.discard()

    def _send(self, key: Key, change: Callable[[State], State], send: Callable[[], Any]) -> Any:
        """Return the result of a write, or True if it has none; None if it failed."""

        def sent() -> object:
            result = send()
            return True if result is None else result

        return self.journal.write(key, change, sent)


def run(
    seed: int, writes: int, reads: int, threads: int = THREADS, data: str = ":memory:"
) -> Report:
    """Run a campaign and compare stored records with the reported results.

    `data` is where the sandbox stores them; a database must not have an account yet.
    """
    began = time.monotonic()
    with (
        Sandbox(seed="empty", data=data, clock=_clock()) as box,
        Connection(box.url, token=box.token, limits=None, max_wait=600) as connection,
    ):
        journal, me = Journal(), User.me(using=connection)
        workers = [
            Worker(number, random.Random(f"{seed}/{number}"), connection, me, journal)
            for number in range(threads)
        ]
        for worker in workers:
            worker.settle()
        journal.outcomes.clear()
        before = box.requests
        faults = plan(box, seed)
        with ThreadPoolExecutor(threads) as pool:
            for done in [
                pool.submit(worker.work, writes // threads, reads // threads) for worker in workers
            ]:
                done.result()
        box.faults.clear()
        return Report(
            seconds=time.monotonic() - began,
            writes=journal.outcomes,
            reads=sum(worker.reads for worker in workers),
            failed_reads=sum(worker.failed_reads for worker in workers),
            calls=box.requests - before,
            faults={text: fault.fired for text, fault in faults.items()},
            retries=connection.stats.retries,
            storage=journal.all_differences(gathered(stored(box))),
            views=[difference for worker in workers for difference in worker.views],
        )


def plan(box: Sandbox, seed: int) -> dict[str, Fault]:
    """Make a share of all requests fail."""
    box.faults._generator = random.Random(seed)
    left, faults = 1.0, {}
    for text, weight in FAULTS.items():
        share = SHARE * weight / sum(FAULTS.values())
        faults[text] = box.faults.add(f"{text} chance={share / left:.6f}")
        left -= share
    return faults


def seen(page: Page, name: str) -> Iterator[tuple[Key, State]]:
    """Return a worker's page as the mapper reads it."""
    yield (name, "description", name), page.description
    yield (name, "tags", name), tuple(tag.name for tag in page.tags)
    for note in page.notes:
        yield (name, "note", _mark(note.body)), note.body
    for line in page.separators:
        yield (name, "separator", _mark(line.name)), line.name
    for each in page.lists:
        yield (name, "list", _mark(each.name)), each.name
        items = [(item.content, item.completed) for item in each.items]
        yield from _list_states(name, each.name, items)


def stored(box: Sandbox) -> Iterator[tuple[Key, State]]:
    """Return the records that the sandbox has stored, read directly from its database."""
    with box._database.transaction() as session:
        for page in session.scalars(select(models.Page)):
            if page.title.startswith("home."):
                yield from _stored_on(page)
            else:
                kind = "copy" if page.title.endswith("(copy)") else "page"
                yield (ACCOUNT, kind, _mark(page.title)), page.title
        for reminder in session.scalars(select(models.Reminder)):
            yield (ACCOUNT, "reminder", _mark(reminder.content)), reminder.content
        for entry in session.scalars(select(models.JournalEntry)):
            yield (ACCOUNT, "entry", _mark(entry.body)), entry.body


def gathered(found: Iterator[tuple[Key, State]]) -> dict[Key, list[State]]:
    """Return the records found, by key."""
    states: defaultdict[Key, list[State]] = defaultdict(list)
    for key, state in found:
        states[key].append(state)
    return states


def _stored_on(page: models.Page) -> Iterator[tuple[Key, State]]:
    name = page.title
    yield (name, "description", name), page.description
    yield (name, "tags", name), tuple(tagging.tag.name for tagging in page.taggings)
    for note in page.of(models.Note):
        yield (name, "note", _mark(note.body)), note.body
    for line in page.of(models.Separator):
        yield (name, "separator", _mark(line.name)), line.name
    for each in page.of(models.List):
        yield (name, "list", _mark(each.name)), each.name
        items = [(item.content, item.completed) for item in each.items]
        yield from _list_states(name, each.name, items)


def _list_states(
    name: str, in_list: str, items: list[tuple[str, bool]]
) -> Iterator[tuple[Key, State]]:
    if in_list == "order":
        yield (name, "order", name), tuple(content for content, _ in items)
        return
    for content, completed in items:
        if in_list == "switches":
            yield (name, "switch", content), completed
        else:
            yield (name, "item", _mark(content)), content


def _mark(text: str) -> str:
    return text.split(" ", 1)[0]


def _flipped(state: State) -> State:
    return not state


def _moved(state: State, item: str, verb: str) -> State:
    assert isinstance(state, tuple)
    order = [*state]
    old = order.index(item)
    new = min(max(old + (1 if verb == "move_lower" else -1), 0), len(order) - 1)
    order.insert(new, order.pop(old))
    return tuple(order)


def _clock() -> Callable[[], datetime]:
    """Return a clock for the sandbox in which no two events are simultaneous, in any thread."""
    lock, ticks = Lock(), iter(range(10**9))

    def now() -> datetime:
        with lock:
            return NOW + timedelta(milliseconds=next(ticks))

    return now
