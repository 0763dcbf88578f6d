"""Reminders: texts that the service sends at a given time."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound
from backpack_orm.models.time_windows import TimeWindow, When, bound
from backpack_orm.orm.declarations import assigns_many, field, has_one
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.registry import registry
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import TokenLocation, rest
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import Assignable


def _dump_ids(ids: list[object]) -> list[str]:
    return [values.dump_integer(id) for id in ids]


_PAST = {422: "Reminder.remind_at may be in the past: pass a later time"}


@resource
class Reminder(Savable, Destroyable):
    """A text that the service sends at a given time.

    Attributes:
        id: Number of the record.
        content: Text. If it is sent without `remind_at`, the service parses a date at its start,
            such as `tomorrow 9am` or `+30` (minutes), and removes it. `update` with both changes
            the words and keeps the time.
        remind_at: Time, in the account's zone. It is naive, unless the connection has a `timezone`
            or the service includes a zone. An aware time that you set is converted to the account's
            zone.
        creator: Author.
        remindees: Recipients. Assign a list of users or their ids.

    >>> reminder = Reminder.create(content="tomorrow 9am Call the hotel")
    >>> reminder.content
    'Call the hotel'
    >>> reminder.destroy()["content"]
    'Call the hotel'
    """

    _scopes = ("due_before",)
    _element = "reminder"
    _container = "reminders"
    _server_updated = _sent_together = ("content", "remind_at")

    id: int = field(read_only=True)
    content: str = field(text=True)
    remind_at: datetime | None = field(default=None)
    creator: User | None = has_one("creator", "User", projection="_named")
    remindees: Assignable[User, int] = assigns_many(
        "remindees/user",
        "User",
        key="id",
        dump=_dump_ids,
        projection="_named",
        default=(),
    )

    if TYPE_CHECKING:

        def update(
            self,
            *,
            content: str = ...,
            remind_at: datetime | None = ...,
            remindees: Iterable[User | int] = ...,
        ) -> SaveResult: ...

    _all = rest("GET", "reminders.xml", token_in=TokenLocation.PATH, reads="reminders")
    _create = rest(
        "POST",
        "reminders.xml",
        token_in=TokenLocation.PATH,
        sends="reminder/content reminder/remind_at reminder/remindees[]/user_id=remindees",
        bare=True,
        writes="reminders",
        refusals=_PAST,
    )
    _update_row = rest(
        "PUT",
        "reminders/{id}.xml",
        token_in=TokenLocation.PATH,
        sends="reminder/content reminder/remind_at reminder/remindees[]/user_id=remindees",
        bare=True,
        writes="reminders",
        refusals=_PAST,
    )
    _destroy = rest("DELETE", "reminders/{id}.xml", token_in=TokenLocation.PATH, writes="reminders")
    _updates = (_update_row,)

    @classmethod
    def all(
        cls,
        *,
        due_before: When | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Return the upcoming reminders, earliest first. Makes one request.

        Args:
            due_before: Return only reminders whose `remind_at` is before this time. A date means
                midnight at its start; without a zone, the time is in the account's zone. If it has
                a zone, makes one more request to load the account's time zone, unless the
                connection has a `timezone`.
            using: Connection to use instead of the current one.
            fresh: Bypass the cache.

        Raises:
            ValidationError: `due_before` is neither a time nor a date. No request was made.

        >>> from datetime import datetime
        >>> reminders = Reminder.all()
        >>> len(reminders), len(Reminder.all(due_before=reminders[1].remind_at))
        (4, 1)
        """
        window = TimeWindow(until=bound("Reminder.all", "due_before", due_before))
        found = super().all(using=using, fresh=fresh)
        if not window:
            return found
        due = [
            reminder
            for reminder in found
            if reminder.remind_at and window.contains(reminder.remind_at, reminder.connection)
        ]
        return Collection(cls, due)

    @property
    def is_upcoming(self) -> bool:
        """Whether the reminder is in the list of upcoming reminders. Makes one request.

        A reminder that was moved to `now`, or whose time has passed, is not in that list. Its
        attributes are then loaded from the user's export, which makes two more requests.

        >>> Reminder.all()[0].is_upcoming
        True
        """
        self._check_exists()
        upcoming = self.connection.call(self._all, read=self._full.read_many)
        return any(record[0] == self._saved_id for record in upcoming)

    def _fetch(self, *, fresh: bool = False) -> Record:
        """Read the record from the list of upcoming reminders, else from the user's export.

        Only the export includes past reminders. Reading the export makes two more requests.
        """
        try:
            return super()._fetch(fresh=fresh)
        except NotFound as missing:
            me: User = registry["User"].me(using=self.connection)  # type: ignore[attr-defined]
            for reminder in me.export().reminders:
                record = reminder._record
                assert record is not None
                if record[0] == self._saved_id:
                    return record
            raise NotFound(
                f"{self!r} is neither among the upcoming reminders nor among those in the export",
                status=404,
            ) from missing

    def _server_updates(self, sent: Container[str]) -> list[str]:
        names = super()._server_updates(sent)
        if "content" in sent and "remind_at" not in names:  # the content may start with a date
            names.append("remind_at")
        return names
