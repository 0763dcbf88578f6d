"""Reminders, in both dialects."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from sqlalchemy import or_, select
from werkzeug.exceptions import UnprocessableEntity

from .calls import Call, Endpoints, no_content, with_id, ws, xml
from .dates import NO_DATE, read_moment, read_start
from .models import Reminder, User
from .reading import Unreadable
from .rendering import Xml, element, local_time

reminders = Endpoints("reminders", __name__)


@reminders.on("GET", "/reminders.xml")
def upcoming(call: Call) -> Response:
    return xml(element("reminders", (reminder_resource(one, call) for one in _upcoming(call))))


@reminders.ws("reminders")
def ws_upcoming(call: Call) -> Response:
    return ws(element("reminders", (reminder_line(one, call) for one in _upcoming(call))))


@reminders.on("POST", "/reminders.xml")
def create(call: Call) -> Response:
    reminder = _create(call)
    return xml(reminder_resource(reminder, call), 201, location=f"/reminders/{reminder.id}")


@reminders.ws("reminders/create")
def ws_create(call: Call) -> Response:
    return ws(reminder_line(_create(call), call))


@reminders.on("PUT", "/reminders/ID.xml")
def update(call: Call, id: int) -> Response:
    return xml(reminder_resource(_update(call, id), call))


@reminders.ws("reminders/update/ID")
def ws_update(call: Call, id: int) -> Response:
    return ws(reminder_line(_update(call, id), call))


@reminders.on("DELETE", "/reminders/ID.xml")
def destroy(call: Call, id: int) -> Response:
    _destroy(call, id)
    return no_content()


@reminders.ws("reminders/destroy/ID")
def ws_destroy(call: Call, id: int) -> Response:
    _destroy(call, id)
    return ws()


def all_mine(call: Call) -> list[Reminder]:
    """What I made or am to be told, earliest first."""
    mine = or_(Reminder.creator == call.me, Reminder.remindees.any(User.key == call.me.key))
    return list(
        call.session.scalars(select(Reminder).where(mine).order_by(Reminder.remind_at, Reminder.id))
    )


def _upcoming(call: Call) -> list[Reminder]:
    return [reminder for reminder in all_mine(call) if reminder.remind_at >= call.now]


def _create(call: Call) -> Reminder:
    remind_at, content = _when_and_what(call)
    reminder = call.me.account.new(
        Reminder,
        creator=call.me,
        content=content or "",
        remind_at=_not_past(remind_at or call.now + NO_DATE, call),
        remindees=_remindees(call) or [call.me],
    )
    call.session.add(reminder)
    return reminder


def _update(call: Call, id: int) -> Reminder:
    reminder = with_id(id, all_mine(call))
    remind_at, content = _when_and_what(call)
    reminder.content = call.updated("reminder.content", content, reminder.content, "")
    if remind_at is not None:
        remind_at = _not_past(remind_at, call)
    reminder.remind_at = call.updated(
        "reminder.remind_at", remind_at, reminder.remind_at, call.now + NO_DATE
    )
    remindees = call.updated("reminder.remindees", _remindees(call), reminder.remindees, [])
    reminder.remindees = remindees or [reminder.creator]
    return reminder


def _destroy(call: Call, id: int) -> None:
    call.session.delete(with_id(id, all_mine(call)))


def _when_and_what(call: Call) -> tuple[datetime | None, str | None]:
    """The time in `remind_at`, or in the words that the content starts with, and the content."""
    fields = call.parameters.group("reminder")
    content, remind_at = fields.text("content"), fields.text("remind_at")
    if remind_at and not remind_at.isspace():
        try:
            return read_moment(remind_at, call.zone), content
        except ValueError as error:
            raise Unreadable(f"remind_at: {error}") from None
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
    return [call.user(id) for id in dict.fromkeys(ids)]


def reminder_resource(reminder: Reminder, call: Call) -> Xml:
    """A reminder with everybody whom it is about."""
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
    """A reminder in the older dialect."""
    remind_at = local_time(reminder.remind_at, call.zone)
    return element("reminder", reminder.content, remind_at=remind_at, id=reminder.id)
