"""A Redis server that processes share, and that may be slow or gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from backpack_orm.errors import ValidationError

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

logger = logging.getLogger("backpack_orm")

AVOIDED = 5.0
"""Seconds for which a server is not asked again after it has failed."""


class Unreachable(Exception):  # noqa: N818 - part of normal operation
    """The server did not respond in time, refused a command, or was avoided."""


class RedisServer:
    """A Redis server at an address.

    After a failure the server is avoided for some seconds, so that not every call waits for it.

    Args:
        address: Its address, as redis-py takes it.
        option: The name of the option with the address, for messages.
        timeout: Seconds to wait for it.
        consequence: What happens while it is unreachable, for the log.

    Raises:
        ValidationError: The address is not valid, or the package redis is not installed.
    """

    def __init__(self, address: str, option: str, timeout: float, consequence: str) -> None:
        self.name = without_password(address)
        self._address = address
        self._option = option
        self._timeout = timeout
        self._consequence = consequence
        self._failed_at: float | None = None
        self._refusals: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Start with new sockets, and a lock that no thread of a parent process holds."""
        self._lock = Lock()
        self.client = self._new_client()

    def _new_client(self) -> Redis:
        try:
            import redis  # most programs never need it
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ValidationError(
                f"{self._option}={self.name!r} needs the extra redis: "
                "pip install 'backpack_orm[redis]'"
            ) from None
        # a server that was restarted has closed the idle sockets of the pool
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        try:
            return redis.Redis.from_url(
                self._address,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=retry,
            )
        except ValueError:  # whose message may contain the password
            pass
        raise ValidationError(
            f"{self._option}={self.name!r} is not the address of a Redis server: "
            "use one such as redis://127.0.0.1:6379"
        )

    @property
    def is_avoided(self) -> bool:
        """Whether it has failed so recently that it is not asked."""
        failed_at = self._failed_at
        return failed_at is not None and time.monotonic() < failed_at + AVOIDED

    def run(self, command: Callable[[], T]) -> T:
        """Return the result of a function that uses the client.

        Raises:
            Unreachable: The server is avoided; it has failed, which is logged once in a row; or it
                has refused the command, which is logged once for each reason.
        """
        import redis

        if self.is_avoided:
            raise Unreachable
        try:
            result = command()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._note_failure(error)
        except redis.RedisError as error:  # for example, it is full: it still serves reads
            self._note_refusal(error)
        else:
            if self._failed_at is not None:
                self._note_recovery()
            return result
        raise Unreachable

    def _note_failure(self, error: Exception) -> None:
        with self._lock:
            is_first, self._failed_at = self._failed_at is None, time.monotonic()
        if is_first:
            problem = type(error).__name__
            logger.warning("%s fails (%s): %s", self.name, problem, self._consequence)

    def _note_refusal(self, error: Exception) -> None:
        problem = type(error).__name__
        with self._lock:
            is_first = problem not in self._refusals
            self._refusals.add(problem)
        if is_first:
            logger.warning("%s refuses a command (%s)", self.name, problem)

    def _note_recovery(self) -> None:
        with self._lock:
            has_recovered, self._failed_at = self._failed_at is not None, None
        if has_recovered:
            logger.warning("%s responds again", self.name)


def without_password(address: str) -> str:
    """Return an address for messages.

    >>> without_password("redis://:secret@127.0.0.1:6379/0")
    'redis://127.0.0.1:6379'
    """
    parts = urlsplit(address)
    place = parts.path if parts.scheme == "unix" else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{place}"
