"""The meaning of redirects, decided before anything is sent to their target."""

from __future__ import annotations

import re
from enum import Enum
from urllib.parse import SplitResult, urljoin, urlsplit

_LOGIN = r"(?i)log-?in|sign-?in|session|launchpad"


class Redirect(Enum):
    """What a redirect means for the account."""

    UPGRADE = "the same place under https"
    DOWNGRADE = "the same place without https"
    LOGIN = "a login page"
    ELSEWHERE = "elsewhere"


def classify(url: str, location: str) -> tuple[Redirect, str]:
    """Return what a redirect from a URL means, and its target for messages, without its path.

    >>> classify("http://acme.backpackit.com/ws/page/7", "https://acme.backpackit.com/ws/page/7")
    (<Redirect.UPGRADE: 'the same place under https'>, 'https://acme.backpackit.com')
    >>> classify("https://acme.backpackit.com/ws/page/7", "https://evil.example/login/../x")[0]
    <Redirect.LOGIN: 'a login page'>
    """
    old = urlsplit(url)
    try:
        new = urlsplit(urljoin(url, location))
        host = f"[{new.hostname}]" if ":" in (new.hostname or "") else new.hostname
        target = f"{new.scheme}://{host}" + (f":{new.port}" if new.port else "")
        same_place = (new.hostname, new.path, new.query) == (old.hostname, old.path, old.query)
        same_port = _port_when_secure(new) == _port_when_secure(old)
    except ValueError:
        return Redirect.ELSEWHERE, "an address that cannot be read"
    if same_place and same_port and not new.username:
        if (old.scheme, new.scheme) == ("http", "https"):
            return Redirect.UPGRADE, target
        if (old.scheme, new.scheme) == ("https", "http"):
            return Redirect.DOWNGRADE, target
    if re.search(_LOGIN, f"{new.hostname}{new.path}"):
        return Redirect.LOGIN, target
    return Redirect.ELSEWHERE, target


def _port_when_secure(parts: SplitResult) -> int:
    """Return the port, with that of http replaced by that of https."""
    return 443 if parts.port in (None, 80) else parts.port
