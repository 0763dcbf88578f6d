"""Reminders: texts that the service sends at a time."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm.orm.fields import assigns_many, field, has_one, resource
from backpack_orm.orm.finding import InAccount
from backpack_orm.orm.model import Destroyable, Savable
from backpack_orm.orm.relations import AssignableCollection
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import Place, rest

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.fields import Assignable


def _dump_ids(ids: list[object]) -> list[str]:
    return [values.dump_integer(id) for id in ids]


@resource
class Reminder(InAccount, Savable, Destroyable):
    """A text that the service sends at a time.

    Attributes:
        id: Its number.
        content: What to be reminded of. On a new reminder without `remind_at` it begins with the
            time in words, such as `tomorrow 9am` or `+30` (minutes), which the service takes out.
        remind_at: When, on the account's clock: without a zone, unless the connection was told
            one or the service names it. What you set may have any zone, and is sent as the
            account's clock will show it then.
        creator: Who set it.
        remindees: Who gets it. Assign a list of users or their ids.

    >>> reminder = Reminder.create(content="tomorrow 9am Call the hotel")
    >>> reminder.content
    'Call the hotel'
    >>> reminder.destroy()
    """

    _element = "reminder"
    _container = "reminders"
    _rewritten = ("content", "remind_at")

    id: int = field(read_only=True)
    content: str = field(text=True)
    remind_at: datetime | None = field(default=None)
    creator: User | None = has_one("creator", "User", view="_named")
    remindees: Assignable[User, int] = assigns_many(
        "remindees/user",
        "User",
        key="id",
        dump=_dump_ids,
        collection=AssignableCollection,
        view="_named",
        default=(),
    )

    _all = rest("GET", "reminders.xml", place=Place.PATH, reads="reminders")
    _create = rest(
        "POST",
        "reminders.xml",
        place=Place.PATH,
        sends="reminder/content reminder/remind_at reminder/remindees[]/user_id=remindees",
        bare=True,
        writes="reminders",
    )
    _update_row = rest(
        "PUT",
        "reminders/{id}.xml",
        place=Place.PATH,
        sends="reminder/content reminder/remind_at reminder/remindees[]/user_id=remindees",
        bare=True,
        writes="reminders",
    )
    _destroy = rest("DELETE", "reminders/{id}.xml", place=Place.PATH, writes="reminders")
    _updates = (_update_row,)

    def _rewritten_by(self, sent: Container[str]) -> list[str]:
        names = super()._rewritten_by(sent)
        if "content" in sent and "remind_at" not in names:  # it may begin with a date
            names.append("remind_at")
        return names
