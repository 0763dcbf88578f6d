"""The HTTP status of each error, which all frameworks use."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backpack_orm import (
    AuthenticationError,
    BackpackError,
    Destroyed,
    Forbidden,
    InvalidResponse,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ReadOnly,
    Rejected,
    ServerError,
    StaleRecord,
    Timeout,
    TransportError,
    ValidationError,
)
from backpack_orm.integrations.http_errors import retry_after, status_of

STATUSES: Mapping[type[BackpackError], int] = {
    ValidationError: 400,
    Rejected: 400,
    Forbidden: 403,
    ReadOnly: 403,
    NotFound: 404,
    Destroyed: 404,
    StaleRecord: 409,
    AuthenticationError: 500,
    NotConnected: 500,
    InvalidResponse: 502,
    OutcomeUnknown: 502,
    ServerError: 502,
    TransportError: 502,
    RateLimited: 503,
    Timeout: 504,
}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_an_error_has_a_status(kind: type[BackpackError], status: int) -> None:
    assert status_of(kind("it failed")) == status


def test_a_class_of_your_own_has_the_status_of_its_base() -> None:
    class NoSuchTrip(NotFound):
        pass

    assert status_of(NoSuchTrip("no such trip")) == 404


@pytest.mark.parametrize(
    ("seconds", "header"), [(None, None), (0.0, "1"), (4.0, "4"), (4.2, "5"), (4.6, "5")]
)
def test_nobody_is_asked_to_come_back_too_early(seconds: float | None, header: str | None) -> None:
    error = RateLimited("too many requests")
    error.retry_after = seconds
    assert retry_after(error) == header
