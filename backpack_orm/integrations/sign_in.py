"""Signing the users of a web application in with OAuth 2, whatever its framework is."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlsplit

from attrs import define, evolve, field, frozen
from cachetools import LRUCache

from backpack_orm.connection import Connection
from backpack_orm.connection.context import Missing, let_users_sign_in
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.oauth import Grant, OAuthAccount, OAuthApp
from backpack_orm.connection.oauth.accounts import read_accounts
from backpack_orm.connection.redaction import Secret
from backpack_orm.connection.settings import Settings, checked
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    Forbidden,
    NotConnected,
    ValidationError,
    redacted,
)
from backpack_orm.integrations.http_errors import status_of

_PENDING = "_backpack_pending"
_NEXT = "_backpack_next"
_ID = "_backpack_id"
_TABS = 5  # in which sign-ins of one browser may be under way
_LONGEST_PATH = 500  # since the session, with those of all tabs, may be a cookie
_CONNECTIONS = 100
_ATTEMPTS = 20  # of a change, each of which another change of the same sign-in may precede
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))
_FAILURES: dict[type[BackpackError], tuple[int, str]] = {
    Forbidden: (403, "You have no Backpack account."),
    AuthenticationError: (403, "Access was not allowed, or the sign-in took too long."),
    ValidationError: (400, "This sign-in was started elsewhere, or is already complete."),
    NotConnected: (401, "Please sign in again."),
}
_NOBODY = "nobody is signed in: redirect the browser to what start() returns"
_UNREACHABLE = "Backpack cannot be reached at the moment."

logger = logging.getLogger("backpack_orm")

_lock = Lock()


@after_fork
def _renew_lock() -> None:
    global _lock
    _lock = Lock()


class Session(Protocol):
    """The session of a browser, as Flask and Django have it."""

    def get(self, key: str, default: Any, /) -> Any:
        """Return a value; the default if there is none."""

    def pop(self, key: str, default: Any, /) -> Any:
        """Remove and return a value; the default if there is none."""

    def __setitem__(self, key: str, value: Any, /) -> None: ...


class Storage(Protocol):
    """The place where an application stores its secrets, such as a table of its database.

    `SignIn` calls it from all threads. The values are ready for JSON. They contain the tokens of a
    user: encrypt them, or make them readable for the application alone.
    """

    def load(self, id: str, /) -> Mapping[str, Any] | None:
        """Return the values of a sign-in; None if there are none."""

    def save(self, id: str, values: dict[str, Any], /) -> None:
        """Store the values of a new sign-in."""

    def replace(self, id: str, old: Mapping[str, Any], new: dict[str, Any], /) -> bool:
        """Store new values if the old ones, as `load` has returned them, are still stored.

        Compare and store in one atomic step, such as a single UPDATE. Return whether the new
        values are stored.
        """

    def delete(self, id: str, /) -> None:
        """Delete the values of a sign-in, if there are any."""


@frozen
class _Stored:
    """What is stored of a sign-in; the grant, which contains tokens, shows in no repr."""

    grant: Mapping[str, Any] = field(repr=False)
    accounts: list[OAuthAccount]
    href: str | None
    raw: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def token(self) -> object:
        return self.grant.get("access_token")

    def values(self) -> dict[str, Any]:
        accounts = [account._asdict() for account in self.accounts]
        return {"grant": self.grant, "accounts": accounts, "account": self.href}


_DAMAGED = _Stored({}, [], None)


@define(eq=False)
class _Opened:
    """The connection of a sign-in, and the token that was stored when it was last compared."""

    grant: Grant
    connection: Connection
    href: str
    seen: Secret

    def is_current(self, stored: _Stored) -> bool:
        """Return whether no other process has stored another account or another token since."""
        known = (self.seen.reveal(), self.grant.access_token)
        return stored.href == self.href and stored.token in known


class SignIn:
    """The flow that signs the users of a web application in, each to an account of their own.

    `start` sends the browser to the provider, `finish` takes it back, `choose` selects one of
    several accounts, `end` signs out, and `connection` returns the connection of the user who is
    signed in. Flask and Django have adapters, which call these methods.

    The session of a browser contains a random id and no token: the tokens are in the storage of
    the application, under this id. Refreshed tokens are stored there too. All threads of a process
    share the connection of a sign-in; the hundred that were used last are kept.

    Args:
        app: The registered application. Its redirect address is that of the callback.
        storage: Stores the tokens.
        home: Path of the page that users return to after signing in and out.
        options: The other options of `Connection`, such as `max_wait` and `read_only`.

    Raises:
        ValidationError: An option has an invalid value.
        TypeError: An option is misspelled, or belongs to the account of a user.

    Attributes:
        app: The registered application.
        home: Path of the page that users return to.

    >>> class Memory(dict):
    ...     load, save, delete = dict.get, dict.__setitem__, dict.pop
    ...     def replace(self, id, old, new):
    ...         is_stored = self.get(id) == old
    ...         if is_stored:
    ...             self[id] = new
    ...         return is_stored
    >>> session, stored = {}, Memory()
    >>> with Sandbox(seed="empty") as box:
    ...     there = box.oauth.register("https://trips.example/backpack/callback")
    ...     app = OAuthApp(
    ...         there.client_id, there.client_secret, there.redirect_uri, provider=box.url
    ...     )
    ...     flow = SignIn(app, stored, max_wait=5)
    ...     url = flow.start(session, next="/pages/7")
    ...     query = box.oauth.allow(url).partition("?")[2]
    ...     flow.finish(session, query, session.clear)
    ...     flow.connection(session).url == box.url, list(session)
    '/pages/7'
    (True, ['_backpack_id'])
    """

    def __init__(self, app: OAuthApp, storage: Storage, *, home: str = "/", **options: Any) -> None:
        self.app = app
        self.home = home
        self._storage = storage
        for name in ("account", "token", "oauth_token"):
            if name in options:
                options.clear()  # tracebacks may show the variables of this frame
                raise TypeError(f"each user signs in to an account of their own: leave out {name}")
        if local_path(home, "") != home:
            raise ValidationError(f"home takes a path of this site, such as '/', not {home!r}")
        placeholder = {"oauth_token": Secret("placeholder")}
        settings = checked("SignIn", ("acme",), options | placeholder)
        if not isinstance(settings, Settings):
            raise settings
        let_users_sign_in()
        self._options = options
        self._opened: LRUCache[str, _Opened] = LRUCache(_CONNECTIONS)

    def start(self, session: Session, next: str | None = None) -> str:
        """Return the address of the provider's sign-in page, to redirect the browser to.

        Makes no request. Several tabs of a browser may sign in at the same time.

        Args:
            session: The session of the browser.
            next: Path to return to after the sign-in; the home page for None, or if it is an
                address of another site.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> session = {}
        >>> flow.start(session, next="https://evil.example")
        'https://launchpad.37signals.com/authorization/new?type=web_server&client_id=trips&...'
        >>> [path for _, path, _ in session["_backpack_pending"]]
        ['/']
        """
        url, state = self.app.authorization_url()
        # a list, since sessions may sort the keys of a dictionary
        started = [state, local_path(next, self.home), self._sign_in_at]
        pending = [*session.get(_PENDING, []), started]
        session[_PENDING] = pending[-_TABS:]
        return url

    def finish(self, session: Session, query: str, renew: Callable[[], object]) -> str | None:
        """Complete a sign-in; return the path to redirect the browser to.

        Makes two requests, and a third one if the user has a single account, which is then
        selected.

        Args:
            session: The session of the browser.
            query: The query string with which the browser has returned.
            renew: Replaces the session by an empty one with another id, so that nobody who knows
                the session from before the sign-in can use it.

        Returns:
            The path; None if the user has several accounts, and has to choose one.

        Raises:
            ValidationError: No such sign-in was started in this session, or it is complete. No
                request was made.
            AuthenticationError: The user has denied access, or the code has expired.
            Forbidden: The user has no Backpack account.
            BackpackError: The provider or the account cannot be reached.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.finish({}, "code=1&state=2", dict)
        Traceback (most recent call last):
        backpack_orm.errors.ValidationError: no sign-in with this state was started in this ...
        """
        state = parse_qs(query).get("state", [""])[0]
        pending = session.get(_PENDING, [])
        next = {each[0]: each[1] for each in pending if each[2:] == [self._sign_in_at]}.get(state)
        session[_PENDING] = [each for each in pending if each[0] != state]
        if next is None:
            raise ValidationError(
                "no sign-in with this state was started in this session, or it is complete: "
                "start again"
            )
        address = urlsplit(self.app.redirect_uri)._replace(query=query).geturl()
        grant = self.app.exchange(address, state=state)
        accounts = grant.accounts()
        if not accounts:
            raise Forbidden("the user who has signed in has no Backpack account")
        chosen = accounts[0] if len(accounts) == 1 else None
        if chosen is not None:
            grant.connect(chosen, **self._options).close()  # finds the id of the user there
        self._delete(session)
        renew()
        id = secrets.token_urlsafe(32)
        stored = _Stored(grant.to_dict(), accounts, None if chosen is None else chosen.href)
        self._storage.save(id, stored.values())
        session[_ID] = id
        if chosen is not None:
            return str(next)
        session[_NEXT] = next
        return None

    @property
    def _sign_in_at(self) -> str:
        """Where a sign-in has started: a code of one provider is never sent to another."""
        return f"{self.app.client_id} {self.app.provider}"

    def accounts(self, session: Session) -> list[OAuthAccount]:
        """Return the accounts that the user may choose from; none if nobody is signed in.

        Makes no request.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.accounts({})
        []
        """
        _, stored = self._load(session)
        return [] if stored is None else stored.accounts

    def choose(self, session: Session, href: str) -> str:
        """Select an account of the user; return the path to redirect the browser to.

        Makes one request, to find the id of the user in the account.

        Args:
            session: The session of the browser.
            href: The `href` of one of `accounts()`.

        Raises:
            NotConnected: Nobody is signed in, or the user has signed out during the request.
            ValidationError: The account is none of those of the user. No request was made.
            AuthenticationError: The user has to sign in again.
            BackpackError: The account cannot be reached.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.choose({}, "https://acme.backpackit.com")
        Traceback (most recent call last):
        backpack_orm.errors.NotConnected: nobody is signed in: ...
        """
        id, stored = self._load(session)
        if stored is None or stored is _DAMAGED:
            raise NotConnected(_NOBODY)
        if href not in [account.href for account in stored.accounts]:
            raise ValidationError(f"{redacted(href)} is no account of the user: choose another")
        grant = self._grant(id, stored)
        grant.connect(href, **self._options).close()
        users = {"users": grant.to_dict()["users"]}
        if not self._change(id, lambda now: evolve(now, grant={**now.grant, **users}, href=href)):
            raise NotConnected(_NOBODY)
        return str(session.pop(_NEXT, self.home))

    def connection(self, session: Session) -> Connection | None:
        """Return the connection of the user who is signed in.

        Makes no request, and reads the storage once: a sign-out in one process takes effect in all.

        Returns:
            The connection; None if nobody is signed in, no account is chosen yet, or what is stored
            cannot be used, which is logged.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.connection({}) is None
        True
        """
        found = self.account(session)
        return None if isinstance(found, Missing) else found

    def account(self, session: Session) -> Connection | Missing:
        """Return the connection of the user who is signed in, or why there is none.

        Makes no request, and reads the storage once. Adapters of frameworks use it: an account of
        all users applies only if nobody is signed in, and not if `connection` returns None.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.account({})
        <Missing.NOBODY: ...>
        """
        id, stored = self._load(session)
        if stored is None:
            return Missing.NOBODY
        if stored.href is None:
            return Missing.UNKNOWN
        with _lock:
            opened: _Opened | None = self._opened.get(id)
            if opened is None or not opened.is_current(stored):
                try:
                    opened = self._opened[id] = self._open(id, stored, stored.href)
                except ValidationError as error:  # such as that of another client id
                    logger.warning("a stored sign-in cannot be used: %s", error)
                    return Missing.UNKNOWN
        return opened.connection

    def ticket(self, session: Session) -> dict[str, str]:
        """Return what a background job needs to run for the user: pass it to `connection` there.

        Ready for JSON. After a sign-out, `connection` returns None for it. It is as secret as the
        session, and is empty if nobody is signed in.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> flow.ticket({})
        {}
        """
        id = session.get(_ID, None)
        return {} if id is None else {_ID: id}

    def end(self, session: Session, renew: Callable[[], object]) -> None:
        """Sign the user out: delete what is stored, and start a new session. No request.

        Args:
            session: The session of the browser.
            renew: As for `finish`.

        >>> flow = SignIn(OAuthApp("trips", "s3cret", "https://trips.example/back"), {})
        >>> session = {"color": "blue"}
        >>> flow.end(session, session.clear)
        >>> session
        {}
        """
        self._delete(session)
        renew()

    def _delete(self, session: Session) -> None:
        id = session.get(_ID, None)
        if id is not None:
            self._storage.delete(id)
            self._drop(id)

    def _drop(self, id: str) -> None:
        with _lock:
            self._opened.pop(id, None)

    def _load(self, session: Session) -> tuple[str, _Stored | None]:
        """Return the id of a sign-in, and what is stored under it."""
        id: str | None = session.get(_ID, None)
        if id is None:
            return "", None
        stored = self._read(id)
        if stored is None:
            self._drop(id)  # another process has signed the user out
        return id, stored

    def _read(self, id: str) -> _Stored | None:
        values = self._storage.load(id)
        if values is None:
            return None
        stored = _stored(values)
        del values  # tracebacks may show the variables of this frame
        if stored is _DAMAGED:
            logger.warning("a stored sign-in is damaged: the user has to sign in again")
        return stored

    def _open(self, id: str, stored: _Stored, href: str) -> _Opened:
        grant = self._grant(id, stored)
        connection = grant.connect(href, **self._options)
        return _Opened(grant, connection, href, Secret(grant.access_token))

    def _grant(self, id: str, stored: _Stored) -> Grant:
        """Return the grant of a sign-in, which shares its tokens with other processes."""
        save, reload = partial(self._refreshed, id), partial(self._stored_grant, id)
        return Grant.from_dict(stored.grant, self.app, on_refresh=save, reload=reload)

    def _stored_grant(self, id: str) -> Mapping[str, Any] | None:
        stored = self._read(id)
        return None if stored is None or stored is _DAMAGED else stored.grant

    def _refreshed(self, id: str, grant: Grant) -> None:
        """Store a new token, unless the user has signed out."""
        if not self._change(id, lambda now: evolve(now, grant=grant.to_dict())):
            return
        with _lock:
            opened: _Opened | None = self._opened.get(id)
            if opened is not None and opened.grant is grant:
                opened.seen = Secret(grant.access_token)

    def _change(self, id: str, change: Callable[[_Stored], _Stored]) -> bool:
        """Change what is stored of a sign-in; return False if the user has signed out."""
        for _ in range(_ATTEMPTS):
            stored = self._read(id)
            if stored is None or stored is _DAMAGED:
                return False
            if self._storage.replace(id, stored.raw, change(stored).values()):
                return True
        raise RuntimeError(
            f"replace() of the storage returned False {_ATTEMPTS} times for the values that load() "
            "had returned: compare the values, not their text or order"
        )


def _stored(values: Mapping[str, Any]) -> _Stored:
    """Return what is stored of a sign-in, which may be damaged."""
    try:
        grant, href = values["grant"], values["account"]
    except (KeyError, TypeError):
        return _DAMAGED
    accounts = read_accounts(values)
    is_valid = isinstance(grant, Mapping) and isinstance(href, str | None)
    return _Stored(grant, accounts, href, values) if is_valid and accounts else _DAMAGED


def local_path(path: str | None, home: str) -> str:
    """Return a path of this site to redirect to; the home page for another site, or a long path.

    Browsers take a backslash for a slash, and ignore tabs and line breaks.

    >>> [local_path(each, "/") for each in ("/pages/7?tab=notes", "//evil.example")]
    ['/pages/7?tab=notes', '/']
    """
    if path is None or not path.startswith("/") or path.startswith("//") or _CONTROL.search(path):
        return home
    quoted = quote(path, safe=_ASCII)
    return quoted if len(quoted) <= _LONGEST_PATH else home


def failure(error: BackpackError) -> tuple[int, str]:
    """Return the HTTP status of a sign-in that has failed, and what to tell the user.

    >>> failure(AuthenticationError("the provider returned no code: access_denied"))
    (403, 'Access was not allowed, or the sign-in took too long.')
    """
    found = (failure for kind, failure in _FAILURES.items() if isinstance(error, kind))
    return next(found, (status_of(error), _UNREACHABLE))
