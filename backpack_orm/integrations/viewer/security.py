"""What protects the viewer from other web sites: host names, form tokens and headers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import partial

from flask import Flask, Response, request, session
from werkzeug.exceptions import Forbidden, MethodNotAllowed

from backpack_orm.integrations.viewer.admission import Admission

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names under which a browser on this machine reaches a server on it."""
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
FORM_ID = "form_id"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms would be sent without an origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[\w.-]+)(:[0-9]+)?", re.ASCII)
_OWN_SITE = ("same-origin", "none")  # the viewer itself, and what the user types
_READING = ("GET", "HEAD", "OPTIONS")


class ExpiredForm(Forbidden):
    """A form without the token of its session: it is too old, or another web site has sent it."""

    description = (
        "Nothing was changed. The form was open for too long, or the viewer was restarted."
    )


def protect(
    app: Flask, hosts: Iterable[str], *, is_read_only: bool, admission: Admission | None
) -> None:
    """Refuse unknown host names, browsers and forms of other sites, and send the headers.

    Args:
        app: The application.
        hosts: The host names, without port, under which browsers reach it. Other names lead here
            only if a web site has its own name point to this machine (DNS rebinding).
        is_read_only: Whether there are no forms.
        admission: What admits a browser; None if all are.
    """
    names = {name.lower() for name in hosts}

    def check_host() -> Response | None:
        host = _HOST.fullmatch(request.headers.get("Host", "").lower())
        if host is not None and host["name"].strip("[]") in names:
            return None
        message = "This server is not reached under this host name: see --allow-host.\n"
        return Response(message, 421, mimetype="text/plain")

    app.before_request(check_host)
    app.before_request(_refuse_loading_by_others)
    if admission is not None:
        admission.protect(app)
    app.before_request(_refuse_form if is_read_only else _check_form)
    app.after_request(_add_headers)
    app.jinja_env.globals.update(form_token=form_token, form_id=partial(secrets.token_urlsafe, 16))


def form_token() -> str:
    """Return the token of the session, which each form contains."""
    token: str = session.setdefault(FORM_TOKEN, secrets.token_urlsafe(32))
    return token


def _refuse_loading_by_others() -> None:
    """Let other sites link here, but load nothing: not even how long a search takes is for them."""
    is_visit = (
        request.method == "GET"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE and not is_visit:
        raise Forbidden("Other web sites can link to the viewer, but load nothing from it.")


def _refuse_form() -> None:
    if request.method not in _READING and request.endpoint != "admit":
        raise MethodNotAllowed(_READING, "Nothing can be changed here: this is a read-only copy.")


def _check_form() -> None:
    if request.method in _READING or request.endpoint == "admit":
        return
    expected = session.get(FORM_TOKEN, "")
    given = request.form.get(FORM_TOKEN, "")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise ExpiredForm


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if not response.headers.get("Cache-Control"):
        response.headers["Cache-Control"] = "no-store"
    return response
