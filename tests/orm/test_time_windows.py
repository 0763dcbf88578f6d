"""Searches between two times: exact at their edges, and no more requests than they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backpack_orm import (
    CalendarEvent,
    Connection,
    JournalEntry,
    Reminder,
    User,
    ValidationError,
    using,
)
from backpack_orm.models.journal_pages import JournalPages
from backpack_orm.models.time_windows import TimeWindow
from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.models import JournalEntry as StoredEntry
from tests.conftest import NOW, TOKEN

HOUR = timedelta(hours=1)
PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def long_journal(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A sandbox with a journal ten times as long: 2,500 entries."""
    with demo() as box:
        with box._database.transaction() as session:
            oldest = session.query(StoredEntry).order_by(StoredEntry.created_at).first()
            assert oldest
            for number in range(1, 2251):
                then = oldest.created_at - number * HOUR
                session.add(
                    StoredEntry(
                        account=oldest.account,
                        id=oldest.id + 10**6 + number,
                        user=oldest.user,
                        body=f"earlier, no. {number}",
                        created_at=then,
                        updated_at=then,
                    )
                )
        yield box


@pytest.fixture
def reader(long_journal: Sandbox) -> Iterator[Connection]:
    with (
        Connection(long_journal.url, token=TOKEN, limits=None) as connection,
        using(connection),
    ):
        yield connection


@pytest.mark.parametrize("edge", [0, 1, 99, 100, 101, 199, 200, 999, 1600, 2498, 2499])
def test_a_window_contains_its_start_but_not_its_end(reader: Connection, edge: int) -> None:
    entries = list(JournalEntry.all())
    assert len(entries) == 2500
    for length in (1, 2, 100, 101):
        since = entries[min(edge + length, len(entries)) - 1].created_at
        for until in (entries[edge].created_at, entries[edge].created_at + timedelta(seconds=1)):
            wanted = [each for each in entries if since <= each.created_at < until]
            assert list(JournalEntry.all(since=since, until=until)) == wanted


@pytest.mark.parametrize(
    ("first", "last", "pages"),
    [(0, 50, 1), (0, 99, 2), (0, 150, 2), (150, 180, 2), (1050, 1060, 9), (2450, 2499, 12)],
)
def test_a_window_reads_the_pages_that_it_needs(
    long_journal: Sandbox, reader: Connection, first: int, last: int, pages: int
) -> None:
    entries = JournalEntry.all()
    since = entries[last].created_at
    until = entries[first].created_at + timedelta(seconds=1)
    reader.clear_cache()
    before = long_journal.requests
    assert len(JournalEntry.all(since=since, until=until)) == last - first + 1
    assert long_journal.requests - before == pages
    assert len(JournalEntry.all(since=since, until=until)) == last - first + 1
    assert long_journal.requests - before == pages


def test_a_window_of_recent_entries_is_as_cheap_in_a_journal_ten_times_as_long(
    box: Sandbox, connection: Connection, long_journal: Sandbox, reader: Connection
) -> None:
    since = NOW - timedelta(days=10)
    for server, client in ((box, connection), (long_journal, reader)):
        before = server.requests
        assert len(JournalEntry.all(since=since, using=client)) == 48
        assert server.requests - before == 1


def test_a_window_outside_of_the_journal_is_empty(reader: Connection) -> None:
    assert list(JournalEntry.all(since=NOW + HOUR)) == []
    assert list(JournalEntry.all(until=datetime(1999, 1, 1, tzinfo=UTC))) == []
    assert list(JournalEntry.all(since=NOW, until=NOW)) == []
    everything: dict[str, Any] = {"since": datetime.min, "until": datetime.max}
    assert len(JournalEntry.all(**everything)) == 2500


def test_the_window_of_a_user_has_the_entries_of_the_user(connection: Connection) -> None:
    since, until = NOW - timedelta(days=30), NOW - timedelta(days=10)
    me = User.me()
    wanted = [each for each in me.journal if since <= each.created_at < until]
    assert wanted
    assert list(JournalEntry.all(user=me, since=since, until=until)) == wanted
    assert list(JournalEntry.iter(user=me, since=since, until=until)) == wanted
    assert list(JournalEntry.where(user=me, since=since, until=until)) == wanted
    assert JournalEntry.find_by(user=me, since=since, until=until) == wanted[0]


def test_entries_that_arrive_before_each_request_are_neither_doubled_nor_lost(
    box: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = list(JournalEntry.all())
    read_page = JournalPages._page
    with Connection(box.url, token=TOKEN, limits=None) as other:

        def after_arrivals(self: JournalPages, n: int, **options: Any) -> Any:
            for number in range(3):
                JournalEntry.create(body=f"new, no. {number}", user=me, using=other)
            return read_page(self, n, **options)

        me = User.me(using=other)
        monkeypatch.setattr(JournalPages, "_page", after_arrivals)
        for first in (90, 95, 99, 100, 130, 198, 199, 200):
            connection.clear_cache()
            until = entries[first].created_at + timedelta(seconds=1)
            since = entries[first + 40].created_at
            found = list(JournalEntry.all(since=since, until=until))
            assert found == entries[first : first + 41]


def test_a_page_of_the_cache_that_is_older_than_the_one_in_front_is_read_again(
    box: Sandbox, connection: Connection
) -> None:
    entries = JournalEntry.all()
    with Connection(box.url, token=TOKEN) as other:
        new = JournalEntry.create(body="new", using=other)
    assert next(JournalEntry.iter(fresh=True)) == new
    assert list(JournalEntry.all()) == [new, *entries]


def test_a_journal_in_another_order_is_read_to_its_end(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = list(JournalEntry.all())
    read_page = JournalPages._page

    def backwards(self: JournalPages, n: int, **options: Any) -> Any:
        page = read_page(self, n, **options)
        return page._replace(records=page.records[::-1])

    monkeypatch.setattr(JournalPages, "_page", backwards)
    since, until = entries[230].created_at, entries[120].created_at
    assert set(JournalEntry.all(since=since, until=until)) == set(entries[121:231])


def test_a_bound_without_a_zone_is_in_the_zone_of_the_account(connection: Connection) -> None:
    day = date(2026, 5, 10)
    start = datetime(2026, 5, 10, tzinfo=PACIFIC)
    aware = list(JournalEntry.all(since=start, until=start + timedelta(days=1)))
    assert len(aware) == 5
    assert list(JournalEntry.all(since=day, until=day + timedelta(days=1))) == aware
    naive = start.replace(tzinfo=None)
    assert list(JournalEntry.all(since=naive, until=naive + timedelta(days=1))) == aware
    east = start.astimezone(timezone(timedelta(hours=9)))
    assert list(JournalEntry.all(since=east, until=east + timedelta(days=1))) == aware


def test_the_hour_that_occurs_twice_is_compared_exactly() -> None:
    once = datetime(2026, 11, 1, 1, 30, tzinfo=PACIFIC)
    again = once.replace(fold=1)
    window = TimeWindow.of("call", since=once, until=again)
    with Connection("acme", token="0123456789abcdef") as connection:
        assert window.contains(once, connection)
        assert window.contains(once.astimezone(UTC) + timedelta(minutes=59), connection)
        assert not window.contains(again, connection)


def test_reminders_before_a_time_are_selected(connection: Connection) -> None:
    times = [reminder.remind_at for reminder in Reminder.all()]
    second = times[1]
    assert second is not None
    assert [each.remind_at for each in Reminder.all(due_before=second)] == times[:1]
    assert [
        each.remind_at for each in Reminder.all(due_before=second + timedelta(seconds=1))
    ] == times[:2]
    assert connection.stats.requests == 1
    aware = second.replace(tzinfo=PACIFIC).astimezone(UTC)
    assert [each.remind_at for each in Reminder.all(due_before=aware)] == times[:1]
    assert connection.stats.requests == 2
    assert len(Reminder.all(due_before=date(2026, 5, 15))) == 1
    assert Reminder.where(due_before=second, content="no such reminder").first() is None


def titles(**bounds: Any) -> list[str]:
    return [event.title for event in CalendarEvent.all(**bounds)]


def test_events_are_selected_by_the_time_that_they_last(connection: Connection) -> None:
    start = datetime(2026, 5, 16, 17, 0, tzinfo=UTC)  # the dentist, for 45 minutes
    end = start + timedelta(minutes=45)
    second = timedelta(seconds=1)
    assert titles(since=start, until=end) == ["Dentist"]
    assert titles(since=start, until=start + second) == ["Dentist"]
    assert titles(since=end - second, until=end) == ["Dentist"]
    assert titles(since=start - second, until=start) == []
    assert titles(since=end, until=end + second) == []
    assert connection.stats.requests == 4  # calendars, events of two, and the zone of all-day ones


def test_an_event_without_an_end_is_selected_by_its_start(connection: Connection) -> None:
    start = datetime(2026, 5, 12, 8, 0, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert titles(since=start, until=start + second) == ["Chimney sweep"]
    assert titles(since=start + second, until=start + 2 * second) == []


def test_an_event_that_lasts_all_day_has_the_same_dates_in_every_zone(
    connection: Connection,
) -> None:
    def is_found(since: Any, until: Any) -> bool:
        return "Lisbon" in titles(since=since, until=until)

    day = timedelta(days=1)
    first, last = date(2026, 6, 3), date(2026, 6, 12)
    assert not is_found(first - day, first)
    assert is_found(first, first + day)
    assert is_found(last, last + day)
    assert not is_found(last + day, last + 2 * day)
    midnight = datetime(2026, 6, 3, tzinfo=PACIFIC)
    assert not is_found(midnight - HOUR, midnight)
    assert is_found(midnight, midnight + HOUR)
    assert "Yuki's birthday" in titles(since=date(2026, 4, 4), until=date(2026, 4, 5))


def test_the_window_of_a_calendar_has_its_events(connection: Connection) -> None:
    choir = CalendarEvent.find_by(title="Rehearsal 1")
    assert choir is not None
    found = CalendarEvent.all(calendar=choir.calendar_id, until=date(2026, 5, 1))
    assert [event.title for event in found] == ["Rehearsal 1", "Rehearsal 2"]
    assert list(CalendarEvent.where(calendar=choir.calendar, until=date(2026, 5, 1))) == list(found)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"since": "2026-05-01"}, "since takes a datetime or a date, not '2026-05-01'"),
        ({"until": 2026}, "until takes a datetime or a date, not 2026"),
        ({"since": date(2026, 5, 2), "until": date(2026, 5, 1)}, "is before since="),
        (
            {"since": NOW, "until": NOW - timedelta(seconds=1)},
            "is before since=",
        ),
        ({"since": NOW, "until": date(2027, 5, 1)}, "both with a time zone, or both without"),
    ],
)
def test_bounds_that_make_no_sense_are_refused_before_any_request(
    connection: Connection, bounds: dict[str, Any], message: str
) -> None:
    for model in (JournalEntry, CalendarEvent):
        for call in (model.all, model.where, model.find_by):
            with pytest.raises(ValidationError, match=rf"{model.__name__}\.all: .*{message}"):
                call(**bounds)
    with pytest.raises(ValidationError, match=r"JournalEntry\.all: "):
        JournalEntry.iter(**bounds)
    assert connection.stats.requests == 0


def test_a_reminder_cannot_be_due_before_a_text(connection: Connection) -> None:
    with pytest.raises(ValidationError, match=r"Reminder\.all: due_before takes a datetime"):
        Reminder.all(due_before="tomorrow")  # type: ignore[arg-type]
    assert connection.stats.requests == 0
