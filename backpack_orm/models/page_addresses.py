"""Addresses of pages on the web site."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import cache_host
from backpack_orm.errors import ValidationError
from backpack_orm.wire.values import LARGEST_ID

_PATH = re.compile(r"/(?:pages?|pub)/([0-9]{1,19})(?:-[^/]*)?/?")
"""The path of a page: today's, an earlier one, and that of a published page; with or without words
after the id."""


def web_site(connection: Connection) -> str | None:
    """Return the address of an account; None for that of a file or an archive.

    >>> web_site(Connection("acme", token="0123456789abcdef"))
    'https://acme.backpackit.com'
    """
    url = connection.url
    return url if url.startswith(("https://", "http://")) else None


def address_of(id: int, account: str) -> str:
    """Return the address of a page.

    >>> address_of(71, "https://acme.backpackit.com")
    'https://acme.backpackit.com/pages/71'
    """
    return f"{account}/pages/{id}"


def id_at(address: str, account: str) -> int:
    """Return the id of the page at an address.

    Args:
        address: The address, under http or https.
        account: The address of the account.

    Raises:
        ValidationError: It is the address of another account, or not that of a page. The message
            contains only the host, since an address may contain a token.

    >>> id_at("http://acme.backpackit.com/pages/71-lisbon#notes", "https://acme.backpackit.com")
    71
    """
    try:
        parts = urlsplit(address)
        is_here = cache_host(address) == cache_host(account)
    except ValueError:
        raise ValidationError("Page.find: this text is not an address") from None
    shown = f"{parts.scheme}://{parts.hostname or ''}…"
    if parts.scheme not in ("http", "https") or not is_here:
        raise ValidationError(
            f"Page.find: {shown} is not an address in {account}: pass using= with a connection to "
            "its account"
        )
    id = _id_in(parts.path)
    if id is None:
        raise ValidationError(
            f"Page.find: {shown} is not the address of a page, such as {address_of(71, account)}"
        )
    return id


def linked_id(link: str, account: str | None) -> int | None:
    """Return the id of the page that a link on a page leads to; None if it leads elsewhere.

    Args:
        link: The link: an address, a path, or only the id of a page.
        account: The address of the account; None if it is not known, so that no address is in it.

    >>> linked_id("/page/72", None), linked_id("72", None), linked_id("https://example.com/", None)
    (72, 72, None)
    """
    try:
        parts = urlsplit(urljoin(f"{account or ''}/pages/", link))
        if parts.scheme not in ("", "http", "https"):
            return None
        if parts.netloc and (account is None or cache_host(parts.geturl()) != cache_host(account)):
            return None
    except ValueError:
        return None
    return _id_in(parts.path)


def _id_in(path: str) -> int | None:
    found = _PATH.fullmatch(path)
    id = int(found[1]) if found else 0
    return id if 0 < id <= LARGEST_ID else None
