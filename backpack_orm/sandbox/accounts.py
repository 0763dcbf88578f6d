"""Opening accounts, letting people into them, and what else no call can make."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Account, Calendar, User
from .names import check_name
from .reading import check_text
from .tokens import account_named, new_token
from .zones import zone

__all__ = ["account_named", "add_user", "check_account_name", "new_calendar", "open_account"]

_COLOR = re.compile("#?[0-9a-fA-F]{6}")


def open_account(session: Session, name: str, now: datetime) -> User:
    """Create an account and return its owner; raise ValueError for a name that cannot be used."""
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
) -> User:
    """Create a user without a token; raise ValueError for a bad name, address or time zone."""
    zone(time_zone)
    check_text(name)  # no more than that: an export may hold line breaks
    if email_address is None:
        email_address = _free_address(session, account, name)
    elif _is_taken(session, account, email_address):
        raise ValueError(f"{email_address!r} is the address of another user of this account")
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


def _free_address(session: Session, account: Account, name: str) -> str:
    """Return an address that no other user of the account has, since pages are shared by it."""
    start = ".".join(name.lower().split())
    numbers = ("" if number == 1 else f".{number}" for number in count(1))
    addresses = (f"{start}{number}@{account.name}.example" for number in numbers)
    return next(one for one in addresses if not _is_taken(session, account, one))


def _is_taken(session: Session, account: Account, address: str) -> bool:
    users = select(User.email_address).where(User.account_key == account.key)
    folded = address.casefold()
    return any(taken.casefold() == folded for taken in session.scalars(users))


def new_calendar(
    account: Account,
    name: str,
    color: str,
    now: datetime,
    *,
    id: int | None = None,
    token: str | None = None,
) -> Calendar:
    """Create a calendar; anybody who knows its token can read its feed, so that is random.

    Raises ValueError for a bad name or color.
    """
    check_name(name, "the name of a calendar")
    if not _COLOR.fullmatch(color):
        raise ValueError(f"{color!r} is no color: give one like '3185c5'")
    digits = color.removeprefix("#")
    calendar = account.new(Calendar, id=id, name=name, color=digits, created_at=now, updated_at=now)
    calendar.token = token or new_token()
    return calendar
