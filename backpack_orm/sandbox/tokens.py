"""API tokens: creation, storage as hashes, and lookup for requests."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from .models import Account, OAuthGrant, Token, User
from .names import check_name
from .statements import CompiledStatement
from .transactions import Database, Transaction

MIN_LENGTH = 16
MAX_LENGTH = 200
_MOST_SEEN = 10_000
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{MIN_LENGTH},{MAX_LENGTH}}}")


def new_token() -> str:
    """Return a random token: 40 hexadecimal digits, like those of the service."""
    return secrets.token_hex(20)


def check_token(token: str) -> str:
    """Return a chosen token; raise ValueError if it is too short or malformed."""
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            f"a token has {MIN_LENGTH} to {MAX_LENGTH} letters, digits, - and _: "
            "omit it to generate a random one"
        )
    return token


def digest(token: str) -> str:
    """Return the hash of a token, as it is stored.

    SHA-256 without salt or stretching is sufficient, since tokens are random, and fast, since every
    request computes it.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class TokenInfo:
    """A stored token as it is listed; the token itself is not stored.

    Attributes:
        id: Number to revoke it by.
        user: Name of the user that it authenticates.
        account: Name of the user's account.
        label: Description that was given when it was created.
        created_at: When it was created, as an aware datetime in UTC.
    """

    id: int
    user: str
    account: str
    label: str
    created_at: datetime


class Caller(NamedTuple):
    """The user that a request is authenticated as.

    A row rather than a record, which would take longer to load than many calls take.
    """

    key: int
    id: int
    account_key: int
    email_address: str
    time_zone: str
    account: str


_CALLER = select(
    User.key, User.id, User.account_key, User.email_address, User.time_zone, Account.name
).join(Account, Account.key == User.account_key)
_LOCK: dict[str, Any] = {"of": Account, "key_share": True}  # SQLite has no locks of rows


class _CallerStatement:
    """Finds a user; in a transaction that can write, it locks the account until the end."""

    def __init__(self, wanted: Select[*tuple[Any, ...]]) -> None:
        self._reading = CompiledStatement(wanted, Caller)
        self._locking = CompiledStatement(wanted.with_for_update(**_LOCK), Caller)

    def first(self, transaction: Transaction, **parameters: object) -> Caller | None:
        statement = self._locking if transaction.is_writing else self._reading
        caller: Caller | None = statement.first(transaction.connection, parameters)
        return caller


_WITH_KEY = _CallerStatement(_CALLER.where(User.key == bindparam("key")))
_WITH_TOKEN = _CallerStatement(
    _CALLER.join(Token, Token.user_key == User.key).where(Token.digest == bindparam("digest"))
)


def caller_with_key(transaction: Transaction, key: int) -> Caller | None:
    """Return a user by key, or None if there is none. Executes one statement."""
    return _WITH_KEY.first(transaction, key=key)


class Authenticator:
    """Finds the user that a token belongs to.

    Besides stored tokens there are temporary ones, which exist in memory until the process ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._temporary: dict[str, int] = {}  # digest -> key of the user
        self._seen: set[str] = set()

    def add_temporary(self, user: User) -> str:
        """Return a new token for a user, valid as long as this object exists."""
        token = new_token()
        with self._lock:
            self._temporary[digest(token)] = user.key
        return token

    def caller(self, transaction: Transaction, token: str) -> Caller | None:
        """Return the user of a token, or None if it is not valid. Executes one statement."""
        if not _TOKEN.fullmatch(token):
            return None
        hashed = digest(token)
        key = self._temporary.get(hashed)
        if key is not None:
            return caller_with_key(transaction, key)
        return _WITH_TOKEN.first(transaction, digest=hashed)

    def admit(self, database: Database, tokens: Iterable[str]) -> bool:
        """Return whether any of the tokens may be valid.

        Valid tokens are cached, so this can return True for a token that was revoked, as it does
        for every secret of OAuth. It only decides whether a request is processed; `caller()`
        decides whether it is authenticated.
        """
        hashed = {digest(token) for token in tokens if _TOKEN.fullmatch(token)}
        if hashed & self._seen or hashed & self._temporary.keys():
            return True
        if not hashed:
            return False
        with database.reading() as session:
            valid = {
                each
                for kind in (Token, OAuthGrant)
                for each in session.scalars(select(kind.digest).where(kind.digest.in_(hashed)))
            }
        with self._lock:
            if len(self._seen) > _MOST_SEEN:  # many access tokens have been granted and expired
                self._seen = set()
            self._seen |= valid
        return bool(valid)


def store_token(
    session: Session, user: User, token: str | None, *, label: str = "", now: datetime
) -> str:
    """Store a token of a user, a random one if None is given, and return it.

    Nothing changes if the user already has it. Raises ValueError if it belongs to another user, is
    too short or malformed.
    """
    token = new_token() if token is None else check_token(token)
    check_name(label, "a label")
    known = session.scalar(select(Token).where(Token.digest == digest(token)))
    if known is None:
        session.add(Token(user=user, digest=digest(token), label=label, created_at=now))
    elif known.user is not user:
        raise ValueError("this token belongs to another user: each user needs tokens of their own")
    return token


def stored_tokens(session: Session, account: str | None = None) -> list[TokenInfo]:
    """Return the stored tokens of one account, or of all, oldest first."""
    wanted = select(Token).join(User).join(Account).order_by(Token.key)
    if account is not None:
        wanted = wanted.where(Account.name == account)
    return [
        TokenInfo(
            token.key, token.user.name, token.user.account.name, token.label, token.created_at
        )
        for token in session.scalars(wanted)
    ]


def revoke_token(session: Session, id: int) -> None:
    """Delete a stored token; raise ValueError if there is none with that id."""
    token = session.get(Token, id)
    if token is None:
        raise ValueError(f"there is no token {id}")
    session.delete(token)


def account_named(session: Session, name: str) -> Account:
    """Return the account with a name; raise ValueError if there is none."""
    account = session.scalar(select(Account).where(Account.name == name))
    if account is None:
        raise ValueError(f"this sandbox has no account {name!r}")
    return account


def locked_account(session: Session, name: str) -> Account:
    """Like `account_named`, and lock the account until the end of the transaction."""
    wanted = select(Account).where(Account.name == name).with_for_update(**_LOCK)
    session.scalar(wanted)
    return account_named(session, name)


def user_named(account: Account, user: str | int | None) -> User:
    """Return a user of an account by id or name, or its first user for None.

    Raises ValueError if there is none, or if several users have that name.
    """
    if user is None:
        return account.users[0]
    found = [one for one in account.users if user in (one.id, one.name)]
    if not found:
        raise ValueError(f"the account {account.name!r} has no user {user!r}")
    if len(found) > 1:
        ids = ", ".join(str(one.id) for one in found)
        raise ValueError(f"several users are named {user!r}: use one of the ids {ids}")
    return found[0]


class Tokens:
    """The stored tokens of a sandbox: `box.tokens`.

    >>> with Sandbox(seed="empty") as box:
    ...     secret = box.tokens.create(label="backup job")
    ...     first, second = box.tokens.all()
    ...     box.tokens.revoke(second.id)
    ...     (second.user, second.label), len(box.tokens.all())
    (('Owner', 'backup job'), 1)
    """

    def __init__(self, database: Database, account: str, now: Callable[[], datetime]) -> None:
        self._database, self._account, self._now = database, account, now

    def __repr__(self) -> str:
        return f"<Tokens of {len(self.all())} in {self._account!r} and all other accounts>"

    def create(
        self,
        user: str | int | None = None,
        *,
        account: str | None = None,
        label: str = "",
        token: str | None = None,
    ) -> str:
        """Create another token of a user and return it. It cannot be displayed again.

        Args:
            user: Name or id of the user; the first one of the account if None.
            account: Name of the user's account; the sandbox's own if None.
            label: Description of the token, shown in lists.
            token: The token itself, 16 to 200 letters, digits, - and _; a random one if None.

        Raises:
            ValueError: There is no such account or user, several users have the name, or the
                token is malformed or belongs to another user.

        >>> with Sandbox(seed="empty") as box:
        ...     len(box.tokens.create())
        40
        """
        with self._database.transaction() as session:
            home = locked_account(session, account or self._account)
            owner = user_named(home, user)
            return store_token(session, owner, token, label=label, now=self._now())

    def all(self, account: str | None = None) -> list[TokenInfo]:
        """Return all stored tokens, or those of one account, oldest first.

        The tokens themselves are not returned, since only hashes are stored.

        >>> with Sandbox(seed="empty") as box:
        ...     [token.user for token in box.tokens.all()]
        ['Owner']
        """
        with self._database.reading() as session:
            return stored_tokens(session, account)

    def revoke(self, id: int) -> None:
        """Delete a token. The next request with it is not authenticated.

        Raises:
            ValueError: There is no token with that id.

        >>> with Sandbox(seed="empty") as box:
        ...     box.tokens.revoke(box.tokens.all()[0].id)
        ...     box.tokens.all()
        []
        """
        with self._database.transaction() as session:
            revoke_token(session, id)
