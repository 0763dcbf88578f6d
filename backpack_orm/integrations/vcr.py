"""Cassettes of VCR.py for calls of this API: without tokens, and matched by the whole request."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from backpack_orm.connection import Connection

try:
    from vcr import VCR
except ModuleNotFoundError as missing:
    raise ImportError(
        f'cassettes need {missing.name}: pip install "backpack_orm[pytest]"'
    ) from missing

URL = "https://recorded.backpackit.com"
"""The address that replaces that of the account in cassettes."""
_TOKEN = b"TOKEN"
_REQUEST_HEADERS = {"content-type", "x-bp-token", "authorization"}
_RESPONSE_HEADERS = {"content-type", "location", "retry-after"}
_SECRETS = (
    re.compile(rb"(<token[^>]*>)[^<]*(</token>)"),
    re.compile(rb"([?&]token=)[^&#\s]*()"),
    re.compile(rb"(/)[^/\s\"'<>]+(\.ics\b)"),
    re.compile(rb"()\b[0-9a-f]{40}\b()"),
)


def recorder(connection: Connection, **options: Any) -> VCR:
    """Return a recorder for the requests of a connection.

    Cassettes contain no token: neither that of the connection, wherever a call carries it, nor
    those of calendars. The address of the account is replaced by `https://recorded.backpackit.com`,
    so that a connection to this address replays them. Of the headers, only those with a meaning for
    the API are stored. A request is replayed for an equal one: the same method, address, body and
    headers. Makes no request.

    Texts, names and e-mail addresses of the account are recorded.

    Args:
        connection: The connection whose requests are recorded or replayed.
        **options: Further options of `vcr.VCR`, such as `record_mode`.

    Raises:
        ImportError: VCR.py is not installed.

    >>> acme = Connection("acme", token="0123456789abcdef")
    >>> recorder(acme).match_on
    ('whole request',)
    """
    clean = _cleaner(connection)

    def clean_request(request: Any) -> Any:
        request.uri = clean(request.uri.encode()).decode()
        if request.body is not None:
            request.body = clean(request.body)
        request.headers = _known(request.headers, _REQUEST_HEADERS, clean)
        for name in ("X-BP-Token", "Authorization"):
            if name in request.headers:
                request.headers[name] = _TOKEN.decode()
        return request

    def clean_response(response: dict[str, Any]) -> dict[str, Any]:
        response["body"]["string"] = clean(response["body"]["string"])
        response["headers"] = _known(response["headers"], _RESPONSE_HEADERS, clean)
        return response

    vcr = VCR(
        before_record_request=clean_request,
        before_record_response=clean_response,
        decode_compressed_response=True,
        **options,
    )
    vcr.register_matcher("whole request", _same)
    vcr.match_on = ("whole request",)
    return vcr


def _cleaner(connection: Connection) -> Callable[[bytes], bytes]:
    """Return a function that removes tokens and the account's address."""
    secret = connection._settings.secret
    address = urlsplit(connection.url)
    own, host = f"{address.scheme}://{address.netloc}".encode(), address.netloc.encode()

    def clean(content: bytes) -> bytes:
        content = secret.redact_bytes(content).replace(b"[token]", _TOKEN)
        for pattern in _SECRETS:
            content = pattern.sub(rb"\1" + _TOKEN + rb"\2", content)
        return content.replace(own, URL.encode()).replace(host, urlsplit(URL).netloc.encode())

    return clean


def _known(headers: Any, known: set[str], clean: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Return the headers that have a meaning for the API; a response has lists of values."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, list):
            return [cleaned(each) for each in value]
        text = value if isinstance(value, bytes) else str(value).encode()
        return clean(text).decode()

    return {name: cleaned(value) for name, value in headers.items() if name.lower() in known}


def _same(one: Any, other: Any) -> None:
    """Raise unless two requests are equal."""
    for name in ("method", "uri", "body"):
        assert getattr(one, name) == getattr(other, name), name
    assert dict(one.headers) == dict(other.headers), "headers"
