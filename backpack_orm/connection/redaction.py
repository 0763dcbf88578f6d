"""Removing tokens from log records and from errors that other libraries raise."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from threading import Lock, local
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

import requests
from requests.structures import CaseInsensitiveDict

PLACEHOLDER = "[token]"
_UNQUOTED = "!$&'()*+,;=:@"


class Secret:
    """A token, whose repr does not show it.

    >>> Secret("0123456789abcdef")
    [token]
    """

    __slots__ = ("__weakref__", "_forms", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        # unchanged, quoted in a URL, and escaped in a repr
        forms = {value, quote(value, safe=_UNQUOTED), quote(value), repr(value)[1:-1]}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def reveal(self) -> str:
        """Return the token itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Return a text with the token replaced, in every form in which it may be quoted.

        >>> Secret("0123456789abcdef").redact("GET /0123456789abcdef/me.xml")
        'GET /[token]/me.xml'
        """
        for form in self._forms:
            text = text.replace(form, PLACEHOLDER)
        return text

    def redact_bytes(self, content: bytes) -> bytes:
        """Return a response body with the token replaced.

        >>> Secret("0123456789abcdef").redact_bytes(b"wrong token: 0123456789abcdef")
        b'wrong token: [token]'
        """
        for form in self._forms:
            content = content.replace(form.encode(), PLACEHOLDER.encode())
        return content

    def __repr__(self) -> str:
        return PLACEHOLDER

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a token is never pickled or copied")


class _Calls(local):
    """The number of nested requests in each thread."""

    depth = 0


class LogRedactor(logging.Filter):
    """Redacts tokens in the log records of the HTTP libraries; leaves all other records unchanged.

    Some calls carry the token in their path, which these libraries log.
    """

    def __init__(self) -> None:
        super().__init__()
        self._secrets: WeakSet[Secret] = WeakSet()
        self._lock = Lock()
        self._calls = _Calls()

    def add(self, secret: Secret) -> None:
        """Redact a token from now on, as long as it is referenced."""
        with self._lock:
            self._secrets.add(secret)

    def __enter__(self) -> None:
        """Treat what this thread logs in the block as part of a request with a token."""
        self._calls.depth += 1

    def __exit__(self, *error: object) -> None:
        self._calls.depth -= 1

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record if it contains a token; every record passes."""
        with self._lock:
            secrets = tuple(self._secrets)
        if secrets:
            self._redact_message(record, secrets)
            self._redact_traceback(record, secrets)
        return True

    def _redact_message(self, record: logging.LogRecord, secrets: tuple[Secret, ...]) -> None:
        message = arguments = None
        with suppress(Exception):  # the handler reports malformed records
            message, arguments = record.getMessage(), repr((record.msg, record.args))
        if message is None:
            return
        clean = _redacted(message, secrets)
        if clean != message or _redacted(str(arguments), secrets) != arguments:
            record.msg, record.args = clean, ()

    def _redact_traceback(self, record: logging.LogRecord, secrets: tuple[Secret, ...]) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
            clean = _redacted(text, secrets)
            # A handler may show the variables of its frames, which contain the request.
            if clean != text or self._calls.depth:
                record.exc_info, record.exc_text = None, clean
        if record.exc_text:
            record.exc_text = _redacted(record.exc_text, secrets)
        if record.stack_info:
            record.stack_info = _redacted(record.stack_info, secrets)


def _redacted(text: str, secrets: tuple[Secret, ...]) -> str:
    for secret in secrets:
        text = secret.redact(text)
    return text


log_redactor = LogRedactor()


def has_token(text: str) -> bool:
    """Return whether a text contains a token that this process uses."""
    return _redacted(text, tuple(log_redactor._secrets)) != text


_LOGGERS = (
    *("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.response"),
    *("urllib3.util.retry", "urllib3.contrib.pyopenssl", "urllib3.http2.connection"),
    # and those of libraries that mock the service in tests
    *("vcr.cassette", "vcr.matchers", "vcr.request", "vcr.stubs", "requests_mock.adapter"),
    "responses",
)
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(log_redactor)


def redact_error(error: BaseException, secret: Secret) -> None:
    """Remove a token from an error of another library: from its text, attributes and traceback.

    Its frames contain the request, and its attributes may: they are replaced by redacted copies.
    """
    error.__traceback__ = None
    error.__cause__ = error.__context__ = None
    error.args = tuple(_redacted_value(value, secret) for value in error.args)
    for name, value in list(vars(error).items()):
        setattr(error, name, _redacted_value(value, secret))


def _redacted_value(value: object, secret: Secret) -> object:
    if isinstance(value, str):
        return secret.redact(value)
    if isinstance(value, bytes):
        return secret.redact_bytes(value)
    if isinstance(getattr(value, "url", None), str) and hasattr(value, "headers"):
        return _redacted_request(value, secret)
    if value is None or isinstance(value, int | float):
        return value
    return f"<{type(value).__qualname__}, which is not shown since it may contain the token>"


def _redacted_request(request: Any, secret: Secret) -> requests.PreparedRequest:
    """Return a copy of a request without the token, for errors that quote its URL."""
    clean = requests.PreparedRequest()
    clean.method = request.method
    clean.url = secret.redact(request.url or "")
    headers = (request.headers or {}).items()
    clean.headers = CaseInsensitiveDict(
        {name: secret.redact(str(value)) for name, value in headers}
    )
    body = getattr(request, "body", None)
    if isinstance(body, bytes):
        clean.body = secret.redact_bytes(body)
    return clean
