"""Cached responses: invalidated by tags, requested once however many threads want them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from copy import copy
from threading import Condition, Lock, get_ident
from typing import Any, NamedTuple
from weakref import WeakSet

from cachetools import FIFOCache

from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.forks import after_fork
from backpack_orm.errors import Timeout


class Part(NamedTuple):
    """One of several records in a response, which is cached by itself.

    Attributes:
        key: The key to cache it under.
        response: The record.
        size: Its share of the size of the response, in bytes.
        tags: Its tags.
        replaces: The key of another response that is dropped, since this one is newer.
    """

    key: Hashable
    response: Any
    size: int
    tags: frozenset[str]
    replaces: Hashable = None


class _Pending:
    """A request under way, which other threads may wait for.

    Attributes:
        tags: The cache tags of its response that are known before it arrives.
        response_tags: The further tags that the response itself adds.
        invalidated: The tags that were invalidated since the request began.
        parts: What to cache instead of the response itself, if not None.
        is_under_way: Whether it is registered and has not ended.
        is_successful: Whether there is a response. An interrupt leaves neither response nor error.
        thread: The thread that makes the request.
    """

    def __init__(self, tags: frozenset[str]) -> None:
        self.tags = tags
        self.response_tags: frozenset[str] = frozenset()
        self.invalidated: set[str] = set()
        self.is_under_way = self.is_successful = False
        self.response: Any = None
        self.parts: list[Part] | None = None
        self.size = 0
        self.error: Exception | None = None
        self.thread = get_ident()

    @property
    def is_valid(self) -> bool:
        """Whether it has a response that no write has invalidated since the request began."""
        return self.is_successful and self.response_tags.isdisjoint(self.invalidated)


class _Cached(NamedTuple):
    response: Any
    size: int
    tags: frozenset[str]
    expires: float


def _no_tags(response: object) -> Iterable[str]:
    return ()


_caches: WeakSet[Cache] = WeakSet()
_caches_lock = Lock()


@after_fork
def _renew_lock() -> None:
    global _caches_lock
    _caches_lock = Lock()


class Cache:
    """Immutable responses under hashable keys.

    A read that begins after a write has returned never gets a response from before it:
    `invalidate` also marks the requests that are under way at that moment, so that their responses
    are neither cached nor returned to threads that start waiting later.

    Args:
        ttl: Seconds to cache a response; 0 disables the cache.
        max_bytes: The size of all cached responses; those that expire first are dropped first.
        clock: A monotonic clock in seconds.
        host: The host of the responses. A write invalidates the caches of all connections to the
            host in this process, for all users. None: shared with no other cache.
    """

    def __init__(
        self,
        ttl: float,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        host: str | None = None,
    ) -> None:
        self._ttl = ttl
        self._clock = clock
        # Not a TTLCache, whose lookups take twice as long: all responses are cached for the same
        # time, so the first in is the first to expire.
        self._cached: FIFOCache[Hashable, _Cached] = FIFOCache(
            max_bytes, getsizeof=lambda cached: cached.size
        )
        self._pending: dict[Hashable, _Pending] = {}
        self._keys: dict[str, set[Hashable]] = {}
        self._stored_since_sweep = 0
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._host = host or object()
        self.hits = 0
        with _caches_lock:
            _caches.add(self)

    def get(self, key: Hashable) -> Any:
        """Return the response cached under a key, else None.

        >>> Cache(ttl=60, max_bytes=1000).get("key") is None
        True
        """
        with self._lock:
            cached = self._find(key)
            if cached is None:
                return None
            self.hits += 1
            return cached.response

    def fetch(
        self,
        key: Hashable,
        tags: Callable[[], Iterable[str]],
        request: Callable[[], tuple[Any, int]],
        fresh: bool = False,
        response_tags: Callable[[Any], Iterable[str]] = _no_tags,
        deadline: Deadline | None = None,
        parts: Callable[[Any, int], Iterable[Part]] | None = None,
    ) -> Any:
        """Return the response under a key: cached, from a request under way, or from a new one.

        Args:
            key: Identifies the request.
            tags: Returns the tags to cache the response under.
            request: Makes the request; returns the response and its size in bytes.
            fresh: Bypass the cache; the new response is cached.
            response_tags: Returns the further tags that the response itself adds.
            deadline: When to stop waiting for another thread's identical request.
            parts: Returns what to cache of a response and its size, instead of the response itself.

        Raises:
            Timeout: The deadline has passed while another thread's request was under way.
            BaseException: What `request` raised, here and in all threads that waited for it.
        """
        if self._ttl <= 0:
            return request()[0]
        own = _Pending(frozenset(tags()))
        try:
            try:
                found = self._join(key, own, fresh, deadline)
                if found is own:
                    own.response, own.size = request()
                    own.response_tags = frozenset(response_tags(own.response))
                    own.parts = list(parts(own.response, own.size)) if parts else None
                    own.is_successful = True
                return found.response
            except Exception as error:
                own.error = error
                raise
            finally:
                self._complete(key, own)
        except BaseException:  # such as Ctrl-C, which may have interrupted the completion itself
            self._complete(key, own)
            raise

    def _join(
        self, key: Hashable, own: _Pending, fresh: bool, deadline: Deadline | None
    ) -> _Cached | _Pending:
        """Return the entry with the response, after waiting for it; else register a new request.

        A waiting thread may have begun after a write that the response turns out to precede. It
        tries again then, as it does when the request it waited for was interrupted.
        """
        with self._lock:
            while not fresh:
                found = self._find(key) or self._pending.get(key)
                if found is None:
                    break
                if isinstance(found, _Pending):
                    if found.is_under_way and found.thread == get_ident():
                        break  # a hook of this request reads the same: it cannot wait for itself
                    while found.is_under_way:
                        self._wait(deadline)
                    if found.error is not None:
                        raise copy(found.error)
                    if not found.is_valid:
                        continue
                self.hits += 1
                return found
            own.is_under_way = True
            self._pending[key] = own
            return own

    def _find(self, key: Hashable) -> _Cached | None:
        try:
            cached = self._cached[key]
        except KeyError:
            return None
        return cached if self._clock() < cached.expires else None

    def _wait(self, deadline: Deadline | None) -> None:
        """Wait until some request has ended."""
        if deadline is None:
            self._changed.wait()
        elif deadline.remaining <= 0 or not self._changed.wait(deadline.remaining):
            raise Timeout(
                "another thread's identical request did not end within the deadline of "
                f"{deadline.seconds:g} s; nothing was sent"
            )

    def _complete(self, key: Hashable, pending: _Pending) -> None:
        """Cache the response and wake the threads that wait for it; repeated if interrupted."""
        if not pending.is_under_way:
            return
        with self._lock:
            if self._pending.get(key) is pending:  # else invalidated, or requested again meanwhile
                if pending.parts is not None:
                    self._store_parts(pending.parts, pending.invalidated)
                elif pending.is_valid:
                    tags = pending.tags | pending.response_tags
                    self._store(key, pending.response, pending.size, tags)
                del self._pending[key]
            pending.is_under_way = False
            self._changed.notify_all()

    def invalidate(self, tags: Iterable[str]) -> None:
        """Invalidate responses with any of the tags, also those on their way, in all of the host's
        caches.
        """
        stale = set(tags)
        if stale:
            with _caches_lock:
                caches = [cache for cache in _caches if cache._host == self._host]
            for cache in caches:
                cache._invalidate(stale)

    def _invalidate(self, stale: set[str]) -> None:
        with self._lock:
            for tag in stale:
                for key in self._keys.pop(tag, ()):
                    self._drop(key)
            for key, pending in list(self._pending.items()):
                pending.invalidated |= stale
                if not stale.isdisjoint(pending.tags):
                    del self._pending[key]

    def clear(self) -> None:
        """Drop all cached responses.

        >>> cache = Cache(ttl=60, max_bytes=1000)
        >>> cache.fetch("key", lambda: ["tag"], lambda: ("response", 8))
        'response'
        >>> cache.clear()
        >>> len(cache)
        0
        """
        with self._lock:
            self._cached.clear()
            self._keys.clear()
            self._pending.clear()

    def __len__(self) -> int:
        with self._lock:
            self._drop_expired()
            return len(self._cached)

    def _store(self, key: Hashable, response: Any, size: int, tags: frozenset[str]) -> None:
        if size > self._cached.maxsize:
            return
        self._drop(key)  # else it would keep its place among those that expire
        self._drop_expired()
        self._cached[key] = _Cached(response, size, tags, self._clock() + self._ttl)
        for tag in tags:
            self._keys.setdefault(tag, set()).add(key)
        self._stored_since_sweep += 1
        if self._stored_since_sweep > len(self._cached) + 1000:
            self._sweep()

    def _store_parts(self, parts: Iterable[Part], invalidated: set[str]) -> None:
        """Cache the parts that no write has invalidated since their request began."""
        for part in parts:
            if part.tags.isdisjoint(invalidated):
                self._drop(part.replaces)
                self._store(part.key, part.response, part.size, part.tags)

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._cached:
            key, cached = next(iter(self._cached.items()))
            if now < cached.expires:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        with suppress(KeyError):  # it may be half there, after an interrupt such as Ctrl-C
            del self._cached[key]

    def _sweep(self) -> None:
        """Remove from the index what has expired or was evicted."""
        self._stored_since_sweep = 0
        alive = set(self._cached)
        for tag, keys in list(self._keys.items()):
            keys &= alive
            if not keys:
                del self._keys[tag]
