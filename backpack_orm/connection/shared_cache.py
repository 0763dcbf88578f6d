"""Cached responses shared by several processes, in a Redis server."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from attrs import asdict, frozen

from backpack_orm.connection.calls import Call
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.redis_server import RedisServer, Unreachable
from backpack_orm.errors import InvalidResponse, Timeout
from backpack_orm.wire.shapes import Response

T = TypeVar("T")

logger = logging.getLogger("backpack_orm")

TIMEOUT = 0.25
"""Seconds to wait for the server: a read that it delays for longer goes to the service."""

MAX_BYTES = 8 * 1024 * 1024
"""The size of the largest response that is cached."""

_ANY_WRITE = "*"
"""The tag that every write invalidates."""

LEASE = 60.0
"""Seconds after which a write that was begun is taken to have ended, if its process has died."""

_FORMAT = b"backpack_orm 2 "

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# All: KEYS: for each tag, that of its generation and that of the writes that are under way.

# ARGV: the generation of tags that have none; milliseconds to keep it.
_GENERATIONS = """
local generations = {}
for position = 1, #KEYS, 2 do
    local generation = redis.call('GET', KEYS[position])
    if generation then
        redis.call('PEXPIRE', KEYS[position], ARGV[2])
    else
        redis.call('ZREMRANGEBYSCORE', KEYS[position + 1], '-inf', now)
        generation = ''
        if redis.call('EXISTS', KEYS[position + 1]) == 0 then
            generation = ARGV[1]
            redis.call('SET', KEYS[position], generation, 'PX', ARGV[2])
        end
    end
    table.insert(generations, generation)
end
return generations
"""

# ARGV: the write; its lease in milliseconds.
_BEGIN = """
for position = 1, #KEYS, 2 do
    redis.call('DEL', KEYS[position])
    redis.call('ZADD', KEYS[position + 1], now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', KEYS[position + 1], ARGV[2])
end
"""

# ARGV: the write.
_END = """
for position = 1, #KEYS, 2 do
    redis.call('DEL', KEYS[position])
    redis.call('ZREM', KEYS[position + 1], ARGV[1])
end
"""


@frozen
class _Entry:
    """A cached response.

    Attributes:
        body: The body as received.
        status: The HTTP status.
        lifetime: Milliseconds from when it was stored until it expires.
        generations: The generation of each of its tags when its request began. A write drops the
            generations of its tags when it begins and when it ends, in between they have none, and
            no generation comes twice.
    """

    body: bytes
    status: int
    lifetime: int
    generations: Mapping[str, str]

    def to_bytes(self, key: str) -> bytes:
        """Return it as it is stored: a line of format and checksum, one of JSON, the body."""
        header = {name: value for name, value in asdict(self).items() if name != "body"}
        content = b"%s\n%s" % (json.dumps(header).encode(), self.body)
        return b"%s\n%s" % (_first_line(key, content), content)

    @classmethod
    def from_bytes(cls, key: str, stored: bytes | None) -> _Entry | None:
        """Return what was stored; None if it is nothing, damaged, or of another format or key."""
        first_line, _, content = (stored or b"").partition(b"\n")
        if first_line != _first_line(key, content):
            return None
        header, _, body = content.partition(b"\n")
        return cls(body, **json.loads(header))


def _first_line(key: str, content: bytes) -> bytes:
    """Return the line before some content, which has a checksum of the key and the content."""
    return _FORMAT + _digest(key.encode() + content).encode()


class Responses:
    """The responses of one host in a server, for all connections of this process to the host.

    Args:
        address: The address of the server.
        host: The host. Its name does not show in the keys.
    """

    def __init__(self, address: str, host: str) -> None:
        self._server = RedisServer(address, "cache", TIMEOUT, "reads make requests for now")
        self._prefix = f"backpack_orm:cache:{{{_digest(host.encode())}}}"
        self._pending: dict[str, int] = {}
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Share nothing with the parent process after a fork."""
        self._server.reset()
        self._lock = Lock()
        register = self._server.client.register_script
        self._generations = register(_NOW + _GENERATIONS)
        self._begin = register(_NOW + _BEGIN)
        self._end = register(_END)

    @property
    def is_usable(self) -> bool:
        """Whether it may be read: the server responds, and knows of all writes of this process."""
        if self._server.is_avoided:
            return False
        with suppress(Unreachable):
            self._end_writes()
            return True
        return False

    def find(self, name: str, ttl: float) -> _Entry | None:
        """Return an entry of the last `ttl` seconds that no write has invalidated; else None.

        Raises:
            Unreachable: The server has failed.
        """
        key, client = f"{self._prefix}:{name}", self._server.client
        both: Any = client.pipeline()
        stored, left = self._server.run(both.get(key).pttl(key).execute)
        entry = _Entry.from_bytes(key, stored)
        if entry is None or not max(0, entry.lifetime - 1000 * ttl) <= left <= entry.lifetime:
            return None
        keys = self._keys(entry.generations)[::2]
        found: Any = self._server.run(lambda: client.mget(keys))
        expected = [generation.encode() for generation in entry.generations.values()]
        return entry if found == expected else None

    def generations(self, tags: Iterable[str], ttl: float) -> dict[str, str]:
        """Return the generations of tags, with new ones for those that have none.

        While a write is under way, its tags have no generation: it is empty.

        Raises:
            Unreachable: The server has failed.
        """
        tags = list(tags)
        new, milliseconds = os.urandom(12).hex(), round(2000 * ttl)
        found = self._server.run(lambda: self._generations(self._keys(tags), (new, milliseconds)))
        return dict(zip(tags, (each.decode() for each in found), strict=True))

    def store(self, name: str, entry: _Entry) -> None:
        """Store an entry for its lifetime.

        Raises:
            Unreachable: The server has failed.
        """
        key, client = f"{self._prefix}:{name}", self._server.client
        self._server.run(lambda: client.set(key, entry.to_bytes(key), px=entry.lifetime))

    def begin_write(self, tags: Iterable[str]) -> str:
        """Invalidate all responses with any of the tags, and cache no others before the write ends.

        Otherwise a read could return the cached state after another one has returned the new one.

        Returns:
            The name of the write.
        """
        write = os.urandom(12).hex()
        arguments = write, round(1000 * LEASE)
        with suppress(Unreachable):
            self._server.run(lambda: self._begin(self._keys(tags), arguments))
        return write

    def end_write(self, tags: Iterable[str], write: str = "") -> None:
        """Invalidate all responses with any of the tags, in all processes.

        If the server fails, no connection of this process reads from it until it has invalidated
        them.
        """
        with self._lock:
            self._count += 1
            self._pending.update(dict.fromkeys(tags, self._count))
        try:
            self._end_writes(write)
        except Unreachable:
            logger.error(
                "%s could not invalidate responses after a write: other processes may read them "
                "until they expire",
                self._server.name,
            )

    def _end_writes(self, write: str = "") -> None:
        with self._lock:
            pending = dict(self._pending)
        if not pending:
            return
        self._server.run(lambda: self._end(self._keys(pending), (write,)))
        with self._lock:
            for tag, count in pending.items():
                if self._pending.get(tag) == count:  # else written again meanwhile
                    del self._pending[tag]

    def _keys(self, tags: Iterable[str]) -> list[str]:
        return [f"{self._prefix}:{kind}:{tag}" for tag in tags for kind in ("tag", "writes")]


_responses: dict[tuple[str, str], Responses] = {}
_responses_lock = Lock()


@after_fork
def _reset_after_fork() -> None:
    global _responses_lock
    _responses_lock = Lock()
    for responses in _responses.values():
        responses.reset()


def _responses_of(address: str, host: str) -> Responses:
    """Return the responses of a host in a server, created at first use."""
    with _responses_lock:
        found = _responses.get((address, host))
        if found is None:
            found = _responses[address, host] = Responses(address, host)
        return found


class SharedCache:
    """The responses to one user, shared by several processes.

    A read that begins after a write has returned, in any process, never gets a response from
    before it, unless the server could not invalidate it.

    Args:
        address: The address of the server.
        host: The host of the responses. A write invalidates the responses to all of its users.
        account: The key of the account and user.
        ttl: Seconds to cache a response.

    Raises:
        ValidationError: The address is not valid, or the package redis is not installed.
    """

    def __init__(self, address: str, host: str, account: str, ttl: float) -> None:
        self._responses = _responses_of(address, host)
        self._account = _digest(account.encode())
        self._ttl = ttl
        self._locks: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._lock = Lock()
        self.hits = 0

    def fetch(
        self,
        call: Call[T],
        exchange: Callable[[Call[Any]], tuple[Any, int]],
        response_tags: Callable[[Any], Iterable[str]],
        fresh: bool,
    ) -> T:
        """Return the record of a cached response, else that of a new one.

        Makes no request or one.

        Args:
            call: The call.
            exchange: Makes it.
            response_tags: Returns the further tags that the response itself adds.
            fresh: Bypass the cache; the new response is cached.

        Raises:
            Timeout: The deadline has passed while another thread's request was under way.
            BackpackError: The call failed.
        """
        if not self._responses.is_usable:
            return self._result(call, exchange)[0]
        name = self._name(call)
        with self._turn(name, call):
            try:
                entry = None if fresh else self._responses.find(name, self._ttl)
                if entry is not None:
                    with suppress(InvalidResponse):  # another version may accept what this does not
                        return self._read(entry, call)
                tags = [*call.endpoint.tags_read(call.ids), self._account, _ANY_WRITE]
                before = self._responses.generations(tags, self._ttl)
            except Unreachable:
                return self._result(call, exchange)[0]
            record, response = self._result(call, exchange)
            with suppress(Unreachable):
                self._store(name, response, before, response_tags(record))
            return record

    def _read(self, entry: _Entry, call: Call[T]) -> T:
        record = call.read(Response(entry.status, entry.body, None, call.localize))
        with self._lock:
            self.hits += 1
        return record

    @contextmanager
    def writing(self, tags: Iterable[str]) -> Iterator[None]:
        """Invalidate responses with any of the tags before and after a block that writes.

        In all processes, and for all users.
        """
        stale = {*tags, _ANY_WRITE}
        write = self._responses.begin_write(stale)
        try:
            yield
        finally:
            self._responses.end_write(stale, write)

    def clear(self) -> None:
        """Invalidate all responses to this user, in all processes."""
        self._responses.end_write({self._account})

    def _result(
        self, call: Call[T], exchange: Callable[[Call[Any]], tuple[Any, int]]
    ) -> tuple[T, Response]:
        """Make a call, and return its record and its response."""
        read, responses = call.read, []

        def read_and_keep(response: Response) -> T:
            responses.append(response)
            return read(response)

        call.read = read_and_keep
        record: T = exchange(call)[0]
        return record, responses[-1]

    def _store(
        self, name: str, response: Response, before: Mapping[str, str], more: Iterable[str]
    ) -> None:
        """Store a response, unless a write may have changed it since its request began."""
        if len(response.content) > MAX_BYTES:
            return
        generations = dict(before)
        any_write = generations.pop(_ANY_WRITE)
        further = set(more) - set(generations)
        if further:  # which were not known before the request
            found = self._responses.generations([*further, _ANY_WRITE], self._ttl)
            if not any_write or found.pop(_ANY_WRITE) != any_write:
                return
            generations |= found
        if all(generations.values()):
            share = random.uniform(0.9, 1)  # noqa: S311 - no secret
            lifetime = max(round(1000 * self._ttl * share), 1)
            entry = _Entry(response.content, response.status, lifetime, generations)
            self._responses.store(name, entry)

    def _name(self, call: Call[Any]) -> str:
        payload = sorted((name, repr(value)) for name, value in call.payload.items())
        name = f"{self._account} {call.endpoint.label} {[*call.ids]} {payload}"
        return _digest(name.encode())

    @contextmanager
    def _turn(self, name: str, call: Call[Any]) -> Iterator[None]:
        """Let one thread at a time make a call, so that the others find its response."""
        with self._lock:
            lock = self._locks.get(name)
            if lock is None:
                lock = self._locks[name] = RLock()  # a hook may make the same call
        seconds = -1.0 if call.deadline is None else max(call.deadline.remaining, 0.0)
        if not lock.acquire(timeout=seconds):
            assert call.deadline is not None
            raise Timeout(
                "another thread's identical request did not end within the deadline of "
                f"{call.deadline.seconds:g} s; nothing was sent"
            )
        try:
            yield
        finally:
            lock.release()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16, person=b"backpack_orm").hexdigest()
