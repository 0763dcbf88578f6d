"""The connection of a run, from its profile and token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backpack_orm.cli import tokens
from backpack_orm.cli.config import Profile
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import url_of
from backpack_orm.connection.settings import USER_AGENT

if TYPE_CHECKING:
    from backpack_orm.cli.tokens import Token

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
    token = token_of(profile)
    return open_connection(profile, address_of(profile), token.value)


def open_connection(profile: Profile, url: str, token: str) -> Connection:
    """Return a connection to an account, with the other settings of a profile."""
    options: dict[str, Any] = {
        name: setting.value for name, setting in profile.settings.items() if name in _OPTIONS
    }
    if seconds := profile.get("timeout"):
        options["timeout"] = (min(CONNECT_TIMEOUT, seconds), float(seconds))
    return Connection(url, token=token, user_agent=f"backpack {USER_AGENT}", **options)
