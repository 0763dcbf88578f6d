"""Sign-ins with OAuth 2, which are stored in the place of a token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.connection.oauth import Grant

Application = dict[str, Any]
"""The arguments of `OAuthApp`: client_id, client_secret, redirect_uri and provider."""


def sign_in(application: Application, ask: Callable[[str], str]) -> Grant:
    """Open the sign-in page in a browser, and return what the user has granted.

    Args:
        application: The application that is registered with the provider.
        ask: Asks for the address that the browser ends at, if it cannot return to this program.
    """
    from backpack_orm.connection.oauth import OAuthApp

    return OAuthApp(**application).sign_in(ask=ask)


def stored_form(application: Application, grant: Grant) -> str:
    """Return what is stored in the place of a token. It is secret."""
    return json.dumps({"application": application, "grant": grant.to_dict()})


def is_grant(token: str) -> bool:
    """Return whether a stored token is a sign-in."""
    return token.startswith("{")


def open_connection(
    stored: str, url: str, store: Callable[[str], object], options: dict[str, Any]
) -> Connection:
    """Return the connection of a stored sign-in. Makes no request.

    Args:
        stored: The stored form.
        url: The address of the account.
        store: Stores the new form after the access token was replaced.
        options: The options of the connection.

    Raises:
        CommandError: The stored form is damaged.
    """
    from backpack_orm.connection.oauth import Grant, OAuthApp
    from backpack_orm.errors import ValidationError

    try:
        found = json.loads(stored)
        application = found["application"]
        grant = Grant.from_dict(found["grant"], OAuthApp(**application))
    except (ValueError, TypeError, KeyError, ValidationError):
        raise CommandError(
            f"the stored sign-in for {url} is damaged",
            ExitCode.AUTHENTICATION,
            hint="Sign in again: `backpack login --oauth`.",
        ) from None
    return grant.connect(
        url, on_refresh=lambda grant: store(stored_form(application, grant)), **options
    )
