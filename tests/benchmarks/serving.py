"""A server that responds from memory, for benchmarks over a network.

    python -m tests.benchmarks.serving SECONDS

It prints its port, and gives each response that many seconds after its request. It knows nothing of
Backpack but a few responses, so that it takes next to no time itself.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks import responses

TOKEN = "0123456789abcdef"
PAGES = 300
NESTED, LARGE = 7, PAGES + 1
"""Large pages with a response of 384 KB; the others have five notes each."""

_SUCCESS = b'<?xml version="1.0" encoding="UTF-8"?><response success="true"></response>'
_REQUEST = re.compile(rb"[A-Z]+ (\S+) HTTP/1.1\r\n.*?\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def known() -> dict[str, bytes]:
    """Return the responses by path; other paths get an empty success."""
    few = {
        f"/ws/page/{id}": responses.page(notes=5, lists=0, items=0, tags=0, id=id)
        for id in range(1, PAGES + 1)
    }
    return {
        **few,
        "/ws/pages/all": responses.titles(PAGES),
        f"/ws/page/{NESTED}": responses.page(notes=50, lists=10, items=20, tags=10, id=NESTED),
        f"/ws/page/{NESTED}/notes/list": responses.notes(50),
        f"/ws/page/{LARGE}": responses.page(notes=1_530, lists=0, items=0, tags=0, id=LARGE),
    }


class Server(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, known: dict[str, bytes], delay: float) -> None:
        self._known = known
        self._delay = delay
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = _REQUEST.match(self._received)
        if head is None:
            return
        length = _LENGTH.search(head[0])
        end = head.end() + (int(length[1]) if length else 0)
        if len(self._received) < end:
            return
        self._received = self._received[end:]
        body = self._known.get(head[1].decode(), _SUCCESS)
        reply = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/xml; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, reply)
        else:
            self._transport.write(reply)


@contextmanager
def serving(delay: float = 0.0) -> Iterator[str]:
    """Run the server in a separate process and yield its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.serving", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def main(delay: float) -> None:
    """Serve until terminated."""
    loop, by_path = asyncio.get_running_loop(), known()
    server = await loop.create_server(lambda: Server(by_path, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
