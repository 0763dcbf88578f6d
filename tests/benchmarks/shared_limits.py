"""`python -m tests.benchmarks.shared_limits`: how close to the limit processes with one Redis come.

Several processes with several threads each read as fast as they can, through random delays. The
server counts requests when they arrive, with the rules of the sandbox. It stores nothing, so that
the machine has time for the clients.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from backpack_orm.sandbox.limits import WINDOW, Busy, Family, Limits
from tests.redis_process import RedisProcess

LIMIT = Family.ALL_ELSE.value
_PAGES = b"<response success='true'><pages><page title='Lisbon' id='71'/></pages></response>"
_CLIENT = """
import sys, threading, time
url, redis, threads, seconds, skew = sys.argv[1:]
real = time.time
time.time = lambda: real() + float(skew)
from backpack_orm import Connection, Page
connection = Connection(url, token="a-token-for-limits", limits=redis, ttl=0)
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(seconds)

def read():
    while time.monotonic() < end:
        Page.all(using=connection)

readers = [threading.Thread(target=read) for _ in range(int(threads))]
for reader in readers:
    reader.start()
for reader in readers:
    reader.join()
"""


class Measured(NamedTuple):
    """What has arrived.

    Attributes:
        rate: The part of the permitted rate that was used, from one window to the next.
        requests: Number of requests.
        refused: Those that exceeded the limit.
    """

    rate: float
    requests: int
    refused: int

    def __str__(self) -> str:
        share = self.refused / self.requests
        return (
            f"{self.rate:.1%} of the permitted rate, {self.requests} requests, {share:.3%} refused"
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay = delay
        self.served: list[float] = []
        self.refused = 0
        self._limits = Limits()
        self._lock = threading.Lock()

    def count(self) -> int | None:
        """Count a request now, or return the seconds to wait."""
        with self._lock:
            now = time.monotonic()
            try:
                self._limits.count(1, "", Family.ALL_ELSE, datetime.fromtimestamp(now, UTC))
            except Busy as busy:
                self.refused += 1
                return busy.wait
            self.served.append(now)
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        """Receive a request after a delay, and respond after another one."""
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(random.uniform(0, self.server.delay))
        wait = self.server.count()
        time.sleep(random.uniform(0, self.server.delay))
        self.send_response(200 if wait is None else 503)
        if wait is not None:
            self.send_header("Retry-After", str(wait))
        body = _PAGES if wait is None else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


def measure(
    seconds: float, *, processes: int = 4, threads: int = 8, delay: float = 0.3, skew: int = 0
) -> Measured:
    """Let processes read for a time.

    Args:
        seconds: How long.
        processes: How many.
        threads: Number of threads of each.
        delay: Longest delay of a request, and of a response, in seconds.
        skew: Seconds that the clocks of the processes differ from that of Redis, ahead and behind.
    """
    with _server(delay) as server, _redis() as redis:
        url = f"http://127.0.0.1:{server.server_port}"
        arguments = [url, redis.url, str(threads), str(seconds)]
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", _CLIENT, *arguments, str(skew * (-1) ** number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(processes)
        ]
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
        for client in clients:
            client.communicate()
            if client.returncode:
                raise RuntimeError("a client has failed")
    served = server.served
    return Measured(_rate(served), len(served) + server.refused, server.refused)


def _rate(served: Sequence[float]) -> float:
    """Return the mean rate from each request to the hundredth after it, as a part of the limit."""
    spans = [later - earlier for earlier, later in zip(served, served[LIMIT:], strict=False)]
    return WINDOW.total_seconds() * len(spans) / sum(spans)


@contextmanager
def _server(delay: float) -> Iterator[_Server]:
    with _Server(delay) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def _redis() -> Iterator[RedisProcess]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis = RedisProcess(Path(folder))
        stack.callback(redis.kill)
        yield redis


def main() -> None:
    """Measure as often as the command line says, and print the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--delay", type=float, default=0.3)
    parser.add_argument("--skew", type=int, default=10)
    options = vars(parser.parse_args())
    for _ in range(options.pop("rounds")):
        print(measure(**options), flush=True)


if __name__ == "__main__":
    main()
