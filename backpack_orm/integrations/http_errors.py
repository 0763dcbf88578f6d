"""The HTTP status with which a web application responds to an error of this library."""

from __future__ import annotations

from math import ceil

from backpack_orm import errors
from backpack_orm.errors import BackpackError

_STATUS = {
    errors.NotFound: 404,
    errors.Destroyed: 404,
    errors.NotInArchive: 404,
    errors.ValidationError: 400,
    errors.Rejected: 400,
    errors.Forbidden: 403,
    errors.ReadOnly: 403,
    errors.StaleRecord: 409,
    errors.RateLimited: 503,
    errors.Timeout: 504,
    errors.TransportError: 502,
    errors.ServerError: 502,
    errors.InvalidResponse: 502,
}

UNCLEAR = "It is not known whether this was done: look before you repeat it."
"""What a response says of a write that may have happened."""


def status_of(error: BackpackError) -> int:
    """Return the status of an error: that of its nearest base class in the table, or 500.

    >>> from backpack_orm import errors
    >>> status_of(errors.NotFound("no such page")), status_of(errors.NotConnected("no account"))
    (404, 500)
    """
    return next((_STATUS[base] for base in type(error).__mro__ if base in _STATUS), 500)


def retry_after(error: BackpackError) -> str | None:
    """Return the value of the header Retry-After in whole seconds; None if it is unknown.

    >>> from backpack_orm import errors
    >>> error = errors.RateLimited("too many requests")
    >>> error.retry_after = 4.2
    >>> retry_after(error)
    '5'
    """
    return None if error.retry_after is None else str(max(1, ceil(error.retry_after)))
