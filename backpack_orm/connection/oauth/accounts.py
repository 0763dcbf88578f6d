"""The accounts that a user can reach, as the provider lists them."""

from __future__ import annotations

from typing import Any, NamedTuple


class OAuthAccount(NamedTuple):
    """An account that a user can reach.

    Attributes:
        name: Name of the account.
        product: Product, such as `backpack`.
        href: Address of the account; requests go there only if the application allows its host.
        id: Number of the account; None if the provider names none.

    >>> OAuthAccount("Acme", "backpack", "https://acme.backpackit.com", 4).product
    'backpack'
    """

    name: str
    product: str
    href: str
    id: int | None


def read_accounts(answer: Any) -> list[OAuthAccount] | None:
    """Return the accounts in the answer of a provider; None if it has none of the right form."""
    listed = answer.get("accounts") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        return None
    accounts = [_account(each) for each in listed]
    known = [each for each in accounts if each is not None]
    return known if len(known) == len(accounts) else None


def _account(fields: Any) -> OAuthAccount | None:
    if not isinstance(fields, dict):
        return None
    name, product, href, id = (fields.get(key) for key in ("name", "product", "href", "id"))
    if not (isinstance(name, str) and isinstance(product, str) and isinstance(href, str)):
        return None
    return OAuthAccount(name, product, href, id if isinstance(id, int) else None)
