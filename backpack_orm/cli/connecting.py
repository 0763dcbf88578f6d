"""The connection of a run, from its profile and token."""

from __future__ import annotations

from typing import Any

from backpack_orm.cli import grants, tokens
from backpack_orm.cli.config import Profile
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.tokens import Token
from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import url_of
from backpack_orm.connection.settings import USER_AGENT

_OPTIONS = ("timezone", "read_only", "allow_insecure", "max_wait")
CONNECT_TIMEOUT = 5.0


def address_of(profile: Profile) -> str:
    """Return the address of the account of a profile.

    Raises:
        CommandError: There is no account.
        ValidationError: It is neither a name nor an address.
    """
    if profile.account is None:
        raise CommandError(
            f"not logged in: the profile {profile.name!r} has no account", ExitCode.AUTHENTICATION
        )
    return url_of(profile.account, option="account", allow_insecure=True)


def token_of(profile: Profile) -> Token:
    """Return the token of the account of a profile.

    Raises:
        CommandError: There is none.
    """
    url = address_of(profile)
    token = tokens.find(profile, url)
    if token is None:
        raise CommandError(f"there is no token for {url}", ExitCode.AUTHENTICATION)
    return token


def connection_of(profile: Profile) -> Connection:
    """Return the connection of a profile. Makes no request."""
    return open_connection(profile, address_of(profile), token_of(profile))


def open_connection(profile: Profile, url: str, token: Token) -> Connection:
    """Return a connection to an account, with the other settings of a profile.

    Makes no request. The token may be a sign-in with OAuth.
    """
    options = options_of(profile)
    if grants.is_grant(token.value):
        options.pop("allow_insecure", None)
        return grants.open_connection(
            token.value, url, lambda new: tokens.replace(url, token, new), options
        )
    return Connection(url, token=token.value, **options)


def options_of(profile: Profile) -> dict[str, Any]:
    """Return the options of the connections of a profile."""
    options: dict[str, Any] = {
        name: setting.value for name, setting in profile.settings.items() if name in _OPTIONS
    }
    if seconds := profile.get("timeout"):
        options["timeout"] = (min(CONNECT_TIMEOUT, seconds), float(seconds))
    return {"user_agent": f"backpack {USER_AGENT}", **options}
