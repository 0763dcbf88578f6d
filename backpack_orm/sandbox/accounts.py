"""Creates accounts, users and calendars, which is not possible through the API."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy.orm import Session

from .addresses import Addresses
from .models import Account, Calendar, User
from .names import check_name
from .reading import check_text
from .tokens import new_token
from .zones import zone

_COLOR = re.compile("#?[0-9a-fA-F]{6}")


def open_account(session: Session, name: str, now: datetime) -> User:
    """Create an account and return its owner; raise ValueError for an invalid name."""
    account = Account(name=check_account_name(name), created_at=now)
    session.add(account)
    session.flush()
    return add_user(session, account, "Owner", admin=True, now=now)


def check_account_name(name: str) -> str:
    """Return the name of an account; raise ValueError if it is empty or malformed."""
    if not name:
        raise ValueError("an account needs a name")
    return check_name(name, "the name of an account")


def add_user(
    session: Session,
    account: Account,
    name: str,
    *,
    now: datetime,
    email_address: str | None = None,
    admin: bool = False,
    time_zone: str = "UTC",
    id: int | None = None,
    addresses: Addresses | None = None,
) -> User:
    """Create a user without a token; raise ValueError for a bad name, address or time zone.

    Pass `addresses` to add many users: reading them takes one statement.
    """
    zone(time_zone)
    check_text(name)  # not check_name(): names in an export may contain line breaks
    addresses = addresses or Addresses(session, account)
    if email_address is None:
        email_address = addresses.claim_for(name)
    else:
        addresses.claim(email_address)
    user = account.new(
        User,
        id=id,
        name=name,
        email_address=email_address,
        admin=admin,
        time_zone=time_zone,
        created_at=now,
    )
    session.add(user)
    return user


def new_calendar(
    account: Account,
    name: str,
    color: str,
    now: datetime,
    *,
    id: int | None = None,
    token: str | None = None,
) -> Calendar:
    """Create a calendar, with a random token since anyone who knows it can read the feed.

    Raises ValueError for an invalid name or color.
    """
    check_name(name, "the name of a calendar")
    if not _COLOR.fullmatch(color):
        raise ValueError(f"{color!r} is not a color: use six hexadecimal digits, such as '3185c5'")
    digits = color.removeprefix("#")
    calendar = account.new(Calendar, id=id, name=name, color=digits, created_at=now, updated_at=now)
    calendar.token = token or new_token()
    return calendar
