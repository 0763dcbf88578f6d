"""What an OAuth provider remembers: applications, codes and tokens, in memory."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from .guard import is_loopback_host
from .names import check_name
from .tokens import digest, new_token

CODE_LIFETIME = 60
TOKEN_LIFETIME = 1_209_600
_LONGEST_ADDRESS = 2000


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
            if not (part and part.isascii() and part.isprintable() and " " not in part):
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


@dataclass(frozen=True)
class Identity:
    """A person: the user who signed in, and all users with the same e-mail address."""

    user_key: int
    address: str


@dataclass(frozen=True)
class Access:
    """What a code or a token stands for; the expiry is None if it does not expire."""

    client_id: str
    identity: Identity
    expires_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


class Grants:
    """The codes and tokens that users have granted, as hashes.

    They exist until the sandbox is closed, like the temporary tokens of users.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, Access] = {}
        self._access: dict[str, Access] = {}
        self._refresh: dict[str, Access] = {}
        self.code_lifetime: float = CODE_LIFETIME
        self.token_lifetime: float = TOKEN_LIFETIME

    def new_code(self, client_id: str, identity: Identity, now: datetime) -> str:
        """Return a code that can be traded once."""
        code = secrets.token_urlsafe(24)
        expires_at = now + timedelta(seconds=self.code_lifetime)
        with self._lock:
            self._remove_expired(now)
            self._codes[digest(code)] = Access(client_id, identity, expires_at)
        return code

    def trade(self, code: str, client_id: str, now: datetime) -> tuple[str, str]:
        """Trade a code for an access token and a refresh token, once."""
        with self._lock:
            granted = self._codes.get(digest(code))
            if granted is None or granted.client_id != client_id:
                raise Refusal(400, "invalid_grant", "the code is unknown or was used before")
            del self._codes[digest(code)]
            if not granted.is_valid(now):
                raise Refusal(400, "invalid_grant", "the code has expired")
            refresh_token = new_token()
            self._refresh[digest(refresh_token)] = Access(client_id, granted.identity, None)
            return self._new_access(client_id, granted.identity, now), refresh_token

    def refresh(self, refresh_token: str, client_id: str, now: datetime) -> str:
        """Return a new access token. Earlier ones and the refresh token stay valid."""
        with self._lock:
            granted = self._refresh.get(digest(refresh_token))
            if granted is None or granted.client_id != client_id:
                raise Refusal(400, "invalid_grant", "the refresh token is unknown or was revoked")
            return self._new_access(client_id, granted.identity, now)

    def identity(self, access_token: str, now: datetime) -> tuple[Identity, datetime | None] | None:
        """Return who an access token belongs to and when it expires; None if it is not valid."""
        found = self._access.get(digest(access_token))
        if found is None or not found.is_valid(now):
            return None
        return found.identity, found.expires_at

    def revoke(self, client_id: str | None, *, keep_refresh_tokens: bool) -> int:
        """Revoke the tokens of an application, or of all; return their number."""
        stores = [self._codes, self._access]
        if not keep_refresh_tokens:
            stores.append(self._refresh)
        count = 0
        with self._lock:
            for store in stores:
                for key, granted in list(store.items()):
                    if client_id in (None, granted.client_id):
                        del store[key]
                        count += 1
        return count

    def clear(self) -> None:
        """Forget everything."""
        self.revoke(None, keep_refresh_tokens=False)

    def _new_access(self, client_id: str, identity: Identity, now: datetime) -> str:
        self._remove_expired(now)
        token = new_token()
        expires_at = now + timedelta(seconds=self.token_lifetime)
        self._access[digest(token)] = Access(client_id, identity, expires_at)
        return token

    def _remove_expired(self, now: datetime) -> None:
        for store in (self._codes, self._access):
            for key, granted in list(store.items()):
                if not granted.is_valid(now):
                    del store[key]


def check_secret(application: Application | None, secret: str) -> Application:
    """Return the application; refuse an unknown one or a wrong secret."""
    expected = "" if application is None else application.client_secret
    is_right = hmac.compare_digest(expected.encode(), secret.encode("utf-8", "surrogatepass"))
    if application is None or not is_right:
        raise Refusal(401, "invalid_client", "the client id or the client secret is wrong")
    return application
