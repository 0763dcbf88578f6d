"""What can go wrong, as one tree of exceptions."""

from __future__ import annotations

from collections.abc import Iterable

from backpack_orm.shown import Shown


class BackpackError(Shown, Exception):
    """Any failure of this library; catch this to catch them all.

    Attributes:
        message: What was wrong, with which value, and the way out.
        verb: The HTTP verb of the exchange that failed, if there was one.
        path: Its path, with the token taken out.
        status: Its HTTP status, or the code in the body of a failure that came as 200.
        excerpt: The beginning of the answer, when it helps to see it.

    >>> NotFound("no such page", verb="POST", path="/ws/page/7", status=404)
    NotFound('no such page (404 to POST /ws/page/7)')
    """

    def __init__(
        self,
        message: str,
        *,
        verb: str | None = None,
        path: str | None = None,
        status: int | None = None,
        excerpt: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.verb = verb
        self.path = path
        self.status = status
        self.excerpt = excerpt

    def __str__(self) -> str:
        text = self.message
        if self.path:
            status = f"{self.status} to " if self.status else ""
            text += f" ({status}{self.verb} {self.path})"
        if self.excerpt:
            text += f": {self.excerpt!r}"
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def add(self, remark: str) -> None:
        """Say more about the circumstances, such as what had been saved before.

        >>> error = NotFound("no such page")
        >>> error.add("title was saved")
        >>> str(error)
        'no such page; title was saved'
        """
        self.message += f"; {remark}"


class NotConnected(BackpackError):
    """No connection is there to be used; the message says how to make one."""


class TransportError(BackpackError):
    """The exchange with the service did not come to its end."""


class Timeout(TransportError, TimeoutError):
    """The service took longer than the connection's `timeout`."""


class OutcomeUnknown(TransportError):
    """A write was sent, its answer was lost: it may have happened or not.

    It was not sent again, since that could do it twice. Look at the service, then decide.
    """


class UnexpectedRedirect(TransportError):
    """The service pointed somewhere the token must not follow."""


class InvalidResponse(BackpackError):
    """The answer is not what the API documents: HTML, truncated, empty, or malformed."""


class ApiError(BackpackError):
    """The service refused, with a status that has no class of its own below."""


class AuthenticationError(ApiError):
    """The token is wrong or missing."""


class Forbidden(ApiError):
    """The token is good but not allowed to do this, or the plan's page limit is reached."""


class NotFound(ApiError, LookupError):
    """There is no such record, for this token at least."""


class Rejected(ApiError):
    """The service refused a value, such as a reminder in the past."""


class RateLimited(ApiError):
    """Too many requests in too short a time.

    Attributes:
        retry_after: Seconds until the next request may go, as the service asked or as its limits
            say; None when nobody knows.
    """

    retry_after: float | None = None


class ServerError(ApiError):
    """The service failed, or could not make sense of a parameter."""


class ValidationError(BackpackError, ValueError):
    """A value that could not be sent; nothing was."""


class ReadOnly(BackpackError):
    """A field that the API cannot change was changed; nothing was sent."""


class NotSaved(BackpackError):
    """The object is not on the service yet."""


class Destroyed(BackpackError):
    """The object was destroyed; it cannot be used any more."""


class StaleRecord(BackpackError):
    """The record has changed on the service since it was loaded."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: Forbidden,
    404: NotFound,
    422: Rejected,
    429: RateLimited,
}


def for_status(status: int) -> type[ApiError]:
    """The class of error for an HTTP status, or for the code in an error body.

    >>> for_status(404).__name__, for_status(500).__name__, for_status(418).__name__
    ('NotFound', 'ServerError', 'ApiError')
    """
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)


def meant(word: str, names: Iterable[str], most: int = 1) -> str:
    """A hint for the end of a message: which names a misspelled word may have meant.

    >>> meant("titel", ["title", "body"])
    "; did you mean 'title'?"
    >>> meant("x", ["title", "body"])
    ''
    """
    from difflib import get_close_matches  # only those who misspell something pay for it

    near = get_close_matches(word, list(names), most)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
