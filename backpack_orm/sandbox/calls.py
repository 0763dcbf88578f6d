"""One request to the API: who asks, with which parameters, what they may see; and the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption
from werkzeug.exceptions import Forbidden, NotFound, RequestEntityTooLarge

from .database import Database
from .limits import Family, Limits
from .models import Friend, Page, Record, User, Widget
from .reading import SIZE_LIMIT, Fields, Parameters, Unreadable, read_body, read_fields
from .rendering import Xml, document, element
from .zones import zone

R = TypeVar("R", bound=Record)
T = TypeVar("T")
W = TypeVar("W", bound=Widget)
View = Callable[..., Response]

TOKEN_IN_PATH = "backpack.token"  # noqa: S105 - where it is, not what it is


class NotSignedIn(Exception):  # noqa: N818 - says what is the case
    """The token is missing, or nobody's."""


SERVICE = "backpack.service"

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
"""The fields that an update can omit."""


@dataclass(frozen=True)
class Service:
    """What all calls of a sandbox share."""

    storage: Database
    clock: Callable[[], datetime]
    page_limit: int | None = None
    limits: Limits | None = None
    require_ssl: bool = False
    clears_omitted: frozenset[str] = frozenset()

    def now(self) -> datetime:
        """The time, in UTC and whole seconds, as the service keeps it."""
        return self.clock().astimezone(UTC).replace(microsecond=0)


def asked_service() -> Service:
    """The service of the sandbox that the request came to: all share one application."""
    service: Service = request.environ[SERVICE]
    return service


@dataclass(frozen=True)
class Call:
    """A request while it is answered."""

    session: Session
    me: User
    parameters: Parameters
    now: datetime
    page_limit: int | None
    clears_omitted: frozenset[str] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the one who asks."""
        return zone(self.me.time_zone)

    def pages(self, *loading: ExecutableOption) -> list[Page]:
        """All pages that I see, oldest first: my own, and those shared with my address.

        `loading` says what to load with them at once, rather than with each.
        """
        return list(self.session.scalars(self._visible().order_by(Page.id).options(*loading)))

    def new_page(self, title: str, description: str) -> Page:
        """A new page of mine; 403 when the account has as many as its plan allows."""
        account = self.me.account
        there_are = select(func.count(Page.key)).where(Page.account_key == account.key)
        if self.page_limit is not None and self.session.scalars(there_are).one() >= self.page_limit:
            raise Forbidden
        page = account.new(Page, owner=self.me, title=title, description=description)
        self.session.add(page)
        return page

    def updated(self, field: str, sent: T | None, stored: T, cleared: T) -> T:
        """Return the value of a field after an update: the one sent if there is one.

        An omitted field keeps its value, unless this sandbox clears it.
        """
        if sent is not None:
            return sent
        return cleared if field in self.clears_omitted else stored

    def user(self, id: int) -> User:
        """A person of my account."""
        return with_id(id, self.me.account.users)

    def myself(self, id: int) -> User:
        """Me, by my id; 403 for anybody else's."""
        if self.user(id) is not self.me:
            raise Forbidden
        return self.me

    def ours(self, kind: type[Record]) -> ColumnElement[bool]:
        """The condition that a record of some kind is one of my account."""
        return kind.account_key == self.me.account_key

    def one_of(self, kind: type[R], id: int) -> R:
        """A record of some kind in my account."""
        return found(self.session.scalar(select(kind).where(self.ours(kind), kind.id == id)))

    def page(self, id: int) -> Page:
        """A page that I see."""
        page: Page | None = self.session.scalar(self._visible().where(Page.id == id))
        return found(page)

    def sees(self, page: Page) -> bool:
        """Whether a page is one of those that I see."""
        wanted = self._visible().where(Page.key == page.key)
        return self.session.scalar(wanted) is not None

    def widget(self, kind: type[W], page_id: int, id: int) -> W:
        """A widget of some kind on a page that I see."""
        return with_id(id, self.page(page_id).of(kind))

    def _visible(self) -> Select[Any]:
        shared = select(Friend.page_key).where(Friend.email_address == self.me.email_address)
        mine = or_(Page.owner_key == self.me.key, Page.key.in_(shared))
        return select(Page).where(Page.account_key == self.me.account_key, mine)


def found(record: T | None) -> T:
    """The record itself; 404 where there is none."""
    if record is None:
        raise NotFound
    return record


def with_id(id: int, records: Iterable[R]) -> R:
    """The record with this id among some; 404 where it is not."""
    return found(next((record for record in records if record.id == id), None))


def in_order(ids: Sequence[int], records: Sequence[T], id_of: Callable[[T], int]) -> list[T]:
    """The records as the ids name them, then those left out, as they were; 404 for a stray id."""
    known = {id_of(record): record for record in records}
    named = [found(known.pop(id, None)) for id in dict.fromkeys(ids)]
    return named + list(known.values())


class Endpoints(Blueprint):
    """Some endpoints; their views get the call as first argument, then the ids of the path."""

    def __init__(self, name: str, module: str, *, family: Family = Family.ALL_ELSE) -> None:
        super().__init__(name, module)
        self._family = family

    def on(self, verb: str, *paths: str) -> Callable[[View], View]:
        """Answer a verb on some paths, where `PAGE` and such stand for ids."""

        def register(view: View) -> View:
            @wraps(view)
            def answer(**ids: int) -> Response:
                service = asked_service()
                parameters = _parameters()  # before the transaction: a long body may take a while
                with service.storage.transaction() as session:
                    return view(_call(service, session, parameters, self._family), **ids)

            for path in paths:
                rule = _PLACE.sub(lambda place: f"<id:{place[0].lower()}>", path)
                self.add_url_rule(
                    rule,
                    f"{verb} {path}".replace(".", "_"),
                    answer,
                    methods=[verb],
                    provide_automatic_options=False,
                )
            return view

        return register

    def ws(self, *paths: str) -> Callable[[View], View]:
        """Answer calls of the older dialect, which are all POSTs under `/ws/`."""
        return self.on("POST", *(f"/ws/{path}" for path in paths))


_PLACE = re.compile(r"\b[A-Z]+\b")


def _parameters() -> Parameters:
    return Parameters({**read_fields(request.args.items(multi=True)), **_body_fields()})


def _call(service: Service, session: Session, parameters: Parameters, family: Family) -> Call:
    token = _token(parameters)
    me = session.scalar(select(User).where(User.token == token))
    if me is None:
        raise NotSignedIn
    if service.limits is not None:
        service.limits.count(me.account_key, request.remote_addr or "", family, service.clock())
    return Call(session, me, parameters, service.now(), service.page_limit, service.clears_omitted)


def _body_fields() -> Fields:
    if (request.content_length or 0) > SIZE_LIMIT:
        raise Unreadable(f"a body of {request.content_length} bytes: the limit is {SIZE_LIMIT}")
    if request.mimetype == "multipart/form-data":
        try:
            return read_fields(request.form.items(multi=True))
        except RequestEntityTooLarge:
            raise Unreadable("a form of too many parts, or too large") from None
    return read_body(request.get_data(cache=False))


def _token(parameters: Parameters) -> str:
    """The token, from any of the places where a client may put it."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return (
        request.environ.get(TOKEN_IN_PATH)
        or request.headers.get("X-BP-Token")
        or (bearer.strip() if scheme.lower() == "bearer" else "")
        or (parameters.text("token") or "").strip()
    )


def ws(*elements: Xml, newline: bool = False) -> Response:
    """An answer of the older dialect; without elements it is the empty success."""
    return xml(element("response", elements, success=True), newline=newline)


def xml(root: Xml, status: int = 200, *, newline: bool = False, location: str = "") -> Response:
    """An answer with a document."""
    response = Response(
        document(root, newline=newline), status, content_type="application/xml; charset=utf-8"
    )
    if location:
        response.location = location
    return response


def no_content() -> Response:
    """An answer that says no more than that it is done."""
    return Response(status=204)


def bare(status: int = 200, *, location: str = "") -> Response:
    """An answer without a document, where the service answers with a status alone."""
    response = Response(status=status, content_type="application/xml; charset=utf-8")
    if location:
        response.location = location
    return response


def failure(status: int, message: str, location: str = "") -> Response:
    """An answer to a call that failed."""
    error = element("error", message, code=status)
    return xml(element("response", [error], success=False), status, location=location)
