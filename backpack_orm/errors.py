"""The exceptions of this library as one tree, with one table of their codes and hints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from backpack_orm.rich_display import RichDisplay

_HELP = "https://backpack-orm.readthedocs.io/errors.html"


class BackpackError(RichDisplay, Exception):
    """Base class of all errors of this library.

    Tracebacks show `help_url` below the message, as a note: it is not part of `str(error)`.

    Attributes:
        message: What was wrong, with which value, and what to do about it.
        verb: HTTP method of the failed request, if there was one.
        path: Path of that request, without the token.
        status: HTTP status of the response, or the code in the body of an error sent with 200.
        excerpt: Beginning of the response, where it helps.
        code: Short name of the kind of error for programs, such as `not_found`. It never changes,
            and a subclass of your own inherits it.
        hint: What to do about this kind of error, in one sentence.
        retryable: Whether the same call, unchanged, may succeed later and does no harm if it is
            made again. False if it has created a record, which it would create again: see `resume`.
        retry_after: Seconds to wait before the next try; None if unknown.
        may_have_happened: Whether the service may have carried out the request despite the error,
            for example because the response was lost.
        result: The `BulkResult` of the operation over many records that the error has stopped; else
            None.
        created: The records that a call has created before the error stopped it, in order; see
            `resume`.
        saved: Names of the attributes that a call has saved before the error stopped it.

    >>> error = NotFound("no such page", verb="POST", path="/ws/page/7", status=404)
    >>> error
    NotFound('no such page (404 to POST /ws/page/7)')
    >>> error.code, error.retryable
    ('not_found', False)
    """

    code: ClassVar[str]
    hint: str
    retryable: bool
    retry_after: float | None = None
    may_have_happened: bool = False
    result: Any = None
    created: tuple[Any, ...] = ()
    saved: tuple[str, ...] = ()
    _resume: Callable[[], Any] | None = None

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
        self.add_note(f"Help: {self.help_url}")

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
        """Add a remark to the message, such as which fields had been saved before.

        Args:
            remark: A clause without a full stop.

        >>> error = NotFound("no such page")
        >>> error.add("title was saved")
        >>> str(error)
        'no such page; title was saved'
        """
        self.message += f"; {remark}"

    def resume(self) -> Any:
        """Continue the call that the error has stopped, and return its whole result.

        Errors of calls that make several requests that write can be continued once one of these
        requests has succeeded.

        Nothing is done twice: records in `created` are not created again, and neither is one whose
        response was lost but which is there.

        Raises:
            TypeError: The error has stopped no call that can be continued.
            BackpackError: The operation was stopped again. That error can be continued too.

        >>> with Sandbox(seed="demo") as box:
        ...     connection = Connection(box.url, token=box.token)
        ...     items = Page.find_by(title="Lisbon", using=connection).lists["Packing"].items
        ...     fault = box.faults.status(500, path="**/items/add", after=1, times=1)
        ...     try:
        ...         items.create_many(["Socks", "Map", "Pen"])
        ...     except ServerError as error:
        ...         print(len(error.created), error.resume())
        1 [Item(...'Socks'...), Item(...'Map'...), Item(...'Pen'...)]
        """
        if self._resume is None:
            raise TypeError(f"{type(self).__name__} has stopped nothing that can be continued")
        return self._resume()

    @property
    def help_url(self) -> str:
        """Address of the documentation of this kind of error, with causes and remedies.

        >>> NotFound("no such page").help_url.rpartition("/")[2]
        'errors.html#not_found'
        """
        return f"{_HELP}#{self.code}"

    def to_dict(self) -> dict[str, Any]:
        """Return the error as plain values, ready for JSON. The keys are always the same.

        >>> NotFound("no such page", status=404).to_dict()["code"]
        'not_found'
        >>> sorted(NotFound("no such page").to_dict())[:3]
        ['code', 'excerpt', 'help_url']
        """
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "help_url": self.help_url,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "may_have_happened": self.may_have_happened,
            "status": self.status,
            "verb": self.verb,
            "path": self.path,
            "excerpt": self.excerpt,
        }


class NotConnected(BackpackError):
    """There is no connection to use; the message shows how to make one.

    >>> import pickle
    >>> with Sandbox(seed="demo") as box:
    ...     pickled = pickle.dumps(Page.all(using=Connection(box.url, token=box.token)))
    >>> pickle.loads(pickled)[0].description
    Traceback (most recent call last):
    backpack_orm.errors.NotConnected: ...this connection was unpickled, and pickles do not...
    """


class TransportError(BackpackError):
    """The service could not be reached, or the connection was lost.

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
    backpack_orm.errors.Timeout: ...did not respond in 0.1 s (POST /ws/pages/all)
    """


class OutcomeUnknown(TransportError):
    """A write was sent but its response was lost: it may have succeeded.

    The write is not retried, because a retry could execute it twice. Check on the service before
    you repeat the write.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.drop_after_write()
    ...     Page.create(title="Porto", using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.OutcomeUnknown: ...the write may have happened or not...
    """

    may_have_happened = True


class UnexpectedRedirect(TransportError):
    """The service redirected to where the token must not be sent.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.redirect("http://elsewhere.example")
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.UnexpectedRedirect: ...redirects to http://elsewhere.example...
    """


class InvalidResponse(BackpackError):
    """The response is not what the API documents: HTML, truncated, empty or malformed.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.html_page()
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.InvalidResponse: the response is HTML (200 to POST /ws/pages/all): ...
    """


class InvalidExport(InvalidResponse):
    """A file is not an export, or only a part of one.

    >>> from backpack_orm import Export
    >>> Export.read(b"<pages><page id='7")
    Traceback (most recent call last):
    backpack_orm.errors.InvalidExport: the export cannot be read: it ends too early, after 18 bytes:
    the rest is missing
    """


class ApiError(BackpackError):
    """The service refused the request, with a status that has no subclass of its own.

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
    backpack_orm.errors.AuthenticationError: ...the token is wrong, or belongs to another...
    """


class Forbidden(ApiError):
    """The token is valid but not allowed to do this, or the plan's page limit is reached.

    >>> with Sandbox(seed="empty", page_limit=0) as box:
    ...     Page.create(title="One too many", using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.Forbidden: Forbidden; the plan may allow no more pages: ...
    """


class NotFound(ApiError, LookupError):
    """There is no such record, or this token may not see it.

    >>> Page.find(7)
    Traceback (most recent call last):
    backpack_orm.errors.NotFound: Record not found (404 to POST /ws/page/7)
    """


class MultipleFound(BackpackError, LookupError):
    """Several records fulfil the conditions of `get`, which returns the only one.

    >>> Page.get(scope="friends")
    Traceback (most recent call last):
    backpack_orm.errors.MultipleFound: 2 Page records fulfil the conditions: [...]
    """


class Rejected(ApiError):
    """The service refused a value, such as a reminder in the past.

    >>> from datetime import datetime
    >>> Reminder.create(content="Pay the rent", remind_at=datetime(2020, 6, 1, 8, 0))
    Traceback (most recent call last):
    backpack_orm.errors.Rejected: ...; Reminder.remind_at may be in the past: pass a later time...
    """


class RateLimited(ApiError):
    """The rate limit is reached, and waiting would take longer than `max_wait`.

    `retry_after` is what the service requested, or the time until the rate limit
    allows the next request.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.status(503, retry_after=90)
    ...     try:
    ...         Page.all(using=Connection(box.url, token=box.token))
    ...     except RateLimited as error:
    ...         error.retry_after
    90.0
    """


class ServerError(ApiError):
    """The service failed, or could not interpret a parameter.

    It is `retryable` for 502, 503 and 504, which mean an outage.

    >>> with Sandbox(seed="empty") as box:
    ...     fault = box.faults.error_body(500)
    ...     Page.all(using=Connection(box.url, token=box.token))
    Traceback (most recent call last):
    backpack_orm.errors.ServerError: Internal Server Error (500 to POST /ws/pages/all)
    """


class ValidationError(BackpackError, ValueError):
    """A value cannot be sent; no request was made.

    >>> Page.create(title="ring \\x07")
    Traceback (most recent call last):
    backpack_orm.errors.ValidationError: Page.title cannot be 'ring \\x07': it holds...
    """

    _option: str | None = None
    """Name of the invalid option of a connection, for messages that name its key elsewhere."""


class ReadOnly(BackpackError):
    """A write that is not possible: nothing was sent.

    The API cannot change the field that was changed, or the connection is read-only.

    >>> note = Page.find_by(title="Lisbon").notes[0]
    >>> note.created_at = None
    >>> note.save()
    Traceback (most recent call last):
    backpack_orm.errors.ReadOnly: Note.created_at cannot be changed through the API...
    """


class NotSaved(BackpackError):
    """The object has not been saved yet.

    >>> Page(title="Porto").destroy()
    Traceback (most recent call last):
    backpack_orm.errors.NotSaved: ...is not on the service yet: call save() first
    """


class Destroyed(BackpackError):
    """The object was destroyed and cannot be used any more.

    >>> page = Page.create(title="Porto")
    >>> gone = page.destroy()
    >>> page.save()
    Traceback (most recent call last):
    backpack_orm.errors.Destroyed: Page(id=..., title='Porto', description='') was destroyed
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


class ArchiveError(BackpackError):
    """An archive cannot be used or written; it is unchanged.

    The folder is something else, the archive belongs to another account or has a newer format, or
    the disk is full or read-only.

    >>> from backpack_orm.archive import Archive
    >>> Archive("backup").pages
    Traceback (most recent call last):
    backpack_orm.errors.ArchiveError: backup contains no snapshot yet: call sync() first
    """


class DamagedArchive(ArchiveError):
    """A file of an archive is missing, or is not as it was written. The message names it.

    >>> from pathlib import Path
    >>> from backpack_orm.archive import Archive
    >>> Archive("backup").sync(Page.all()[0].connection).snapshot.number
    1
    >>> file = next(Path("backup").glob("packs/*.gz"))
    >>> file.write_bytes(b"overwritten")
    11
    >>> User.me(using=Archive("backup").connection)
    Traceback (most recent call last):
    backpack_orm.errors.DamagedArchive: backup/packs/....gz is not as it was written...
    """


class NotInArchive(ArchiveError, LookupError):
    """A snapshot does not contain this, although the account may.

    >>> from backpack_orm.archive import Archive
    >>> archive = Archive("backup")
    >>> archive.sync(Page.all()[0].connection).snapshot.number
    1
    >>> Page.search("tram", using=archive.connection)
    Traceback (most recent call last):
    backpack_orm.errors.NotInArchive: snapshot 1 of backup cannot search: ...
    """


class ErrorInfo(NamedTuple):
    """Attributes that all errors of a class share."""

    code: str
    retryable: bool
    """The default of the class; an error may set its own."""
    hint: str


CATALOG: Mapping[type[BackpackError], ErrorInfo] = {
    BackpackError: ErrorInfo("error", False, "Read the message."),
    NotConnected: ErrorInfo(
        "not_connected", False, "Call connect(), or set BACKPACK_URL and BACKPACK_TOKEN."
    ),
    TransportError: ErrorInfo(
        "connection_failed", True, "Check the account's address, the network and the proxy."
    ),
    Timeout: ErrorInfo("timeout", True, "Try again later, or connect with a longer timeout."),
    OutcomeUnknown: ErrorInfo(
        "outcome_unknown", False, "Check on the service whether it was done before you repeat it."
    ),
    UnexpectedRedirect: ErrorInfo(
        "unexpected_redirect", False, "Check the account's address, and whether it needs https."
    ),
    InvalidResponse: ErrorInfo(
        "invalid_response",
        False,
        "Check the address: a proxy, a login page or another server may have responded.",
    ),
    InvalidExport: ErrorInfo(
        "invalid_export",
        False,
        "Look for a complete copy: XML that begins with <user>, <backpack>, <pages> or <page>.",
    ),
    ApiError: ErrorInfo("refused", False, "Look up the status in the API reference."),
    AuthenticationError: ErrorInfo(
        "authentication_failed", False, "Check the token, and that it belongs to this account."
    ),
    Forbidden: ErrorInfo(
        "forbidden", False, "Check whose record it is, and the page limit of the plan."
    ),
    NotFound: ErrorInfo(
        "not_found", False, "Check the id: the record may be destroyed, or belong to others."
    ),
    MultipleFound: ErrorInfo(
        "multiple_found", False, "Add a condition, or use find_by() for the first of them."
    ),
    Rejected: ErrorInfo("rejected", False, "Change the value: a time may be past or unreadable."),
    RateLimited: ErrorInfo(
        "rate_limited", True, "Wait retry_after seconds, or connect with a larger max_wait."
    ),
    ServerError: ErrorInfo(
        "server_error", False, "Check the values that were sent; in an outage, try again later."
    ),
    ValidationError: ErrorInfo("invalid_value", False, "Change the value; see the message."),
    ReadOnly: ErrorInfo(
        "read_only", False, "Call discard() to undo the change: the API has no call for it."
    ),
    NotSaved: ErrorInfo("not_saved", False, "Call save() first."),
    Destroyed: ErrorInfo("destroyed", False, "Drop the object, or create a new one."),
    StaleRecord: ErrorInfo(
        "stale", False, "Call reload(), which discards your changes, and make them again."
    ),
    ArchiveError: ErrorInfo(
        "archive_unusable", False, "Check the path, the free space, and the permissions."
    ),
    DamagedArchive: ErrorInfo(
        "archive_damaged", False, "Run verify() to find all damage; use a copy or a new sync."
    ),
    NotInArchive: ErrorInfo(
        "not_in_archive", False, "Read it from the account, or sync again if it was refused."
    ),
}
"""Code, retryability and hint of every class. `docs/errors.md` shows this table."""

for _class, _info in CATALOG.items():
    _class.code, _class.retryable, _class.hint = _info
del _class, _info

_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: Forbidden,
    404: NotFound,
    422: Rejected,
    429: RateLimited,
}


def for_status(status: int) -> type[ApiError]:
    """Return the class of error for an HTTP status, or for the code in an error body.

    >>> for_status(404).__name__, for_status(500).__name__, for_status(418).__name__
    ('NotFound', 'ServerError', 'ApiError')
    """
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)


def may_have_happened(error: BaseException) -> bool:
    """Return whether a call that ended with an error may have succeeded.

    >>> may_have_happened(NotFound("no such page")), may_have_happened(KeyboardInterrupt())
    (False, True)
    """
    return error.may_have_happened if isinstance(error, BackpackError) else True


def looks_like_a_token(text: str) -> bool:
    """Return whether a text contains a token: no name is so long and has so many digits, or has
    only those of hexadecimal numbers.

    >>> looks_like_a_token("https://0123456789abcdef0123456789abcdef.backpackit.com")
    True
    >>> looks_like_a_token("the-feedback-cafe-of-1984")
    False
    """
    return any(
        len(re.findall("[0-9]", run)) >= 6 or re.fullmatch("[0-9a-fA-F]+", run)
        for run in re.findall("[0-9A-Za-z]{32,}", text)
    )


def redacted(value: object) -> str:
    """Return the repr of a value for a message, without parts that may be a token.

    >>> redacted("dXNlcjpzZWNyZXQtdG9rZW4=="), redacted(5), redacted("America/Argentina/Cordoba")
    ("'…'", '5', "'America/Argentina/Cordoba'")
    """

    def hide(run: re.Match[str]) -> str:
        return "…" if re.search("[0-9]", run[0]) else run[0]

    return re.sub(r"[\w+/=%~-]{20,}", hide, repr(value))


def did_you_mean(word: str, names: Iterable[str], most: int = 1) -> str:
    """Return the end of a message that suggests what a misspelled name may have meant.

    >>> did_you_mean("titel", ["title", "body"])
    "; did you mean 'title'?"
    >>> did_you_mean("x", ["title", "body"])
    ''
    """
    from difflib import get_close_matches  # only misspellings need it

    near = get_close_matches(word, list(names), most)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def short_repr(value: object, most: int = 60) -> str:
    """Return the repr of a value for a message, cut off; never raise an error.

    >>> short_repr("Lisbon")
    "'Lisbon'"
    """
    try:
        text = repr(value)
    except Exception:
        return f"<{type(value).__name__} that cannot be printed>"
    return text if len(text) <= most else f"{text[: most - 3]}…"
