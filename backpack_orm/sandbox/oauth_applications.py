"""The applications that users of a sandbox can sign in to."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from .guard import is_loopback_host
from .models import OAuthApplication
from .names import check_name
from .tokens import digest, new_token

_LONGEST_ADDRESS = 2000
_CREDENTIAL = re.compile("[!-~]+")


class Refusal(Exception):  # noqa: N818 - part of normal operation
    """A request to the provider that is refused, with the reason that the response names."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Application:
    """An application that users can sign in to.

    Args:
        redirect_uri: Where the browser returns to: an https address, or http on this machine.
        name: Name that the sign-in page shows.
        client_id: Public identifier; a random one by default.
        client_secret: Password of the application; a random one by default.

    Raises:
        ValueError: The address, or one of the texts, is not valid.

    >>> Application("https://trips.example/back", name="Trips", client_id="trips").client_id
    'trips'
    """

    redirect_uri: str
    name: str = "An application"
    client_id: str = field(default_factory=new_token)
    client_secret: str = field(default_factory=new_token, repr=False)

    def __post_init__(self) -> None:
        check_name(self.name, "the name of an application")
        for part in (self.client_id, self.client_secret):
            if not _CREDENTIAL.fullmatch(part):
                raise ValueError("a client id and a client secret have printable ASCII characters")
        _check_address(self.redirect_uri)


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or is_loopback_host(parts.hostname or "")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not is_safe
        or parts.fragment
        or parts.username is not None
        or len(address) > _LONGEST_ADDRESS
        or not (address.isascii() and address.isprintable() and " " not in address)
    ):
        raise ValueError(
            f"{address!r} cannot be redirected to: use an https address without a fragment, "
            "or http on this machine"
        )


def store_application(session: Session, application: Application) -> None:
    """Store an application, or change the stored one with the same client id."""
    stored = registered(session, application.client_id)
    if stored is None:
        stored = OAuthApplication(client_id=application.client_id)
        session.add(stored)
    stored.name = application.name
    stored.redirect_uri = application.redirect_uri
    stored.secret_digest = digest(application.client_secret)


def registered(
    session: Session, client_id: str, *, is_locked: bool = False
) -> OAuthApplication | None:
    """Return the application with a client id.

    If it is locked, its grants are not revoked until the end of the transaction.
    """
    if not _CREDENTIAL.fullmatch(client_id):
        return None
    wanted = select(OAuthApplication).where(OAuthApplication.client_id == client_id)
    if is_locked:
        wanted = wanted.with_for_update(read=True, key_share=True)  # SQLite has no locks of rows
    return session.scalar(wanted)


def authenticated(session: Session, client_id: str, secret: str) -> OAuthApplication:
    """Return an application, locked; refuse an unknown one or a wrong secret."""
    application = registered(session, client_id, is_locked=True)
    expected = "" if application is None else application.secret_digest
    is_right = hmac.compare_digest(expected, digest(secret))
    if application is None or not is_right:
        raise Refusal(401, "invalid_client", "the client id or the client secret is wrong")
    return application
