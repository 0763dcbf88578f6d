"""Creates accounts, users and calendars, which is not possible through the API."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .addresses import Addresses
from .models import Account, Calendar, User
from .names import check_name, normal_name
from .reading import check_text
from .tokens import new_token
from .zones import zone

_COLOR = re.compile("#?[0-9a-fA-F]{6}")


def open_account(session: Session, name: str, now: datetime) -> User:
    """Create an account and return its owner.

    Raises ValueError for an invalid name, and for one that people would take for another account's.
    """
    normal = check_name(normal_name(check_account_name(name)), "the normal form of a name")
    similar = session.scalar(select(Account.name).where(Account.normal_name == normal))
    if similar is not None:
        raise ValueError(
            f"an account cannot be named {name!r}, since there is one named {similar!r}: choose a "
            "name that differs in more than letter case, white space and dots"
        )
    account = Account(name=name, normal_name=normal, created_at=now)
    session.add(account)
    session.flush()
    return add_user(session, account, "Owner", admin=True, now=now)


def check_account_name(name: str) -> str:
    """Return the name of an account; raise ValueError if it is empty or malformed."""
    if not normal_name(name):
        raise ValueError(f"an account needs a name, which {name!r} is not: use letters or digits")
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
    person = None
    if email_address is None:
        email_address = addresses.claim_for(name)
    else:
        person = addresses.claim(email_address).casefold()
    user = account.new(
        User,
        id=id,
        name=name,
        email_address=email_address,
        person=person,
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
