"""Replaces access tokens in time: once, however many threads need a new one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from threading import RLock
from typing import Any
from weakref import WeakSet

from backpack_orm.connection.addresses import user_key
from backpack_orm.connection.credentials import Credentials
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.oauth.token_set import TokenSet
from backpack_orm.connection.redaction import Secret, log_redactor
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    InvalidResponse,
    RateLimited,
    ServerError,
    Timeout,
    TransportError,
)

logger = logging.getLogger("backpack_orm")

SIGN_IN_AGAIN = "Sign in again: ask the user to allow access with a new authorization_url()."
_PAUSE = 10.0  # seconds until a refresh is tried again that is not urgent
_TEMPORARY = (TransportError, ServerError, RateLimited, InvalidResponse)

_all: WeakSet[Tokens] = WeakSet()


@after_fork
def _renew_locks() -> None:
    for tokens in list(_all):
        tokens._renew_lock()


class Tokens:
    """The tokens of one user, which all connections of a grant share.

    Args:
        current: The tokens so far.
        refresh: Requests new ones from the provider.
        owner: What callbacks are called with.
        reload: Returns the tokens that are stored now; None if nothing else has access to them.
    """

    def __init__(
        self,
        current: TokenSet,
        refresh: Callable[[TokenSet, Deadline | None], TokenSet],
        owner: object,
        reload: Callable[[], TokenSet] | None = None,
    ) -> None:
        self._request = refresh
        self._owner = owner
        self._reload = reload
        self._stored = current.access
        self._observers: WeakSet[Observer] = WeakSet()
        self._lock = RLock()
        self._pause_until = 0.0
        self._is_notifying = False
        self._attempts = 0
        self._error: BackpackError | None = None
        self._set(current)
        _all.add(self)

    def _renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent process may hold, after a fork."""
        self._lock = RLock()

    @property
    def current(self) -> TokenSet:
        """The tokens so far."""
        return self._current

    def add(self, observer: Observer) -> None:
        """Call an observer after each refresh, as long as it is referenced elsewhere."""
        with self._lock:
            self._observers.add(observer)

    def fresh(self, deadline: Deadline | None) -> Secret:
        """Return the access token, after replacing one that expires soon.

        If the provider cannot be reached, the old one is used until it has expired.

        Raises:
            AuthenticationError: The refresh token was refused, or there is none.
            BackpackError: The access token has expired, and the provider cannot be reached.
        """
        current = self._current
        if not current.is_due:
            return current.access
        has_expired = current.has_expired
        if not has_expired and (current.refresh is None or time.monotonic() < self._pause_until):
            return current.access
        try:
            self._replace(current, deadline)
        except _TEMPORARY as error:
            if has_expired:
                raise
            self._pause_until = time.monotonic() + _PAUSE
            logger.warning("the access token could not be refreshed yet: %s", error.message)
        return self._current.access

    def replace(self, refused: Secret, deadline: Deadline | None) -> bool:
        """Return whether there is another access token instead of one that was refused.

        Raises:
            AuthenticationError: The refresh token was refused, or there is none.
            BackpackError: The provider cannot be reached.
        """
        current = self._current
        if refused is current.access:
            self._replace(current, deadline)
        return True

    def refresh(self) -> None:
        """Replace the access token now.

        Raises:
            AuthenticationError: The refresh token was refused, or there is none.
            BackpackError: The provider cannot be reached.
        """
        self._replace(self._current, None)

    def _replace(self, old: TokenSet, deadline: Deadline | None) -> None:
        if old.refresh is None:
            error = AuthenticationError("the access token has expired, without a refresh token")
            error.hint = SIGN_IN_AGAIN
            raise error
        attempts = self._attempts
        with self._turn(deadline):
            if self._current is not old:
                return  # another thread has replaced it
            if self._attempts != attempts and self._error is not None:
                raise copy(self._error)  # another thread has failed meanwhile
            self._attempts += 1
            self._error = None
            if self._adopts_stored():
                return
            try:
                new = self._request(old, deadline)
            except BackpackError as error:
                # another process may have used the refresh token first, if they rotate
                if isinstance(error, AuthenticationError) and self._adopts_stored():
                    return
                self._error = copy(error)  # without its frames
                raise
            self._set(new)
            self._notify()
            self._stored = new.access

    def _adopts_stored(self) -> bool:
        """Use the stored tokens if another process has replaced them since; return whether."""
        if self._reload is None:
            return False
        stored = self._reload()
        if stored.access.reveal() == self._stored.reveal():
            return False
        self._stored = stored.access
        self._set(stored)
        return True

    def _notify(self) -> None:
        """Call each callback once, unless a callback itself has needed another token."""
        if self._is_notifying:
            return
        callbacks: list[Callable[[Any], object]] = []
        for observer in self._observers:
            if observer.on_refresh not in callbacks:
                callbacks.append(observer.on_refresh)
        self._is_notifying = True
        try:
            for callback in callbacks:
                callback(self._owner)
        finally:
            self._is_notifying = False

    def _set(self, current: TokenSet) -> None:
        for secret in current.secrets:
            log_redactor.add(secret)
        self._current = current

    @contextmanager
    def _turn(self, deadline: Deadline | None) -> Iterator[None]:
        """Wait until no other thread refreshes the token."""
        lock = self._lock
        seconds = -1.0 if deadline is None else max(deadline.remaining, 0.0)
        if not lock.acquire(timeout=seconds):
            raise Timeout(
                "another thread's request for a new access token did not end within the deadline; "
                "nothing was sent"
            )
        try:
            yield
        finally:
            lock.release()


class Observer:
    """What to do after a refresh, for as long as a connection exists.

    Attributes:
        on_refresh: Called with the owner of the tokens, before the new ones are used.
    """

    def __init__(self, on_refresh: Callable[[Any], object]) -> None:
        self.on_refresh = on_refresh


class OAuthCredentials(Credentials):
    """The access token of a connection, which is replaced in time.

    Args:
        tokens: The tokens of the user.
        user_id: The id of the user in the account; None if it is not known yet.
        observer: What to do after a refresh; it is referenced as long as the connection exists.
    """

    def __init__(self, tokens: Tokens, user_id: int | None, observer: Observer | None) -> None:
        super().__init__(tokens.current.access)
        self._tokens = tokens
        self._user_id = user_id
        self._observer = observer

    def account_key(self, url: str) -> str:
        """Return the key of the account and the user, which does not depend on the token."""
        return user_key(url, self._user_id)

    def secret(self, deadline: Deadline | None) -> Secret:
        """Return the access token, after replacing one that expires soon."""
        return self._tokens.fresh(deadline)

    def replace(self, refused: Secret, deadline: Deadline | None) -> bool:
        """Return whether there is a new access token instead of one that was refused."""
        return self._tokens.replace(refused, deadline)
