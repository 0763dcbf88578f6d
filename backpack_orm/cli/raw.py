"""Any call of the API, with the authentication, limits and redaction of the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote

from attrs import define
from lxml import etree

from backpack_orm.cli.failures import CommandError
from backpack_orm.connection import Connection
from backpack_orm.connection.redaction import has_token
from backpack_orm.errors import InvalidResponse
from backpack_orm.wire import documents, parse
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, TokenLocation
from backpack_orm.wire.shapes import Response

VERBS = ("GET", "POST", "PUT", "DELETE")
_IN_PATH = re.compile(r"(?:reminders|me|users)\b(?!/\d+/(?:status|journal_entries))")
_IN_BODY = re.compile(r"(?:ws|pages/\d+/separators)\b")
_READS = re.compile(r"ws/(?:pages/(?:all|search)|page/\d+|tags/select/\d+|.*/(?:list|show/\d+))")
_PATH = re.compile(r"[\w/.~?&=%+,;:@-]+")


@define(eq=False, repr=False, frozen=True, slots=False, kw_only=True)
class RawEndpoint(Endpoint):
    """A call whose body is given as XML.

    Attributes:
        data: The body without the token; None: there is none.
    """

    data: bytes | None = None

    def body_for(self, payload: Mapping[str, WireValue], token: str | None) -> bytes | None:
        """Return the body, with the token if it is sent there."""
        if self.token_in is not TokenLocation.BODY:
            return self.data
        given = None if self.data is None else documents.document(self.data)
        if given is not None and given.tag == "request":
            root = given
        else:
            root = etree.Element("request")
            if given is not None:
                root.append(given)
        if token is not None:
            first = etree.Element("token")
            first.text = token
            root.insert(0, first)
        return etree.tostring(root)


def check_without_token(path: str, data: bytes | None) -> None:
    """Raise if a path or data contains the token, in any encoding, so that nothing shows it.

    Raises:
        CommandError: It does.
    """
    texts = [path, unquote(path), (data or b"").decode("utf-8", "replace")]
    with suppress(InvalidResponse):  # which is reported when the call is made
        texts += [] if data is None else [etree.tostring(documents.document(data), encoding=str)]
    if any(map(has_token, texts)):
        raise CommandError(
            "the path or the data contains the token", hint="Leave it out: each request adds it."
        )


def endpoint_of(verb: str, path: str, data: bytes | None) -> RawEndpoint:
    """Return a call by its verb and path below the address of the account.

    Raises:
        CommandError: The path is no path, or the data no XML.

    >>> endpoint_of("POST", "/ws/page/7/notes/list", None).safety.name
    'READ'
    """
    path = path.lstrip("/")
    if not _PATH.fullmatch(path) or ".." in path.split("/"):
        raise CommandError(
            f"{path!r} is no path of the API", hint="Such as ws/pages/all or statuses.xml."
        )
    if data is not None:
        try:
            documents.document(data)
        except InvalidResponse as error:
            message = error.message.replace("the response", "the data")
            raise CommandError(f"{message}: it has to be XML") from None
    token_in = TokenLocation.HEADER
    if _IN_BODY.match(path):
        token_in = TokenLocation.BODY
    elif _IN_PATH.match(path):
        token_in = TokenLocation.PATH
    is_read = verb == "GET" or (verb == "POST" and _READS.fullmatch(path))
    return RawEndpoint(
        verb=verb,
        path=path,
        token_in=token_in,
        is_idempotent=bool(is_read),
        reads=("raw",) if is_read else (),
        sends=() if data is None else ("data",),
        data=data,
    )


def call(connection: Connection, endpoint: RawEndpoint) -> bytes:
    """Make a call, and return the body of the response. Makes one request.

    A call that writes is sent once at most.

    Raises:
        BackpackError: The call failed.
    """

    def read(response: Response) -> bytes:
        parse.anything(response)
        return response.content

    found = connection.call(endpoint, read=read)
    connection.clear_cache()  # what it has changed is not known
    return found
