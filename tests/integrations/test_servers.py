"""Applications under real servers: workers that are forked, reloads, and a service that is down."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from backpack_orm.sandbox import Sandbox

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
_ADDRESS = re.compile(
    r"(?:Listening at:|[Rr]unning on|development server at) (http://127\.0\.0\.1:\d+)"
)
_PATIENCE = 60.0
_TOKEN = "0123456789abcdef-of-the-server"

FLASK = """
import os
from http.client import HTTPConnection
from threading import Thread

from flask import Flask

from backpack_orm import Page
from backpack_orm.integrations.flask import Backpack

app = Flask(__name__)
app.config.from_prefixed_env()
backpack = Backpack(app, handle_errors=True)
VERSION = 1


used = {}  # the local ports of the sockets that each process has sent something on
send = HTTPConnection.send


def record(connection, data):
    used.setdefault(os.getpid(), set()).add(connection.sock.getsockname()[1])
    return send(connection, data)


HTTPConnection.send = record


@app.get("/")
def show():
    count, pid = Page.count(fresh=True), os.getpid()
    inherited = [port for other, ports in used.items() if other != pid for port in ports]
    own = [*used[pid]]
    return {"pid": pid, "count": count, "version": VERSION, "own": own, "inherited": inherited}


if "PREPARED" in os.environ:  # connect and use the locks before any worker is forked
    with app.app_context():
        show()

    def read():
        while os.getpid() == parent:
            Page.count(fresh=True, using=connection)

    parent, connection = os.getpid(), app.extensions["backpack_orm"][""]
    Thread(target=read, daemon=True).start()
"""

FASTAPI = """
from typing import Annotated

from fastapi import Depends, FastAPI

from backpack_orm import Connection, Page
from backpack_orm.integrations.fastapi import Backpack, handle_errors

backpack = Backpack()
app = FastAPI(lifespan=backpack.lifespan)
handle_errors(app)
VERSION = 1


@app.get("/")
def show(connection: Annotated[Connection, Depends(backpack)]):
    return {"count": Page.count(using=connection, fresh=True), "version": VERSION}
"""

DJANGO = """
import os

from django.http import JsonResponse
from django.urls import path

from backpack_orm import Page

DEBUG = True
SECRET_KEY = "for a test"
ROOT_URLCONF = "diary"
INSTALLED_APPS = ["backpack_orm.integrations.django"]
MIDDLEWARE = ["backpack_orm.integrations.django.middleware.backpack"]
BACKPACK = {
    "default": {"URL": os.environ["BACKPACK_URL"], "TOKEN": os.environ["BACKPACK_TOKEN"]},
}
VERSION = 1


def show(request):
    return JsonResponse({"count": Page.count(fresh=True), "version": VERSION})


urlpatterns = [path("", show)]
"""


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


class Server:
    """A process that serves an application.

    Attributes:
        url: Its address.
        output: What it has written so far.
    """

    def __init__(self, process: subprocess.Popen[str], output: IO[str]) -> None:
        self._process, self._output = process, output
        self.url = self.until(lambda: _ADDRESS.search(self.output))[1]

    @property
    def output(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def until(self, found: Callable[[], Any]) -> Any:
        """Return what a function returns as soon as that is true."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if value := found():
                return value
            time.sleep(0.02)
        raise AssertionError(f"the server has not responded as expected:\n{self.output}")

    def get(self) -> requests.Response | None:
        """Return a response; None while the server restarts."""
        try:
            return requests.get(self.url, timeout=_PATIENCE)
        except requests.ConnectionError:
            return None

    def json(self) -> Any:
        response = self.get()
        return response.json() if response is not None and response.ok else {}


@contextmanager
def serving(folder: Path, url: str, *command: str, **more: str) -> Iterator[Server]:
    """Run a server in a folder, whose application has an account, and yield it."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **{f"{prefix}BACKPACK_URL": url for prefix in ("", "FLASK_")},
        **{f"{prefix}BACKPACK_TOKEN": _TOKEN for prefix in ("", "FLASK_")},
        **more,
    }
    with (
        (folder / "output").open("w+") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield Server(process, output)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox with the demo account."""
    with Sandbox(token=_TOKEN) as box:
        yield box


GUNICORN = [
    *("gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket"),
    *("--workers", "2", "--threads", "4"),
]


@pytest.mark.parametrize("preload", [True, False])
def test_workers_of_gunicorn_share_nothing(tmp_path: Path, box: Sandbox, preload: bool) -> None:
    (tmp_path / "diary.py").write_text(FLASK, "utf-8")
    command = [*GUNICORN, *(["--preload"] if preload else []), "diary:app"]
    more = {"PREPARED": "1"} if preload else {}
    with serving(tmp_path, box.url, *command, **more) as server:
        own: dict[int, set[int]] = {}
        inherited: set[int] = set()

        def have_responded() -> bool:
            with ThreadPoolExecutor(8) as pool:
                for found in pool.map(lambda _: server.json(), range(16)):
                    assert found["count"] == 13
                    own.setdefault(found["pid"], set()).update(found["own"])
                    inherited.update(found["inherited"])
            return len(own) == 2

        server.until(have_responded)
        one, other = own.values()
        assert bool(inherited) == preload
        for pair in ((one, other), (one, inherited), (other, inherited)):
            assert pair[0].isdisjoint(pair[1])
        assert _TOKEN not in server.output


@pytest.mark.parametrize(
    ("program", "command"),
    [
        (FLASK, ("flask", "--app", "diary", "run", "--port", "0", "--debug")),
        (FASTAPI, ("uvicorn", "--port", "0", "--reload", "diary:app")),
        (DJANGO, ("django", "runserver", "--settings", "diary", "PORT")),
    ],
    ids=["flask", "uvicorn", "django"],
)
def test_an_application_is_reloaded_when_its_code_changes(
    tmp_path: Path, box: Sandbox, program: str, command: tuple[str, ...]
) -> None:
    path = tmp_path / "diary.py"
    path.write_text(program, "utf-8")
    port = free_port()  # Django does not say which one it has found
    command = tuple(port if part == "PORT" else part for part in command)
    with serving(tmp_path, box.url, *command) as server:
        server.until(lambda: server.json().get("version") == 1)
        path.write_text(program.replace("VERSION = 1", "VERSION = 2"), "utf-8")
        edited = time.monotonic()

        def is_reloaded() -> bool:
            nonlocal edited
            if time.monotonic() > edited + 5:  # it was edited before the reloader looked first
                path.touch()
                edited = time.monotonic()
            return bool(server.json().get("version") == 2)

        server.until(is_reloaded)
        assert server.json()["count"] == 13
