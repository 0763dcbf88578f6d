"""A server for the viewer on this machine."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from waitress.server import create_server

_THREADS = 8
_OPENING = """\
<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Backpack</title>
<meta http-equiv="refresh" content="0; url={0}">
<a href="{0}">Open Backpack</a>
"""


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a browser can be opened before the server runs.

    Args:
        host: The name or address to listen on.
        port: The port; 0 for any free one.

    Raises:
        OSError: The address is in use, is not one of this machine, or is not permitted.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def address_of(bound: socket.socket, host: str) -> str:
    """Return the address for a browser on this machine.

    >>> with bound("127.0.0.1", 0) as listening:
    ...     address_of(listening, "127.0.0.1").startswith("http://127.0.0.1:")
    True
    """
    name = "localhost" if is_wildcard(host) else f"[{host}]" if ":" in host else host
    return f"http://{name}:{bound.getsockname()[1]}/"


def is_wildcard(host: str) -> bool:
    """Return whether a host means all addresses of this machine.

    >>> is_wildcard("0.0.0.0"), is_wildcard("::"), is_wildcard("127.0.0.1"), is_wildcard("box")
    (True, True, False, False)
    """
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


@contextmanager
def opened(address: str, open: Callable[[str], object]) -> Iterator[object]:
    """Open an address in a browser; yield whether it could be opened.

    Other users can see the arguments of the browser's process, so these name a file that only the
    user can read, which leads to the address and is deleted at the end.
    """
    with TemporaryDirectory(prefix="backpack-") as folder:
        path = Path(folder) / "open.html"
        path.write_text(_OPENING.format(escape(address)), "utf-8")
        yield open(path.as_uri())


def run(app: Flask, bound: socket.socket) -> None:
    """Serve until Ctrl-C."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # waiting for a thread is normal
    create_server(app, sockets=[bound], threads=_THREADS, ident=None).run()
