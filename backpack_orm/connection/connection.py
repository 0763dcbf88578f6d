"""A connection: one account, its token, and its cached responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from backpack_orm.connection.addresses import cache_host, rate_limit_key
from backpack_orm.connection.cache import Cache, Part
from backpack_orm.connection.calls import Call
from backpack_orm.connection.context import Usable, candidates, set_default, users_sign_in
from backpack_orm.connection.counters import Counters
from backpack_orm.connection.credentials import Credentials
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.rate_limits import IN_MEMORY, RateLimiter
from backpack_orm.connection.settings import (
    Settings,
    checked,
    from_environment,
    method_signature_of,
    signature_of,
)
from backpack_orm.connection.time_zones import ACCOUNT, zone_named
from backpack_orm.connection.transport import AnyTransport, Transport
from backpack_orm.connection.turns import waiting
from backpack_orm.errors import NotConnected, ReadOnly, ValidationError
from backpack_orm.rich_display import RichDisplay, public_names
from backpack_orm.wire import parse, values
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, Safety, TokenLocation, rest
from backpack_orm.wire.shapes import Column, Record, Response, Shape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from backpack_orm.connection.hooks import Hooks
    from backpack_orm.connection.shared_cache import SharedCache
    from backpack_orm.connection.stats import Stats

T = TypeVar("T")

CACHE_BYTES = 64 * 1024 * 1024
_UNPICKLED = (
    "this connection was unpickled, and pickles do not contain the token: "
    "call connect() for this account first"
)
INTERNAL = frozenset(
    {
        *("body_of", "cached_record", "caches_parts", "call", "call_for_parts"),
        *("ensure_known", "ensure_time_zone", "ensure_writable"),
        *("is_available", "mark_unavailable", "resolved"),
    }
)
"""Members of a connection that only this package uses; `dir()` and the reference leave them out."""
_ME = rest("GET", "me.xml", token_in=TokenLocation.PATH, reads="users")
_read_zone = parse.one(Shape("user", (Column("time_zone_id", values.TEXT),)))
_NOTHING: Mapping[str, WireValue] = {}
_connections: WeakSet[Connection] = WeakSet()
_connections_lock = Lock()


def _all_connections() -> list[Connection]:
    with _connections_lock:
        return list(_connections)


@after_fork
def _reset_after_fork() -> None:
    global _connections_lock
    _connections_lock = Lock()
    for connection in _all_connections():
        connection._reset_after_fork()


class Connection(Usable, RichDisplay):
    """One account as one user: its address, its token, and its cached responses.

    Threads may share it. As a context manager it is current inside the block, and is closed at the
    end of the outermost one.

    Args:
        account: The account's name (`"acme"`), or its address
            (`"https://acme.backpackit.com"`, `"http://127.0.0.1:8137"`).
        token: The API token. It is a password: it shows in no repr, log, error or pickle.
        oauth_token: An OAuth 2 bearer token, instead of `token`.
        user_agent: The User-Agent header: a name, and a link or an e-mail address.
        timeout: Seconds to wait for a connection, and for the next part of a response.
        deadline: Seconds that one call may take, including waits and retries; None: no deadline.
        max_response_size: Maximum size of an uncompressed response in bytes. Reading a response
            takes at most six times as much memory, or six times 8 MiB if it is smaller.
        ttl: Seconds to cache responses; 0 disables the cache.
        cache: Where to cache them: in memory, or the `redis://` address of a server that several
            processes share.
        max_wait: Seconds that one call may wait in total for rate limits and before retries.
        limits: Storage of the rate limiter: in memory, or the `redis://` address of a server that
            several processes share; None disables it.
        egress: A name for the public IP address of this machine: the service counts requests for
            each address. Machines behind one address need the same name. None: the host name.
        timezone: Time zone applied to naive timestamps: an IANA name (`"Europe/Lisbon"`), one of
            Backpack's (`"Pacific Time (US & Canada)"`), or `"account"` for the account's own, which
            takes one request; None: timestamps stay naive.
        allow_insecure: Send the token in clear to a host that is not this machine.
        partial_updates: Rely on the service to preserve the content of an item whose `completed`
            is sent without it. Saves the request that reads the item first; `probe_partial_updates`
            tests whether the service does so.
        read_only: Refuse every call that is not a read, with `ReadOnly` and before any request.

    Raises:
        ValidationError: The account is neither a name nor an address, or looks like a token; there
            is no token, or both kinds of it; or the address would send it in clear.

    >>> Connection("acme", token="0123456789abcdef")
    Connection('https://acme.backpackit.com')
    """

    _url = ""  # tracebacks may show a connection whose __init__ has failed
    _transport: AnyTransport | None = None

    @method_signature_of(Settings)
    def __init__(self, *arguments: Any, **options: Any) -> None:
        settings = checked("Connection", arguments, options)
        del arguments, options  # tracebacks may show the variables of this frame
        if not isinstance(settings, Settings):
            raise settings
        self._open(settings, Credentials(settings.secret))

    def _open(self, settings: Settings, credentials: Credentials) -> None:
        """Connect to the account of the settings. No request."""
        account = credentials.account_key(settings.url)
        self._set_up(settings, settings.url, account)
        client = rate_limit_key(settings.url, account, settings.egress)
        limits = RateLimiter(client, settings.limits)
        self._transport = Transport(settings, limits, credentials)

    def _set_up(self, settings: Settings, url: str, account: str, absent: str = _UNPICKLED) -> None:
        """Initialize everything but the transport; `absent` says why there is none."""
        self._settings = settings
        self._url = url
        self.account = account
        self._absent = absent
        self._shared_cache = self._open_shared_cache()
        self._cache = self._empty_cache()
        self._transport = None
        self._zone: ZoneInfo | None = None
        self._unavailable: set[Endpoint] = set()
        self._hooks: Hooks | None = None
        self._is_open = True
        self._reset_blocks()
        with _connections_lock:
            _connections.add(self)

    def _reset_after_fork(self) -> None:
        """Share nothing with the parent process.

        On shared sockets one process could read the other's responses, and the requests that other
        threads of the parent have under way never end in this process.
        """
        self._shared_cache = self._open_shared_cache()
        self._cache = self._empty_cache()
        self._reset_blocks()
        if self._transport is not None:
            self._transport.reset()

    def _empty_cache(self) -> Cache:
        ttl = 0 if self._shared_cache else self._settings.ttl
        return Cache(ttl, CACHE_BYTES, host=self._host)

    def _open_shared_cache(self) -> SharedCache | None:
        settings = self._settings
        if settings.cache == IN_MEMORY or not settings.ttl:
            return None
        from backpack_orm.connection.shared_cache import SharedCache  # most programs never need it

        return SharedCache(settings.cache, self._host, self.account, settings.ttl)

    @property
    def _host(self) -> str:
        """The host whose connections invalidate each other's caches; of a file, its name."""
        return cache_host(self._url) if self._absent is _UNPICKLED else self._url

    @property
    def url(self) -> str:
        """The account's address, without a slash at its end.

        >>> Connection("acme", token="0123456789abcdef").url
        'https://acme.backpackit.com'
        """
        return self._transport.url if self._transport else self._url

    @property
    def is_file(self) -> bool:
        """Whether it represents a file, so that nothing more can be loaded.

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
        return self._settings.partial_updates

    @property
    def read_only(self) -> bool:
        """Whether every call that is not a read is refused.

        >>> Connection("acme", token="0123456789abcdef", read_only=True).read_only
        True
        """
        return self._settings.read_only

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the account: the option `timezone`, else the account's own.

        Makes no request, or one to load the account's time zone for the first time.

        Raises:
            ValidationError: The account has no time zone, or an unknown one.

        >>> Page.all()[0].connection.zone
        zoneinfo.ZoneInfo(key='America/Los_Angeles')
        """
        if self._zone is None:
            name = self._settings.timezone
            if name is None or name == ACCOUNT:
                (name,) = self.call(_ME, read=_read_zone)
                if not name:
                    raise ValidationError(
                        "the account has no time zone: connect with timezone=…, an IANA name such "
                        "as Europe/Lisbon"
                    )
            self._zone = zone_named(name)
        return self._zone

    @property
    def stats(self) -> Stats:
        """What the connection has done so far, in numbers. No request.

        >>> Connection("acme", token="0123456789abcdef").stats
        Stats(requests=0, cache_hits=0, retries=0, seconds_waited=0.0)
        """
        counters = self._transport.counters if self._transport else Counters()
        shared_hits = self._shared_cache.hits if self._shared_cache else 0
        return counters.stats(self._cache.hits + shared_hits)

    @property
    def hooks(self) -> Hooks:
        """Functions that are called as the connection works: for metrics, tracing and tests.

        No request. An unpickled connection has the hooks of the one that makes its calls.

        >>> seen = []
        >>> connection = Page.all()[0].connection
        >>> function = connection.hooks.on_cache(seen.append)
        >>> Page.all()[0].title
        'Lisbon'
        >>> seen
        [CacheEvent(verb='POST', path='/ws/pages/all', endpoint='POST /ws/pages/all', is_hit=True)]
        """
        live = self._live()
        if live._hooks is None:
            from backpack_orm.connection.hooks import Hooks  # most programs never need it

            live._hooks = Hooks()
        return live._hooks

    def call(
        self,
        endpoint: Endpoint,
        ids: tuple[int, ...] = (),
        payload: Mapping[str, WireValue] = _NOTHING,
        *,
        read: Callable[[Response], T],
        fresh: bool = False,
    ) -> T:
        """Make one call of the API. Makes one request, or none if the response is cached.

        Args:
            endpoint: The call.
            ids: What fills its path, in order.
            payload: The serialized values to send, by name.
            read: Parses the response; what it returns must be immutable.
            fresh: Bypass the cache.

        Raises:
            ReadOnly: The call is not a read, and the connection is read-only.
            BackpackError: The call failed; see `backpack_orm.errors` for its subclasses.

        >>> from backpack_orm.wire import parse
        >>> from backpack_orm.wire.endpoint import ws
        >>> row = ws("page/{id}/email")
        >>> page = Page.find_by(title="Lisbon")
        >>> page.connection.call(row, (page.id,), read=parse.success)
        """
        key = (endpoint, ids, *payload.items()) if payload else (endpoint, ids)
        if endpoint.reads and not fresh:
            cached: T | None = self._cached(key)
            if cached is not None:
                return cached
        if endpoint.safety is not Safety.READ:
            self.ensure_writable(endpoint.label)
        live = self._live()
        if live is not self:
            return live.call(endpoint, ids, payload, read=read, fresh=fresh)
        call = self._call(endpoint, ids, payload, read)
        if not endpoint.reads:
            with waiting(), self._writing(endpoint.tags_written(ids)):
                return self._exchange(call)[0]
        record: T
        with waiting():
            if self._shared_cache is not None:
                record = self._shared_cache.fetch(call, self._exchange, endpoint.tags_shown, fresh)
            else:
                record = self._cache.fetch(
                    key,
                    lambda: endpoint.tags_read(ids),
                    lambda: self._exchange(call),
                    fresh,
                    endpoint.tags_shown,
                    call.deadline,
                )
        if self._hooks is not None:
            self._hooks.cached(endpoint, ids, is_hit=call.request is None)
        return record

    def body_of(
        self, endpoint: Endpoint, ids: tuple[int, ...] = (), *, read: Callable[[Response], T]
    ) -> tuple[bytes, T]:
        """Make one call that reads, and return the body of the response as received.

        Makes one request: bypasses the cache, and caches nothing.

        Args:
            endpoint: The call.
            ids: What fills its path, in order.
            read: Parses the response, so that an invalid one raises an error. Times stay naive.

        Returns:
            The body, and what `read` has returned.

        Raises:
            BackpackError: The call failed.

        >>> from backpack_orm.wire import parse
        >>> from backpack_orm.wire.endpoint import rest
        >>> row = rest("GET", "users.xml", reads="users")
        >>> Page.all()[0].connection.body_of(row, read=parse.anything)[0][-8:]
        b'</users>'
        """
        assert endpoint.safety is Safety.READ

        def with_body(response: Response) -> tuple[bytes, T]:
            return response.content, read(response._replace(localize=None))

        live = self._live()
        return live._exchange(live._call(endpoint, ids, _NOTHING, with_body))[0]

    def ensure_known(self, what: str) -> None:
        """Refuse to take a value for empty that no response has included. No request.

        The most complete response of the service is certain. A snapshot of an archive may lack
        values that the account has, and raises an error here.

        Args:
            what: The class and attribute, such as `Page.linked_pages`.

        >>> Page.all()[0].connection.ensure_known("Page.linked_pages")
        """

    def call_for_parts(
        self,
        endpoint: Endpoint,
        ids: tuple[int, ...],
        part: Endpoint,
        *,
        read: Callable[[Response], Mapping[int, Record]],
        fresh: bool = False,
    ) -> Mapping[int, Record]:
        """Make a call whose response includes records that another call returns one by one.

        Makes one request. Caches each record by itself, see `cached_record`; a write invalidates it
        together with the response to the other call. A shared cache caches the response as one.

        Args:
            endpoint: The call.
            ids: What fills its path, in order.
            part: The other call, with the id of a record in its path.
            read: Parses the response into records by id.
            fresh: Whether the records replace cached responses to the other call.

        Raises:
            BackpackError: The call failed; see `backpack_orm.errors` for its subclasses.

        >>> from backpack_orm.models.whole_account import exported_pages
        >>> me, show = User.me(), Page._show
        >>> connection = me.connection
        >>> found = connection.call_for_parts(User._export, (me.id,), show, read=exported_pages)
        >>> id, page = list(found.items())[0]
        >>> connection.cached_record(User._export, show, id) is page
        True
        """
        live = self._live()
        if live is not self:
            return live.call_for_parts(endpoint, ids, part, read=read, fresh=fresh)
        call = self._call(endpoint, ids, _NOTHING, read)

        def parts(records: Mapping[int, Record], size: int) -> Iterator[Part]:
            share = size // max(len(records), 1)
            for id, record in records.items():
                tags, shown = frozenset(part.tags_read((id,))), (part, (id,))
                yield Part((endpoint, *shown), record, share, tags, shown if fresh else None)

        def tags(records: Mapping[int, Record]) -> Iterator[str]:
            for id in records:
                yield from part.tags_read((id,))

        records: Mapping[int, Record]
        with waiting():
            if self._shared_cache is not None:
                records = self._shared_cache.fetch(call, self._exchange, tags, fresh)
            else:
                read_all = partial(self._exchange, call)
                records = self._cache.fetch(
                    (endpoint, ids), tuple, read_all, fresh, tags, call.deadline, parts
                )
        if self._hooks is not None:
            self._hooks.cached(endpoint, ids, is_hit=call.request is None)
        return records

    def cached_record(self, endpoint: Endpoint, part: Endpoint, id: int) -> Record | None:
        """Return a cached record: the response to a call, else a part of that to another one.

        Makes no request. The arguments are those of `call_for_parts`, and the id of the record.

        >>> page = Page.find(Page.all()[0].id)
        >>> page.connection.cached_record(User._export, Page._show, page.id)[:2]
        (..., 'Lisbon')
        """
        live = self._live()
        record: Record | None = live._cache.get((part, (id,)))
        if record is None:
            record = live._cache.get((endpoint, part, (id,)))
        if live._hooks is not None and record is not None:
            live._hooks.cached(part, (id,), is_hit=True)
        return record

    @property
    def caches_parts(self) -> bool:
        """Whether the records of `call_for_parts` are cached one by one: only in memory.

        >>> Connection("acme", token="0123456789abcdef").caches_parts
        True
        """
        live = self._live()
        return live._settings.ttl > 0 and live._shared_cache is None

    def is_available(self, endpoint: Endpoint) -> bool:
        """Return whether no call of an endpoint has failed so that it is not tried again.

        >>> from backpack_orm.wire.endpoint import ws
        >>> row, connection = ws("account/export"), Connection("acme", token="0123456789abcdef")
        >>> connection.is_available(row)
        True
        """
        return endpoint not in self._live()._unavailable

    def mark_unavailable(self, endpoint: Endpoint) -> None:
        """Remember until `clear_cache()` or `close()` that calls of an endpoint fail.

        >>> from backpack_orm.wire.endpoint import ws
        >>> row, connection = ws("account/export"), Connection("acme", token="0123456789abcdef")
        >>> connection.mark_unavailable(row)
        >>> connection.is_available(row), connection.clear_cache(), connection.is_available(row)
        (False, None, True)
        """
        self._live()._unavailable.add(endpoint)

    def _cached(self, key: tuple[Any, ...]) -> Any:
        """Return the cached response to a call, or None.

        Args:
            key: The call: its endpoint, the ids in its path, and the items of its payload.
        """
        response = self._cache.get(key)
        if response is not None and self._hooks is not None:
            self._hooks.cached(key[0], key[1], is_hit=True)
        return response

    def _call(
        self,
        endpoint: Endpoint,
        ids: tuple[int, ...],
        payload: Mapping[str, WireValue],
        read: Callable[[Response], T],
    ) -> Call[T]:
        """Return a call that begins now."""
        seconds = self._settings.deadline
        deadline = None if seconds is None else Deadline(seconds)
        is_naive = self._settings.timezone is None or endpoint is _ME
        localize = None if is_naive else self._localize
        return Call(endpoint, ids, payload, read, deadline, localize, self._hooks)

    def _exchange(self, call: Call[T]) -> tuple[T, int]:
        if self._transport is None:
            raise NotConnected(f"there is no connection to {self._url}: {self._absent}")
        self._is_open = True
        return self._transport.exchange(call)

    @contextmanager
    def _writing(self, tags: tuple[str, ...]) -> Iterator[None]:
        """Invalidate cached responses with any of the tags, of all connections to the host."""
        shared = self._shared_cache.writing(tags) if self._shared_cache and tags else nullcontext()
        try:
            with shared:
                yield
        finally:
            self._cache.invalidate(tags)

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
        """Return the connection that makes the calls: this one, unless it was unpickled.

        An unpickled connection has no token. It is replaced by a connection with a token for the
        same account: the current one, else the default, else any that is open in this process,
        looked up for each call. If this one is read-only and that one is not, this one is
        returned: it passes reads on and refuses writes. No request.

        >>> import pickle
        >>> copy = pickle.loads(pickle.dumps(Connection("acme", token="0123456789abcdef")))
        >>> live = connect("acme", token="0123456789abcdef")
        >>> copy.resolved() is live
        True
        """
        live = self._live()
        return live if live.read_only or not self.read_only else self

    def _live(self) -> Connection:
        """Return this connection, or the one that replaces it if it has been unpickled."""
        if self._transport is not None or self._absent is not _UNPICKLED:
            return self
        others = () if users_sign_in() else (each for each in _all_connections() if each._is_open)
        for live in (*candidates(), *others):
            if isinstance(live, Connection) and live._is_live(self.account):
                return live
        return self

    def _is_live(self, account: str) -> bool:
        """Return whether this connection can make calls to an account."""
        return self._transport is not None and self.account == account

    def clear_cache(self) -> None:
        """Drop all cached responses, so that the next reads make requests.

        A shared cache drops those to this user, for all processes.

        >>> page = Page.all()[0]
        >>> page.connection.clear_cache()
        >>> Page.all()[0].connection.stats
        Stats(requests=2, cache_hits=0, retries=0, seconds_waited=0.0)
        """
        self._clear_memory()
        if self._shared_cache is not None:
            self._shared_cache.clear()

    def _clear_memory(self) -> None:
        self._cache.clear()
        self._unavailable.clear()

    def close(self) -> None:
        """Close the sockets and clear the cache in memory; the next call opens sockets again.

        >>> Connection("acme", token="0123456789abcdef").close()
        """
        self._is_open = False
        if self._transport is not None:
            self._transport.close()
        self._clear_memory()

    def __dir__(self) -> Iterable[str]:
        return public_names(self, set(object.__dir__(self)) - INTERNAL)

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def __copy__(self) -> Connection:
        return self

    def __deepcopy__(self, memo: object) -> Connection:
        return self

    def __reduce__(self) -> Any:
        if self._absent is not _UNPICKLED:
            return unconnected, (self._url, self.account, self._absent)
        return _unpickled, (self.url, self.account, self._settings.for_pickle())

    def ensure_time_zone(self) -> None:
        """Load the time zone that the timestamps of a response need, before a write is sent.

        Makes no request, or one to load the account's time zone for the first time.

        Raises:
            ValidationError: The account has an unknown time zone.

        >>> Connection("acme", token="0123456789abcdef").ensure_time_zone()
        """
        if self._settings.timezone is not None:
            self.zone  # noqa: B018 - which may make a request

    def _localize(self, moment: datetime) -> datetime:
        """Return a naive timestamp with the time zone of the account."""
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)


@signature_of(Settings)
def connect(*arguments: Any, **options: Any) -> Connection:
    """Connect to an account, and make it the default connection.

    Makes no request. Takes the parameters of `Connection`. A missing account or token is read from
    the environment: `BACKPACK_URL` (a name or an address) and `BACKPACK_TOKEN`.

    In a program that has a `SignIn`, the default applies only in requests in which nobody is
    signed in.

    Returns:
        The connection, for `using` and `close()`.

    Raises:
        NotConnected: Neither the arguments nor the environment name an account and a token.
        ValidationError: An option has an invalid value.

    >>> connect("acme", token="0123456789abcdef")
    Connection('https://acme.backpackit.com')
    """
    arguments, options = from_environment(arguments, options)
    has_account = bool(arguments[0] if arguments else options.get("account"))
    is_complete = all((*arguments[:1], options.get("oauth_token") or options.get("token")))
    settings = checked("connect", arguments, options)
    del arguments, options  # tracebacks may show the variables of this frame
    if isinstance(settings, TypeError):
        raise settings
    is_refused = isinstance(settings, ValidationError) and settings._option == "account"
    if not is_complete and not (has_account and is_refused):
        raise NotConnected(
            'no account to connect to: call connect("your-account", token="…"), '
            "or set BACKPACK_URL and BACKPACK_TOKEN in the environment"
        )
    if not isinstance(settings, Settings):
        raise settings
    connection = opened(settings, Credentials(settings.secret))
    set_default(connection)
    return connection


def opened(settings: Settings, credentials: Credentials) -> Connection:
    """Return a connection with a token that may be replaced. No request."""
    connection = Connection.__new__(Connection)
    connection._open(settings, credentials)
    return connection


def unconnected(url: str, account: str, why: str) -> Connection:
    """Return a connection without transport, which raises `NotConnected` with the reason.

    >>> unconnected("backup.xml", "ab12", "it is a file")
    Connection('backup.xml')
    """
    connection = Connection.__new__(Connection)
    connection._set_up(Settings("nowhere", ttl=0.0), url, account, why)
    return connection


def _unpickled(url: str, account: str, options: dict[str, Any]) -> Connection:
    """Return the live connection to the same account if there is one, else one without a token."""
    connection = Connection.__new__(Connection)
    connection._set_up(Settings(url, **options), url, account)
    return connection.resolved()
