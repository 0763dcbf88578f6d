"""A call of the API as data: one row for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property

from attrs import define

from backpack_orm.wire import build
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.shapes import Record


class TokenLocation(Enum):
    """Where in a request the token is sent."""

    BODY = "body"
    PATH = "path"
    HEADER = "header"


class Safety(Enum):
    """The effect of sending a call twice."""

    READ = "reads, and changes nothing"
    IDEMPOTENT = "writes; sending it twice has the effect of sending it once"
    NOT_IDEMPOTENT = "writes; sending it twice has its effect twice"
    DELETE = "destroys; the second time the record is not found"


class RateLimit(Enum):
    """Calls that the service counts together, and how many of them it accepts in a window."""

    CALENDARS = 10
    ALL_ELSE = 100


NO_REFUSALS: Mapping[int, str] = {}


@define(eq=False, repr=False, frozen=True, slots=False, kw_only=True)
class Endpoint:
    """One call of the API: its request, its safety, and its cache tags.

    Attributes:
        verb: The HTTP verb.
        path: The path below the account's URL; `{id}` and the like are filled in.
        token_in: Where the token is sent.
        sends: The paths of the values in the body, see `wire.build.request`.
        is_bare: Whether the body is the bare resource, without a `<request>` around it.
        is_idempotent: Whether sending it twice has the effect of sending it once.
        reads: The cache tags of its response; without any, it is not cached.
        reads_in: Returns further tags that depend on the record in the response.
        writes: The cache tags that it invalidates.
        refusals: What a status of a failure means here, and the way out.
    """

    verb: str
    path: str
    token_in: TokenLocation
    sends: tuple[str, ...] = ()
    is_bare: bool = False
    is_idempotent: bool
    reads: tuple[str, ...] = ()
    reads_in: Callable[[Record], Iterable[str]] | None = None
    writes: tuple[str, ...] = ()
    refusals: Mapping[int, str] = NO_REFUSALS

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The names of the ids in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @cached_property
    def label(self) -> str:
        """Its name in statistics and logs.

        >>> ws("page/{id}", reads="page:{id}").label
        'POST /ws/page/{id}'
        """
        return f"{self.verb} {self.path_for_people(['{' + name + '}' for name in self.ids])}"

    @cached_property
    def safety(self) -> Safety:
        """The effect of sending it twice.

        >>> ws("page/{id}/destroy", idempotent=True).safety.name, ws("page/{id}/email").safety.name
        ('DELETE', 'NOT_IDEMPOTENT')
        """
        if self.reads or self.verb == "GET":
            return Safety.READ
        if self.verb == "DELETE" or {"destroy", "unlink"} & set(self.path.split("/")):
            return Safety.DELETE
        return Safety.IDEMPOTENT if self.is_idempotent else Safety.NOT_IDEMPOTENT

    @cached_property
    def rate_limit(self) -> RateLimit:
        """The rate limit by which the service counts it.

        >>> rest("GET", "calendar_events/{id}.xml", reads="calendars").rate_limit.name
        'CALENDARS'
        """
        return RateLimit.CALENDARS if self.path.startswith("calendar") else RateLimit.ALL_ELSE

    def path_for(self, ids: Sequence[int], token: str | None) -> str:
        """Return the path of one call, with the token if it is sent there.

        >>> row = rest("GET", "reminders.xml", token_in=TokenLocation.PATH, reads="reminders")
        >>> row.path_for((), "secret")
        '/secret/reminders.xml'
        """
        path = "/" + self.path.format(**dict(zip(self.ids, ids, strict=True)))
        return (
            f"/{token}{path}" if self.token_in is TokenLocation.PATH and token is not None else path
        )

    def path_for_people(self, ids: Sequence[int | str]) -> str:
        """Return the path of one call for messages, without the token."""
        path = "/" + self.path.format(**dict(zip(self.ids, ids, strict=True)))
        return f"/[token]{path}" if self.token_in is TokenLocation.PATH else path

    def body_for(self, payload: Mapping[str, WireValue], token: str | None) -> bytes | None:
        """Return the body of one call, with the token if it is sent there; None without a body."""
        if self.token_in is TokenLocation.BODY:
            return build.request(self.sends, payload, token)
        if not self.sends:
            return None
        if self.is_bare:
            return build.resource(self.sends, payload)
        return build.request(self.sends, payload, None)

    def tags_read(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Return the cache tags of the response of one call."""
        return self._fill(self.reads, ids)

    def tags_shown(self, record: Record) -> Iterable[str]:
        """Return the further cache tags of one response, which depend on its record."""
        return self.reads_in(record) if self.reads_in else ()

    def tags_written(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Return the cache tags that one call invalidates."""
        return self._fill(self.writes, ids)

    def _fill(self, tags: tuple[str, ...], ids: Sequence[int]) -> tuple[str, ...]:
        named = dict(zip(self.ids, ids, strict=True))
        return tuple(tag.format(**named) for tag in tags)


def ws(
    path: str,
    *,
    sends: str = "",
    reads: str = "",
    reads_in: Callable[[Record], Iterable[str]] | None = None,
    writes: str = "",
    idempotent: bool = False,
    refusals: Mapping[int, str] = NO_REFUSALS,
) -> Endpoint:
    """Return a call of the older dialect: a POST with the token in its body.

    Paths and tags are separated by spaces.

    >>> row = ws("page/{id}/update_title", sends="page/title", writes="pages page:{id}")
    >>> row.verb, row.path, row.sends, row.writes
    ('POST', 'ws/page/{id}/update_title', ('page/title',), ('pages', 'page:{id}'))
    """
    return Endpoint(
        verb="POST",
        path=f"ws/{path}",
        token_in=TokenLocation.BODY,
        sends=tuple(sends.split()),
        is_idempotent=idempotent or bool(reads),
        reads=tuple(reads.split()),
        reads_in=reads_in,
        writes=tuple(writes.split()),
        refusals=refusals,
    )


def rest(
    verb: str,
    path: str,
    *,
    token_in: TokenLocation = TokenLocation.HEADER,
    sends: str = "",
    bare: bool = False,
    reads: str = "",
    writes: str = "",
    refusals: Mapping[int, str] = NO_REFUSALS,
) -> Endpoint:
    """Return a call of the newer dialect, which is idempotent unless it is a POST.

    >>> row = rest("PUT", "reminders/{id}.xml", token_in=TokenLocation.PATH, writes="reminders")
    >>> row.is_idempotent
    True
    """
    return Endpoint(
        verb=verb,
        path=path,
        token_in=token_in,
        sends=tuple(sends.split()),
        is_bare=bare,
        is_idempotent=verb != "POST",
        reads=tuple(reads.split()),
        writes=tuple(writes.split()),
        refusals=refusals,
    )
