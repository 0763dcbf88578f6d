"""Addresses of the accounts besides the sandbox's own: a port each, opened when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .http_server import Server


class AccountAddresses:
    """The servers of single accounts.

    The service has a host for each account. All accounts of a sandbox have the same host, so each
    has a port of its own, except for the sandbox's own account.

    Args:
        serve: Starts to serve an account.
    """

    def __init__(self, serve: Callable[[str], Server]) -> None:
        self._serve = serve
        self._servers: dict[str, Server] = {}
        self._lock = threading.Lock()

    def port_of(self, account: str) -> int:
        """Return the port of an account, after starting to listen on it."""
        with self._lock:
            if account not in self._servers:
                self._servers[account] = self._serve(account)
            return self._servers[account].port

    def close(self) -> None:
        """Stop listening on all ports."""
        with self._lock:
            servers, self._servers = self._servers, {}
        for server in servers.values():
            server.close()
