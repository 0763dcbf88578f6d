"""Opening accounts, letting people into them, and what else no call can make."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Account, Calendar, User
from .reading import check_text
from .zones import zone

_COLOR = re.compile("#?[0-9a-fA-F]{6}")


def open_account(session: Session, name: str, token: str, now: datetime) -> User:
    """A new account; returns its owner."""
    account = Account(name=name, created_at=now)
    session.add(account)
    session.flush()
    return add_user(session, account, "Owner", token=token, admin=True, now=now)


def account_named(session: Session, name: str) -> Account:
    """The account with a name; raises ValueError when there is none."""
    account = session.scalar(select(Account).where(Account.name == name))
    if account is None:
        raise ValueError(f"there is no account {name!r} in this sandbox")
    return account


def add_user(
    session: Session,
    account: Account,
    name: str,
    *,
    token: str,
    now: datetime,
    email_address: str | None = None,
    admin: bool = False,
    time_zone: str = "UTC",
    id: int | None = None,
) -> User:
    """A new person in an account; raises ValueError for a time zone that is none."""
    zone(time_zone)
    user = account.new(
        User,
        id=id,
        name=name,
        email_address=email_address or f"{'.'.join(name.lower().split())}@{account.name}.example",
        token=token,
        admin=admin,
        time_zone=time_zone,
        created_at=now,
    )
    session.add(user)
    return user


def new_calendar(
    account: Account, name: str, color: str, now: datetime, *, id: int | None = None
) -> Calendar:
    """A new calendar; its token is made from its id, so the same in every run.

    Raises ValueError for a name that XML cannot carry, or a color that is none.
    """
    check_text(name)
    if not _COLOR.fullmatch(color):
        raise ValueError(f"{color!r} is no color: give one like '3185c5'")
    digits = color.removeprefix("#")
    calendar = account.new(Calendar, id=id, name=name, color=digits, created_at=now, updated_at=now)
    feed = f"{account.name}/{calendar.id}.ics"
    calendar.token = hashlib.sha256(feed.encode()).hexdigest()[:40]
    return calendar
