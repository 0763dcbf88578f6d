"""The hosts that an access token may be sent to, and the addresses of applications."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from backpack_orm.connection.addresses import is_loopback
from backpack_orm.errors import ValidationError, redacted

BACKPACK = "*.backpackit.com"
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*|[0-9a-f:.]*:[0-9a-f:.]*")


class AllowedHosts:
    """The hosts that the access token may be sent to.

    Args:
        names: Names of hosts; `*.` at the start stands for one more part of a name. Ports are not
            compared.

    >>> hosts = AllowedHosts(["*.backpackit.com", "127.0.0.1"])
    >>> [hosts.allow(url) for url in ("https://acme.backpackit.com", "http://127.0.0.1:8137")]
    [True, True]
    >>> [hosts.allow(f"https://{host}") for host in ("backpackit.com", "a.b.backpackit.com")]
    [False, False]
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise ValidationError("hosts takes a list of names, not a single text")
        self._names = [_checked(name) for name in names]

    def allow(self, url: str) -> bool:
        """Return whether the host of an address is in the list."""
        host = urlsplit(url).hostname or ""
        return host in self._names or f"*.{host.partition('.')[2]}" in self._names

    def check(self, url: str) -> None:
        """Refuse an address whose host is not in the list.

        Raises:
            ValidationError: The token must not be sent there.
        """
        if not self.allow(url):
            raise ValidationError(
                f"the access token is not sent to {redacted(urlsplit(url).netloc)}, only to "
                f"{', '.join(self._names)}: if you trust this host, name it in "
                "OAuthApp(hosts=[…])"
            )


def _checked(name: object) -> str:
    if isinstance(name, str) and _HOST.fullmatch(name.lower()) and name != "*":
        return name.lower()
    raise ValidationError(f"hosts takes names such as '*.backpackit.com', not {redacted(name)}")


def default_hosts(provider: str) -> list[str]:
    """Return the hosts of Backpack, or this machine if the provider is on this machine."""
    host = urlsplit(provider).hostname or ""
    return [host] if is_loopback(host) else [BACKPACK]


def provider_url(value: object) -> str:
    """Return the address of a provider, without a final slash.

    Raises:
        ValidationError: It is not an https address of a host, or http on this machine.

    >>> provider_url("https://launchpad.37signals.com/")
    'https://launchpad.37signals.com'
    """
    parts = _safe("provider", value)
    if parts.path not in ("", "/") or parts.query:
        _refuse("provider", value, "pass the address up to the host, and nothing after it")
    return f"{parts.scheme}://{parts.netloc}"


def redirect_address(value: object) -> str:
    """Return a redirect address unchanged.

    Raises:
        ValidationError: It is not an https address, or http on this machine, or has a fragment.

    >>> redirect_address("http://127.0.0.1:8400/back")
    'http://127.0.0.1:8400/back'
    """
    _safe("redirect_uri", value)
    assert isinstance(value, str)
    return value


def _safe(option: str, value: object) -> SplitResult:
    if not (isinstance(value, str) and re.fullmatch(r"[!-~]+", value)):
        _refuse(option, value, "it takes an address that starts with https://")
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises ValueError for an invalid port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        _refuse(option, value, "it takes an address that starts with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        _refuse(option, value, "use https://: codes and tokens must not be sent in clear")
    if parts.username is not None or parts.fragment:
        _refuse(option, value, "leave names, passwords and fragments out of it")
    return parts


def _refuse(option: str, value: object, problem: str) -> NoReturn:
    raise ValidationError(f"{option} {redacted(value)}: {problem}")
