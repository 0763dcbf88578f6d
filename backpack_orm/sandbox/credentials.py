"""Finds the token of a request. A body is searched in linear time before it is parsed."""

from __future__ import annotations

import re

from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Request

from .tokens import MAX_LENGTH, MIN_LENGTH

TOKEN_IN_PATH = "backpack.token"  # noqa: S105 - a key of the environment, not a token

_MOST_CANDIDATES = 100
_NAME = b"token"
_DISTANCE = 200  # maximum number of bytes between the name "token" and its value, in any format
_CHARACTER = "[A-Za-z0-9_-]"
_RUN = re.compile(
    rf"(?<!{_CHARACTER}){_CHARACTER}{{{MIN_LENGTH},{MAX_LENGTH}}}(?!{_CHARACTER})".encode()
)


def explicit_token(request: Request) -> str:
    """Return the token in the path, in a header or in the query; empty if there is none."""
    token: str = (
        request.environ.get(TOKEN_IN_PATH)
        or request.headers.get("X-BP-Token")
        or _authorization(request)
        or request.args.get("token", "").strip()
    )
    return token


def _authorization(request: Request) -> str:
    """Return the token in `Authorization`: OAuth's bearer, or the user name of HTTP Basic."""
    authorization = _parsed(request)
    if authorization is None:
        return ""
    if authorization.type == "bearer":
        return bearer_token(request)
    return authorization.get("username") or "" if authorization.type == "basic" else ""


def _parsed(request: Request) -> Authorization | None:
    """Return the header `Authorization`; None if it is malformed."""
    # Werkzeug raises for other characters in a user name and a password.
    return request.authorization if request.headers.get("Authorization", "").isascii() else None


def bearer_token(request: Request) -> str:
    """Return OAuth's bearer token, the only location of access tokens; empty if there is none."""
    authorization = _parsed(request)
    if authorization is None or authorization.type != "bearer":
        return ""
    return (authorization.token or "").strip()


def candidates(body: bytes) -> list[str]:
    """Return possible tokens in a body of any format, in their order.

    Any word that consists of the characters of a token and follows shortly after "token" is a
    candidate, so XML, JSON, YAML and forms need not be parsed. Returns at most 100 candidates.
    """
    text = body.replace(b"\0", b"")  # makes UTF-16 and UTF-32 look like ASCII
    names = text.lower()
    found: dict[str, None] = {}
    for run in _RUN.finditer(text):
        if names.find(_NAME, max(0, run.start() - _DISTANCE), run.start()) >= 0:
            found[run[0].decode("ascii")] = None
            if len(found) == _MOST_CANDIDATES:
                break
    return list(found)
