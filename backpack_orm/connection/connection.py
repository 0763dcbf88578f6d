"""A connection: one account, its token, and its cached responses."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakSet

from attrs import field, frozen

from backpack_orm.connection import cache
from backpack_orm.connection.cache import Cache
from backpack_orm.connection.context import Usable, candidates, set_default
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.rate_limits import RateLimiter, renew_locks
from backpack_orm.connection.redaction import Secret
from backpack_orm.connection.time_zones import ACCOUNT, zone_named
from backpack_orm.connection.transport import Transport
from backpack_orm.errors import (
    NotConnected,
    ReadOnly,
    ValidationError,
    looks_like_a_token,
    redacted,
)
from backpack_orm.shown import Shown, offered
from backpack_orm.version import __version__
from backpack_orm.wire import parse, values
from backpack_orm.wire.build import Words
from backpack_orm.wire.endpoint import Endpoint, Kind, Place, rest
from backpack_orm.wire.parse import Answer, Column, Shape
from backpack_orm.wire.size import DEFAULT_MAX_SIZE

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

T = TypeVar("T")

USER_AGENT = f"backpack_orm/{__version__} (https://backpack-orm.readthedocs.io)"
CACHE_BYTES = 64 * 1024 * 1024
_LONGEST = 24 * 60 * 60.0  # sockets take no endless time-out
_UNPICKLED = (
    "this connection was unpickled, and pickles do not contain the token: "
    "call connect() for this account first"
)
_ME = rest("GET", "me.xml", place=Place.PATH, reads="users")
_read_zone = parse.one(Shape("user", (Column("time_zone_id", values.WORDS),)))
_NOTHING: Mapping[str, Words] = {}
_LOOPBACK = r"localhost|127(\.\d+){3}|::1"
_ACCOUNT = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"


@frozen
class Stats(Shown):
    """What a connection has done so far.

    Attributes:
        requests: Requests sent.
        cache_hits: Reads that needed none.
        retries: Requests that were sent again after a failure.
        seconds_waited: How long calls have waited before they were sent, all together.
        by_endpoint: Requests for each call of the API.
        retries_by_endpoint: Those sent again, for each call of the API.

    >>> Page.all()[0].connection.stats.by_endpoint
    {'POST /ws/pages/all': 1}
    """

    requests: int
    cache_hits: int
    retries: int
    seconds_waited: float
    by_endpoint: Mapping[str, int] = field(repr=False)
    retries_by_endpoint: Mapping[str, int] = field(repr=False)


class Connection(Usable):
    """One account as one user: its address, its token, and its cached responses.

    Threads may share it. As a context manager it is current inside the block, and is closed at the
    end of the outermost one.

    Args:
        account: The account's name (`"acme"`), or its address
            (`"https://acme.backpackit.com"`, `"http://127.0.0.1:8137"`).
        token: The API token. It is a password: it shows in no repr, log, error or pickle.
        oauth_token: An OAuth 2 bearer token, instead of `token`.
        user_agent: What to call yourself: a name, and a link or an e-mail address.
        timeout: Seconds to wait for a connection, and for an answer or more of it.
        deadline: Seconds that one call may take, with all its waits and retries; None: as many as
            it needs.
        max_response_size: Bytes of a response, unpacked, that are read at most. It also bounds the
            memory that reading one takes, to six times as much.
        ttl: Seconds an answer is kept; 0 asks the service each time.
        max_wait: Seconds that one call waits at most for the service's limits and before it is
            sent again, all together.
        limits: Where requests are counted, so as not to exceed the service's limits: in this
            process, or at a `redis://` address for several processes; None: not at all.
        timezone: The zone of times that come without one: an IANA name (`"Europe/Lisbon"`), one
            of Backpack's (`"Pacific Time (US & Canada)"`), or `"account"` for the one noted in the
            account, which costs one request; None: they stay without.
        allow_insecure: Send the token in clear to a host that is not this machine.
        partial_updates: Rely on the service to keep the content of an item whose `completed` is
            sent without it. Saves the request that reads the item first; `probe_partial_updates`
            tests whether the service does so.
        read_only: Refuse every call that is not a read, with `ReadOnly` and before any request.

    Raises:
        ValidationError: The account is neither a name nor an address, or looks like a token; there
            is no token, or both kinds of it; or the address would send it in clear.

    >>> Connection("acme", token="0123456789abcdef")
    Connection('https://acme.backpackit.com')
    """

    _url = ""  # until it is set: a traceback may show one that never came about
    _transport: Transport | None = None

    def __init__(
        self,
        account: str,
        *,
        token: str | None = None,
        oauth_token: str | None = None,
        user_agent: str = USER_AGENT,
        timeout: tuple[float, float] = (5.0, 30.0),
        deadline: float | None = None,
        max_response_size: int = DEFAULT_MAX_SIZE,
        ttl: float = 60.0,
        max_wait: float = 60.0,
        limits: str | None = "memory://",
        timezone: str | None = None,
        allow_insecure: bool = False,
        partial_updates: bool = False,
        read_only: bool = False,
    ) -> None:
        secret, is_bearer = _secret(token, oauth_token), oauth_token is not None
        url = _address(account, allow_insecure)
        del account, token, oauth_token  # a traceback may show the variables of what raises below
        self._connect(
            url,
            secret,
            is_bearer=is_bearer,
            user_agent=user_agent,
            timeout=timeout,
            deadline=deadline,
            max_response_size=max_response_size,
            ttl=ttl,
            max_wait=max_wait,
            limits=limits,
            timezone=timezone,
            allow_insecure=allow_insecure,
            partial_updates=partial_updates,
            read_only=read_only,
        )

    def _connect(
        self,
        url: str | ValidationError,
        secret: Secret | ValidationError,
        *,
        is_bearer: bool,
        user_agent: str,
        timeout: tuple[float, float],
        deadline: float | None,
        max_response_size: int,
        ttl: float,
        max_wait: float,
        limits: str | None,
        timezone: str | None,
        allow_insecure: bool,
        partial_updates: bool,
        read_only: bool,
    ) -> None:
        if isinstance(url, ValidationError):
            raise url
        if isinstance(secret, ValidationError):
            raise secret
        self._options: dict[str, Any] = {
            "user_agent": _header("user_agent", user_agent),
            "timeout": _check_timeout(timeout),
            "deadline": _check_deadline(deadline),
            "ttl": _check_seconds("ttl", ttl),
            "timezone": _check_timezone(timezone),
            "allow_insecure": allow_insecure,
            "partial_updates": _check_flag("partial_updates", partial_updates),
            "read_only": _check_flag("read_only", read_only),
        }
        self._open(url, _fingerprint(url, secret))
        self._transport = Transport(
            url,
            secret,
            is_bearer=is_bearer,
            user_agent=self._options["user_agent"],
            timeout=self._options["timeout"],
            allow_insecure=allow_insecure,
            max_wait=_check_seconds("max_wait", max_wait),
            max_response_size=_check_size(max_response_size),
            limits=RateLimiter(_counted_as(url, self.account), _check_storage(limits)),
        )

    def _open(self, url: str, account: str, absent: str = _UNPICKLED) -> None:
        self._url = url
        self.account = account
        self._absent = absent
        self._cache = self._empty_cache()
        self._transport = None
        self._zone: ZoneInfo | None = None
        self._is_open = True
        self._reset_blocks()
        with _opened_lock:
            _opened.add(self)

    def _begin_anew(self) -> None:
        """Share nothing with the process that this one was forked off from.

        On its sockets either would read the other's answers; and what its other threads hold or
        have asked for never comes here.
        """
        self._cache = self._empty_cache()
        self._reset_blocks()
        if self._transport is not None:
            self._transport.begin()

    def _empty_cache(self) -> Cache:
        return Cache(self._options["ttl"], CACHE_BYTES, peers=cache.peers_at(self._host))

    @property
    def _host(self) -> str:
        """What tells hosts apart: connections to one host invalidate each other's caches.

        The scheme makes no difference, and neither do the names of this machine.
        """
        if self._absent is not _UNPICKLED:
            return self._url  # it names a file
        parts = urlsplit(self._url)
        name = parts.hostname or ""
        name = "localhost" if re.fullmatch(_LOOPBACK, name) else name
        return name if parts.port in (None, 80, 443) else f"{name}:{parts.port}"

    @property
    def url(self) -> str:
        """The account's address, without a slash at its end.

        >>> Connection("acme", token="0123456789abcdef").url
        'https://acme.backpackit.com'
        """
        return self._transport.url if self._transport else self._url

    @property
    def is_file(self) -> bool:
        """Whether it stands for a file that was read, so that there is nothing more to load.

        >>> Connection("acme", token="0123456789abcdef").is_file
        False
        """
        return self._transport is None and self._absent is not _UNPICKLED

    @property
    def partial_updates(self) -> bool:
        """Whether `completed` of an item is sent without its content.

        >>> Connection("acme", token="0123456789abcdef").partial_updates
        False
        """
        return bool(self._options.get("partial_updates"))

    @property
    def read_only(self) -> bool:
        """Whether every call that is not a read is refused.

        >>> Connection("acme", token="0123456789abcdef", read_only=True).read_only
        True
        """
        read_only: bool = self._options["read_only"]
        return read_only

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the account's clock: the one that `timezone` tells, else the one noted in
        the account, which costs one request the first time.

        Raises:
            ValidationError: No zone is called what is noted there.

        >>> Page.all()[0].connection.zone
        zoneinfo.ZoneInfo(key='America/Los_Angeles')
        """
        if self._zone is None:
            name = self._options["timezone"]
            if name is None or name == ACCOUNT:
                (name,) = self.call(_ME, read=_read_zone)
            self._zone = zone_named(name)
        return self._zone

    @property
    def stats(self) -> Stats:
        """What has been done so far.

        >>> Connection("acme", token="0123456789abcdef").stats
        Stats(requests=0, cache_hits=0, retries=0, seconds_waited=0.0)
        """
        transport = self._transport
        sent = transport.sent if transport else {}
        again = transport.sent_again if transport else {}
        return Stats(
            requests=sum(sent.values()),
            cache_hits=self._cache.hits,
            retries=sum(again.values()),
            seconds_waited=transport.waited if transport else 0.0,
            by_endpoint=sent,
            retries_by_endpoint=again,
        )

    def call(
        self,
        endpoint: Endpoint,
        ids: tuple[int, ...] = (),
        words: Mapping[str, Words] = _NOTHING,
        *,
        read: Callable[[Answer], T],
        fresh: bool = False,
    ) -> T:
        """Make one call of the API: one request, or none when its answer is still kept.

        Args:
            endpoint: The call.
            ids: What fills its path, in order.
            words: The values it sends, in the words of the wire.
            read: Turns the answer into a record; what it gives must be immutable.
            fresh: Ask even if an answer is kept.

        Raises:
            ReadOnly: The call is not a read, and the connection is read-only.
            BackpackError: By what went wrong, see `backpack_orm.errors`.

        >>> from backpack_orm.wire import parse
        >>> from backpack_orm.wire.endpoint import ws
        >>> row = ws("page/{id}/email")
        >>> page = Page.find_by(title="Lisbon")
        >>> page.connection.call(row, (page.id,), read=parse.success)
        """
        if endpoint.kind is not Kind.READ:
            self.ensure_writable(endpoint.label)
        live = self._live()
        if live is not self:
            return live.call(endpoint, ids, words, read=read, fresh=fresh)
        if not endpoint.reads:
            return self._write(endpoint, ids, words, read)
        key = (endpoint, ids, *words.items()) if words else (endpoint, ids)
        kept: T | None = None if fresh else self._cache.get(key)
        if kept is not None:
            return kept
        return self._ask(key, endpoint, ids, words, read, fresh)

    def ensure_writable(self, call: str) -> None:
        """Refuse a write on a connection that is read-only. No request.

        Args:
            call: The name of the write, for the message.

        Raises:
            ReadOnly: The connection was made with `read_only=True`.

        >>> Connection("acme", token="0123456789abcdef").ensure_writable("Page.save()")
        """
        if self.read_only:
            raise ReadOnly(
                f"{call} writes, and {self!r} is read-only: connect without read_only=True "
                "to change the account"
            )

    def resolved(self) -> Connection:
        """Return the connection that calls go through: this one, unless it was unpickled.

        An unpickled connection has no token. It stands for a live one to the same account: the
        current one, else the default, else any that is open in this process; looked up each time
        it is used. If this one is read-only and that one is not, this one is returned: it passes
        reads on and refuses writes. No request.

        >>> import pickle
        >>> copy = pickle.loads(pickle.dumps(Connection("acme", token="0123456789abcdef")))
        >>> live = connect("acme", token="0123456789abcdef")
        >>> copy.resolved() is live
        True
        """
        live = self._live()
        return live if live.read_only or not self.read_only else self

    def _live(self) -> Connection:
        """Return this connection, or the one that it stands for if it has been unpickled."""
        if self._transport is not None or self._absent is not _UNPICKLED:
            return self
        with _opened_lock:
            opened = [connection for connection in _opened if connection._is_open]
        for live in (*candidates(), *opened):
            if isinstance(live, Connection) and live._transport and live.account == self.account:
                return live
        return self

    def forget(self) -> None:
        """Drop all kept answers, so that the next reads ask the service.

        >>> page = Page.all()[0]
        >>> page.connection.forget()
        >>> Page.all()[0].connection.stats
        Stats(requests=2, cache_hits=0, retries=0, seconds_waited=0.0)
        """
        self._cache.clear()

    def close(self) -> None:
        """Close the sockets and drop what is kept; the next call opens them again.

        >>> Connection("acme", token="0123456789abcdef").close()
        """
        self._is_open = False
        if self._transport is not None:
            self._transport.close()
        self._cache.clear()

    def __dir__(self) -> Iterable[str]:
        return offered(self, object.__dir__(self))

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def __copy__(self) -> Connection:
        return self

    def __deepcopy__(self, memo: object) -> Connection:
        return self

    def __reduce__(self) -> Any:
        if self._absent is not _UNPICKLED:
            return unconnected, (self._url, self.account, self._absent)
        return _unpickled, (self.url, self.account, self._options)

    def _ask(
        self,
        key: tuple[Any, ...],
        endpoint: Endpoint,
        ids: Sequence[int],
        words: Mapping[str, Words],
        read: Callable[[Answer], T],
        fresh: bool,
    ) -> T:
        deadline = self._deadline()
        answer: T = self._cache.fetch(
            key,
            lambda: endpoint.tags_read(ids),
            lambda: self._exchange(endpoint, ids, words, read, deadline),
            fresh,
            endpoint.tags_shown,
            deadline,
        )
        return answer

    def _write(
        self,
        endpoint: Endpoint,
        ids: Sequence[int],
        words: Mapping[str, Words],
        read: Callable[[Answer], T],
    ) -> T:
        try:
            return self._exchange(endpoint, ids, words, read, self._deadline())[0]
        finally:
            self._cache.drop(endpoint.tags_written(ids))

    def _exchange(
        self,
        endpoint: Endpoint,
        ids: Sequence[int],
        words: Mapping[str, Words],
        read: Callable[[Answer], T],
        deadline: Deadline | None,
    ) -> tuple[T, int]:
        transport = self._transport
        if transport is None:
            raise NotConnected(f"there is no connection to {self._url}: {self._absent}")
        self._is_open = True
        if self._options["timezone"] is None or endpoint is _ME:
            return transport.exchange(endpoint, ids, words, read, deadline)

        def read_localized(answer: Answer) -> T:
            return read(answer._replace(localize=self._localize))

        return transport.exchange(endpoint, ids, words, read_localized, deadline)

    def _deadline(self) -> Deadline | None:
        """The moment at which a call that begins now has to end."""
        seconds = self._options.get("deadline")
        return None if seconds is None else Deadline(seconds)

    def expect_times(self) -> None:
        """Make sure, before something is written, that the times in the answer can be read.

        Raises:
            ValidationError: They are to be given a zone, and nobody knows the account's.

        >>> Connection("acme", token="0123456789abcdef").expect_times()
        """
        if self._options["timezone"] is not None:
            self.zone  # noqa: B018 - which may cost a request

    def _localize(self, moment: datetime) -> datetime:
        """A time that came without a zone, in the account's."""
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)


# --- several processes ------------------------------------------------------------------------

_opened: WeakSet[Connection] = WeakSet()
_opened_lock = Lock()


def _begin_anew() -> None:
    global _opened_lock
    _opened_lock = Lock()
    renew_locks()
    cache.reset_after_fork()
    for connection in _opened:
        connection._begin_anew()


if hasattr(os, "register_at_fork"):  # Windows forks nothing
    os.register_at_fork(after_in_child=_begin_anew)


# --- the default ------------------------------------------------------------------------------


def connect(
    account: str | None = None,
    *,
    token: str | None = None,
    oauth_token: str | None = None,
    user_agent: str = USER_AGENT,
    timeout: tuple[float, float] = (5.0, 30.0),
    deadline: float | None = None,
    max_response_size: int = DEFAULT_MAX_SIZE,
    ttl: float = 60.0,
    max_wait: float = 60.0,
    limits: str | None = "memory://",
    timezone: str | None = None,
    allow_insecure: bool = False,
    partial_updates: bool = False,
    read_only: bool = False,
) -> Connection:
    """Connect to an account and use it from now on wherever no other connection is named.

    Sends nothing. Takes what `Connection` takes; what is not given comes from the environment:
    `BACKPACK_URL` (a name or an address) and `BACKPACK_TOKEN`.

    Returns:
        The connection, for `using` and `close()`.

    Raises:
        NotConnected: Neither the arguments nor the environment say where to.
        ValidationError: They say something that cannot be.

    >>> connect("acme", token="0123456789abcdef")
    Connection('https://acme.backpackit.com')
    """
    origin, key = "account", "token"
    if not account:
        account, origin = os.environ.get("BACKPACK_URL"), "BACKPACK_URL"
    if not token and oauth_token is None:
        token, key = os.environ.get("BACKPACK_TOKEN"), "BACKPACK_TOKEN"
    has_token, is_bearer = bool(token or oauth_token), oauth_token is not None
    secret = _secret(token, oauth_token, key)
    url = _address(account, allow_insecure, origin) if account else None
    del account, token, oauth_token  # a traceback may show the variables of what raises below
    if url is None or not has_token:
        raise NotConnected(
            'say where: connect("your-account", token="…"), '
            "or set BACKPACK_URL and BACKPACK_TOKEN in the environment"
        )
    connection = Connection.__new__(Connection)
    connection._connect(
        url,
        secret,
        is_bearer=is_bearer,
        user_agent=user_agent,
        timeout=timeout,
        deadline=deadline,
        max_response_size=max_response_size,
        ttl=ttl,
        max_wait=max_wait,
        limits=limits,
        timezone=timezone,
        allow_insecure=allow_insecure,
        partial_updates=partial_updates,
        read_only=read_only,
    )
    set_default(connection)
    return connection


def unconnected(url: str, account: str, why: str) -> Connection:
    """What stands for an account that cannot be reached, with the reason.

    >>> unconnected("backup.xml", "ab12", "it is a file")
    Connection('backup.xml')
    """
    connection = Connection.__new__(Connection)
    connection._options = {"ttl": 0.0, "timezone": None, "read_only": False}
    connection._open(url, account, why)
    return connection


def _unpickled(url: str, account: str, options: dict[str, Any]) -> Connection:
    """Return the live connection to the same account if there is one, else one without a token."""
    connection = Connection.__new__(Connection)
    connection._options = options
    connection._open(url, account)
    return connection.resolved()


# --- checks -----------------------------------------------------------------------------------


def _address(
    account: object, allow_insecure: bool, origin: str = "account"
) -> str | ValidationError:
    """Return the address that a name or an address stands for, or what is wrong with it.

    The error is returned, to be raised by a caller that has dropped its variables: a token that
    was given for an account would show in a traceback with local variables.
    """
    if not isinstance(account, str):
        return ValidationError(f"{origin} takes a name or an address, not {redacted(account)}")
    if looks_like_a_token(account):
        return ValidationError(
            f"{origin} looks like a token, so it is not shown: give the account's name or address, "
            "and the token as token=…"
        )
    if "://" not in account:
        if not re.fullmatch(_ACCOUNT, account):
            is_padded = account.strip() != account
            problem = "has white space around it" if is_padded else "is no account's name"
            return ValidationError(
                f"{origin} {_shown(account)} {problem}: "
                'give the first part of its address ("acme"), or all of it '
                '("https://acme.backpackit.com")'
            )
        return f"https://{account.lower()}.backpackit.com"
    try:
        parts = urlsplit(account)
        port = parts.port
    except ValueError as error:
        return ValidationError(f"{origin} {_shown(account)} is no address: {error}")
    host = parts.hostname
    if parts.username is not None or parts.password is not None:
        return ValidationError(f"{origin}: leave names and passwords out of the address")
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[\w.:-]+", host):
        return ValidationError(
            f"{origin} {_shown(account)} is no address that starts with https://"
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return ValidationError(
            f"{origin} {_shown(account)}: give the address up to the host, and nothing after it"
        )
    if parts.scheme == "http" and not re.fullmatch(_LOOPBACK, host) and not allow_insecure:
        return ValidationError(
            f"{origin} {_shown(account)} would send the token in clear: "
            "use https://, or allow_insecure=True if that is meant"
        )
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{port}" if port else "")


def _shown(account: str) -> str:
    """Return an address for a message, without what may be a token or a password.

    That is what stands around its host, and what is longer than names are.

    >>> _shown("https://acme.backpackit.com/0123456789abcdef/me.xml")
    "'https://acme.backpackit.com…'"
    """
    host = re.sub(r"(?<=://)[^/?#]*@|(?<=[^:/])[/?#].*", "…", account, flags=re.DOTALL)
    return redacted(host)


def _secret(
    token: str | None, oauth_token: str | None, origin: str = "token"
) -> Secret | ValidationError:
    """Return the token, hidden; or what is wrong with it, to be raised where it cannot be seen."""
    if token and oauth_token:
        return ValidationError("give either token or oauth_token, not both")
    words = token or oauth_token
    if not words:
        return ValidationError("token is missing: it stands under My info in Backpack")
    name = "oauth_token" if oauth_token else origin
    if isinstance(words, str) and words != words.strip():
        return ValidationError(f"{name} has white space around it, and is not shown: strip it")
    taken = r"[!-~]+" if oauth_token else r"((?![/?#%])[!-~])+"  # it may stand in a path
    if not isinstance(words, str) or not re.fullmatch(taken, words):
        return ValidationError(f"{name} has a character that no token has; it is not shown here")
    return Secret(words)


def _header(name: str, value: str) -> str:
    if not isinstance(value, str) or not value.strip() or not re.fullmatch(r"[ -~]+", value):
        raise ValidationError(f"{name} takes one line of plain letters, not {redacted(value)}")
    return value


def _check_flag(name: str, value: bool) -> bool:
    if isinstance(value, bool):
        return value
    raise ValidationError(f"{name} takes True or False, not {redacted(value)}")


def _check_timeout(timeout: tuple[float, float]) -> tuple[float, float]:
    match timeout:
        case (int() | float() as connecting, int() | float() as answering):
            if 0 < connecting <= _LONGEST and 0 < answering <= _LONGEST:
                return connecting, answering
    raise ValidationError(
        f"timeout takes two numbers of seconds, to connect and to answer, not {redacted(timeout)}"
    )


def _check_deadline(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    if not isinstance(deadline, bool) and isinstance(deadline, int | float) and deadline > 0:
        return deadline
    raise ValidationError(
        f"deadline takes a number of seconds above 0, or None for none, not {redacted(deadline)}"
    )


def _check_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
        raise ValidationError(
            f"max_response_size takes a number of bytes above 0, not {redacted(size)}"
        )
    return size


def _check_seconds(name: str, seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValidationError(
            f"{name} takes a number of seconds, 0 or more, not {redacted(seconds)}"
        )
    return seconds


def _check_timezone(timezone: str | None) -> str | None:
    if timezone is not None and timezone != ACCOUNT:
        if not isinstance(timezone, str):
            raise ValidationError(
                f"timezone takes the name of a time zone, not {redacted(timezone)}"
            )
        zone_named(timezone)
    return timezone


def _check_storage(limits: str | None) -> str | None:
    if limits is None or (isinstance(limits, str) and re.match(r"(?!async)[a-z+]+://", limits)):
        return limits
    raise ValidationError(
        "limits takes an address such as memory:// or redis://127.0.0.1:6379, "
        "or None to count nothing"
    )


def _fingerprint(url: str, secret: Secret) -> str:
    """What tells one user of one account from another, without telling the token."""
    parts = urlsplit(url)
    host = parts.hostname if parts.port in (None, 80, 443) else f"{parts.hostname}:{parts.port}"
    digest = hashlib.blake2b(secret.reveal().encode(), digest_size=8, person=b"backpack_orm")
    return f"{host}/{digest.hexdigest()}"


def _counted_as(url: str, account: str) -> str:
    """What the service counts requests by: the account, whoever asks.

    Its host names it; but a sandbox on this machine may hold several, told apart by who asks.
    """
    host = account.partition("/")[0]
    return account if re.fullmatch(_LOOPBACK, urlsplit(url).hostname or "") else host
