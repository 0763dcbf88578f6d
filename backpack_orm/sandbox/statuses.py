"""The endpoints of statuses."""

from __future__ import annotations

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from .calls import Call, Endpoints, XmlResponse, bare, found, xml
from .models import Status, User
from .rendering import Xml, each, element, field, stream
from .users import user_line

statuses = Endpoints("statuses", __name__)


@statuses.read("GET", "/statuses.xml")
def list_all(call: Call) -> XmlResponse:
    """Return the statuses of all users who have one, ordered by user."""
    statement = select(Status).where(call.ours(Status)).order_by(Status.user_key)
    statuses = call.session.scalars(statement.options(joinedload(Status.user))).all()
    return xml(stream("statuses", each(statuses, _line), type="array"), newline=True)


@statuses.read("GET", "/users/USER/status.xml")
def show(call: Call, user: int) -> XmlResponse:
    return xml(element("status", _fields(found(_of(call, call.user(user))))), newline=True)


@statuses.write("PUT", "/users/USER/status.xml")
def update(call: Call, user: int) -> Response:
    me = call.myself(user)
    message = call.parameters.group("status").required_text("message")
    status = _of(call, me)
    if status is None:
        status = me.account.new(Status, user=me)
        call.session.add(status)
    status.message, status.updated_at = message, call.now
    return bare()


def _of(call: Call, user: User) -> Status | None:
    return call.session.scalar(select(Status).where(Status.user_key == user.key))


def _line(status: Status) -> Xml:
    return element("status", [*_fields(status), user_line(status.user)])


def _fields(status: Status) -> list[Xml]:
    return [
        field("id", status.id),
        element("message", status.message),
        field("updated-at", status.updated_at),
        field("user-id", status.user.id),
    ]
