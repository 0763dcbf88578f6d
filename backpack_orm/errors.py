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
        may_have_happened: Whether the service may have carried out the request all the same, for
            example because the response to it was lost.

    >>> NotFound("no such page", verb="POST", path="/ws/page/7", status=404)
    NotFound('no such page (404 to POST /ws/page/7)')
    """

    may_have_happened = False

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
    """No connection is there to be used; the message says how to make one.

    >>> import pickle
    >>> with Sandbox(seed="demo") as box:
    ...     kept = pickle.dumps(Page.all(using=Connection(box.url, token=box.token)))
    >>> pickle.loads(kept)[0].description
    Traceback (most recent call last):
    backpack_orm.errors.NotConnected: ...this one came out of a pickle, which holds no token...
    """


class TransportError(BackpackError):
    """The exchange with the service did not come to its end.

    >>> Page.all(using=Connection("http://127.0.0.1:9", token="0123", max_wait=0))
    Traceback (most recent call last):
    backpack_orm.errors.TransportError: 127.0.0.1:9 cannot be reached: check the address...
    """


class Timeout(TransportError, TimeoutError):
    """The service took longer than the connection's `timeout`.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.latency(60)
    ...     Page.all(using=Connection(box.url, token=box.token, timeout=(5, 0.1), max_wait=0))
    Traceback (most recent call last):
    backpack_orm.errors.Timeout: ...gave no answer in 0.1 s (POST /ws/pages/all)
    """


class OutcomeUnknown(TransportError):
    """A write was sent, its answer was lost: it may have happened or not.

    It was not sent again, since that could do it twice. Look at the service, then decide.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.drop_after_write()
    ...     Page.create(title="Porto", using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.OutcomeUnknown: ...the write may have happened or not...
    """

    may_have_happened = True


class UnexpectedRedirect(TransportError):
    """The service pointed somewhere the token must not follow.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.redirect("http://elsewhere.example")
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.UnexpectedRedirect: ...redirects to http://elsewhere.example...
    """


class InvalidResponse(BackpackError):
    """The answer is not what the API documents: HTML, truncated, empty, or malformed.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.html_page()
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.InvalidResponse: the answer is HTML (200 to POST /ws/pages/all): ...
    """


class ApiError(BackpackError):
    """The service refused, with a status that has no class of its own below.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.status(418)
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.ApiError: I'm a Teapot (418 to POST /ws/pages/all)
    """


class AuthenticationError(ApiError):
    """The token is wrong or missing.

    >>> with Sandbox(seed="empty") as box:
    ...     Page.all(using=Connection(box.url, token="wrong"))
    Traceback (most recent call last):
    backpack_orm.errors.AuthenticationError: ...the token is wrong, or of another account...
    """


class Forbidden(ApiError):
    """The token is good but not allowed to do this, or the plan's page limit is reached.

    >>> with Sandbox(seed="empty", page_limit=0) as box:
    ...     Page.create(title="One too many", using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.Forbidden: Forbidden (403 to POST /ws/pages/new)
    """


class NotFound(ApiError, LookupError):
    """There is no such record, for this token at least.

    >>> Page.find(7)
    Traceback (most recent call last):
    backpack_orm.errors.NotFound: Record not found (404 to POST /ws/page/7)
    """


class Rejected(ApiError):
    """The service refused a value, such as a reminder in the past.

    >>> from datetime import datetime
    >>> Reminder.create(content="Pay the rent", remind_at=datetime(2020, 6, 1, 8, 0))
    Traceback (most recent call last):
    backpack_orm.errors.Rejected: Unprocessable Entity (422 to POST /[token]/reminders.xml)
    """


class RateLimited(ApiError):
    """Too many requests in too short a time.

    Attributes:
        retry_after: Seconds until the next request may go, as the service asked or as its limits
            say; None when nobody knows.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.status(503, retry_after=90)
    ...     try:
    ...         Page.all(using=Connection(box.url, token=box.token))
    ...     except RateLimited as error:
    ...         error.retry_after
    90.0
    """

    retry_after: float | None = None


class ServerError(ApiError):
    """The service failed, or could not make sense of a parameter.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.error_body(500)
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.ServerError: Internal Server Error (500 to POST /ws/pages/all)
    """


class ValidationError(BackpackError, ValueError):
    """A value that could not be sent; nothing was.

    >>> Page.create(title="ring \\x07")
    Traceback (most recent call last):
    backpack_orm.errors.ValidationError: Page.title cannot be 'ring \\x07': it holds...
    """


class ReadOnly(BackpackError):
    """A field that the API cannot change was changed; nothing was sent.

    >>> note = Page.find_by(title="Lisbon").notes[0]
    >>> note.created_at = None
    >>> note.save()
    Traceback (most recent call last):
    backpack_orm.errors.ReadOnly: Note.created_at cannot be changed through the API...
    """


class NotSaved(BackpackError):
    """The object is not on the service yet.

    >>> Page(title="Porto").destroy()
    Traceback (most recent call last):
    backpack_orm.errors.NotSaved: ...is not on the service yet: save() it before you destroy it
    """


class Destroyed(BackpackError):
    """The object was destroyed; it cannot be used any more.

    >>> page = Page.create(title="Porto")
    >>> page.destroy()
    >>> page.save()
    Traceback (most recent call last):
    backpack_orm.errors.Destroyed: Page(id=..., title='Porto') was destroyed
    """


class StaleRecord(BackpackError):
    """The record has changed on the service since it was loaded.

    >>> mine, theirs = Page.all()[0].notes[0], Page.all()[0].notes[0]
    >>> theirs.title = "Rooms"
    >>> theirs.save().updated
    True
    >>> mine.title = "Hotel"
    >>> mine.save(check=True)
    Traceback (most recent call last):
    backpack_orm.errors.StaleRecord: ...title was 'Where we sleep' and is 'Rooms'...
    """


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
