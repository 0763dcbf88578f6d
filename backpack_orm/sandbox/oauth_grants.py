"""The codes and tokens that users have granted to applications."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, Select, and_, delete, or_, select
from sqlalchemy.orm import aliased

from .models import Account, OAuthApplication, OAuthGrant, User
from .oauth_applications import Refusal
from .tokens import digest, new_token
from .transactions import Database, Transaction

CODE_LIFETIME = 60
TOKEN_LIFETIME = 1_209_600
CODE, ACCESS, REFRESH = "code", "access", "refresh"
USED = "used"  # a code or refresh token that must not be used again

Issued = tuple[str, str | None] | Refusal
"""An access token and a refresh token, which is None if it stays the same; or why there is none."""


class Authorization(NamedTuple):
    """What an access token stands for: a person, and the user that this person is per account."""

    address: str
    expires_at: datetime
    users: list[User]


class Grants:
    """The codes and tokens, stored as hashes.

    All that was issued for one code is a family. It is revoked if a code or a refresh token is used
    again, since one of the two that have used it is not the application.

    Attributes:
        code_lifetime: Seconds after which a new code expires.
        token_lifetime: Seconds after which a new access token expires.
        rotates: Whether each refresh replaces the refresh token.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.code_lifetime: float = CODE_LIFETIME
        self.token_lifetime: float = TOKEN_LIFETIME
        self.rotates = False

    def new_code(self, application_key: int, user_key: int, now: datetime) -> str:
        """Return a code that can be traded once."""
        code = secrets.token_urlsafe(24)

        def store(transaction: Transaction) -> None:
            _remove_expired(transaction, now)
            expires_at = now + timedelta(seconds=self.code_lifetime)
            hashed = digest(code)
            transaction.session.add(
                OAuthGrant(
                    application_key=application_key,
                    user_key=user_key,
                    kind=CODE,
                    digest=hashed,
                    family=hashed,
                    expires_at=expires_at,
                )
            )

        self._database.write(store)
        return code

    def trade(
        self, transaction: Transaction, application: OAuthApplication, code: str, now: datetime
    ) -> Issued:
        """Trade a code for an access token and a refresh token, once.

        A refusal is returned, not raised, since the transaction of a replay must be committed.
        """
        granted = _granted(transaction, application, CODE, code)
        if granted is None:
            return Refusal(400, "invalid_grant", "the code is unknown or was used before")
        if granted.kind == USED:
            return _revoked(transaction, granted.family, "the code")
        if granted.expires_at is None or granted.expires_at <= now:
            return Refusal(400, "invalid_grant", "the code has expired")
        refresh_token = _use(transaction, granted)
        return self._new_access(transaction, granted, now), refresh_token

    def refresh(
        self,
        transaction: Transaction,
        application: OAuthApplication,
        refresh_token: str,
        now: datetime,
    ) -> Issued:
        """Return a new access token, and a new refresh token if they rotate.

        Earlier access tokens stay valid. A refusal is returned, as by `trade`.
        """
        granted = _granted(transaction, application, REFRESH, refresh_token)
        if granted is None:
            return Refusal(400, "invalid_grant", "the refresh token is unknown or was revoked")
        if granted.kind == USED:
            return _revoked(transaction, granted.family, "the refresh token")
        new = _use(transaction, granted) if self.rotates else None
        return self._new_access(transaction, granted, now), new

    def user_key(
        self, transaction: Transaction, access_token: str, account: str, now: datetime
    ) -> int | None:
        """Return the key of the user of an account that an access token stands for, if any."""
        users = _users(access_token, now).where(Account.name == account)
        # Not a record, which would be older than the lock on its account.
        key: int | None = transaction.connection.execute(users.with_only_columns(User.key)).scalar()
        return key

    def authorization(self, access_token: str, now: datetime) -> Authorization | None:
        """Return what an access token stands for; None if it is not valid."""
        wanted = (
            select(User.email_address, OAuthGrant.expires_at)
            .join(OAuthGrant, OAuthGrant.user_key == User.key)
            .where(_is_valid(access_token, now))
        )
        with self._database.reading() as session:
            row = session.execute(wanted).first()
            if row is None or row.expires_at is None:
                return None
            users = list(session.scalars(_users(access_token, now)))
            return Authorization(row.email_address, row.expires_at, users)

    def revoke(self, client_id: str | None, *, keep_refresh_tokens: bool) -> int:
        """Revoke the tokens of an application, or of all; return their number."""
        applications = select(OAuthApplication.key).order_by(OAuthApplication.key)
        if client_id is not None:
            applications = applications.where(OAuthApplication.client_id == client_id)

        def remove(transaction: Transaction) -> int:
            # A token that is being granted is committed before the lock, and seen after it.
            keys = transaction.connection.scalars(applications.with_for_update()).all()
            theirs = OAuthGrant.application_key.in_(keys)
            if keep_refresh_tokens:
                return _deleted(transaction, and_(theirs, OAuthGrant.kind.in_((CODE, ACCESS))))
            number = _deleted(transaction, and_(theirs, OAuthGrant.kind != USED))
            _deleted(transaction, theirs)
            return number

        return self._database.write(remove)

    def _new_access(self, transaction: Transaction, granted: OAuthGrant, now: datetime) -> str:
        _remove_expired(transaction, now)
        expires_at = now + timedelta(seconds=self.token_lifetime)
        return _add(transaction, granted, ACCESS, expires_at)


def _use(transaction: Transaction, granted: OAuthGrant) -> str:
    """Return a new refresh token instead of a code or a refresh token."""
    granted.kind, granted.expires_at = USED, None
    return _add(transaction, granted, REFRESH, None)


def _add(
    transaction: Transaction, granted: OAuthGrant, kind: str, expires_at: datetime | None
) -> str:
    """Return a new token of the family of another one."""
    token = new_token()
    transaction.session.add(
        OAuthGrant(
            application_key=granted.application_key,
            user_key=granted.user_key,
            kind=kind,
            digest=digest(token),
            family=granted.family,
            expires_at=expires_at,
        )
    )
    return token


def _granted(
    transaction: Transaction, application: OAuthApplication, kind: str, secret: str
) -> OAuthGrant | None:
    """Return and lock what was granted, which may be used, but by no transaction at this time."""
    return transaction.session.scalar(
        select(OAuthGrant)
        .where(
            OAuthGrant.digest == digest(secret),
            OAuthGrant.kind.in_((kind, USED)),
            OAuthGrant.application_key == application.key,
        )
        .with_for_update()
    )


def _revoked(transaction: Transaction, family: str, name: str) -> Refusal:
    """Delete a family, since a member was used again; return the refusal."""
    theirs = OAuthGrant.family == family
    # A token that is being issued is committed before the locks, and seen after them.
    members = select(OAuthGrant.key).where(theirs).order_by(OAuthGrant.key).with_for_update()
    transaction.connection.execute(members)
    _deleted(transaction, theirs)
    description = f"{name} was used before: all that was issued for it is revoked"
    return Refusal(400, "invalid_grant", description)


def _deleted(transaction: Transaction, wanted: Any) -> int:
    """Delete grants and return their number."""
    result = transaction.connection.execute(delete(OAuthGrant).where(wanted))
    assert isinstance(result, CursorResult)
    return result.rowcount


def _remove_expired(transaction: Transaction, now: datetime) -> None:
    _deleted(transaction, OAuthGrant.expires_at <= now)


def _is_valid(access_token: str, now: datetime) -> Any:
    return and_(
        OAuthGrant.digest == digest(access_token),
        OAuthGrant.kind == ACCESS,
        OAuthGrant.expires_at > now,
    )


def _users(access_token: str, now: datetime) -> Select[User]:
    """Return the statement that selects the users of an access token, one for each account.

    They are the user who signed in, and all users who are the same person.
    """
    signed_in = aliased(User)
    same = User.person == signed_in.person  # never for a user without one
    return (
        select(User)
        .join(Account, Account.key == User.account_key)
        .join(signed_in, or_(User.key == signed_in.key, same))
        .join(OAuthGrant, OAuthGrant.user_key == signed_in.key)
        .where(_is_valid(access_token, now))
        .order_by(User.key)
    )
