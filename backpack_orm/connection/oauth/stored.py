"""A stored grant: what an application has kept of it, checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backpack_orm.connection.oauth.token_set import TokenSet, token
from backpack_orm.errors import ValidationError


def read_stored(
    stored: Any, client_id: str, provider: str
) -> tuple[TokenSet, dict[str, int]] | ValidationError:
    """Return the tokens and the ids of the user by host, or what is wrong with them.

    An error is returned, not raised, since its frames would contain the tokens.
    """
    if not isinstance(stored, Mapping):
        return ValidationError("a stored grant is a dict, as to_dict() returns it")
    if stored.get("client_id") != client_id:
        return _damaged("client_id", "or is that of another application")
    if stored.get("provider", provider) != provider:
        return _damaged("provider", "or is that of another provider")
    access = token(stored.get("access_token"))
    if access is None:
        return _damaged("access_token")
    refresh = token(stored.get("refresh_token"))
    if refresh is None and stored.get("refresh_token") is not None:
        return _damaged("refresh_token")
    expires_at = _moment(stored.get("expires_at"))
    if expires_at is None and stored.get("expires_at") is not None:
        return _damaged("expires_at")
    users = stored.get("users", {})
    if not isinstance(users, Mapping) or not all(
        isinstance(host, str) and type(id) is int for host, id in users.items()
    ):
        return _damaged("users")
    return TokenSet(access, refresh, expires_at), dict(users)


def _damaged(name: str, more: str = "") -> ValidationError:
    return ValidationError(
        f"the stored grant has no valid {name}{f', {more}' if more else ''}: "
        "store what to_dict() returns, or sign in again"
    )


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
