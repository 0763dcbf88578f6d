"""Refuses requests that web pages of other origins make a browser send.

A web page can make a browser send requests to any address, but cannot change two of the headers:
after DNS rebinding, `Host` is still the name of the page, and `Origin` and `Sec-Fetch-Site`
identify the origin of the page.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
SIGN_IN = "/authorization/new"
_SAME_SITE = ("same-origin", "none")  # the sandbox itself, and requests by the user


class Refused(Exception):  # noqa: N818 - part of normal operation
    """A request that a browser may have been tricked into sending."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Guard:
    """Checks the host and origin of requests.

    Args:
        bound: Address the server listens on. A wildcard address includes all addresses of this
            machine, and its name.
        allowed: Further host names, without port, under which clients reach the server.

    Raises:
        ValueError: One of these is no host name.
    """

    def __init__(self, bound: str, allowed: Iterable[str] = ()) -> None:
        bound = bound.partition("%")[0]  # no client sends the zone of an address
        self._hosts = {_allowed(host) for host in allowed} | {_normal(bound)}
        self._any_address = False
        address = _address(bound)
        if address is not None and address.is_unspecified:
            self._any_address = True
            self._hosts |= _LOOPBACK_NAMES | {socket.gethostname().lower()}
        elif address is None or address.is_loopback:
            self._hosts |= _LOOPBACK_NAMES

    def check(self, environ: WSGIEnvironment) -> None:
        """Raise `Refused` for a request from another origin or to an unknown host.

        Pages of other origins may lead a browser to the sign-in page, which changes nothing.
        """
        host = environ.get("HTTP_HOST")
        if host is None:
            if environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
                raise Refused(400, "a request needs a Host header")
        elif not self._serves(host):
            raise Refused(
                421,
                f"{host[:100]!r} is not a host name of this sandbox; "
                "to accept it, use allowed_hosts or --allow-host",
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not self._is_same(origin, environ):
            raise Refused(403, "requests of web pages from other origins are not allowed")
        site = environ.get("HTTP_SEC_FETCH_SITE")
        is_foreign = site is not None and site.strip().lower() not in _SAME_SITE
        if is_foreign and not _is_visit_to_sign_in(environ):
            raise Refused(403, "requests of web pages from other sites are not allowed")

    def _serves(self, host: str) -> bool:
        name = _host_of(host)
        if name is None:
            return False
        # DNS rebinding requires a name, so an address in the Host header is safe.
        return name in self._hosts or (self._any_address and _address(name) is not None)

    def _is_same(self, origin: str, environ: WSGIEnvironment) -> bool:
        scheme, _, host = origin.partition("://")
        ours = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
        return f"{scheme}://{host}".lower() == ours.lower()


def _allowed(host: str) -> str:
    if _address(host) is None and not _HOST_NAME.fullmatch(host):
        raise ValueError(
            f"{host!r} is not a host name: allow each name on its own, without scheme and port"
        )
    return _normal(host)


def _is_visit_to_sign_in(environ: WSGIEnvironment) -> bool:
    """Return whether the user visits the sign-in page: it is neither embedded nor fetched."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ["PATH_INFO"] == SIGN_IN
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


def is_loopback_host(host: str) -> bool:
    """Return whether a host is this machine, by its usual name or any of its addresses.

    >>> is_loopback_host("localhost"), is_loopback_host("127.0.0.2"), is_loopback_host("10.0.0.1")
    (True, True, False)
    """
    address = _address(host)
    return host.lower() in _LOOPBACK_NAMES if address is None else address.is_loopback


@lru_cache(maxsize=64)
def _host_of(header: str) -> str | None:
    """Return the host in a `Host` header, None if it is malformed."""
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018 - raises ValueError for an invalid port
    except ValueError:
        return None
    is_more = parts.path or parts.query or parts.fragment or "@" in header or "%" in header
    if parts.hostname is None or is_more:
        return None
    return _normal(parts.hostname)


def _normal(host: str) -> str:
    address = _address(host)
    return host.lower().removesuffix(".") if address is None else str(address)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return None if "%" in host else address
