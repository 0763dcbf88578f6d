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
class _Flight:
    """One request under way, and everybody who waits for its answer.

    Attributes:
        tags: What its answer will be about.
        tags_in: What its answer turned out to be about besides.
        dropped: The tags that were dropped since it began.
    """

    tags: frozenset[str]
    tags_in: frozenset[str] = frozenset()
    dropped: set[str] = field(factory=set)
    is_over: bool = False
    answer: Any = None
    error: BaseException | None = None

    @property
    def is_stale(self) -> bool:
        """Whether some who wait may have come after a write that its answer does not show."""
        return not self.tags_in.isdisjoint(self.dropped)


class _Kept(NamedTuple):
    answer: Any
    size: int
    tags: frozenset[str]


def _none(answer: object) -> Iterable[str]:
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
    """Immutable answers under hashable keys.

    Whoever asks after a write has returned never gets an answer from before it: `drop` also
    disowns the requests that are under way at that moment, so that late answers are neither kept
    nor given to newcomers.

    Args:
        ttl: Seconds an answer is kept; 0 keeps none.
        max_bytes: The size of all answers together; the least recently used go first.
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
        self._kept: TTLCache[Hashable, _Kept] = TTLCache(
            max_bytes, ttl, timer=clock, getsizeof=lambda kept: kept.size
        )
        self._is_off = ttl <= 0
        self._flights: dict[Hashable, _Flight] = {}
        self._keys: dict[str, set[Hashable]] = {}
        self._kept_since_sweep = 0
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self.hits = 0
        self._peers = peers or Peers()
        self._peers.add(self)

    def get(self, key: Hashable) -> Any:
        """The answer kept under a key, else None.

        >>> Cache(ttl=60, max_bytes=1000).get("question") is None
        True
        """
        with self._lock:
            try:
                answer = self._kept[key].answer
            except KeyError:
                return None
            self.hits += 1
            return answer

    def fetch(
        self,
        key: Hashable,
        tags: Callable[[], Iterable[str]],
        ask: Callable[[], tuple[Any, int]],
        fresh: bool = False,
        tags_in: Callable[[Any], Iterable[str]] = _none,
        deadline: Deadline | None = None,
    ) -> Any:
        """The answer under a key: the one kept, the one on its way, or a new one.

        Args:
            key: What is asked.
            tags: Gives the tags to keep the answer under.
            ask: Asks the service; gives the answer and its size in bytes.
            fresh: Ask in any case; the new answer is kept.
            tags_in: Gives the further tags that only the answer tells.
            deadline: When to stop waiting for what another thread has asked for.

        Raises:
            Timeout: The deadline has passed while another thread's request was under way.
            BaseException: What `ask` raised, here and for all who waited for it.
        """
        if self._is_off:
            return ask()[0]
        with self._lock:
            while not fresh:
                try:
                    answer = self._kept[key].answer
                except KeyError:
                    pass
                else:
                    self.hits += 1
                    return answer
                flight = self._flights.get(key)
                if flight is None:
                    break
                while not flight.is_over:
                    self._wait(deadline)
                if isinstance(flight.error, Exception):
                    raise copy(flight.error)
                if flight.error is None and not flight.is_stale:
                    self.hits += 1
                    return flight.answer
            flight = self._flights[key] = _Flight(frozenset(tags()))
        size = 0
        try:
            flight.answer, size = ask()
            flight.tags_in = frozenset(tags_in(flight.answer))
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                self._land(key, flight, size)
        return flight.answer

    def _wait(self, deadline: Deadline | None) -> None:
        """Wait until some request has ended."""
        if deadline is None:
            self._changed.wait()
        elif deadline.remaining <= 0 or not self._changed.wait(deadline.remaining):
            raise Timeout(
                "another thread's identical request did not end within the deadline of "
                f"{deadline.seconds:g} s; nothing was sent"
            )

    def drop(self, tags: Iterable[str]) -> None:
        """Invalidate responses with any of the tags, also those on their way, here and in peers."""
        stale = set(tags)
        if stale:
            for cache in self._peers:
                cache._drop(stale)

    def _drop(self, stale: set[str]) -> None:
        with self._lock:
            for tag in stale:
                for key in self._keys.pop(tag, ()):
                    self._kept.pop(key, None)
            for key, flight in list(self._flights.items()):
                flight.dropped |= stale
                if not stale.isdisjoint(flight.tags):
                    del self._flights[key]

    def clear(self) -> None:
        """Forget everything.

        >>> cache = Cache(ttl=60, max_bytes=1000)
        >>> cache.fetch("question", lambda: ["tag"], lambda: ("answer", 6))
        'answer'
        >>> cache.clear()
        >>> len(cache)
        0
        """
        with self._lock:
            self._kept.clear()
            self._keys.clear()
            self._flights.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def _land(self, key: Hashable, flight: _Flight, size: int) -> None:
        flight.is_over = True
        if self._flights.get(key) is flight:  # else it was disowned, or asked afresh meanwhile
            del self._flights[key]
            if flight.error is None and not flight.is_stale:
                self._keep(key, _Kept(flight.answer, size, flight.tags | flight.tags_in))
        self._changed.notify_all()

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        if kept.size > self._kept.maxsize:
            return
        self._kept[key] = kept
        for tag in kept.tags:
            self._keys.setdefault(tag, set()).add(key)
        self._kept_since_sweep += 1
        if self._kept_since_sweep > len(self._kept) + 1000:
            self._sweep()

    def _sweep(self) -> None:
        """Take out of the index what has expired or was pushed out."""
        self._kept_since_sweep = 0
        alive = set(self._kept)
        for tag, keys in list(self._keys.items()):
            keys &= alive
            if not keys:
                del self._keys[tag]
