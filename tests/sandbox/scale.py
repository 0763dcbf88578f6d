"""Large accounts, for tests of how the work of a call depends on their size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.accounts import new_calendar
from backpack_orm.sandbox.models import (
    Bookmark,
    CalendarEvent,
    Friend,
    JournalEntry,
    Page,
    Status,
    User,
)

NOW = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)
PAGE, NOTE, LIST, ITEM = 1, 10_001, 20_001, 30_001
GALLERY, IMAGE, TAG, SEPARATOR, EMAIL = 40_001, 50_001, 60_001, 70_001, 80_001
REMINDER, USER, BELONGING, LOOSE_ITEM = 90_001, 100_001, 110_001, 120_001
CALENDAR, EVENT, ENTRY, MARK, STATUS = 130_001, 140_001, 150_001, 160_001, 170_001
OWNER = 99


def export_of(count: int) -> str:
    """Return an export with the given numbers of pages and of records on the first page."""

    def belongings() -> str:
        starts = {"Note": NOTE, "List": LIST, "Gallery": GALLERY, "Separator": SEPARATOR}
        widgets = [
            (kind, start + i)
            for kind, start in (starts | {"Email": EMAIL}).items()
            for i in range(count)
        ]
        return "".join(
            f"<belonging id='{BELONGING + i}'><position>{i + 1}</position>"
            f"<widget type='{kind}' id='{id}'/></belonging>"
            for i, (kind, id) in enumerate(widgets)
        )

    first = (
        f"<page id='{PAGE}' title='First'><belongings>{belongings()}</belongings><tags>"
        + "".join(f"<tag id='{TAG + i}' name='tag {i}'/>" for i in range(count))
        + "</tags><lists>"
        + "".join(
            f"<list id='{LIST + i}' name='List'><items>"
            + (
                "".join(f"<item id='{ITEM + j}'>Item</item>" for j in range(count))
                if i == 0
                else f"<item id='{ITEM + count + i}'>Item</item>"
            )
            + "</items></list>"
            for i in range(count)
        )
        + "</lists><notes>"
        + "".join(
            f"<note id='{NOTE + i}' title='Note'>Body<message>Hm</message></note>"
            for i in range(count)
        )
        + "</notes><galleries>"
        + "".join(
            f"<gallery id='{GALLERY + i}' name='G'><images>"
            f"<image id='{IMAGE + i}' file_name='a.jpg'/></images></gallery>"
            for i in range(count)
        )
        + "</galleries><separators>"
        + "".join(f"<separator id='{SEPARATOR + i}'>S</separator>" for i in range(count))
        + "</separators><emails>"
        + "".join(f"<email id='{EMAIL + i}' subject='E'>Body</email>" for i in range(count))
        + "</emails><items>"
        + "".join(f"<item id='{LOOSE_ITEM + i}'>Item</item>" for i in range(count))
        + "</items><linked_pages>"
        + "".join(f"<page id='{PAGE + 1 + i}' title='Page'/>" for i in range(count))
        + "</linked_pages></page>"
    )
    others = "".join(
        f"<page id='{PAGE + 1 + i}' title='Page'><tags><tag id='{TAG}' name='tag 0'/></tags></page>"
        for i in range(count)
    )
    people = "".join(f"<user id='{USER + i}' name='Person'/>" for i in range(count))
    reminders = "".join(
        f"<reminder id='{REMINDER + i}'><remind_at>2040-01-01 09:00:00</remind_at>"
        f"<content>Call</content><creator id='{USER + i}' name='Person'/>"
        f"<remindees>{people if i == 0 else ''}<user id='{OWNER}' name='Ana'/></remindees>"
        "</reminder>"
        for i in range(count)
    )
    return (
        f"<user id='{OWNER}' name='Ana'><pages>{first}{others}</pages>"
        f"<reminders>{reminders}</reminders></user>"
    )


def fill(box: Sandbox, count: int) -> None:
    """Add the given number of each record type that exports omit to the account of a sandbox."""
    with box._database.transaction() as session:
        owner = session.scalars(select(User).where(User.id == OWNER)).one()
        account = owner.account
        pages = list(session.scalars(select(Page).order_by(Page.id)))
        people = list(session.scalars(select(User).order_by(User.key)))
        calendars = [
            new_calendar(account, "Calendar", "#3185c5", NOW, id=CALENDAR + i) for i in range(count)
        ]
        session.add_all(calendars)
        times = {"created_at": NOW, "updated_at": NOW}
        for i in range(count):
            session.add_all(
                [
                    account.new(
                        CalendarEvent,
                        id=EVENT + i,
                        calendar=calendars[0],
                        title="Event",
                        occurs_at=NOW + timedelta(days=i),
                        **times,
                    ),
                    account.new(JournalEntry, id=ENTRY + i, user=owner, body="Entry", **times),
                    account.new(
                        Bookmark,
                        id=MARK + i,
                        user=owner,
                        page=pages[i],
                        position=i,
                        created_at=NOW,
                    ),
                    account.new(
                        Status, id=STATUS + i, user=people[i], message="Here", updated_at=NOW
                    ),
                    Friend(page_key=pages[0].key, email_address=f"{i}@x.example"),
                ]
            )


def sandbox_of(folder: Path, count: int) -> Path:
    """Return a data file with an account of the given size."""
    export, data = folder / f"{count}.xml", folder / f"{count}.db"
    export.write_text(export_of(count))
    box = Sandbox(seed=str(export), data=str(data), clock=lambda: NOW)
    fill(box, count)
    box.close()
    return data
