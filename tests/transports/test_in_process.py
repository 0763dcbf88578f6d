"""A request that is handled in the process gets the same bytes as one through a socket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import requests
import yaml

import backpack_orm
from backpack_orm.errors import OutcomeUnknown
from backpack_orm.sandbox import Sandbox
from tests import in_process
from tests.conftest import CASSETTES, TOKEN

pytestmark = pytest.mark.network

REFUSED = (431, 501)  # before the application
ODD = [
    ("GET", "/", b"", {}),
    ("GET", "/no/such/path.xml", b"", {"X-BP-Token": TOKEN}),
    ("GET", "//users.xml", b"", {"X-BP-Token": TOKEN}),
    ("GET", "/users.xml?a=%00&b=%ff#c", b"", {"X-BP-Token": TOKEN}),
    ("GET", f"/{TOKEN}/users.xml", b"", {}),
    ("HEAD", "/users.xml", b"", {"X-BP-Token": TOKEN}),
    ("OPTIONS", "/users.xml", b"", {"X-BP-Token": TOKEN}),
    ("PURGE", "/users.xml", b"", {"X-BP-Token": TOKEN}),
    ("GET", "/users.xml", b"", {"X-BP-Token": TOKEN, "Origin": "https://evil.example"}),
    ("GET", "/users.xml", b"", {"X-BP-Token": "\u00e4" * 20}),
    ("GET", "/users.xml", b"", {"X-BP-Token": TOKEN, "X-Long": "x" * 70_000}),
    ("GET", "/users.xml", b"", {"X-BP-Token": TOKEN, "Transfer-Encoding": "gzip"}),
    ("POST", "/ws/pages/all", b"<request>", {"Content-Type": "application/xml"}),
    ("POST", "/ws/pages/all", b"\x00\xff", {"X-BP-Token": TOKEN}),
    ("POST", "/ws/pages/all", b"x" * 5_000_000, {"X-BP-Token": TOKEN}),
]


def recorded(path: Path) -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Return the requests of a cassette: method, path, body and headers."""
    rows = []
    for interaction in yaml.safe_load(path.read_text("utf-8"))["interactions"]:
        request = interaction["request"]
        headers = {name: values[0] for name, values in request["headers"].items()}
        rows.append(
            (
                request["method"],
                "/" + request["uri"].split("/", 3)[3],
                (request["body"] or "").replace("TOKEN", TOKEN).encode(),
                {name: value.replace("TOKEN", TOKEN) for name, value in headers.items()},
            )
        )
    return rows


def responses(box: Sandbox, calls: list[Any], *, by_socket: bool) -> list[tuple[Any, ...]]:
    """Return status, headers and body of each response, in order."""
    in_process.allow(not by_socket)
    found = []
    with requests.Session() as session:
        session.trust_env = False
        for method, path, body, headers in calls:
            prepared = requests.Request(method, box.url, headers=headers, data=body).prepare()
            prepared.url = box.url + path  # as it is
            response = session.send(prepared, allow_redirects=False)
            port = box.url.rpartition(":")[2]
            shown = {name: value.replace(port, "PORT") for name, value in response.headers.items()}
            if response.status_code in REFUSED:  # by the server, which has no clock of the sandbox
                assert shown.pop("Date")
            found.append((response.status_code, response.reason, shown, response.content))
    return found


def check(demo: Callable[..., Sandbox], calls: list[Any]) -> None:
    found = []
    for by_socket in (False, True):
        tokens = (f"{number:040}" for number in count())
        with demo(token_factory=tokens.__next__) as box:
            found.append(responses(box, calls, by_socket=by_socket))
    assert found[0] == found[1]


@pytest.mark.parametrize("folder", sorted(path.name for path in CASSETTES.iterdir()))
def test_recorded_requests_get_the_same_responses(
    demo: Callable[..., Sandbox], folder: str
) -> None:
    for path in sorted((CASSETTES / folder).iterdir()):
        check(demo, recorded(path))


@pytest.mark.parametrize("call", ODD, ids=lambda call: f"{call[0]} {call[1][:20]} {[*call[3]]}")
def test_odd_requests_get_the_same_responses(demo: Callable[..., Sandbox], call: Any) -> None:
    check(demo, [call])


def test_no_thread_serves_requests_of_this_process(demo: Callable[..., Sandbox]) -> None:
    with demo() as box:
        before = {*threading.enumerate()}
        requests.get(f"{box.url}/users.xml", headers={"X-BP-Token": TOKEN}, timeout=5)
        assert box.requests == 1
        new = {*threading.enumerate()} - before
        assert not [thread for thread in new if thread.name.startswith(("backpack", "waitress"))]


def test_other_clients_connect(demo: Callable[..., Sandbox]) -> None:
    with demo() as box:
        request = Request(f"{box.url}/users.xml", headers={"X-BP-Token": TOKEN})
        with urlopen(request, timeout=5) as response:
            assert response.status == 200


def test_a_fault_affects_requests_of_this_process(demo: Callable[..., Sandbox]) -> None:
    with demo() as box:
        connection = backpack_orm.connect(box.url, token=TOKEN)
        box.faults.drop_after_write(verb="POST")
        with pytest.raises(OutcomeUnknown):
            backpack_orm.Page.create(title="Porto", using=connection)
        box.faults.clear()
        assert "Porto" in [page.title for page in backpack_orm.Page.all(using=connection)]
