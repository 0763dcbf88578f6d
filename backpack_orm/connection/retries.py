"""Which requests are sent again, and when."""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from backpack_orm.errors import BackpackError
from backpack_orm.wire.endpoint import Safety

MAX_TRIES = 5
"""How often a call is sent at most, those that the service was too busy for not counted."""
BACK_OFF = 0.5
"""Seconds to wait at most before the second try; each further try doubles them."""


class Outcome(Enum):
    """What became of one request, as far as sending it again is concerned."""

    NOT_SENT = "no connection came about"
    LOST = "it was sent, and no whole response came"
    OUTAGE = "what stands before the service answered in its place: 502, 503 or 504"
    BUSY = "the service has no time for it, and has not looked at it"
    UNREADABLE = "the response is not what the API documents"
    GONE = "what an earlier try may have destroyed is not there"
    REFUSED = "the service said no, or it cannot be sent at all"


class Action(Enum):
    """What to do then."""

    RETRY = "wait a little and send it again"
    PAUSE = "send nothing of that kind for as long as the service says, then send it again"
    FAIL = "raise the error"
    OUTCOME_UNKNOWN = "raise that nobody knows whether it was done"
    SUCCEED = "take it for done"


_SAFETIES = (Safety.READ, Safety.IDEMPOTENT, Safety.NOT_IDEMPOTENT, Safety.DELETE)
_RETRY, _PAUSE, _FAIL, _UNKNOWN, _SUCCEED = Action
_TABLE = {
    Outcome.NOT_SENT: (_RETRY, _RETRY, _RETRY, _RETRY),
    Outcome.LOST: (_RETRY, _RETRY, _UNKNOWN, _RETRY),
    Outcome.OUTAGE: (_RETRY, _RETRY, _UNKNOWN, _RETRY),
    Outcome.BUSY: (_PAUSE, _PAUSE, _PAUSE, _PAUSE),
    Outcome.UNREADABLE: (_FAIL, _FAIL, _UNKNOWN, _FAIL),
    Outcome.GONE: (_FAIL, _FAIL, _FAIL, _SUCCEED),
    Outcome.REFUSED: (_FAIL, _FAIL, _FAIL, _FAIL),
}
RULES: Mapping[tuple[Safety, Outcome], Action] = {
    (safety, outcome): action
    for outcome, row in _TABLE.items()
    for safety, action in zip(_SAFETIES, row, strict=True)
}
"""What to do, for each safety of a call and each outcome of a request."""


class Failed(NamedTuple):
    """Why a request came to nothing, and what that means for sending it again."""

    outcome: Outcome
    error: BackpackError
    is_sent: bool = True


def back_off(tries: int) -> float:
    """Return how many seconds to wait after so many tries.

    It is a random part of what doubles each time, so that many who failed together do not come
    again together.
    """
    return random.uniform(0, BACK_OFF * 2 ** (tries - 1))  # noqa: S311 - no secret


def parse_retry_after(header: str | None) -> float | None:
    """Return the seconds that a `Retry-After` asks for, given as such or as a date.

    >>> parse_retry_after("5"), parse_retry_after("soon")
    (5.0, None)
    >>> parse_retry_after("Mon, 05 Mar 2007 18:30:15 GMT")
    0.0
    """
    try:
        return float(Retry().parse_retry_after(header or ""))
    except (InvalidHeader, ValueError, OverflowError):
        return None
