"""Which account is current in the contexts of an application: that of the user, if there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial

import click
from flask import Flask, Response, current_app, g, has_request_context, request, session
from flask.sansio.app import App
from flask.signals import appcontext_pushed, appcontext_tearing_down

from backpack_orm.connection import Connection
from backpack_orm.connection.context import Missing, in_context, looking_up
from backpack_orm.integrations.sign_in import SignIn

CONNECTIONS = "backpack_orm"
FLOW = "backpack_orm_sign_in"
_STACK = "_backpack_orm"
_USER = "backpack_orm.user"


def select_account(app: App) -> None:
    """Make the account current in the contexts of an application, and while responses stream."""
    if _keep_context not in app.after_request_funcs.get(None, []):
        appcontext_pushed.connect(_enter, app)
        appcontext_tearing_down.connect(_leave, app)  # after all functions that tear down
        app.after_request(_keep_context)


def flow() -> SignIn:
    """Return the flow that signs the users of the current application in."""
    found: SignIn = current_app.extensions[FLOW]
    return found


def user() -> Connection | Missing:
    """Return the connection of the user of this request, or why there is none."""
    if _USER not in request.environ:  # which copies of the context for other threads share
        request.environ[_USER] = flow().account(session)
    found: Connection | Missing = request.environ[_USER]
    return found


def forget_user() -> None:
    """Look the user up again: a sign-in has ended or begun."""
    request.environ.pop(_USER, None)


def _enter(app: Flask, **extra: object) -> None:
    stack: ExitStack = g.setdefault(_STACK, ExitStack())  # a stream enters a context again
    stack.enter_context(looking_up(partial(_account, app)))


def _leave(app: Flask, **extra: object) -> None:
    stack: ExitStack = g.pop(_STACK)
    stack.close()


def _account(app: Flask) -> Connection | Missing | None:
    own: Connection | Missing = app.extensions.get(CONNECTIONS, {}).get("", Missing.NOBODY)
    if FLOW not in app.extensions:
        return own
    if has_request_context():
        found = user()
        return own if found is Missing.NOBODY else found
    # a context without a request: of a command, or of a thread that a user's view has started
    return own if click.get_current_context(silent=True) else None


def _keep_context(response: Response) -> Response:
    """Let a response that streams be produced with the account that its view had."""
    if response.is_streamed and not response.direct_passthrough:
        response.response = in_context(copy_context(), _parts(response.response))
    return response


def _parts(iterable: Iterable[bytes | str]) -> Iterator[bytes | str]:
    try:
        yield from iterable
    finally:
        close = getattr(iterable, "close", None)
        if close is not None:
            close()
