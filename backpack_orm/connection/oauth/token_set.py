"""The tokens of one user, as a provider returns them and as an application stores them."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import field, frozen

from backpack_orm.connection.redaction import Secret

_MARGIN = 60.0
_SHARE = 0.1  # of the lifetime
_TOKEN = re.compile(r"[!-~]+")  # what a header may contain
_LONGEST = 10_000


def now() -> datetime:
    """Return the time of this machine."""
    return datetime.fromtimestamp(time.time(), UTC)


@frozen(eq=False)
class TokenSet:
    """An access token, when it expires, and the refresh token that replaces it.

    Attributes:
        access: The access token.
        refresh: The refresh token; None if there is none.
        expires_at: When the access token expires, by the clock of this machine; None if unknown.
        margin: Seconds before that, from which on it is replaced.
    """

    access: Secret
    refresh: Secret | None
    expires_at: datetime | None
    margin: float = field(default=_MARGIN)

    @property
    def is_due(self) -> bool:
        """Whether the access token has expired or soon will."""
        return self._seconds_left <= self.margin

    @property
    def has_expired(self) -> bool:
        """Whether the access token has expired, by the clock of this machine."""
        return self._seconds_left <= 0

    @property
    def _seconds_left(self) -> float:
        """Seconds until the access token expires; infinite if that is unknown."""
        if self.expires_at is None:
            return math.inf
        return (self.expires_at - now()).total_seconds()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Both tokens."""
        return (self.access,) if self.refresh is None else (self.access, self.refresh)


def received(answer: Any, old: TokenSet | None = None) -> TokenSet | str:
    """Return the tokens in the answer of a provider, or what is wrong with it.

    A refresh token that is not in the answer is that of `old`. The time of expiry is computed from
    the clock of this machine, so the provider's clock does not matter. It is unknown if the answer
    has no number of seconds.
    """
    if not isinstance(answer, dict):
        return "is not a JSON object"
    access = token(answer.get("access_token"))
    if access is None:
        return "has no access_token"
    refresh = None if old is None else old.refresh
    if answer.get("refresh_token") is not None:
        refresh = token(answer["refresh_token"])
        if refresh is None:
            return "has a refresh_token that is not a token"
    seconds = _seconds(answer.get("expires_in"))
    if seconds is None:
        return TokenSet(access, refresh, None)
    return TokenSet(
        access, refresh, now() + timedelta(seconds=seconds), min(_MARGIN, seconds * _SHARE)
    )


def token(value: object) -> Secret | None:
    """Return a token that can be sent in a header; None if the value is none."""
    if isinstance(value, str) and len(value) <= _LONGEST and _TOKEN.fullmatch(value):
        return Secret(value)
    return None


def _seconds(value: object) -> float | None:
    """Return the lifetime of a token; None if it is missing or not a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds < 10**9 else None
