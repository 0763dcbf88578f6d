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
"""How often a call is sent at most, not counting tries that hit the rate limit."""
BACK_OFF = 0.5
"""Seconds to wait at most before the second try; doubled for each further try."""


class Outcome(Enum):
    """What became of one request, as far as sending it again is concerned."""

    NOT_SENT = "no connection was established"
    UNSENDABLE = "it cannot be sent, now or later"
    LOST = "it was sent, and no complete response arrived"
    OUTAGE = "a gateway responded instead of the service: 502, 503 or 504"
    BUSY = "the rate limit is reached; the service has not processed the request"
    UNREADABLE = "the response is not what the API documents"
    GONE = "the record is missing, perhaps because an earlier try has destroyed it"
    REFUSED = "the service refused it"


class Action(Enum):
    """What to do then."""

    RETRY = "send it again after a short random wait"
    PAUSE = "send no such request for as long as the service requests, then send it again"
    FAIL = "raise the error"
    OUTCOME_UNKNOWN = "raise OutcomeUnknown"
    SUCCEED = "return as if it had succeeded"


_SAFETIES = (Safety.READ, Safety.IDEMPOTENT, Safety.NOT_IDEMPOTENT, Safety.DELETE)
_RETRY, _PAUSE, _FAIL, _UNKNOWN, _SUCCEED = Action
_TABLE = {
    Outcome.NOT_SENT: (_RETRY, _RETRY, _RETRY, _RETRY),
    Outcome.UNSENDABLE: (_FAIL, _FAIL, _FAIL, _FAIL),
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
MAY_HAVE_HAPPENED = {Outcome.LOST, Outcome.OUTAGE, Outcome.UNREADABLE}
"""Outcomes after which the service may have carried out the request."""
WAS_NOT_SENT = {Outcome.NOT_SENT, Outcome.UNSENDABLE}
"""Outcomes after which nothing of the request has reached the service."""


class Failed(NamedTuple):
    """Why a request failed, and what that means for sending it again."""

    outcome: Outcome
    error: BackpackError


def back_off(tries: int) -> float:
    """Return how many seconds to wait after so many tries.

    A random part of a time that doubles with each try, so that clients that failed at the same
    moment do not retry at the same moment.
    """
    return random.uniform(0, BACK_OFF * 2 ** (tries - 1))  # noqa: S311 - no secret


def parse_retry_after(header: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header, which has a number or a date.

    >>> parse_retry_after("5"), parse_retry_after("soon")
    (5.0, None)
    >>> parse_retry_after("Mon, 05 Mar 2007 18:30:15 GMT")
    0.0
    """
    try:
        return float(Retry().parse_retry_after(header or ""))
    except (InvalidHeader, ValueError, OverflowError):
        return None
