"""The endpoints of reminders, in both dialects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Response
from sqlalchemy import ColumnElement, and_, delete, exists, insert, literal, or_, select, union
from sqlalchemy.orm import aliased, joinedload
from sqlalchemy.orm.attributes import set_committed_value
from werkzeug.exceptions import UnprocessableEntity

from .bulk import execute, numbered
from .calls import Call, Endpoints, XmlResponse, found, no_content, ws, xml
from .dates import NO_DATE, read_moment, read_start
from .models import Reminder, User, remindees
from .reading import InvalidRequest
from .rendering import Xml, each, element, local_time, stream

reminders = Endpoints("reminders", __name__)


@reminders.read("GET", "/reminders.xml")
def upcoming(call: Call) -> XmlResponse:
    return xml(_listed(call, reminder_resource))


@reminders.ws_read("reminders")
def ws_upcoming(call: Call) -> XmlResponse:
    return ws(_listed(call, reminder_line))


@reminders.write("POST", "/reminders.xml")
def create(call: Call) -> XmlResponse:
    reminder = _create(call)
    return xml(reminder_resource(reminder, call), 201, location=f"/reminders/{reminder.id}")


@reminders.ws("reminders/create")
def ws_create(call: Call) -> XmlResponse:
    return ws(reminder_line(_create(call), call))


@reminders.write("PUT", "/reminders/ID.xml")
def update(call: Call, id: int) -> XmlResponse:
    return xml(reminder_resource(_update(call, id), call))


@reminders.ws("reminders/update/ID")
def ws_update(call: Call, id: int) -> XmlResponse:
    return ws(reminder_line(_update(call, id), call))


@reminders.write("DELETE", "/reminders/ID.xml")
def destroy(call: Call, id: int) -> Response:
    _destroy(call, id)
    return no_content()


@reminders.ws("reminders/destroy/ID")
def ws_destroy(call: Call, id: int) -> XmlResponse:
    _destroy(call, id)
    return ws()


def all_mine(call: Call) -> list[Reminder]:
    """Return the reminders by or for the user, earliest first. Executes two statements."""
    return _with_people(call, _all_mine(call))


def _listed(call: Call, render: Callable[[Reminder, Call], Xml]) -> Iterator[Xml]:
    upcoming = _with_people(call, and_(_all_mine(call), Reminder.remind_at >= call.now))
    return stream("reminders", each(upcoming, lambda reminder: render(reminder, call)))


def _all_mine(call: Call) -> ColumnElement[bool]:
    """Return the condition that a reminder is by or for the user; others are not looked at."""
    mine, me = aliased(Reminder), call.caller.key
    by_me = select(mine.key).where(mine.creator_key == me)
    # PostgreSQL reads all reminders if there is OR instead of UNION.
    for_me = select(remindees.c.remindees_left).where(remindees.c.remindees_right == me)
    return Reminder.key.in_(union(by_me, for_me))


def _with_people(call: Call, wanted: ColumnElement[bool]) -> list[Reminder]:
    """Return some reminders, earliest first, with their creators and remindees."""
    # Not with selectinload(), which executes one statement per 500 records.
    pairs = (
        select(remindees.c.remindees_left, User)
        .join(User, User.key == remindees.c.remindees_right)
        .join(Reminder, Reminder.key == remindees.c.remindees_left)
        .where(wanted)
        .order_by(User.id)
    )
    people: defaultdict[int, list[User]] = defaultdict(list)
    for key, user in call.session.execute(pairs):
        people[key].append(user)
    found = (
        select(Reminder)
        .where(wanted)
        .options(joinedload(Reminder.creator))
        .order_by(Reminder.remind_at, Reminder.id)
    )
    reminders = list(call.session.scalars(found))
    for reminder in reminders:
        set_committed_value(reminder, "remindees", people[reminder.key])
    return reminders


def _mine(call: Call, id: int) -> Reminder:
    """Return a reminder by or for the user; 404 for others."""
    me, pair = call.caller.key, remindees.c
    is_for_me = exists().where(pair.remindees_left == Reminder.key, pair.remindees_right == me)
    is_mine = or_(Reminder.creator_key == me, is_for_me)
    wanted = select(Reminder).where(call.ours(Reminder), Reminder.id == id, is_mine)
    return found(call.session.scalar(wanted))


def _create(call: Call) -> Reminder:
    remind_at, content = _when_and_what(call)
    reminder = call.me.account.new(
        Reminder,
        creator=call.me,
        content=content or "",
        remind_at=_not_past(remind_at or call.now + NO_DATE, call),
    )
    call.session.add(reminder)
    _set_remindees(call, reminder, _remindees(call) or [call.me])
    return reminder


def _update(call: Call, id: int) -> Reminder:
    reminder = _mine(call, id)
    remind_at, content = _when_and_what(call)
    reminder.content = call.updated("reminder.content", content, reminder.content, "")
    if remind_at is not None:
        remind_at = _not_past(remind_at, call)
    reminder.remind_at = call.updated(
        "reminder.remind_at", remind_at, reminder.remind_at, call.now + NO_DATE
    )
    people = call.updated("reminder.remindees", _remindees(call), reminder.remindees, [])
    _set_remindees(call, reminder, people or [reminder.creator])
    return reminder


def _set_remindees(call: Call, reminder: Reminder, people: list[User]) -> None:
    """Replace the remindees of a reminder. Executes two statements."""
    call.session.flush()
    pair = remindees.c
    execute(call.session, delete(remindees).where(pair.remindees_left == reminder.key))
    keys = numbered(call.session, [user.key for user in people])
    pairs = select(literal(reminder.key), keys.c.value)
    execute(call.session, insert(remindees).from_select(list(pair), pairs))
    set_committed_value(reminder, "remindees", sorted(people, key=lambda user: user.id))


def _destroy(call: Call, id: int) -> None:
    call.session.delete(_mine(call, id))


def _when_and_what(call: Call) -> tuple[datetime | None, str | None]:
    """Return the time in `remind_at` or at the start of the content, and the content."""
    fields = call.parameters.group("reminder")
    content, remind_at = fields.text("content"), fields.text("remind_at")
    if remind_at and not remind_at.isspace():
        try:
            return read_moment(remind_at, call.zone), content
        except ValueError:
            raise InvalidRequest("<remind_at> must be a date and time") from None
    start = read_start(content or "", call.now.astimezone(call.zone))
    return start or (None, content)


def _not_past(moment: datetime, call: Call) -> datetime:
    if moment < call.now:
        raise UnprocessableEntity
    return moment


def _remindees(call: Call) -> list[User] | None:
    ids = call.parameters.group("reminder").ids("remindees")
    if ids is None:
        return None
    return call.users(ids)


def reminder_resource(reminder: Reminder, call: Call) -> Xml:
    """Render a reminder with its creator and remindees."""
    remindees = [element("user", id=user.id, name=user.name) for user in reminder.remindees]
    return element(
        "reminder",
        [
            element("remind_at", local_time(reminder.remind_at, call.zone)),
            element("content", reminder.content),
            element("creator", id=reminder.creator.id, name=reminder.creator.name),
            element("remindees", remindees),
        ],
        id=reminder.id,
    )


def reminder_line(reminder: Reminder, call: Call) -> Xml:
    """Render a reminder in the ws dialect."""
    remind_at = local_time(reminder.remind_at, call.zone)
    return element("reminder", reminder.content, remind_at=remind_at, id=reminder.id)
