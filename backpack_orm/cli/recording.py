"""A transport that records the requests that would change something, instead of sending them."""

from __future__ import annotations

from typing import TypeVar

from backpack_orm.connection import Connection
from backpack_orm.connection.calls import Call
from backpack_orm.connection.transport import AnyTransport
from backpack_orm.errors import InvalidResponse
from backpack_orm.wire.endpoint import Safety
from backpack_orm.wire.shapes import Response

T = TypeVar("T")

_SUCCESS = Response(200, b'<response success="true"/>')


class ResponseNeeded(Exception):  # noqa: N818 - it ends a dry run, and is no error
    """The response to a write would be needed to continue."""


class RecordingTransport:
    """A transport that sends only reads, and records writes.

    Args:
        transport: The transport for the reads.
    """

    def __init__(self, transport: AnyTransport) -> None:
        self._transport = transport
        self.url = transport.url
        self.counters = transport.counters
        self.writes: list[dict[str, str]] = []

    def exchange(self, call: Call[T]) -> tuple[T, int]:
        """Make a read, or record a write and take it for done."""
        endpoint = call.endpoint
        if endpoint.safety is Safety.READ:
            return self._transport.exchange(call)
        body = endpoint.body_for(call.payload, None) or b""
        self.writes.append(
            {
                "request": f"{endpoint.verb} {call.path}",
                "body": body.decode("ascii") if endpoint.sends else "",
            }
        )
        try:
            return call.read(_SUCCESS), 0
        except InvalidResponse:  # it has to contain the created record
            raise ResponseNeeded from None

    def reset(self) -> None:
        """Share nothing with the parent process after a fork."""
        self._transport.reset()

    def close(self) -> None:
        """Free what the transport holds."""
        self._transport.close()


def record_writes(connection: Connection) -> None:
    """Make a connection record its writes."""
    assert connection._transport is not None
    connection._transport = RecordingTransport(connection._transport)
