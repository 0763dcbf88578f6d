"""Error pages: what has happened, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from backpack_orm.errors import BackpackError
from backpack_orm.integrations.http_errors import retry_after, status_of
from backpack_orm.integrations.viewer.admission import NotAdmitted
from backpack_orm.integrations.viewer.security import FORM_TOKEN, ExpiredForm

_HINTS: Mapping[str, tuple[str, str]] = {
    "not_found": ("Not found", "It may have been destroyed, or belong to somebody else."),
    "destroyed": ("Not found", "It was destroyed."),
    "not_in_archive": ("Not in this archive", "The account may contain it."),
    "connection_failed": ("Backpack cannot be reached", "Check the network, and try again."),
    "timeout": ("Backpack does not respond", "Try again in a minute."),
    "server_error": ("Backpack has failed", "Try again in a minute."),
    "invalid_response": ("Backpack has sent something else", "Try again in a minute."),
    "rate_limited": ("Too many requests", "Wait a few seconds, and try again."),
    "authentication_failed": (
        "Not signed in",
        "Backpack does not accept the token any more. Sign in again with `backpack login`, and "
        "start the viewer again.",
    ),
    "forbidden": ("Not allowed", "It belongs to somebody else, or the plan allows no more pages."),
    "invalid_value": ("Not accepted", "Change it, and try again."),
    "rejected": ("Backpack has refused this", "Change it, and try again."),
    "read_only": ("Nothing can be changed here", "The viewer is read-only."),
    "archive_damaged": ("The archive is damaged", "Run `backpack archive verify`."),
}
"""The title and the hint for each kind of error."""
_UNCLEAR = ("It may have been saved", "Look at the page before you repeat it.")
"""For a write whose response was lost."""
_TITLES: Mapping[type[HTTPException], str] = {
    ExpiredForm: "This form has expired",
    NotAdmitted: "Not admitted",
}
_OTHER = ("Something went wrong", "Try again.")
_LABELS = {"title": "Title", "body": "Text", "content": "Item", "name": "Name"}
"""The fields of forms whose values somebody has written."""


def handle_errors(app: Flask) -> None:
    """Respond to errors with pages."""
    app.register_error_handler(BackpackError, _of_the_library)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(InternalServerError, _unexpected)


def _of_the_library(error: BackpackError) -> Response:
    status, seconds = status_of(error), retry_after(error)
    if status >= 500:
        current_app.logger.warning("%s", error)
    is_write = request.method == "POST"
    is_unclear = is_write and error.may_have_happened
    title, hint = _UNCLEAR if is_unclear else _HINTS.get(error.code, (_OTHER[0], error.hint))
    if seconds is not None and not is_unclear:
        hint = f"Try again in {seconds} s."
    response = _page(status, title, hint, error.message, is_write, can_repeat=not is_unclear)
    if seconds is not None:
        response.headers["Retry-After"] = seconds
    return response


def _of_http(error: HTTPException) -> Response:
    is_form = isinstance(error, ExpiredForm | NotAdmitted) and request.method == "POST"
    title = _TITLES.get(type(error), error.name)
    response = _page(error.code or 500, title, error.description or "", "", is_form)
    response.headers.extend(
        (name, value) for name, value in error.get_headers() if name != "Content-Type"
    )
    return response


def _unexpected(error: InternalServerError) -> Response:
    is_write = request.method == "POST"
    return _page(500, *(_UNCLEAR if is_write else _OTHER), "", is_write)


def _page(
    status: int, title: str, hint: str, detail: str, is_write: bool, *, can_repeat: bool = False
) -> Response:
    """Return an error page.

    Args:
        status: The HTTP status.
        title: What has happened.
        hint: What to do about it.
        detail: The message of the error; empty if there is none.
        is_write: Whether a form was sent, so that what was written must not get lost.
        can_repeat: Whether the form can be sent again: certainly nothing was changed, and it came
            from the viewer.
    """
    fields = [*request.form.items()] if is_write else []
    page = render_template(
        "error.html",
        title=title,
        hint=hint,
        detail=detail,
        written=[(name, _LABELS[name], value) for name, value in fields if name in _LABELS],
        hidden=[(name, value) for name, value in fields if name not in {FORM_TOKEN, *_LABELS}],
        can_repeat=can_repeat and is_write,
        page_id=(request.view_args or {}).get("page_id") if is_write else None,
        again=request.full_path if status >= 500 and not is_write else None,
    )
    return make_response(page, status)
