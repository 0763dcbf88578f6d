"""Addresses of accounts: validation, and the keys of accounts and hosts."""

from __future__ import annotations

import hashlib
import re
import socket
from ipaddress import IPv6Address
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from backpack_orm.connection.redaction import Secret
from backpack_orm.errors import ValidationError, looks_like_a_token, redacted

_NAME = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"


def url_of(account: object, *, option: str = "account", allow_insecure: bool = False) -> str:
    """Return the address of an account, without a final slash.

    Args:
        account: A name, such as `acme`, or an address.
        option: The name of the option or variable, for messages.
        allow_insecure: Accept an http address of another machine.

    Raises:
        ValidationError: The account is neither a name nor an address, or it looks like a token. The
            message does not show tokens.

    >>> url_of("acme"), url_of("http://127.0.0.1:8137/")
    ('https://acme.backpackit.com', 'http://127.0.0.1:8137')
    """
    if not isinstance(account, str):
        raise ValidationError(f"{option} takes a name or an address, not {redacted(account)}")
    if looks_like_a_token(account):
        raise ValidationError(
            f"{option} looks like a token, so it is not shown: pass the account's name or address, "
            "and the token as token=…"
        )
    if "://" in account:
        return _url_of_address(account, option, allow_insecure)
    if re.fullmatch(_NAME, account):
        return f"https://{account.lower()}.backpackit.com"
    is_padded = account.strip() != account
    problem = "has white space around it" if is_padded else "is not the name of an account"
    raise ValidationError(
        f"{option} {_shown(account)} {problem}: pass the first part of its address "
        '("acme"), or all of it ("https://acme.backpackit.com")'
    )


def _url_of_address(account: str, option: str, allow_insecure: bool) -> str:
    def refuse(problem: str) -> NoReturn:
        raise ValidationError(f"{option} {_shown(account)}{problem}")

    try:
        parts = urlsplit(account)
        port = parts.port
    except ValueError as error:
        message = f" is not an address: {error}"
    else:
        message = ""
    if message:
        refuse(message)
    host = parts.hostname
    if parts.username is not None or parts.password is not None:
        raise ValidationError(f"{option}: leave names and passwords out of the address")
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[\w.:-]+", host):
        refuse(" is not an address that starts with https://")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        refuse(": pass the address up to the host, and nothing after it")
    if parts.scheme == "http" and not is_loopback(host) and not allow_insecure:
        refuse(" would send the token in clear: use https://, or allow_insecure=True on purpose")
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{port}" if port else "")


def fingerprint(url: str, secret: Secret) -> str:
    """Return a key of the user and the account. The token cannot be derived from the key.

    >>> fingerprint("https://acme.backpackit.com", Secret("0123456789abcdef"))
    'acme.backpackit.com/6f1b2159ecff006f'
    """
    digest = hashlib.blake2b(secret.reveal().encode(), digest_size=8, person=b"backpack_orm")
    return f"{_host(urlsplit(url))}/{digest.hexdigest()}"


def user_key(url: str, user_id: int | None) -> str:
    """Return a key of the user and the account that does not depend on a token.

    >>> user_key("https://acme.backpackit.com", 17)
    'acme.backpackit.com/user-17'
    """
    return f"{_host(urlsplit(url))}/user-{user_id}"


def rate_limit_key(url: str, account: str, egress: str | None) -> str:
    """Return the key by which the service counts requests: all users of an account have the same.

    The key is the host, which identifies the account, and the address of the client. On this
    machine, where a sandbox may contain several accounts, the user takes the place of the account.

    >>> rate_limit_key("https://acme.backpackit.com", "acme.backpackit.com/6f1b", "office")
    'acme.backpackit.com@office'
    """
    if not is_loopback(urlsplit(url).hostname or ""):
        account = account.partition("/")[0]
    return f"{account}@{egress or socket.gethostname()}"


def cache_host(url: str) -> str:
    """Return the key of a host. Connections with the same key invalidate each other's caches.

    The key is the same for http and https, and for all names of this machine.

    >>> cache_host("http://127.0.0.1:8137"), cache_host("https://acme.backpackit.com")
    ('localhost:8137', 'acme.backpackit.com')
    """
    parts = urlsplit(url)
    return _host(parts, "localhost" if is_loopback(parts.hostname or "") else None)


def _host(parts: SplitResult, name: str | None = None) -> str:
    name = name or parts.hostname or ""
    return name if parts.port in (None, 80, 443) else f"{name}:{parts.port}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, in any notation of its name or address.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "127.1", "2130706433")]
    [True, True, True, True, True]
    >>> is_loopback("127.0.0.1.evil.example"), is_loopback("10.0.0.1")
    (False, False)
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return socket.inet_aton(host)[0] == 127
    except OSError:
        pass
    try:
        address = IPv6Address(host)
    except ValueError:
        return False
    return address.is_loopback or bool(address.ipv4_mapped and address.ipv4_mapped.is_loopback)


def _shown(account: str) -> str:
    """Return an address for a message, without parts that may contain a token or a password.

    >>> _shown("https://acme.backpackit.com/0123456789abcdef/me.xml")
    "'https://acme.backpackit.com…'"
    """
    host = re.sub(r"(?<=://)[^/?#]*@|(?<=[^:/])[/?#].*", "…", account, flags=re.DOTALL)
    return redacted(host)
