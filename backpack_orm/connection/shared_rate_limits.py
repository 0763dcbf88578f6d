"""Rate limits shared by several processes, counted by a Redis server on its own clock."""

from __future__ import annotations

from contextlib import suppress

from backpack_orm.connection.moving_windows import LATE, Store
from backpack_orm.connection.redis_server import RedisServer, Unreachable

MARGIN = 0.2
"""Seconds added to a window: requests are counted when they arrive, with different delays."""

TIMEOUT = 1.0
"""Seconds to wait for the server."""

# Times are in microseconds, which the doubles of Lua and of sorted sets represent exactly.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""

# The length of a pause is stored with its end: only a clock that stepped back has more left.
_PAUSED = """
local function paused(key)
    local free, length = string.match(redis.call('GET', key) or '', '(%d+) (%d+)')
    local left = (tonumber(free) or 0) - now
    return left <= (tonumber(length) or 0) and left or 0
end
"""

# KEYS: the reservations, by time; the end of a pause.
# ARGV: window, limit, ticket, patience, seconds after which a reservation lapses.
_ACQUIRE = """
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local ticket, patience, late = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local left = paused(KEYS[2])
if left > 0 then
    return left
end

-- each window has `limit` reservations: later ones are from before the clock stepped back
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
local windows = math.ceil(redis.call('ZCOUNT', KEYS[1], now, '+inf') / limit)
if last and tonumber(last) > now + windows * window then
    redis.call('ZREMRANGEBYSCORE', KEYS[1], now, '+inf')
end

local reserved = tonumber(redis.call('ZSCORE', KEYS[1], ticket))
if reserved then
    if now <= reserved + late then
        return math.max(reserved - now, 0)
    end
    redis.call('ZREM', KEYS[1], ticket)
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local slot, count = now, redis.call('ZCARD', KEYS[1])
if count >= limit then
    local before = redis.call('ZRANGE', KEYS[1], count - limit, count - limit, 'WITHSCORES')
    slot = math.max(now, before[2] + window)
end
if slot - now <= patience then
    redis.call('ZADD', KEYS[1], slot, ticket)
    redis.call('PEXPIRE', KEYS[1], math.ceil((slot - now + window) / 1000))
end
return slot - now
"""

# KEYS: the end of a pause. ARGV: its length.
_PAUSE = """
if tonumber(ARGV[1]) > paused(KEYS[1]) then
    local pause = string.format('%.0f %s', now + ARGV[1], ARGV[1])
    redis.call('SET', KEYS[1], pause, 'PX', math.ceil(ARGV[1] / 1000))
end
"""


class SharedWindows:
    """Requests of the last seconds, counted together with those of other processes.

    Only the clock of the server counts, so those of the machines may differ. While the server is
    unreachable, each process counts its own requests.

    Args:
        storage: The address of the server.
        seconds: Length of the service's window.
        own: Counts the requests of this process while the server is unreachable.

    Raises:
        ValidationError: The address is not valid, or the package redis is not installed.
    """

    def __init__(self, storage: str, seconds: float, own: Store) -> None:
        self._window = _microseconds(seconds + MARGIN)
        self._own = own
        self._server = RedisServer(
            storage, "limits", TIMEOUT, "each process counts only its own requests for now"
        )
        self._register()

    def _register(self) -> None:
        self._acquire = self._server.client.register_script(_NOW + _PAUSED + _ACQUIRE)
        self._pause = self._server.client.register_script(_NOW + _PAUSED + _PAUSE)

    def acquire(self, key: str, limit: int, ticket: str, patience: float) -> float:
        """Reserve a slot and return the seconds until it, see `Store`."""
        longest = _microseconds(min(patience, 86400.0))
        arguments = self._window, limit, ticket, longest, _microseconds(LATE)
        try:
            wait = self._server.run(lambda: self._acquire(_keys(key), arguments))
            return int(wait) / 1e6
        except Unreachable:
            return self._own.acquire(key, limit, ticket, patience)

    def pause(self, key: str, seconds: float) -> None:
        """Grant no slot for a time, in all processes. If the server is unreachable, in none."""
        arguments = (_microseconds(seconds),)
        with suppress(Unreachable):
            self._server.run(lambda: self._pause(_keys(key)[1:], arguments))

    def renew_lock(self) -> None:
        """Share nothing with the parent process after a fork."""
        self._server.reset()
        self._register()
        self._own.renew_lock()


def _keys(key: str) -> tuple[str, str]:
    """Return the keys of the reservations and of the pause; braces keep them on one node."""
    return f"backpack_orm:limits:{{{key}}}", f"backpack_orm:limits:{{{key}}}:pause"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
