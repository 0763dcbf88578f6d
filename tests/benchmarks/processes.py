"""Benchmarks in separate processes: imports, short scripts, and the sandbox under load."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from time import perf_counter
from urllib.parse import urlsplit

from backpack_orm import Connection, Page
from tests.benchmarks.measuring import OURS, Row, take_turns
from tests.benchmarks.serving import TOKEN, serving

_SAMPLES = 15
_LIBRARIES = "requests, lxml.etree, attrs, cachetools"
_IMPORT = "from time import process_time as p; t = p(); import {modules}; print(p() - t)"
_SCRIPT = """
from time import process_time
{script}
print(process_time())
"""
_WITH_OURS = """
from backpack_orm import Page, connect
connect("{url}", token="{token}")
title = Page.find(1).title
"""
_WITH_REQUESTS = """
import requests
from lxml import etree
body = "<request><token>{token}</token></request>"
response = requests.post("{url}/ws/page/1", body, headers={{"Content-Type": "application/xml"}})
title = etree.fromstring(response.content)[0].get("title")
"""
_CALLS = 40


def imports() -> Iterator[Row]:
    """Measure the import in processor time, with other libraries."""
    modules = {
        _LIBRARIES: _LIBRARIES,
        OURS: "backpack_orm",
        "python-gitlab": "gitlab",
        "pyairtable": "pyairtable",
        "exchangelib": "exchangelib",
        "SQLAlchemy": "sqlalchemy.orm",
    }
    yield _processes(
        "importing", {who: _IMPORT.format(modules=named) for who, named in modules.items()}, 1.2
    )


def cold_start() -> Iterator[Row]:
    """Measure a minimal script, from the start of Python to the title of a page."""
    with serving() as url:
        scripts = {"requests and lxml, by hand": _WITH_REQUESTS, OURS: _WITH_OURS}
        yield _processes(
            "the shortest script, one call",
            {
                who: _SCRIPT.format(script=script.format(url=url, token=TOKEN))
                for who, script in scripts.items()
            },
        )


def sandbox() -> Iterator[Row]:
    """Measure the sandbox under load, against Flask and waitress with a constant response."""
    with _sandbox() as url, _bare() as bare:
        with Connection(url, token=TOKEN, limits=None) as connection:
            page = Page.find_by(title="Lisbon", using=connection)
            assert page is not None
            item = page.lists[0].items[0]
        show, update = f"/ws/page/{page.id}", _path_of_update(page.id, item.list_id, item.id)
        for what, path, fields, goal in (
            ("showing a page", show, "", 4.0),
            ("updating an item", update, "<item><content>Socks</content></item>", 3.0),
        ):
            body = f"<request><token>{TOKEN}</token>{fields}</request>"
            for clients in (1, 8):
                with ExitStack() as stack:
                    turns = {
                        who: _load(stack, address, path, body, clients)
                        for who, address in (("Flask and waitress alone", bare), (OURS, url))
                    }
                    yield take_turns(
                        "Sandbox",
                        f"{what}, clients: {clients}",
                        turns,
                        goal=goal,
                        samples=_SAMPLES,
                    )


def _processes(name: str, codes: dict[str, str], goal: float | None = None) -> Row:
    """Run programs that print the measured seconds."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs have their bytecode

    def run(code: str) -> Callable[[], float]:
        command = [sys.executable, "-c", code]
        return lambda: float(subprocess.check_output(command, env=environment))

    turns = {who: run(code) for who, code in codes.items()}
    for turn in turns.values():
        turn()
    return take_turns("Processes", name, turns, goal=goal, samples=_SAMPLES)


def _path_of_update(page: int, list: int, item: int) -> str:
    return f"/ws/page/{page}/lists/{list}/items/update/{item}"


def _load(
    stack: ExitStack, address: str, path: str, body: str, clients: int
) -> Callable[[], float]:
    """Return the seconds per request with this number of clients."""
    pool = stack.enter_context(ThreadPoolExecutor(clients))
    sockets = [HTTPConnection(urlsplit(address).netloc) for _ in range(clients)]
    for socket in sockets:
        stack.callback(socket.close)

    def send(socket: HTTPConnection) -> None:
        for _ in range(_CALLS):
            socket.request("POST", path, body, {"Content-Type": "application/xml"})
            response = socket.getresponse()
            response.read()
            if response.status != 200:
                raise RuntimeError(f"{response.status} for {path}")

    def sample() -> float:
        began = perf_counter()
        list(pool.map(send, sockets))
        return (perf_counter() - began) / (_CALLS * clients)

    return sample


_BARE = """
import logging
from flask import Flask
from waitress import create_server
from tests.benchmarks import responses
app, response = Flask("bare"), responses.page(notes=2, lists=2, items=10, tags=3)
app.add_url_rule("/<path:_>", "response", lambda _: response, methods=["POST"])
logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # like the sandbox
server = create_server(app, host="127.0.0.1", port=0, threads=8)
print(f"http://127.0.0.1:{server.effective_port}", flush=True)
server.run()
"""


@contextmanager
def _bare() -> Iterator[str]:
    with _program("-c", _BARE) as line:
        yield line


@contextmanager
def _sandbox() -> Iterator[str]:
    options = ["--port", "0", "--seed", "demo"]
    with _program("-m", "backpack_orm.sandbox", *options) as line:
        yield line.split()[3]


@contextmanager
def _program(*arguments: str) -> Iterator[str]:
    """Run a Python program and yield the line that it prints when it is ready."""
    command = [sys.executable, *arguments]
    environment = os.environ | {"BACKPACK_SANDBOX_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
