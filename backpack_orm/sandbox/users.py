"""The people of an account."""

from __future__ import annotations

from flask import Response

from .calls import Call, Endpoints, xml
from .models import User
from .rendering import Xml, element, field

users = Endpoints("users", __name__)


@users.on("GET", "/me.xml")
@users.on("POST", "/me.xml")
def me(call: Call) -> Response:
    user, pages = call.me, call.pages()
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
                field("start-page-id", pages[0].id if pages else None),
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


@users.on("GET", "/users.xml")
def all_users(call: Call) -> Response:
    listed = map(user_line, call.me.account.users)
    return xml(element("users", listed, type="array"), newline=True)


def user_line(user: User) -> Xml:
    """A person as other answers mention them."""
    return element("user", [field("id", user.id), element("name", user.name)])
