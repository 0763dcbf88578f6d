"""One request to the API: its user, parameters and permissions; and the responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, wraps
from itertools import chain
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from sqlalchemy import ColumnElement, Executable, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, NotFound, RequestEntityTooLarge

from .bulk import numbered
from .credentials import bearer_token, candidates, explicit_token
from .limits import Family, Limits
from .models import Page, Record, User, Widget
from .oauth import OAuth
from .reading import SIZE_LIMIT, Fields, Parameters, TooLarge, read_body, read_fields
from .rendering import Xml, blocks, element, stream
from .scheduling import TURN, Turn
from .shared_limits import SharedLimits
from .statements import CompiledStatement
from .tokens import Authenticator, Caller
from .transactions import Database, Transaction
from .visibility import VISIBLE, parameters_of
from .zones import zone

R = TypeVar("R", bound=Record)
T = TypeVar("T")
W = TypeVar("W", bound=Widget)
View = Callable[..., "Response | XmlResponse"]

_ROWS_AT_ONCE = 200
_PAGE = select(Page).where(VISIBLE, Page.id == bindparam("id"))
_KEY_OF_PAGE = CompiledStatement(select(Page.key).where(VISIBLE, Page.id == bindparam("id")))


class NotSignedIn(Exception):  # noqa: N818 - as Django names it
    """The token is missing or invalid."""


SERVICE = "backpack.service"
ACCOUNT = "backpack.account"  # of the address that the request was sent to

CLEARABLE = (
    "calendar_event.message",
    "calendar_event.occurs_until",
    "calendar_event.remind",
    "calendar_event.title",
    "item.completed",
    "item.content",
    "journal_entry.body",
    "list.name",
    "note.body",
    "note.show_created_at",
    "note.title",
    "page.description",
    "page.title",
    "reminder.content",
    "reminder.remind_at",
    "reminder.remindees",
    "separator.name",
)
"""Fields that an update can omit."""


@dataclass(frozen=True)
class Service:
    """The database and settings that all calls of a sandbox share."""

    database: Database
    authenticator: Authenticator
    clock: Callable[[], datetime]
    account: str
    provider: OAuth
    port_of: Callable[[str], int | None]
    page_limit: int | None = None
    limits: Limits | SharedLimits | None = None
    require_ssl: bool = False
    clears_omitted: frozenset[str] = frozenset()
    has_public_url: bool = False

    def now(self) -> datetime:
        """Return the time in UTC and whole seconds, as the service stores it."""
        return self.clock().astimezone(UTC).replace(microsecond=0)

    def caller(self, transaction: Transaction, token: str, access_token: str) -> Caller | None:
        """Return the user that a token authenticates, at the address of the request.

        At the sandbox's own address API tokens of all accounts are valid; an access token, which
        may be for several accounts, is for the sandbox's own account there.
        """
        account: str | None = request.environ.get(ACCOUNT)
        if access_token:
            home = account or self.account
            caller = self.provider.caller(transaction, access_token, home)
            if caller is not None:
                return caller
        caller = self.authenticator.caller(transaction, token)
        return caller if caller is None or account in (None, caller.account) else None


def current_service() -> Service:
    """Return the service that received the request: all sandboxes share one application."""
    service: Service = request.environ[SERVICE]
    return service


@dataclass(frozen=True)
class Call:
    """A request while it is executed.

    `scope` has the parameters of the conditions in `visibility`.
    """

    transaction: Transaction
    caller: Caller
    scope: Mapping[str, object]
    parameters: Parameters
    now: datetime
    turn: Turn
    page_limit: int | None
    clears_omitted: frozenset[str] = frozenset()

    @property
    def session(self) -> Session:
        """Session for work with records."""
        return self.transaction.session

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the user."""
        return zone(self.caller.time_zone)

    @cached_property
    def me(self) -> User:
        """Record of the user."""
        return self.session.scalars(select(User).where(User.key == self.caller.key)).one()

    def new_page(self, title: str, description: str) -> Page:
        """Create a page of the user; 403 if the plan of the account allows no more pages."""
        account = self.me.account
        if self.page_limit is not None:
            pages = select(func.count(Page.key)).where(Page.account_key == account.key)
            if self.session.scalars(pages).one() >= self.page_limit:
                raise Forbidden
        page = account.new(Page, owner=self.me, title=title, description=description)
        self.session.add(page)
        self.session.flush()
        return page

    def updated(self, field: str, sent: T | None, stored: T, cleared: T) -> T:
        """Return the value of a field after an update: the sent value, if there is one.

        An omitted field keeps its stored value, unless this sandbox clears the field.
        """
        if sent is not None:
            return sent
        return cleared if field in self.clears_omitted else stored

    def user(self, id: int) -> User:
        """Return a user of the account; 404 if there is none."""
        return self.me if id == self.caller.id else self.one_of(User, id)

    def users(self, ids: Iterable[int]) -> list[User]:
        """Return users of the account by their ids; 404 if one is missing."""
        wanted = list(dict.fromkeys(ids))
        named = select(User).where(self.ours(User), User.id.in_(_values(self.session, wanted)))
        known = {user.id: user for user in self.session.scalars(named)}
        return [found(known.get(id)) for id in wanted]

    def myself(self, id: int) -> User:
        """Return the current user; 403 if the id is that of another user."""
        if self.user(id) is not self.me:
            raise Forbidden
        return self.me

    def ours(self, kind: type[Record]) -> ColumnElement[bool]:
        """Return the condition that a record belongs to the account."""
        return kind.account_key == self.caller.account_key

    def one_of(self, kind: type[R], id: int) -> R:
        """Return a record of the account; 404 if there is none."""
        return found(self.session.scalar(select(kind).where(self.ours(kind), kind.id == id)))

    def page(self, id: int) -> Page:
        """Return a page that is visible to the user; 404 otherwise."""
        page: Page | None = self.session.scalar(_PAGE, {**self.scope, "id": id})
        return found(page)

    def page_key(self, id: int) -> int:
        """Return the key of a page that is visible to the user; 404 otherwise."""
        key: int = found(self.first(_KEY_OF_PAGE, id=id)).key
        return key

    def own_page(self, id: int) -> Page:
        """Return a page of the user; 403 for a visible page of another user."""
        page = self.page(id)
        if page.owner_key != self.caller.key:
            raise Forbidden
        return page

    def rows(self, statement: CompiledStatement, **parameters: Any) -> list[Any]:
        """Return the rows of a statement with the parameters of `scope` and others.

        Pending changes of records are not written before it.
        """
        return statement.rows(self.transaction.connection, {**self.scope, **parameters})

    def first(self, statement: CompiledStatement, **parameters: Any) -> Any:
        """Return the first row of a statement, or None; see `rows`."""
        return statement.first(self.transaction.connection, {**self.scope, **parameters})

    def change(self, statement: CompiledStatement, **parameters: Any) -> int:
        """Execute an UPDATE and return the number of changed rows; see `rows`."""
        return statement.change(self.transaction.connection, {**self.scope, **parameters})

    def stream(self, statement: Executable, **parameters: Any) -> Iterator[Row[Any]]:
        """Yield the rows of a statement, a few in memory; other requests can run in between."""
        few = statement.execution_options(yield_per=_ROWS_AT_ONCE)
        result = self.transaction.connection.execute(few, {**self.scope, **parameters})
        for rows in result.partitions():
            yield from rows
            self.turn.checkpoint()

    def widget(self, kind: type[W], page_id: int, id: int) -> W:
        """Return a widget on a visible page; 404 if there is none."""
        on_page = kind.page_key == self.page(page_id).key
        widget: W | None = self.session.scalar(select(kind).where(on_page, kind.id == id))
        return found(widget)

    def widgets(self, kind: type[W], page_id: int) -> list[W]:
        """Return the widgets of one kind on a visible page, ordered by id."""
        on_page = kind.page_key == self.page_key(page_id)
        return list(self.session.scalars(select(kind).where(on_page).order_by(kind.id)))


def _values(session: Session, ids: Sequence[int]) -> Select[int]:
    return select(numbered(session, ids).c.value)


def found(record: T | None) -> T:
    """Return the record; 404 if it is None."""
    if record is None:
        raise NotFound
    return record


def in_order(ids: Sequence[int], records: Sequence[T], id_of: Callable[[T], int]) -> list[T]:
    """Return the records with these ids in the order of the ids, then all other records.

    Responds with 404 for an unknown id.
    """
    known = {id_of(record): record for record in records}
    named = [found(known.pop(id, None)) for id in dict.fromkeys(ids)]
    return named + list(known.values())


class Endpoints(Blueprint):
    """A group of endpoints whose views take the call and the ids in the path."""

    def __init__(self, name: str, module: str, *, family: Family = Family.ALL_ELSE) -> None:
        super().__init__(name, module)
        self._family = family

    def read(self, verb: str, *paths: str) -> Callable[[View], View]:
        """Register a view that changes nothing.

        The view reads a snapshot. Its response is rendered after the end of the transaction.
        """
        return self._on(verb, paths, writes=False)

    def write(self, verb: str, *paths: str) -> Callable[[View], View]:
        """Register a view that may change something; upper-case names in a path match ids."""
        return self._on(verb, paths, writes=True)

    def ws_read(self, *paths: str) -> Callable[[View], View]:
        """Register a view of the ws dialect that changes nothing."""
        return self.read("POST", *(f"/ws/{path}" for path in paths))

    def ws(self, *paths: str) -> Callable[[View], View]:
        """Register a view of the ws dialect that may change something."""
        return self.write("POST", *(f"/ws/{path}" for path in paths))

    def _on(self, verb: str, paths: Sequence[str], *, writes: bool) -> Callable[[View], View]:
        def register(view: View) -> View:
            @wraps(view)
            def execute(**ids: int) -> Response:
                service = current_service()
                turn: Turn = request.environ[TURN]
                body = _body()
                token = _admit(service, body)
                parameters = _parameters(body)  # before the transaction: parsing can take long
                count = _counter(service, self._family)

                def work(transaction: Transaction) -> Response | XmlResponse:
                    turn.check_client()  # the call may have waited for other transactions
                    call = _call(service, transaction, token, parameters, count, turn)
                    return view(call, **ids)

                database = service.database
                if writes and not database.is_in_memory:
                    turn.let_others_run()  # it may wait for other writers, and for the disk
                response = database.write(work) if writes else database.read(work)
                return response if isinstance(response, Response) else response.render(turn)

            for path in paths:
                rule = _ID_NAME.sub(lambda name: f"<id:{name[0].lower()}>", path)
                self.add_url_rule(
                    rule,
                    f"{verb} {path}".replace(".", "_"),
                    execute,
                    methods=[verb],
                    provide_automatic_options=False,
                )
            return view

        return register


_ID_NAME = re.compile(r"\b[A-Z]+\b")


def _body() -> bytes:
    """Return the bytes of the body; raise TooLarge if it is."""
    if (request.content_length or 0) > SIZE_LIMIT:
        raise TooLarge(f"a body of {request.content_length} bytes: the limit is {SIZE_LIMIT}")
    # Flask parses a multipart form from the cached bytes.
    return request.get_data(cache=request.mimetype == "multipart/form-data")


def _admit(service: Service, body: bytes) -> str:
    """Return the token outside the body, if any; raise NotSignedIn if there is no valid token.

    This check precedes parsing the body, because parsing takes much longer: see `credentials`.
    """
    token = explicit_token(request)
    tokens = [token, bearer_token(request)] if token else candidates(body)
    if not service.authenticator.admit(service.database, tokens):
        raise NotSignedIn
    return token


def _parameters(body: bytes) -> Parameters:
    return Parameters({**read_fields(request.args.items(multi=True)), **_body_fields(body)})


def _call(
    service: Service,
    transaction: Transaction,
    token: str,
    parameters: Parameters,
    count: Callable[[int], None],
    turn: Turn,
) -> Call:
    token = token or (parameters.text("token") or "").strip()
    caller = service.caller(transaction, token, bearer_token(request))
    if caller is None:
        raise NotSignedIn
    count(caller.account_key)
    return Call(
        transaction,
        caller,
        parameters_of(caller),
        parameters,
        service.now(),
        turn,
        service.page_limit,
        service.clears_omitted,
    )


def _counter(service: Service, family: Family) -> Callable[[int], None]:
    """Return a function that counts the request once, even if its transaction is repeated."""

    @cache
    def count(account: int) -> None:
        if service.limits is not None:
            address = request.remote_addr or ""
            service.limits.count(account, address, family, service.clock())

    return count


def _body_fields(body: bytes) -> Fields:
    if request.mimetype == "multipart/form-data":
        try:
            # A part may lack a name.
            return read_fields((name or "", text) for name, text in request.form.items(multi=True))
        except RequestEntityTooLarge:
            raise TooLarge("a form of too many parts, or too large") from None
    return read_body(body, request.mimetype_params.get("charset", ""))


@dataclass(frozen=True)
class XmlResponse:
    """A response with a document that is not rendered yet.

    `render` consumes the iterators in `parts`.
    """

    parts: Iterable[Xml]
    status: int = 200
    newline: bool = False
    location: str = ""

    def render(self, turn: Turn | None = None) -> Response:
        """Render the document. With a `turn`, short requests can run in between."""
        checkpoint = None if turn is None else turn.checkpoint
        response = Response(
            list(blocks(self.parts, newline=self.newline, checkpoint=checkpoint)),
            self.status,
            content_type="application/xml; charset=utf-8",
        )
        if self.location:
            response.location = self.location
        return response


def ws(*parts: Xml | Iterator[Xml], newline: bool = False) -> XmlResponse:
    """Return a response of the ws dialect; without parts, an empty response for success."""
    inside = chain.from_iterable([part] if isinstance(part, str) else part for part in parts)
    return XmlResponse(stream("response", inside, success=True), newline=newline)


def xml(
    root: Xml | Iterator[Xml], status: int = 200, *, newline: bool = False, location: str = ""
) -> XmlResponse:
    """Return a response with an XML document."""
    return XmlResponse([root] if isinstance(root, str) else root, status, newline, location)


def no_content() -> Response:
    """Return a response with neither body nor `Content-Type`."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def bare(status: int = 200, *, location: str = "") -> Response:
    """Return a response without a body, as the service sends for some writes."""
    response = Response(status=status, content_type="application/xml; charset=utf-8")
    if location:
        response.location = location
    return response


def failure(status: int, message: str, location: str = "") -> Response:
    """Return the response to a call that failed."""
    error = element("error", message, code=status)
    return xml(element("response", [error], success=False), status, location=location).render()
