"""The endpoints of users."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import func, select, union_all

from .calls import Call, Endpoints, XmlResponse, xml
from .models import Page, User
from .rendering import Xml, element, field, stream
from .statements import CompiledStatement
from .visibility import IS_MINE, shared

users = Endpoints("users", __name__)

_FIRST = func.min(Page.id).label("id")
_FIRST_OF_EACH = union_all(select(_FIRST).where(IS_MINE), shared(_FIRST)).subquery()
_START_PAGE = CompiledStatement(select(func.min(_FIRST_OF_EACH.c.id).label("id")))


@users.read("GET", "/me.xml")
@users.read("POST", "/me.xml")
def me(call: Call) -> XmlResponse:
    user = call.me
    return xml(
        element(
            "user",
            [
                field("account-id", user.account.id),
                field("created-at", user.created_at),
                field("id", user.id),
                field("identity-url", None),
                field("mobile-phone-host", None),
                field("mobile-phone-number", None),
                field("remind-via-email", True),
                field("remind-via-mobile", False),
                field("reminder-address", user.email_address),
                field("start-page-id", call.first(_START_PAGE).id),
                field("time-zone-id", user.time_zone),
                field("updated-at", user.created_at),
                field("use-24h-clock", False),
                field("name", user.name),
                field("email-address", user.email_address),
                field("admin", user.admin),
            ],
        ),
        newline=True,
    )


@users.read("GET", "/users.xml")
def all_users(call: Call) -> XmlResponse:
    wanted = select(User.id, User.name).where(call.ours(User)).order_by(User.key)
    listed = call.session.execute(wanted).all()
    return xml(stream("users", map(user_line, listed), type="array"), newline=True)


class UserLike(Protocol):
    """A user, or a row of one."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


def user_line(user: UserLike) -> Xml:
    """Render a user as other responses mention them."""
    return element("user", [field("id", user.id), element("name", user.name)])
