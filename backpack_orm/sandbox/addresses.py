"""E-mail addresses of users: pages are shared by them, so no two users have the same."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import Account, User

LONGEST_ADDRESS = 320
"""Characters, as RFC 5321 allows; longer texts do not fit into an index of PostgreSQL."""

_LONGEST_NAME = 100


class Addresses:
    """The e-mail addresses of one account; letter case is ignored.

    Reads all of them once, so that many users can be added in linear time.
    """

    def __init__(self, session: Session, account: Account) -> None:
        stored = select(User.email_address).where(User.account_key == account.key)
        self._taken = {address.casefold() for address in session.scalars(stored)}
        self._host = host_of(account)
        self._tried: Counter[str] = Counter()

    def claim(self, address: str) -> str:
        """Reserve an address and return it; raise ValueError if it is taken or malformed."""
        if not address or address.split() != [address]:
            raise ValueError(
                f"{address!r} is not an e-mail address: it is empty or contains white space"
            )
        if len(address.casefold()) > LONGEST_ADDRESS:
            raise ValueError(f"an e-mail address can have at most {LONGEST_ADDRESS} characters")
        if address.casefold() in self._taken:
            raise ValueError(f"{address!r} is the address of another user of this account")
        self._taken.add(address.casefold())
        return address

    def claim_for(self, name: str) -> str:
        """Reserve an unused address that is made from the name of a user, and return it."""
        local = _joined(name[:_LONGEST_NAME])
        while True:
            self._tried[local] += 1
            number = self._tried[local]
            address = f"{local}{'' if number == 1 else f'.{number}'}@{self._host}"
            if address.casefold() not in self._taken:
                return self.claim(address)


def host_of(account: Account) -> str:
    """Return the host in addresses that are made from names; no two accounts have the same."""
    return f"{_joined(account.name)}.example"


def _joined(name: str) -> str:
    return ".".join(name.lower().split())
