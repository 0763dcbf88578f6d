"""Answers without measure: however large, deep or packed, they cost bounded memory."""

from __future__ import annotations

import gzip
import itertools
import socketserver
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backpack_orm.connection import Connection
from backpack_orm.errors import InvalidResponse, TransportError
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import Column, Shape
from backpack_orm.wire.size import DEFAULT_MAX_SIZE
from tests.connection.conftest import READ, TOKEN

MEGABYTE = b" " * 1_000_000
LARGE = 200
BOUND = DEFAULT_MAX_SIZE + 24_000_000
"""What reading may take at most: all that is taken of a response, and what packing it needs."""
read_pages = parse.many(Shape("page", (Column("id", values.INTEGER),)), "pages")


class Torrent(socketserver.ThreadingTCPServer):
    """Sends what it is configured to, piece by piece, for as long as anybody reads."""

    daemon_threads = True
    block_on_close = False
    head = b""
    pieces: Callable[[], Iterator[bytes]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ended = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever has had enough breaks off."""


class _Handler(socketserver.StreamRequestHandler):
    server: Torrent

    def handle(self) -> None:
        length = 0
        while line := self.rfile.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        self.rfile.read(length)
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + self.server.head)
        for piece in self.server.pieces():
            self.wfile.write(piece)

    def finish(self) -> None:
        self.server.ended.set()
        super().finish()


@pytest.fixture
def torrent(network: None) -> Iterator[Torrent]:
    with Torrent() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def connection(torrent: Torrent) -> Iterator[Connection]:
    url = f"http://127.0.0.1:{torrent.server_address[1]}"
    with Connection(url, token=TOKEN, max_wait=0) as connection:
        yield connection


def responses(torrent: Torrent, head: bytes, *pieces: bytes, times: int = 1) -> None:
    torrent.head = head + b"\r\n"
    torrent.pieces = lambda: (piece for _ in range(times) for piece in pieces)


def peak(connection: Connection, error: type[Exception], match: str) -> int:
    """What a read that is refused takes at its height, in bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=match):
            connection.call(READ, read=read_pages)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def packed(data: bytes, times: int) -> bytes:
    """Data many times over, in hardly any bytes: a gzip file may consist of several."""
    return gzip.compress(data) * times


def test_a_response_of_two_hundred_megabytes_is_given_up_long_before(
    torrent: Torrent, connection: Connection
) -> None:
    responses(torrent, b"Content-Length: %d\r\n" % (LARGE * len(MEGABYTE)), MEGABYTE, times=LARGE)
    assert peak(connection, InvalidResponse, "sends more than 67,108,864 bytes") < BOUND
    assert torrent.ended.wait(30)


def test_a_response_without_an_end_is_given_up(torrent: Torrent, connection: Connection) -> None:
    responses(torrent, b"Transfer-Encoding: chunked\r\n", chunk(MEGABYTE), times=1_000_000)
    assert peak(connection, InvalidResponse, "sends more than 67,108,864 bytes") < BOUND
    assert torrent.ended.wait(30)


def test_a_response_without_a_length_is_abandoned(torrent: Torrent, connection: Connection) -> None:
    responses(torrent, b"Connection: close\r\n", MEGABYTE, times=1_000_000)
    assert peak(connection, InvalidResponse, "sends more than 67,108,864 bytes") < BOUND


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        (b"gzip", lambda: packed(MEGABYTE, 1000)),
        (b"gzip, gzip", lambda: gzip.compress(packed(MEGABYTE, 1000))),
        (b"gzip", lambda: gzip.compress(MEGABYTE * LARGE)),
        (b"deflate", lambda: zlib.compress(MEGABYTE * LARGE)),
    ],
    ids=["many", "twice", "one", "deflated"],
)
def test_a_response_that_unpacks_to_gigabytes_is_given_up(
    torrent: Torrent, connection: Connection, encoding: bytes, pack: Any
) -> None:
    bomb = pack()
    length = b"Content-Length: %d\r\n" % len(bomb)
    responses(torrent, b"Content-Encoding: %b\r\n" % encoding + length, bomb)
    assert peak(connection, InvalidResponse, "sends more than 67,108,864 bytes") < BOUND


def test_what_is_packed_too_often_is_not_unpacked(torrent: Torrent, connection: Connection) -> None:
    bomb = MEGABYTE
    for _ in range(20):
        bomb = gzip.compress(bomb)
    encoding = b", ".join([b"gzip"] * 20)
    length = b"Content-Length: %d\r\n" % len(bomb)
    responses(torrent, b"Content-Encoding: %b\r\n" % encoding + length, bomb)
    assert peak(connection, TransportError, "cannot be decompressed") < 10_000_000


def test_headers_without_an_end_are_given_up(torrent: Torrent, connection: Connection) -> None:
    torrent.pieces = lambda: itertools.repeat(b"X: " + b"x" * 1000 + b"\r\n")
    assert peak(connection, TransportError, "dropped the connection") < 10_000_000


@pytest.mark.parametrize(
    "document",
    [
        b"<pages>" * 100_000 + b"</pages>" * 100_000,
        b"<pages>" * 100_000,
        b"<pages><page id='1'>" + b"<x>" * 100_000,
        b"<pages " + b"".join(b"a%d='' " % n for n in range(100_000)) + b"<",
        b"<pages " + b"a" * 20_000_000 + b"='1'/>",
        b"<pages a='" + b"a" * 20_000_000 + b"'/>",
        b"<pages><page id='1'>" + b"a" * 20_000_000 + b"</page></pages>",
        b"<pages><!--" + b"a" * 20_000_000 + b"--></pages>",
        b"<pages/>" * 100_000 + b"<",
        b"<!DOCTYPE a [<!ENTITY a '" + b"a" * 1_000_000 + b"'>]><a>" + b"&a;" * 10_000 + b"</a>",
        b"<!DOCTYPE a [<!ENTITY % a '" + b"%a;" * 1000 + b"'> %a;]><a/>",
    ],
    ids=[
        "deep",
        "deep without an end",
        "deep inside",
        "many attributes",
        "a long name",
        "a long value",
        "a long text",
        "a long comment",
        "many roots",
        "large entities",
        "entities of themselves",
    ],
)
def test_a_document_beyond_measure_is_an_invalid_response(
    torrent: Torrent, connection: Connection, document: Any
) -> None:
    responses(torrent, b"Content-Length: %d\r\n" % len(document), document)
    assert (
        peak(connection, InvalidResponse, "well-formed|document type") < 4 * len(document) + 10**7
    )
