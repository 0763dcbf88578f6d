"""Cached responses: invalidated by tags, requested once however many threads want them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from copy import copy
from threading import Condition, Lock
from typing import Any, NamedTuple
from weakref import WeakSet, WeakValueDictionary

from attrs import define, field
from cachetools import TTLCache

from backpack_orm.connection.deadline import Deadline
from backpack_orm.errors import Timeout


@define(eq=False, repr=False)
class _Pending:
    """One request under way, which other threads may wait for.

    Attributes:
        tags: The cache tags of its response that are known before it arrives.
        response_tags: The further tags that the response itself adds.
        invalidated: The tags that were invalidated since the request began.
    """

    tags: frozenset[str]
    response_tags: frozenset[str] = frozenset()
    invalidated: set[str] = field(factory=set)
    is_done: bool = False
    response: Any = None
    error: BaseException | None = None

    @property
    def is_stale(self) -> bool:
        """Whether a waiting thread may have begun after a write that the response precedes."""
        return not self.response_tags.isdisjoint(self.invalidated)


class _Cached(NamedTuple):
    response: Any
    size: int
    tags: frozenset[str]


def _no_tags(response: object) -> Iterable[str]:
    return ()


class Peers:
    """The caches in this process that hold responses of one host.

    A write through one connection invalidates the caches of all connections to the host, whoever
    they sign in as. Only weak references are held, so that this never keeps a connection alive.
    """

    def __init__(self) -> None:
        self._caches: WeakSet[Cache] = WeakSet()
        self._lock = Lock()

    def add(self, cache: Cache) -> None:
        """Invalidate a cache together with the others from now on."""
        with self._lock:
            self._caches.add(cache)

    def __iter__(self) -> Iterator[Cache]:
        with self._lock:
            return iter(list(self._caches))


_peers: WeakValueDictionary[str, Peers] = WeakValueDictionary()
_peers_lock = Lock()


def peers_at(host: str) -> Peers:
    """Return the caches of this process that hold responses of a host.

    >>> peers = peers_at("acme.backpackit.com")
    >>> peers_at("acme.backpackit.com") is peers
    True
    """
    with _peers_lock:
        peers = _peers.get(host)
        if peers is None:
            peers = _peers[host] = Peers()
        return peers


def reset_after_fork() -> None:
    """Replace the locks that other threads of the parent process may have held."""
    global _peers, _peers_lock
    _peers, _peers_lock = WeakValueDictionary(), Lock()


class Cache:
    """Immutable responses under hashable keys.

    A read that begins after a write has returned never gets a response from before it:
    `invalidate` also marks the requests that are under way at that moment, so that their responses
    are neither cached nor given to threads that come later.

    Args:
        ttl: Seconds to cache a response; 0 disables the cache.
        max_bytes: The size of all cached responses; the least recently used are dropped first.
        clock: A monotonic clock in seconds.
        peers: The caches to invalidate together with this one.
    """

    def __init__(
        self,
        ttl: float,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        peers: Peers | None = None,
    ) -> None:
        self._cached: TTLCache[Hashable, _Cached] = TTLCache(
            max_bytes, ttl, timer=clock, getsizeof=lambda cached: cached.size
        )
        self._is_off = ttl <= 0
        self._pending: dict[Hashable, _Pending] = {}
        self._keys: dict[str, set[Hashable]] = {}
        self._stored_since_sweep = 0
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self.hits = 0
        self._peers = peers or Peers()
        self._peers.add(self)

    def get(self, key: Hashable) -> Any:
        """Return the response cached under a key, else None.

        >>> Cache(ttl=60, max_bytes=1000).get("key") is None
        True
        """
        with self._lock:
            try:
                response = self._cached[key].response
            except KeyError:
                return None
            self.hits += 1
            return response

    def fetch(
        self,
        key: Hashable,
        tags: Callable[[], Iterable[str]],
        request: Callable[[], tuple[Any, int]],
        fresh: bool = False,
        response_tags: Callable[[Any], Iterable[str]] = _no_tags,
        deadline: Deadline | None = None,
    ) -> Any:
        """Return the response under a key: cached, from a request under way, or from a new one.

        Args:
            key: Identifies the request.
            tags: Returns the tags to cache the response under.
            request: Makes the request; returns the response and its size in bytes.
            fresh: Bypass the cache; the new response is cached.
            response_tags: Returns the further tags that the response itself adds.
            deadline: When to stop waiting for another thread's identical request.

        Raises:
            Timeout: The deadline has passed while another thread's request was under way.
            BaseException: What `request` raised, here and in all threads that waited for it.
        """
        if self._is_off:
            return request()[0]
        with self._lock:
            while not fresh:
                try:
                    response = self._cached[key].response
                except KeyError:
                    pass
                else:
                    self.hits += 1
                    return response
                pending = self._pending.get(key)
                if pending is None:
                    break
                while not pending.is_done:
                    self._wait(deadline)
                if isinstance(pending.error, Exception):
                    raise copy(pending.error)
                if pending.error is None and not pending.is_stale:
                    self.hits += 1
                    return pending.response
            pending = self._pending[key] = _Pending(frozenset(tags()))
        size = 0
        try:
            pending.response, size = request()
            pending.response_tags = frozenset(response_tags(pending.response))
        except BaseException as error:
            pending.error = error
            raise
        finally:
            with self._lock:
                self._complete(key, pending, size)
        return pending.response

    def _wait(self, deadline: Deadline | None) -> None:
        """Wait until some request has ended."""
        if deadline is None:
            self._changed.wait()
        elif deadline.remaining <= 0 or not self._changed.wait(deadline.remaining):
            raise Timeout(
                "another thread's identical request did not end within the deadline of "
                f"{deadline.seconds:g} s; nothing was sent"
            )

    def invalidate(self, tags: Iterable[str]) -> None:
        """Invalidate responses with any of the tags, also those on their way, here and in peers."""
        stale = set(tags)
        if stale:
            for cache in self._peers:
                cache._invalidate(stale)

    def _invalidate(self, stale: set[str]) -> None:
        with self._lock:
            for tag in stale:
                for key in self._keys.pop(tag, ()):
                    self._cached.pop(key, None)
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
            return len(self._cached)

    def _complete(self, key: Hashable, pending: _Pending, size: int) -> None:
        pending.is_done = True
        if (
            self._pending.get(key) is pending
        ):  # else it was invalidated, or requested again meanwhile
            del self._pending[key]
            if pending.error is None and not pending.is_stale:
                self._store(
                    key, _Cached(pending.response, size, pending.tags | pending.response_tags)
                )
        self._changed.notify_all()

    def _store(self, key: Hashable, cached: _Cached) -> None:
        if cached.size > self._cached.maxsize:
            return
        self._cached[key] = cached
        for tag in cached.tags:
            self._keys.setdefault(tag, set()).add(key)
        self._stored_since_sweep += 1
        if self._stored_since_sweep > len(self._cached) + 1000:
            self._sweep()

    def _sweep(self) -> None:
        """Remove from the index what has expired or was evicted."""
        self._stored_since_sweep = 0
        alive = set(self._cached)
        for tag, keys in list(self._keys.items()):
            keys &= alive
            if not keys:
                del self._keys[tag]
