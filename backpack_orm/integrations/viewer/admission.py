"""Admits the browsers that know the secret of the printed address, or the password."""

from __future__ import annotations

import secrets
import time
from collections import deque
from threading import Lock
from urllib.parse import urlencode

from attrs import field, frozen
from flask import Flask, g, redirect, request, session
from werkzeug.exceptions import TooManyRequests, Unauthorized
from werkzeug.wrappers import Response

TOKEN = "token"  # noqa: S105 - the name of a parameter
ADDRESS = "/admission"
SHORTEST_PASSWORD = 10
_ADMITTED = "admitted"
_OPEN = ("static", "viewer.site_css", "admit")
_ATTEMPTS, _SECONDS = 10, 60.0


class NotAdmitted(Unauthorized):
    """A request of a browser that has not shown the secret."""

    description = "Open the address that the command printed, or enter its token or the password."


@frozen(eq=False)
class Admission:
    """What admits a browser, for as long as the server runs.

    Attributes:
        secret: The token in the printed address.
        password: A password besides it; None if there is none.
    """

    secret: str = field(factory=lambda: secrets.token_urlsafe(32), repr=False)
    password: str | None = field(default=None, repr=False)
    _failures: deque[float] = field(factory=deque, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    def protect(self, app: Flask) -> None:
        """Refuse requests of browsers that are not admitted."""
        app.before_request(self._check)
        app.post(ADDRESS, endpoint="admit")(self._admit)

    def _check(self) -> Response | None:
        given = request.args.get(TOKEN)
        if given is not None and _is_same(given, self.secret):
            session[_ADMITTED] = True
            others = [(name, value) for name, value in request.args.items(True) if name != TOKEN]
            query = f"?{urlencode(others)}" if others else ""
            return redirect(request.script_root + request.path + query, 303)  # not in the history
        if session.get(_ADMITTED) or request.endpoint in _OPEN:
            return None
        g.is_locked = True
        raise NotAdmitted

    def _admit(self) -> Response:
        given = request.form.get(TOKEN, "").strip()
        if not _is_same(given, self.secret):
            self._check_password(given)
        session.clear()
        session[_ADMITTED] = True
        return redirect(f"{request.script_root}/", 303)

    def _check_password(self, given: str) -> None:
        """Refuse a wrong password, and every one after ten wrong ones in a minute."""
        g.is_locked = True
        now = time.monotonic()
        with self._lock:
            while self._failures and self._failures[0] <= now - _SECONDS:
                self._failures.popleft()
            if len(self._failures) >= _ATTEMPTS:
                raise TooManyRequests("Wait a minute, and try again.", retry_after=int(_SECONDS))
            if self.password is None or not _is_same(given, self.password):
                self._failures.append(now)
                raise NotAdmitted


def _is_same(given: str, expected: str) -> bool:
    one, other = (text.encode("utf-8", "surrogatepass") for text in (given, expected))
    return secrets.compare_digest(one, other)
