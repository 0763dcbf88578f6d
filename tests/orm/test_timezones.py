"""Times without a zone, and what becomes of them when the account's is known."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import requests_mock

from backpack_orm import (
    Calendar,
    Connection,
    Email,
    Item,
    JournalEntry,
    Note,
    Page,
    Reminder,
    Status,
    User,
    ValidationError,
    connect,
)
from backpack_orm.connection.time_zones import rails_zones
from backpack_orm.sandbox import Sandbox

UTC = UTC
PACIFIC = "Pacific Time (US & Canada)"
WRITTEN = "2031-07-01 09:00:00"


def asked_who(connection: Connection) -> int:
    """How often the account was asked for its zone."""
    return connection.stats.by_endpoint.get("GET /[token]/me.xml", 0)


def times(page: Page) -> list[datetime]:
    """All times that the older dialect includes of a page."""
    items = [item.updated_at for each in page.lists for item in each.items if item.updated_at]
    return [note.created_at for note in page.notes] + items


# --- reading ----------------------------------------------------------------------------------


def test_times_without_a_zone_stay_without_one(connection: Connection) -> None:
    page = Page.find(Page.all()[0].id)
    assert times(page)
    assert all(moment.tzinfo is None for moment in times(page))
    assert Reminder.all()[0].remind_at.tzinfo is None  # type: ignore[union-attr]  # it has one
    assert asked_who(connection) == 0


@pytest.mark.parametrize(
    ("name", "key"),
    [("Europe/Lisbon", "Europe/Lisbon"), ("Lisbon", "Europe/Lisbon"), ("Mumbai", "Asia/Kolkata")],
)
def test_a_zone_that_is_named_is_given_to_times_that_have_none(
    box: Sandbox, connection: Connection, name: str, key: str
) -> None:
    naive = times(Page.find(Page.all()[0].id))
    named = connect(box.url, token=box.token, timezone=name)
    aware = times(Page.find(Page.all()[0].id))
    assert aware == [moment.replace(tzinfo=ZoneInfo(key)) for moment in naive]
    assert named.zone == ZoneInfo(key)
    assert asked_who(named) == 0


def test_the_accounts_own_zone_makes_one_request_in_all(box: Sandbox) -> None:
    account = connect(box.url, token=box.token, timezone="account", ttl=0)
    pages = Page.all()
    assert asked_who(account) == 0
    found = [moment for page in pages[:4] for moment in times(page)]
    assert {str(moment.tzinfo) for moment in found} == {"America/Los_Angeles"}
    assert asked_who(account) == 1


def test_threads_that_need_the_zone_at_once_agree(box: Sandbox) -> None:
    account = connect(box.url, token=box.token, timezone="account")
    page = Page.all()[0]
    zones: list[object] = []
    start = threading.Barrier(6)

    def read() -> None:
        start.wait()
        zones.extend(note.created_at.tzinfo for note in Note.all(page=page.id, using=account))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(zones) == 6 * len(page.notes)
    assert set(zones) == {ZoneInfo("America/Los_Angeles")}
    assert asked_who(account) == 1


@pytest.mark.parametrize("name", ["Europe/Lisbon", "account", None])
def test_times_of_the_newer_dialect_stay_in_utc(box: Sandbox, name: str | None) -> None:
    connect(box.url, token=box.token, timezone=name)
    me = User.me()
    event = Calendar.all()[0].events[0]
    entry = next(JournalEntry.iter())
    status = Status.find(me)
    assert status is not None
    times = [me.created_at, event.occurs_at, event.created_at, entry.created_at, status.updated_at]
    assert [moment and moment.tzinfo for moment in times] == [UTC] * 5


def test_every_time_of_the_older_dialect_gets_the_zone(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="Tokyo")
    tokyo = ZoneInfo("Asia/Tokyo")
    mail = Email.all()[0]
    item = Item.all(list=Page.all()[0].lists[0])[0]
    reminder = Reminder.all()[0]
    shown = Email.find(mail.id, page=mail.page)
    times = [mail.created_at, shown.created_at, item.updated_at, reminder.remind_at]
    assert [moment and moment.tzinfo for moment in times] == [tokyo] * 4


def test_an_export_gets_the_zone_too(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="account")
    export = User.me().export()
    pacific = ZoneInfo("America/Los_Angeles")
    assert {moment.tzinfo for page in export.pages for moment in times(page)} == {pacific}
    assert all(
        reminder.remind_at and reminder.remind_at.tzinfo == pacific for reminder in export.reminders
    )


def test_a_record_that_was_created_has_the_zone_at_once(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="Tokyo")
    note = Page.all()[0].notes.create(title="T")
    assert note.created_at.tzinfo == ZoneInfo("Asia/Tokyo")
    assert not note.is_dirty


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Nowhere", "", "Pacific Time", "../etc/passwd", "Account"])
@pytest.mark.parametrize("make", [connect, Connection])
def test_an_unknown_name_is_refused_when_it_is_given(
    box: Sandbox, make: Callable[..., Connection], name: str
) -> None:
    with pytest.raises(ValidationError, match=f"timezone {name!r} does not exist"):
        make(box.url, token=box.token, timezone=name)
    assert box.requests == 0


@pytest.mark.parametrize("name", [5, b"Lisbon", UTC, ZoneInfo("Europe/Lisbon")])
def test_what_is_no_name_is_refused_when_it_is_given(box: Sandbox, name: object) -> None:
    with pytest.raises(ValidationError, match="timezone takes the name of a time zone, not"):
        connect(box.url, token=box.token, timezone=name)  # type: ignore[arg-type]
    assert box.requests == 0


@pytest.fixture
def strange_account(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An account whose zone is called what nobody knows any more."""
    monkeypatch.delitem(rails_zones(), PACIFIC)
    return box


def test_a_strange_name_does_no_harm_until_it_is_needed(strange_account: Sandbox) -> None:
    connection = connect(strange_account.url, token=strange_account.token, timezone="account")
    assert Page.all()[0].title == "Lisbon"
    assert User.me().created_at
    assert User.me().time_zone_id == PACIFIC
    assert Page.create(title="T").save() == Page.create(title="U").save()
    assert connection.stats.requests == 4


def test_nothing_is_written_whose_response_could_not_be_read(strange_account: Sandbox) -> None:
    connect(strange_account.url, token=strange_account.token, timezone="account")
    page = Page.create(title="T")
    with pytest.raises(ValidationError, match="does not exist"):
        page.notes.create(title="Hotel")
    connect(strange_account.url, token=strange_account.token)
    assert not Page.find(page.id).notes


def test_a_strange_name_is_a_clear_error_when_a_time_is_read(strange_account: Sandbox) -> None:
    connect(strange_account.url, token=strange_account.token, timezone="account")
    page = Page.all()[0]
    with pytest.raises(ValidationError, match=r"'Pacific Time \(US & Canada\)' does not exist"):
        page.notes.first()


@pytest.mark.parametrize("field", ["", "<time-zone-id nil='true'/>", "<time-zone-id/>"])
def test_an_account_without_a_zone_is_a_clear_error(field: str) -> None:
    acme = Connection("acme", token="0123456789abcdef")
    with requests_mock.Mocker() as mock:
        mock.get(requests_mock.ANY, text=f"<user><id>7</id>{field}</user>")
        with pytest.raises(ValidationError, match="has no time zone: connect with timezone=…"):
            acme.zone  # noqa: B018


def test_a_strange_name_is_a_clear_error_when_a_time_is_converted(strange_account: Sandbox) -> None:
    connect(strange_account.url, token=strange_account.token)
    moment = datetime(2031, 7, 1, 16, tzinfo=UTC)
    with pytest.raises(ValidationError, match="does not exist"):
        Reminder.create(content="T", remind_at=moment)
    assert [exchange.verb for exchange in strange_account.log] == ["GET"]
    assert Reminder.create(content="T", remind_at=moment.replace(tzinfo=None)).id


# --- writing ----------------------------------------------------------------------------------


def clock(reminder: Reminder) -> str:
    """What the account's clock shows at a reminder's time."""
    assert reminder.remind_at is not None
    return reminder.remind_at.strftime("%Y-%m-%d %H:%M:%S")


def test_a_naive_time_is_sent_as_it_is(connection: Connection) -> None:
    moment = datetime(2031, 7, 1, 9)
    reminder = Reminder.create(content="T", remind_at=moment)
    assert reminder.remind_at == moment
    assert asked_who(connection) == 0


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2031, 7, 1, 16, tzinfo=UTC), "2031-07-01 09:00:00"),
        (datetime(2031, 1, 1, 16, tzinfo=UTC), "2031-01-01 08:00:00"),
        (datetime(2031, 7, 1, 18, tzinfo=ZoneInfo("Europe/Madrid")), "2031-07-01 09:00:00"),
        (datetime(2031, 7, 1, tzinfo=timezone(timedelta(hours=9))), "2031-06-30 08:00:00"),
        (datetime(2031, 3, 9, 9, 59, tzinfo=UTC), "2031-03-09 01:59:00"),
        (datetime(2031, 3, 9, 10, 0, tzinfo=UTC), "2031-03-09 03:00:00"),
        (datetime(2031, 11, 2, 10, 30, tzinfo=UTC), "2031-11-02 02:30:00"),
    ],
)
def test_an_aware_time_is_sent_as_the_accounts_clock_will_show_it(
    connection: Connection, moment: datetime, shown: str
) -> None:
    reminder = Reminder.create(content="T", remind_at=moment)
    assert not reminder.is_dirty
    assert clock(reminder) == shown
    assert clock(Reminder.find(reminder.id, fresh=True)) == shown


@pytest.mark.parametrize(("hour", "is_shown"), [(7, "00:30"), (8, ""), (9, ""), (10, "02:30")])
def test_a_time_that_the_accounts_clock_shows_twice_is_refused(
    connection: Connection, box: Sandbox, hour: int, is_shown: str
) -> None:
    """On 2 November 2031 clocks in California are set back from 2:00 to 1:00."""
    moment = datetime(2031, 11, 2, hour, 30, tzinfo=UTC)
    reminder = Reminder(content="Sleep", remind_at=moment)
    before = len(Reminder.all(fresh=True)), connection.zone, box.requests
    if is_shown:
        reminder.save()
        assert reminder.remind_at == datetime.fromisoformat(f"2031-11-02 {is_shown}")
        return
    for write in (reminder.save, lambda: Reminder.all()[0].update(remind_at=moment)):
        with pytest.raises(ValidationError, match=r"Reminder\.remind_at cannot be .* 01:30 twice"):
            write()  # type: ignore[no-untyped-call]
    assert (len(Reminder.all(fresh=True)), box.requests) == (before[0], before[2] + 1)
    reminder.remind_at = datetime(2031, 11, 2, 1, 30)
    assert reminder.save().created


def test_a_time_that_the_accounts_clock_skips_is_the_same_instant(connection: Connection) -> None:
    """On 9 March 2031 clocks in California are set from 2:00 to 3:00."""
    skipped = datetime(2031, 3, 9, 2, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
    reminder = Reminder.create(content="Sleep", remind_at=skipped)
    assert reminder.remind_at == datetime(2031, 3, 9, 3, 30)


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_a_time_out_of_range_is_refused(connection: Connection, moment: datetime) -> None:
    zone = timezone(timedelta(hours=12 if moment == datetime.min else -12))
    with pytest.raises(ValidationError, match="out of range"):
        Reminder.create(content="Sleep", remind_at=moment.replace(tzinfo=zone))


def test_the_accounts_zone_is_read_once_for_all_reminders(connection: Connection) -> None:
    for hour in range(3):
        Reminder.create(content="T", remind_at=datetime(2031, 7, 1, hour, tzinfo=UTC))
    connection.clear_cache()
    Reminder.create(content="T", remind_at=datetime(2031, 7, 2, tzinfo=UTC))
    assert asked_who(connection) == 1


def test_a_zone_that_was_named_is_taken_for_the_accounts(box: Sandbox) -> None:
    connection = connect(box.url, token=box.token, timezone="Tokyo")
    reminder = Reminder.create(content="T", remind_at=datetime(2031, 7, 1, 0, tzinfo=UTC))
    assert clock(reminder) == "2031-07-01 09:00:00"
    assert reminder.remind_at == datetime(2031, 7, 1, 0, tzinfo=UTC)
    assert asked_who(connection) == 0


@pytest.mark.parametrize("name", ["account", PACIFIC, "America/Los_Angeles"])
def test_an_instant_comes_back_as_the_same_instant(box: Sandbox, name: str) -> None:
    connect(box.url, token=box.token, timezone=name)
    moment = datetime(2031, 7, 1, 16, tzinfo=UTC)
    reminder = Reminder.create(content="T", remind_at=moment)
    assert not reminder.is_dirty
    assert reminder.remind_at == moment
    assert not reminder.save()


def test_a_saved_reminder_is_moved_and_not_dirty(connection: Connection) -> None:
    reminder = Reminder.create(content="T", remind_at=datetime(2031, 7, 1, 9))
    reminder.remind_at = datetime(2031, 7, 2, 16, tzinfo=UTC)
    assert bool(reminder.is_dirty)
    assert reminder.save().fields == ("remind_at",)
    assert not reminder.is_dirty
    assert not reminder.save()
    assert reminder.remind_at == datetime(2031, 7, 2, 9)


def test_the_same_instant_in_another_zone_is_no_change(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="account")
    reminder = Reminder.create(content="T", remind_at=datetime(2031, 7, 1, 9))
    read = reminder.remind_at
    assert read is not None
    reminder.remind_at = read.astimezone(UTC)
    assert not reminder.is_dirty
    before = box.requests
    assert not reminder.save()
    assert box.requests == before


# --- copies -----------------------------------------------------------------------------------


def test_a_pickle_retains_the_zone_that_was_named(box: Sandbox) -> None:
    pickled = pickle.dumps(Connection(box.url, token=box.token, timezone="Lisbon"))
    assert pickle.loads(pickled).zone == ZoneInfo("Europe/Lisbon")
    assert box.requests == 0


def test_a_pickled_record_retains_its_times(box: Sandbox) -> None:
    connect(box.url, token=box.token, timezone="account")
    note = Page.all()[0].notes[0]
    copy = pickle.loads(pickle.dumps(note))
    assert (copy.created_at, copy.created_at.tzinfo) == (note.created_at, note.created_at.tzinfo)
