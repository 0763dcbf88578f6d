"""Connections from the configuration of a framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from backpack_orm.connection import Connection
from backpack_orm.connection.settings import Settings
from backpack_orm.errors import BackpackError, NotConnected, ValidationError, did_you_mean

_OPTIONS = {field.name: field.name for field in attrs.fields(Settings) if field.init}
_OPTIONS["url"] = "account"


def connections_from(
    accounts: Mapping[str, Mapping[str, Any]], key: Callable[[str, str], str]
) -> dict[str, Connection]:
    """Return the connections to accounts by name. Makes no request.

    Tracebacks may show the variables of their frames, so a caller should not name the accounts,
    which contain tokens.

    Args:
        accounts: For each account the options of `Connection` by name, in any case; `url` is the
            account.
        key: Returns the key of an account's option in the configuration, for messages.

    Raises:
        ValidationError: An option is misspelled, or its value is invalid.
        NotConnected: The options name no account.

    >>> options = {"URL": "acme", "TOKEN": "0123456789abcdef"}
    >>> connections_from({"default": options}, "BACKPACK[{!r}][{!r}]".format)
    {'default': Connection('https://acme.backpackit.com')}
    """
    found = {
        name: _connection_from(options, partial(key, name)) for name, options in accounts.items()
    }
    del accounts
    connections = {}
    for name, each in found.items():
        if not isinstance(each, Connection):
            raise each
        connections[name] = each
    return connections


def _connection_from(
    options: Mapping[str, Any], key: Callable[[str], str]
) -> Connection | BackpackError:
    given = {name.lower(): value for name, value in options.items()}
    for name in given:
        if name not in _OPTIONS:
            hint = did_you_mean(key(name), map(key, _OPTIONS))
            return ValidationError(f"{key(name)} is no option of a connection{hint}")
    if not (given.get("url") or given.get("account")):
        return NotConnected(f"{key('url')} names no account: set it in the configuration")
    try:
        return Connection(**{_OPTIONS[name]: value for name, value in given.items()})
    except ValidationError as error:
        names = [name for name in _OPTIONS if _OPTIONS[name] == error._option]
        if names:
            used = next((name for name in names if name in given), names[0])
            error.add(f"the key is {key(used)} in the configuration")
        return error.with_traceback(None)
