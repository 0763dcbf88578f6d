"""The journal over many syncs: nothing is lost, and snapshots do not grow without bound."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.archive import journal
from backpack_orm.archive.collecting import Collected
from backpack_orm.archive.contents import Contents, StoredResponse
from backpack_orm.archive.sealed import sha256
from tests.seeds import examples


class Service:
    """The journal of an account: pairs of id and text, the newest first."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []
        self._last = 0

    def add(self, count: int) -> None:
        for _ in range(count):
            self._last += 1
            self.entries.insert(0, (self._last, f"entry {self._last}"))

    def window(self, n: int) -> Sequence[tuple[int, str]]:
        return self.entries[n * journal.WINDOW : (n + 1) * journal.WINDOW]


def collected(service: Service, previous: Contents | None) -> Collected:
    """Read the journal as a sync does, without HTTP."""
    found = Collected()
    settled = {
        entry.id
        for name in journal.settled(previous)
        if previous is not None
        for entry in journal.entries_in(previous.read(name))
    }
    for n in range(10_000):
        window = service.window(n)
        body = "".join(
            f"<journal-entry><body>{text}</body><id>{id}</id></journal-entry>"
            for id, text in window
        ).encode()
        body = b"<journal-entries>" + body + b"</journal-entries>"
        name = journal.fresh_name(n)
        stored = StoredResponse(name, "GET", f"/{n}", 200, "", sha256(body), len(body))
        found.responses[name] = stored, body
        has_met = not settled.isdisjoint(id for id, _ in window)
        if len(window) < journal.WINDOW or (has_met and n + 1 >= journal.REREAD):
            break
    return found


def synced(service: Service, previous: Contents | None, number: int) -> Contents:
    contents = collected(service, previous).joined(previous)
    contents.number = number
    return contents


def texts(contents: Contents) -> list[str]:
    entries = journal.merged(contents)
    return [entry.content.decode().split("<body>")[1].split("</body>")[0] for entry in entries]


def windows(contents: Contents) -> list[str]:
    return list(contents.responses)


@examples(30)
@given(st.lists(st.integers(0, 260), min_size=1, max_size=12))
def test_no_entry_is_lost_however_the_journal_grows(growth: list[int]) -> None:
    service, contents = Service(), None
    for number, count in enumerate(growth, 1):
        service.add(count)
        contents = synced(service, contents, number)
        assert texts(contents) == [text for _, text in service.entries]


def test_over_two_hundred_syncs_the_windows_stay_few() -> None:
    service, contents = Service(), None
    service.add(450)
    for number in range(1, 201):
        service.add(4)
        contents = synced(service, contents, number)
        fresh = [name for name in windows(contents) if "old" not in name]
        assert len(fresh) <= journal.REREAD + 2
    assert contents is not None
    assert texts(contents) == [text for _, text in service.entries]
    assert len(windows(contents)) <= 2 * len(service.entries) / journal.WINDOW


def test_edited_and_destroyed_entries_are_seen_among_the_newest_three_hundred() -> None:
    service = Service()
    service.add(700)
    contents = synced(service, None, 1)
    service.entries[299] = (service.entries[299][0], "edited")
    del service.entries[150]
    contents = synced(service, contents, 2)
    assert texts(contents) == [text for _, text in service.entries]


def test_edits_of_older_entries_are_not_seen() -> None:
    service = Service()
    service.add(700)
    contents = synced(service, None, 1)
    service.entries[650] = (service.entries[650][0], "edited")
    contents = synced(service, contents, 2)
    assert "edited" not in texts(contents)
    assert len(texts(contents)) == 700


def test_an_entry_that_is_destroyed_where_the_windows_meet_does_not_come_back() -> None:
    service = Service()
    service.add(500)
    contents = synced(service, None, 1)
    service.add(5)
    del service.entries[302]
    contents = synced(service, contents, 2)
    assert texts(contents) == [text for _, text in service.entries]


def test_an_emptied_journal_is_empty() -> None:
    service = Service()
    service.add(700)
    contents = synced(service, None, 1)
    service.entries.clear()
    contents = synced(service, contents, 2)
    assert texts(contents) == []
    assert windows(contents) == ["journal-0000"]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 300, 301])
def test_any_length_is_read_completely(count: int) -> None:
    service = Service()
    service.add(count)
    contents = synced(service, None, 1)
    assert len(texts(contents)) == count
    assert len(texts(synced(service, contents, 2))) == count
