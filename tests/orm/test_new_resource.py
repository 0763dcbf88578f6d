"""A resource that the service does not have, declared in one file and served by a stub."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backpack_orm import Connection, Page
from tests.orm import bookings
from tests.orm.bookings import Booking, Guest

LIST = b"""<bookings type="array">
<booking><id type="integer">5</id><hotel>Rosa</hotel></booking>
<booking><id type="integer">6</id><hotel>Azul &amp; Mar</hotel></booking></bookings>"""
ROSA = b"""<booking><id type="integer">5</id><hotel>Rosa</hotel>
<arrives-at type="datetime">2027-05-14T15:00:00Z</arrives-at>
<guests><guest id="1">Ana</guest><guest id="2">Rui</guest></guests></booking>"""
RESPONSES = {
    "GET /pages/71/bookings.xml": (200, LIST),
    "GET /pages/71/bookings/5.xml": (200, ROSA),
    "POST /pages/71/bookings.xml": (201, ROSA),
    "PUT /pages/71/bookings/5.xml": (200, b""),
    "DELETE /pages/71/bookings/5.xml": (200, b""),
}


class Stub(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        call = f"{self.command} {self.path}"
        length = int(self.headers.get("Content-Length", 0))
        self.server.received.append((call, self.rfile.read(length)))
        status, body = RESPONSES[call]
        self.send_response(status)
        if status == 201:
            self.send_header("Location", "/bookings/5")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - named by the library

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def stub(network: None) -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(stub: Stub) -> Page:
    """A page, of which only the id is needed."""
    connection = Connection(f"http://127.0.0.1:{stub.server_port}", token="t" * 40)
    return Page._stub(71, connection)


def test_it_takes_one_file_of_sixty_lines_of_code() -> None:
    source = Path(str(bookings.__file__)).read_text("utf-8")
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    code = [
        line
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in docstrings
    ]
    assert len(code) <= 60


def test_a_list_gives_what_it_includes_and_the_rest_is_loaded_on_access(
    stub: Stub, page: Page
) -> None:
    rosa, azul = Booking.all(page=page)
    assert (rosa.id, rosa.hotel, azul.hotel, rosa.page, rosa.page_id) == (
        5,
        "Rosa",
        "Azul & Mar",
        page,
        71,
    )
    assert len(stub.received) == 1
    assert rosa.arrives_at == datetime(2027, 5, 14, 15, tzinfo=UTC)
    assert [guest.name for guest in rosa.guests] == ["Ana", "Rui"]
    assert {type(guest) for guest in rosa.guests} == {Guest}
    assert [call for call, _ in stub.received][1:] == ["GET /pages/71/bookings/5.xml"]


def test_it_is_created_changed_and_destroyed(stub: Stub, page: Page) -> None:
    booking = Booking.create(page=page, hotel="Rosa", secret_wish="a view")
    assert (booking.id, booking.secret_wish, booking.is_dirty) == (5, None, False)
    booking.hotel = "Rosa & Mar"
    assert booking.save().fields == ("hotel",)
    booking.secret_wish = "a balcony"
    assert booking.save().fields == ("secret_wish",)
    booking.destroy()
    assert stub.received == [
        (
            "POST /pages/71/bookings.xml",
            b"<booking><hotel>Rosa</hotel><secret-wish>a view</secret-wish></booking>",
        ),
        ("PUT /pages/71/bookings/5.xml", b"<booking><hotel>Rosa &amp; Mar</hotel></booking>"),
        (
            "PUT /pages/71/bookings/5.xml",
            b"<booking><secret-wish>a balcony</secret-wish></booking>",
        ),
        ("DELETE /pages/71/bookings/5.xml", b""),
    ]


def test_it_is_found_copied_shown_and_turned_into_rows_like_any_other(
    stub: Stub, page: Page
) -> None:
    bookings = Booking.all(page=page)
    assert bookings.find(5).hotel == "Rosa"
    assert bookings.where(hotel="Rosa")[0] == bookings[0]
    assert repr(bookings[0]) == "Booking(id=5, hotel='Rosa')"
    assert bookings.to_records()[0]["hotel"] == "Rosa"
    assert "Rosa" in bookings._repr_html_()
    assert len(stub.received) == 1
