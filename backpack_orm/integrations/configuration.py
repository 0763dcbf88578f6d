"""Connections from the configuration of a framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from backpack_orm.connection import Connection
from backpack_orm.connection.settings import Settings
from backpack_orm.errors import BackpackError, NotConnected, ValidationError, did_you_mean

_OPTIONS = {field.name: field.name for field in attrs.fields(Settings) if field.init}
_OPTIONS["url"] = "account"


def connection_from(options: Mapping[str, Any], key: Callable[[str], str]) -> Connection:
    """Return the connection with these options. Makes no request.

    Args:
        options: The options of `Connection` by name, in any case; `url` is the account.
        key: Returns the key of an option in the configuration, for messages.

    Raises:
        ValidationError: An option is misspelled, or its value is invalid.
        NotConnected: There is no account.

    >>> options = {"URL": "acme", "TOKEN": "0123456789abcdef"}
    >>> connection_from(options, "BACKPACK[{!r}]".format)
    Connection('https://acme.backpackit.com')
    """
    given = {name.lower(): value for name, value in options.items()}
    for name in given:
        if name not in _OPTIONS:
            hint = did_you_mean(key(name), map(key, _OPTIONS))
            raise ValidationError(f"{key(name)} is no option of a connection{hint}")
    if not (given.get("url") or given.get("account")):
        raise NotConnected(f"{key('url')} names no account: set it in the configuration")
    try:
        return Connection(**{_OPTIONS[name]: value for name, value in given.items()})
    except BackpackError as error:
        option = error.message.partition(" ")[0]  # messages begin with the option
        names = [name for name in _OPTIONS if _OPTIONS[name] == option]
        if names:
            used = next((name for name in names if name in given), names[0])
            error.add(f"the key is {key(used)} in the configuration")
        raise
