"""A server on this machine that waits for a browser to return from the sign-in page, once."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from backpack_orm.connection.redaction import Secret

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<h1>{title}</h1>
<p>{text}</p>
</html>
"""
_DONE = _PAGE.format(title="Done", text="You can close this window and return to the program.")
_NOT_FOUND = _PAGE.format(title="Not found", text="This program waits for another address.")
_IDLE = 10.0  # seconds until an unused connection is closed
_CLOSING = 5.0


class _Server(ThreadingHTTPServer):
    """The server; its threads end with the program.

    Attributes:
        path: The only path that it serves.
        host: What the header `Host` has to be: other names lead here after DNS rebinding only.
        is_awaited: Returns whether a target is the awaited one.
        found: Receives the target.
    """

    request_queue_size = 128  # other programs may connect first
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # on Windows, others could listen there too

    path: str
    host: str
    is_awaited: Callable[[str], bool]
    found: SimpleQueue[Secret]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that the browser drops; print other errors, which are defects."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _IDLE
    server_version = sys_version = ""

    def do_GET(self) -> None:
        """Respond to the browser; the first awaited request is passed on."""
        path = urlsplit(self.path).path or "/"
        is_here = (
            path == self.server.path and self.headers.get("Host", "").lower() == self.server.host
        )
        if not (is_here and self.server.is_awaited(self.path)):
            self._respond(404, _NOT_FOUND)
            return
        self._respond(200, _DONE)
        self.server.found.put(Secret(self.path))

    def _respond(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *message: object) -> None:
        """Log nothing: targets contain codes."""


class Listener:
    """Listens at an address of this machine inside a `with` block.

    Args:
        address: The address, as the browser requests it.
        is_awaited: Returns whether a target is the awaited one; others get 404.

    Raises:
        OSError: The port is in use, or is not permitted.
    """

    def __init__(self, address: str, is_awaited: Callable[[str], bool]) -> None:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 80
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = type("Server", (_Server,), {"address_family": family})
        self._server: _Server = server((host, port), _Handler)
        self._server.path = parts.path or "/"
        self._server.host = parts.netloc.lower()
        self._server.is_awaited = is_awaited
        self._server.found = SimpleQueue()
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> Secret | None:
        """Return the whole address that the browser has returned to; None if it has not in time."""
        try:
            target = self._server.found.get(timeout=timeout)
        except Empty:
            return None
        return Secret(self._base + target.reveal())

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join(_CLOSING)
        self._server.server_close()
