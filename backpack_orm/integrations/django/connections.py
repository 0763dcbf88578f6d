"""The connections of the setting BACKPACK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from backpack_orm.connection import Connection, using
from backpack_orm.errors import BackpackError, NotConnected, did_you_mean
from backpack_orm.integrations.configuration import connections_from

try:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
except ModuleNotFoundError as missing:
    raise ImportError(
        f'the application for Django needs {missing.name}: pip install "backpack_orm[django]"'
    ) from missing

DEFAULT = "default"


class Connections(Mapping[str, Connection]):
    """The connections of the setting `BACKPACK` by alias; all threads of a process share them.

    The setting is a dictionary of dictionaries, with the options of `Connection` as keys.

    >>> from django.test import override_settings
    >>> accounts = {"default": {"URL": "acme", "TOKEN": "0123456789abcdef"}}
    >>> with override_settings(BACKPACK=accounts):
    ...     Connections()["default"]
    Connection('https://acme.backpackit.com')
    """

    def __init__(self) -> None:
        self._connections: dict[str, Connection] | None = None

    def load(self) -> None:
        """Make the connections as the setting says. No request. Django calls it when it starts.

        Raises:
            ImproperlyConfigured: The setting is missing or invalid.

        >>> from django.test import override_settings
        >>> accounts = {"default": {"URL": "acme", "TOKEN": "0123456789abcdef"}}
        >>> found = Connections()
        >>> with override_settings(BACKPACK=accounts):
        ...     found.load()
        >>> list(found)
        ['default']
        """
        try:
            self._connections = connections_from(_accounts(), _key)
        except BackpackError as error:
            raise ImproperlyConfigured(str(error)) from None

    def reset(self) -> None:
        """Close the connections, and make them again when one is used.

        >>> from django.test import override_settings
        >>> accounts = {"default": {"URL": "acme", "TOKEN": "0123456789abcdef"}}
        >>> found = Connections()
        >>> with override_settings(BACKPACK=accounts):
        ...     before = found["default"]
        ...     found.reset()
        ...     found["default"] is before
        False
        """
        for connection in (self._connections or {}).values():
            connection.close()
        self._connections = None

    def using(self, alias: str) -> AbstractContextManager[Connection]:
        """Make the connection of an alias current in a `with` block.

        >>> from django.test import override_settings
        >>> accounts = {"default": {"URL": "acme", "TOKEN": "0123456789abcdef"}}
        >>> with override_settings(BACKPACK=accounts), Connections().using("default") as found:
        ...     found
        Connection('https://acme.backpackit.com')
        """
        return using(self[alias])

    def _loaded(self) -> dict[str, Connection]:
        if self._connections is None:
            self.load()
        assert self._connections is not None
        return self._connections

    def __getitem__(self, alias: str) -> Connection:
        found = self._loaded()
        if alias not in found:
            hint = did_you_mean(alias, found) or f"; there are {', '.join(map(repr, found))}"
            raise NotConnected(f"BACKPACK has no account {alias!r}{hint}")
        return found[alias]

    def __contains__(self, alias: object) -> bool:
        return alias in self._loaded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())


def _accounts() -> Mapping[str, Mapping[str, Any]]:
    accounts: Any = getattr(settings, "BACKPACK", None)
    if accounts == {}:
        raise ImproperlyConfigured("BACKPACK names no account: add one, such as 'default'")
    if isinstance(accounts, Mapping) and all(
        isinstance(options, Mapping) for options in accounts.values()
    ):
        return accounts
    del accounts  # tracebacks may show the variables of this frame
    raise ImproperlyConfigured(
        'BACKPACK takes a dictionary, such as {"default": {"URL": "acme", "TOKEN": "…"}}'
    )


def _key(alias: str, option: str) -> str:
    return f"BACKPACK[{alias!r}][{option.upper()!r}]"


connections = Connections()
