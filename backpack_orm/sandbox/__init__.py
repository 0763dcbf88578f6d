"""A faithful Backpack server of one's own: for trying things out, for tests, for demonstrations."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

try:
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from .accounts import (
        account_named,
        add_user,
        check_account_name,
        new_calendar,
        open_account,
    )
    from .calls import CLEARABLE, Service
    from .database import Database
    from .faults import Fault, Faults
    from .guard import Guard
    from .http_server import Server
    from .limits import Limits
    from .mail import deliver
    from .models import Account
    from .names import check_name
    from .seeds import seed_named
    from .server import Exchange, Gate
    from .tokens import Authenticator, TokenInfo, Tokens, check_token, new_token, store_token
except ModuleNotFoundError as missing:
    raise ImportError(
        f"the sandbox needs {missing.name}, which its extra brings: "
        'pip install "backpack_orm[sandbox]"'
    ) from missing

if TYPE_CHECKING:
    from trustme import Blob

__all__ = ["Exchange", "Fault", "Faults", "Sandbox", "TokenInfo", "Tokens"]


class Sandbox:
    """A Backpack service on this machine, with real storage behind real HTTP.

    It begins to listen with `start()` or at the head of a `with` block, and ends with `close()`
    or that block:

    >>> from urllib.request import Request, urlopen
    >>> with Sandbox(seed="empty") as box:
    ...     answer = urlopen(Request(f"{box.url}/users.xml", headers={"X-BP-Token": box.token}))
    ...     answer.status, box.requests, box.log
    (200, 1, [Exchange(verb='GET', path='/users.xml', status=200)])

    `seed` fills an account that is new: `"demo"` with a person's pages, `"empty"` with one user and
    nothing else, and the path of an export, or of full pages, with what is in that file, under the
    ids that it has there. `data` is a file, which keeps everything for the next time, or
    `":memory:"`. `account` is the account's name. `token` is a token of its first user, 16
    characters or more; it is added to those that the user has. If it is None, a random one is
    generated: for a new account it is stored, for an account in a file it is valid until the
    process ends. See `tokens` for more of them. `host` and `port` are where to listen, port 0 being
    any free one. `clock` gives the time as an aware datetime; `token_factory` returns random tokens
    for users and calendars, `secrets.token_hex(20)` unless given; with a fixed clock, port, token
    and token factory all answers are the same in every run. Requests are served under `host`, and
    if that is a loopback address, under the names of that; `allowed_hosts` are more names. With
    `require_ssl` every request over plain HTTP is redirected, as the service does; with
    `page_limit` an account that has so many pages cannot create another. With `limits` it serves 10
    requests for calendars and their events in any 5 seconds, and 100 others, to each account at
    each address; past that it answers 503 and says how long to wait. With `tls` it speaks https,
    and plain HTTP at the same address; its certificate comes from an authority of its own, which a
    client trusts when it is given `ca_bundle`.

    `clears_omitted` names fields that an update clears when it omits them, such as
    `["item.content"]`; True means all of them. By default an omitted field keeps its value, as
    older clients rely on. No source says what the service makes of an item's `completed` that is
    sent without the `content`: test against both.

    `faults` makes it misbehave: see `Faults`.

    Raises `ValueError` for an unknown seed or field, a name or token that cannot be used,
    `OSError` for a file that cannot be used, and `ImportError` for `tls` where the extra of that
    name is not installed; `start()` raises `OSError` for an address that is not free.
    """

    def __init__(
        self,
        *,
        seed: str = "demo",
        data: str = ":memory:",
        account: str = "acme",
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] | None = None,
        token_factory: Callable[[], str] | None = None,
        allowed_hosts: Iterable[str] = (),
        require_ssl: bool = False,
        page_limit: int | None = None,
        limits: bool = False,
        tls: bool = False,
        clears_omitted: bool | Iterable[str] = False,
    ) -> None:
        self._account, self._host, self._port = account, host, port
        _check(seed, account, token)
        clears_omitted = _fields(clears_omitted)
        self._seed = seed
        context, authority = _throw_away(host) if tls else (None, None)
        self._tls: ssl.SSLContext | None = context
        self._authority: Blob | None = authority
        self._database = Database(data)
        self._service = Service(
            self._database,
            Authenticator(),
            clock or _real_time,
            page_limit,
            Limits() if limits else None,
            require_ssl,
            clears_omitted,
        )
        self._new_token = token_factory or new_token
        self.tokens = Tokens(self._database, account, self._service.now)
        try:
            self.token = self.add_account(account, seed=seed, token=token)
        except (OSError, ValueError):
            self._database.close()
            raise
        self._files = ExitStack()
        self._ca_bundle = self._write_ca_bundle()
        self.faults = Faults()
        self._gate = Gate(self._service, Guard(host, allowed_hosts), self.faults)
        self._server: Server | None = None

    def __repr__(self) -> str:
        where = self.url if self._server else "not started"
        return f"<Sandbox of {self._account!r}, {where}>"

    def __enter__(self) -> Sandbox:
        try:
            self.start()
        except OSError:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start to listen; does nothing if it listens already.

        After `close()` it starts anew: with what is in the file, or, in memory, with an account as
        it was at first. The token stays the same.

        >>> box = Sandbox(seed="empty")
        >>> box.start()
        >>> box.close()
        """
        if not self._database.is_open:
            self._database.open()
            self._ca_bundle = self._write_ca_bundle()
            if self._database.is_in_memory:
                self.add_account(self._account, seed=self._seed, token=self.token)
        if self._server is None:
            self._server = Server(self._gate, self._host, self._port, self._tls)

    def close(self) -> None:
        """Stop listening and let go of the data; what was kept in memory is gone.

        >>> Sandbox(seed="empty").close()
        """
        self.faults.clear()  # so that nothing waits
        if self._server is not None:
            self._server.close()
            self._server = None
        self._database.close()
        self._files.close()

    @property
    def url(self) -> str:
        """The address at which it listens; RuntimeError before `start()`.

        With `tls` it begins with `https`.

        >>> with Sandbox(seed="empty", port=0) as box:
        ...     box.url.startswith("http://127.0.0.1:")
        True
        """
        if self._server is None:
            raise RuntimeError("this sandbox does not listen: call start() or use it in `with`")
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self._server.port}"

    @property
    def ca_bundle(self) -> str:
        """The path of the certificate to trust, until `close()`; RuntimeError without `tls`.

        >>> from urllib.request import urlopen
        >>> with Sandbox(seed="empty", tls=True) as box:
        ...     trusting = ssl.create_default_context(cafile=box.ca_bundle)
        ...     urlopen(f"{box.url}/users.xml?token={box.token}", context=trusting).status
        200
        """
        if self._ca_bundle is None:
            raise RuntimeError("this sandbox speaks no https: make it with tls=True")
        return self._ca_bundle

    @property
    def requests(self) -> int:
        """How many requests have come, those that failed included.

        >>> with Sandbox(seed="empty") as box:
        ...     box.requests
        0
        """
        return self._gate.count

    @property
    def log(self) -> list[Exchange]:
        """The last 10,000 requests, the newest last, without tokens.

        >>> with Sandbox(seed="empty") as box:
        ...     box.log
        []
        """
        return list(self._gate.exchanges)

    def add_account(self, name: str, *, seed: str = "empty", token: str | None = None) -> str:
        """Open another account in this sandbox; accounts see nothing of each other.

        Returns a token of its first user. An account that is there already keeps what it has, and
        its first user gets the token besides the other ones; without `token` one that is valid
        until the process ends. Raises ValueError for an unknown seed, or a name or token that
        cannot be used.

        >>> with Sandbox(seed="empty") as box:
        ...     box.add_account("other", seed="demo", token="open-sesame-4-me")
        'open-sesame-4-me'
        """
        _check(seed, name, token)
        now = self._service.now()
        with self._database.transaction() as session:
            account = session.scalar(select(Account).where(Account.name == name))
            if account is None:
                owner = open_account(session, name, now)
                seed_named(seed)(session, owner, now, self._new_token)
            else:
                owner = account.users[0]
                if token is None:
                    return self._service.authenticator.add_temporary(owner)
            return store_token(session, owner, token or self._new_token(), now=now)

    def add_user(
        self,
        name: str,
        *,
        account: str | None = None,
        email_address: str | None = None,
        admin: bool = False,
        time_zone: str = "UTC",
        token: str | None = None,
    ) -> str:
        """Let one more person into an account, the sandbox's own when None is named.

        Returns the person's token. `email_address` is what pages are shared with; `time_zone` is a
        Rails name (`Pacific Time (US & Canada)`) or an IANA one. Raises ValueError for an unknown
        account or zone, or a token that cannot be used.

        >>> with Sandbox(seed="empty") as box:
        ...     box.add_user("Sam", time_zone="Tokyo", token="let-sam-come-in-please")
        'let-sam-come-in-please'
        """
        check_name(name, "the name of a user")
        check_name(email_address or "", "an e-mail address")
        now = self._service.now()
        with self._database.transaction() as session:
            user = add_user(
                session,
                self._home(session, account),
                name,
                email_address=email_address,
                admin=admin,
                time_zone=time_zone,
                now=now,
            )
            return store_token(session, user, token or self._new_token(), now=now)

    def add_calendar(self, name: str, *, color: str = "3185c5", account: str | None = None) -> int:
        """Give an account a calendar, which the API cannot; the sandbox's own when None is named.

        Returns the calendar's id. Raises ValueError for an unknown account, a color that is not
        written like `3185c5`, or a name that XML cannot carry.

        >>> with Sandbox(seed="empty") as box:
        ...     box.add_calendar("Birthdays")
        40000002
        """
        with self._database.transaction() as session:
            calendar = new_calendar(
                self._home(session, account),
                name,
                color,
                self._service.now(),
                token=self._new_token(),
            )
            session.add(calendar)
            return calendar.id

    def deliver_email(
        self, page_id: int, *, subject: str, body: str, account: str | None = None
    ) -> int:
        """Let a mail arrive on a page, which the API cannot.

        The page is one of the sandbox's own account when None is named. Returns the mail's id.
        Raises ValueError for an unknown account or page, or a text that XML cannot carry.

        >>> with Sandbox(seed="demo") as box:
        ...     box.deliver_email(40000004, subject="Your key", body="It is with the baker.")
        40000368
        """
        with self._database.transaction() as session:
            home = self._home(session, account)
            return deliver(session, home, page_id, subject, body, self._service.now()).id

    def _write_ca_bundle(self) -> str | None:
        """Write the certificate to trust to a file, which is there until `close()`."""
        if self._authority is None:
            return None
        return self._files.enter_context(self._authority.tempfile())

    def _home(self, session: Session, account: str | None) -> Account:
        return account_named(session, account or self._account)


def _throw_away(host: str) -> tuple[ssl.SSLContext, Blob]:
    from .tls import throw_away  # only now: few need it, and it has an extra of its own

    return throw_away(host)


def _real_time() -> datetime:
    return datetime.now(UTC)


def _fields(names: bool | Iterable[str]) -> frozenset[str]:
    """Return the fields that an update clears when it omits them."""
    if isinstance(names, bool):
        return frozenset(CLEARABLE if names else ())
    fields = frozenset(names)
    if unknown := sorted(fields.difference(CLEARABLE)):
        raise ValueError(f"no update omits {unknown[0]!r}; there are {', '.join(CLEARABLE)}")
    return fields


def _check(seed: str, account: str, token: str | None) -> None:
    seed_named(seed)
    check_account_name(account)
    if token is not None:
        check_token(token)
