"""Proxies and certificates, as the environment of the process names them."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit

import requests


def network_settings(url: str) -> dict[str, Any]:
    """Return the proxies and certificates for requests to a URL, as requests takes them.

    This machine itself is never reached through a proxy, which would get to see the token.

    >>> network_settings("http://127.0.0.1:8137")["proxies"]
    {}
    """
    with requests.Session() as session:
        settings = session.merge_environment_settings(url, {}, None, None, None)
    if is_loopback(urlsplit(url).hostname or ""):
        settings["proxies"] = {}
    return {name: settings[name] for name in ("proxies", "verify", "cert")}


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, however its address is written.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "127.1", "2130706433")]
    [True, True, True, True, True]
    >>> is_loopback("127.0.0.1.evil.example"), is_loopback("10.0.0.1")
    (False, False)
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        packed = socket.inet_aton(host)
    except OSError:
        try:
            address = IPv6Address(host)
        except ValueError:
            return False
        return address.is_loopback or bool(address.ipv4_mapped and address.ipv4_mapped.is_loopback)
    return packed[0] == 127
