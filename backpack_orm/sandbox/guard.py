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
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from waitress.proxy_headers import MalformedProxyHeader, parse_proxy_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
SCHEME_BEFORE_PROXY = "backpack.scheme"
"""Key of the scheme that a client used, in the environment of a request from a trusted proxy."""
SIGN_IN = "/authorization/new"
_MALFORMED = "the proxy must pass one X-Forwarded-Proto and the address in X-Forwarded-For"
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
        public: URL under which clients reach the server; then its pages are the only ones.
        proxy: Address of the proxy whose headers are believed, `*` for any.

    Raises:
        ValueError: One of these is not valid.
    """

    def __init__(
        self,
        bound: str,
        allowed: Iterable[str] = (),
        public: str | None = None,
        proxy: str | None = None,
    ) -> None:
        bound = bound.partition("%")[0]  # no client sends the zone of an address
        self._hosts = {_allowed(host) for host in allowed} | {_normal(bound)}
        self._public = None if public is None else _origin(public)
        if self._public is not None:
            self._hosts.add(_host_of(self._public.host) or "")
        self._proxy = proxy if proxy in (None, "*") else _proxy(proxy)
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
        Afterwards the environment has the scheme, host and client as they are in front of a proxy.
        """
        if self._proxy is not None:
            self._believe_proxy(environ)
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
        if self._public is not None:
            environ["wsgi.url_scheme"], environ["HTTP_HOST"] = self._public

    def _believe_proxy(self, environ: WSGIEnvironment) -> None:
        """Take the client and the scheme from the headers of the proxy."""
        if self._proxy not in ("*", environ["REMOTE_ADDR"].removeprefix("::ffff:")):
            return
        try:
            parse_proxy_headers(environ, 1, {"x-forwarded-for", "x-forwarded-proto"})
        except (MalformedProxyHeader, IndexError):
            raise Refused(400, _MALFORMED) from None
        if _address(environ["REMOTE_ADDR"]) is None:
            raise Refused(400, _MALFORMED)
        if "HTTP_X_FORWARDED_PROTO" in environ:
            environ[SCHEME_BEFORE_PROXY] = environ["wsgi.url_scheme"]

    def _serves(self, host: str) -> bool:
        name = _host_of(host)
        if name is None:
            return False
        # DNS rebinding requires a name, so an address in the Host header is safe.
        return name in self._hosts or (self._any_address and _address(name) is not None)

    def _is_same(self, origin: str, environ: WSGIEnvironment) -> bool:
        here = self._public or (environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""))
        return origin.lower() == "://".join(here).lower()


def _allowed(host: str) -> str:
    if not _is_host(host):
        raise ValueError(
            f"{host!r} is not a host name: allow each name on its own, without scheme and port"
        )
    return _normal(host)


class _Origin(NamedTuple):
    scheme: str
    host: str


def _origin(url: str) -> _Origin:
    scheme, _, rest = url.lower().partition("://")
    host = rest.removesuffix("/").removesuffix({"http": ":80", "https": ":443"}.get(scheme, "/"))
    name = _host_of(host)
    if scheme not in ("http", "https") or name is None or not _is_host(name):
        raise ValueError(
            f"{url!r} is not a public URL: give http or https, a host and, if needed, a port, such "
            "as https://backpack.example"
        )
    return _Origin(scheme, host)


def _proxy(address: str) -> str:
    if _address(address) is None:
        raise ValueError(f"{address!r} is not the address of a proxy: give an IP address or '*'")
    return _normal(address)


def _is_host(name: str) -> bool:
    return _address(name) is not None or _HOST_NAME.fullmatch(name) is not None


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
