"""A local Backpack server for tests, demonstrations and experiments."""

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

    from .account_addresses import AccountAddresses
    from .accounts import (
        add_user,
        check_account_name,
        new_calendar,
        open_account,
    )
    from .calls import CLEARABLE, Service
    from .faults import Fault, Faults
    from .guard import Guard
    from .http_server import Server, listen
    from .mail import deliver
    from .models import Account
    from .names import check_name
    from .oauth import OAuth, TokenRequest
    from .oauth_applications import Application
    from .scheduling import Scheduler
    from .seeds import seed_named
    from .server import AccountGate, Exchange, Gate
    from .storage import open_database
    from .tokens import (
        Authenticator,
        TokenInfo,
        Tokens,
        account_named,
        check_token,
        locked_account,
        new_token,
        store_token,
    )
except ModuleNotFoundError as missing:
    raise ImportError(
        f"the sandbox requires {missing.name}, part of an extra: "
        'pip install "backpack_orm[sandbox]"'
    ) from missing

if TYPE_CHECKING:
    from trustme import Blob

__all__ = [
    "Application",
    "Exchange",
    "Fault",
    "Faults",
    "OAuth",
    "Sandbox",
    "TokenInfo",
    "TokenRequest",
    "Tokens",
]


class Sandbox:
    """A Backpack server on this machine, with real HTTP and real storage.

    It listens from `start()` to `close()`, or inside a `with` block:

    >>> from urllib.request import Request, urlopen
    >>> with Sandbox(seed="empty") as box:
    ...     request = Request(f"{box.url}/users.xml", headers={"X-BP-Token": box.token})
    ...     urlopen(request).status, box.requests, box.log
    (200, 1, [Exchange(verb='GET', path='/users.xml', status=200)])

    Args:
        seed: Contents of a new account: `"demo"` for demonstration data, `"empty"` for one user
            and nothing else, or the path of a file with an export or full pages, which are
            imported with their ids.
        data: File to store the data in, `":memory:"`, or the address of a PostgreSQL database, such
            as `"postgresql:///backpack"`.
        account: Name of the account.
        token: Token of the account's first user, at least 16 characters, in addition to those that
            the user already has. If None, a random one is generated: for a new account it is
            stored, for an account in a file it is valid until the process ends. See `tokens`.
        host: Address to listen on.
        port: Port to listen on; 0 is any free one.
        clock: Returns the time as an aware datetime.
        token_factory: Returns random tokens for users and calendars; `secrets.token_hex(20)` by
            default. With a fixed clock, port, token and token factory, all responses are the same
            in every run.
        allowed_hosts: Host names to accept besides `host`. For a loopback address, its usual names
            are always accepted.
        require_ssl: Redirect plain HTTP to https, as the service does.
        page_limit: Maximum number of pages of an account; creating more returns 403.
        limits: Enforce the rate limits of the service: in any 5 seconds, 10 requests for calendars
            and their events and 100 others, per account and client address. Other requests get 503
            with `Retry-After`.
        tls: Accept https, and plain HTTP at the same address. The certificate is issued by a CA of
            this sandbox; clients trust it if they use `ca_bundle`.
        clears_omitted: Fields that an update clears if it omits them, such as `["item.content"]`;
            True for all. By default, omitted fields keep their values, as older clients expect. It
            is unknown what the service does if `completed` of an item is sent without `content`, so
            test both.
        applications: Applications that users can sign in to with OAuth, see `oauth`. They are
            stored, with hashes of their secrets.
        public_url: URL under which clients reach the sandbox through a proxy, such as
            `"https://backpack.example"`. Responses contain it, and web pages sign in there only.
        trusted_proxy: Address of a proxy whose `X-Forwarded-For` and `X-Forwarded-Proto` name the
            client and the scheme; `"*"` for any, if only the proxy can connect.

    `faults` simulates failures, see `Faults`.

    Raises:
        ValueError: The seed or a field is unknown, or a name or token is not valid.
        OSError: The file cannot be used; from `start()`: the address is in use.
        ImportError: `tls` requires its extra.
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
        applications: Iterable[Application] = (),
        public_url: str | None = None,
        trusted_proxy: str | None = None,
    ) -> None:
        self._account, self._host, self._port = account, host, port
        _check(seed, account, token)
        guard = Guard(host, allowed_hosts, public_url, trusted_proxy)
        clears_omitted = _fields(clears_omitted)
        self._seed = seed
        context, authority = _temporary_ca(host) if tls else (None, None)
        self._tls: ssl.SSLContext | None = context
        self._authority: Blob | None = authority
        self._database = open_database(data)
        clock = clock or _real_time
        self.oauth = OAuth(self._database, account, clock, applications)
        self._addresses = AccountAddresses(self._serve_account)
        self._scheduler = Scheduler(one_at_a_time=self._database.is_embedded)
        self._service = Service(
            self._database,
            Authenticator(),
            clock,
            account,
            self.oauth,
            self._port_of,
            page_limit,
            self._database.new_limits() if limits else None,
            require_ssl,
            clears_omitted,
            public_url is not None,
        )
        self._new_token = token_factory or new_token
        self.tokens = Tokens(self._database, account, self._service.now)
        try:
            self.oauth.open()
            self.token = self.add_account(account, seed=seed, token=token)
        except (OSError, ValueError):
            self._database.close()
            raise
        self._files = ExitStack()
        self._ca_bundle = self._write_ca_bundle()
        self.faults = Faults()
        self._gate = Gate(self._service, guard, self.faults)
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
        """Start to listen; do nothing if the sandbox already listens.

        After `close()` this opens the file again, or, in memory, creates the account again as it
        was initially. The token stays the same.

        >>> box = Sandbox(seed="empty")
        >>> box.start()
        >>> box.close()
        """
        if not self._database.is_open:
            self._database.open()
            self._ca_bundle = self._write_ca_bundle()
            if self._database.is_in_memory:
                self.oauth.open()
                self.add_account(self._account, seed=self._seed, token=self.token)
        if self._server is None:
            self._server = self._serve(self._gate, self._port)

    def close(self) -> None:
        """Stop listening and close the database; data in memory is lost.

        >>> Sandbox(seed="empty").close()
        """
        self.faults.clear()  # releases waiting requests
        self._addresses.close()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._database.close()
        self._files.close()

    @property
    def url(self) -> str:
        """Base URL, starting with `https` if `tls` is on.

        Raises:
            RuntimeError: The sandbox is not started.

        >>> with Sandbox(seed="empty", port=0) as box:
        ...     box.url.startswith("http://127.0.0.1:")
        True
        """
        return self._url_at(self._running().port)

    def url_of(self, account: str) -> str:
        """Return the base URL of one account, where only its own users' tokens are valid.

        The service has a host for each account. Here each has a port of its own, except for the
        sandbox's own account, which has `url`.

        Raises:
            RuntimeError: The sandbox is not started.
            ValueError: There is no such account.

        >>> with Sandbox(seed="empty") as box:
        ...     _ = box.add_account("other")
        ...     box.url_of("acme") == box.url, box.url_of("other") == box.url
        (True, False)
        """
        server = self._running()
        with self._database.reading() as session:
            self._home(session, account)
        return self._url_at(self._port_of(account) or server.port)

    def _url_at(self, port: int) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    def _running(self) -> Server:
        if self._server is None:
            raise RuntimeError("this sandbox is not started: call start() or use `with`")
        return self._server

    def _port_of(self, account: str) -> int | None:
        """Return the port of an account; None for the sandbox's own."""
        return None if account == self._account else self._addresses.port_of(account)

    def _serve_account(self, account: str) -> Server:
        return self._serve(AccountGate(self._gate, account), 0)

    def _serve(self, app: Gate | AccountGate, port: int) -> Server:
        return Server(app, listen(self._host, port), self._tls, self._scheduler)

    @property
    def ca_bundle(self) -> str:
        """Path of the certificate of the CA, which exists until `close()`.

        Raises:
            RuntimeError: `tls` is off.

        >>> from urllib.request import urlopen
        >>> with Sandbox(seed="empty", tls=True) as box:
        ...     trusting = ssl.create_default_context(cafile=box.ca_bundle)
        ...     urlopen(f"{box.url}/users.xml?token={box.token}", context=trusting).status
        200
        """
        if self._ca_bundle is None:
            raise RuntimeError("this sandbox does not support https: create it with tls=True")
        return self._ca_bundle

    @property
    def requests(self) -> int:
        """Number of requests received, including failed ones.

        >>> with Sandbox(seed="empty") as box:
        ...     box.requests
        0
        """
        return self._gate.count

    @property
    def log(self) -> list[Exchange]:
        """The last 10,000 requests, newest last, without tokens.

        >>> with Sandbox(seed="empty") as box:
        ...     box.log
        []
        """
        return list(self._gate.exchanges)

    def add_account(self, name: str, *, seed: str = "empty", token: str | None = None) -> str:
        """Create another account in this sandbox, or open an existing one.

        Accounts cannot see each other. An existing account is not changed, except that `token` is
        added to those of its first user.

        Args:
            name: Name of the account.
            seed: Contents of a new account, as for `Sandbox`.
            token: Token of the first user. If None, a random one, which for an existing account is
                valid until the process ends.

        Returns:
            The token.

        Raises:
            ValueError: The seed is unknown, or the name or token is not valid.

        >>> with Sandbox(seed="empty") as box:
        ...     box.add_account("other", seed="demo", token="open-sesame-4-me")
        'open-sesame-4-me'
        """
        _check(seed, name, token)
        now = self._service.now()
        with self._database.transaction() as session:
            self._database.lock_names(session)
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
        """Add a user to an account.

        Args:
            name: Name of the user.
            account: Name of the account; that of this sandbox if None.
            email_address: Address that pages are shared with; made from the name if None.
            admin: Whether the user is an administrator.
            time_zone: Rails name (`Pacific Time (US & Canada)`) or IANA name.
            token: Token of the user; a random one if None.

        Returns:
            The token.

        Raises:
            ValueError: The account or time zone is unknown, another user has the address, or a name
                or token is not valid.

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
                self._locked(session, account),
                name,
                email_address=email_address,
                admin=admin,
                time_zone=time_zone,
                now=now,
            )
            return store_token(session, user, token or self._new_token(), now=now)

    def add_calendar(self, name: str, *, color: str = "3185c5", account: str | None = None) -> int:
        """Create a calendar, which is not possible through the API, and return its id.

        Args:
            name: Name of the calendar.
            color: Six hexadecimal digits, with or without `#`.
            account: Name of the account; that of this sandbox if None.

        Raises:
            ValueError: The account is unknown, or the name or color is not valid.

        >>> with Sandbox(seed="empty") as box:
        ...     box.add_calendar("Birthdays")
        40000002
        """
        with self._database.transaction() as session:
            calendar = new_calendar(
                self._locked(session, account),
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
        """Deliver an e-mail to a page, which is not possible through the API, and return its id.

        Args:
            page_id: Id of the page.
            subject: Subject of the e-mail.
            body: Text of the e-mail.
            account: Name of the account; that of this sandbox if None.

        Raises:
            ValueError: The account or page is unknown, or a text contains characters that XML
                cannot represent.

        >>> with Sandbox(seed="demo") as box:
        ...     box.deliver_email(40000004, subject="Your key", body="It is with the baker.")
        40000368
        """
        with self._database.transaction() as session:
            home = self._locked(session, account)
            return deliver(session, home, page_id, subject, body, self._service.now()).id

    def _write_ca_bundle(self) -> str | None:
        """Write the certificate of the CA to a file that exists until `close()`."""
        if self._authority is None:
            return None
        return self._files.enter_context(self._authority.tempfile())

    def _home(self, session: Session, account: str | None) -> Account:
        return account_named(session, account or self._account)

    def _locked(self, session: Session, account: str | None) -> Account:
        return locked_account(session, account or self._account)


def _temporary_ca(host: str) -> tuple[ssl.SSLContext, Blob]:
    from .tls import temporary_ca  # here, since it requires an extra of its own

    return temporary_ca(host)


def _real_time() -> datetime:
    return datetime.now(UTC)


def _fields(names: bool | Iterable[str]) -> frozenset[str]:
    """Return the fields that an update clears when it omits them."""
    if isinstance(names, bool):
        return frozenset(CLEARABLE if names else ())
    fields = frozenset(names)
    if unknown := sorted(fields.difference(CLEARABLE)):
        raise ValueError(f"no update can omit {unknown[0]!r}, only {', '.join(CLEARABLE)}")
    return fields


def _check(seed: str, account: str, token: str | None) -> None:
    seed_named(seed)
    check_account_name(account)
    if token is not None:
        check_token(token)
