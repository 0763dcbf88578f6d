"""Fault injection: types of faults, the requests that meet them, and how often."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import requests

from backpack_orm.sandbox import Exchange, Faults, Sandbox
from backpack_orm.sandbox.__main__ import main
from tests.sandbox.conftest import Client, line_of

GET_USERS = b"GET /users.xml HTTP/1.1\r\nHost: localhost\r\nX-BP-Token: t0ken-0123456789\r\n\r\n"
NEW_PAGE = "<page><title>Lisbon</title></page>"
TOKEN = "c4na7yc4na7yc4na7y"


@pytest.fixture
def users(api: Client) -> str:
    """The response without a fault."""
    return api.rest("GET", "/users.xml").text


@pytest.fixture
def faults(box: Sandbox) -> Faults:
    return box.faults


def talk(api: Client, request: bytes = GET_USERS) -> tuple[str, str]:
    """Send bytes, and read until the server closes the connection."""
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(request)
        received = b""
        while piece := client.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body.decode("latin-1")


def pages(api: Client) -> Any:
    return api.ws("pages/all").count("<page ")


def create(api: Client) -> None:
    """Create a page and ignore the response."""
    with contextlib.suppress(requests.RequestException):
        api.rest("POST", "/ws/pages/new", NEW_PAGE)


# --- what goes wrong --------------------------------------------------------------------------


def test_latency_delays_execution_and_response(api: Client, faults: Faults) -> None:
    fault = faults.latency(3600, path="ws/pages/new")
    with ThreadPoolExecutor() as pool:
        response = pool.submit(api.rest, "POST", "/ws/pages/new", NEW_PAGE)
        while not fault.fired:
            assert not response.done()
        with requests.Session() as other:
            assert "Lisbon" not in other.post(f"{api.url}/ws/pages/all?token=t0ken-0123456789").text
        assert not response.done()
        faults.clear()
        assert response.result().status_code == 200
    assert pages(api) == 1


def test_latency_ends(api: Client, faults: Faults, users: str) -> None:
    faults.latency(0.01)
    assert api.rest("GET", "/users.xml").text == users


def test_a_slow_body_is_delayed_after_the_headers(api: Client, faults: Faults, users: str) -> None:
    faults.slow_body(3600)
    response = requests.get(f"{api.url}/users.xml?token=t0ken-0123456789", stream=True)
    assert (response.status_code, response.headers["Content-Length"]) == (200, str(len(users)))
    faults.clear()
    assert response.text == users


def test_a_slow_body_is_complete(api: Client, faults: Faults, users: str) -> None:
    faults.slow_body(0.01)
    assert api.rest("GET", "/users.xml").text == users


def test_a_connection_dropped_before_the_write_changes_nothing(api: Client, faults: Faults) -> None:
    faults.drop_before_write(times=1)
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        api.rest("POST", "/ws/pages/new", NEW_PAGE)
    assert pages(api) == 0


def test_a_connection_dropped_after_the_write_has_executed_it(api: Client, faults: Faults) -> None:
    faults.drop_after_write(times=1)
    with pytest.raises(requests.ConnectionError, match="closed connection without response"):
        api.rest("POST", "/ws/pages/new", NEW_PAGE)
    assert pages(api) == 1


def test_dropped_connections_send_no_bytes(api: Client, faults: Faults) -> None:
    faults.drop_before_write(times=1)
    faults.drop_after_write(times=1)
    assert [talk(api), talk(api)] == [("", ""), ("", "")]


def test_a_connection_dropped_when_idle_has_sent_a_complete_keep_alive_response(
    api: Client, faults: Faults, users: str
) -> None:
    faults.drop_when_idle()
    head, body = talk(api)
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "close" not in head.lower()
    assert body == users


def test_a_truncated_response_ends_in_the_middle(api: Client, faults: Faults, users: str) -> None:
    faults.truncate()
    head, body = talk(api)
    assert f"Content-Length: {len(users)}\r\n" in head
    assert body == users[: len(users) // 2]


def test_a_truncated_response_follows_a_write_that_was_executed(
    api: Client, faults: Faults
) -> None:
    faults.truncate(times=1)
    create(api)
    assert pages(api) == 1


def test_a_wrong_length_is_shorter_than_the_body(api: Client, faults: Faults, users: str) -> None:
    faults.wrong_length()
    head, body = talk(api)
    assert f"Content-Length: {len(users) // 2}\r\n" in head
    assert body == users


def test_garbage_is_not_http(api: Client, faults: Faults) -> None:
    faults.garbage(times=1)
    request = NEW_PAGE.encode()
    head = (
        b"POST /t0ken-0123456789/ws/pages/new HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    received = "".join(talk(api, head % len(request) + request))
    assert received == bytes(range(256)).decode("latin-1")
    assert pages(api) == 1


def test_an_html_page_has_a_success_status(api: Client, faults: Faults) -> None:
    faults.html_page(times=1)
    response = api.rest("POST", "/ws/pages/new", NEW_PAGE)
    assert (response.status_code, response.headers["Content-Type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    assert response.text.startswith("<!DOCTYPE html>")
    assert pages(api) == 0


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(500, "Internal Server Error"), (502, "Bad Gateway"), (503, "Service Unavailable")],
)
def test_a_status_is_returned_and_nothing_executed(
    api: Client, faults: Faults, status: int, phrase: str
) -> None:
    faults.status(status, times=1)
    response = api.rest("POST", "/ws/pages/new", NEW_PAGE)
    assert response.status_code == status
    assert f'<response success="false"><error code="{status}">{phrase}</error>' in response.text
    assert "Retry-After" not in response.headers
    assert pages(api) == 0


def test_a_status_can_have_retry_after(api: Client, faults: Faults) -> None:
    faults.status(503, retry_after=7)
    assert api.rest("GET", "/users.xml").headers["Retry-After"] == "7"


def test_a_status_can_be_returned_after_the_write(api: Client, faults: Faults) -> None:
    faults.status(502, executed=True, times=1)
    assert api.rest("POST", "/ws/pages/new", NEW_PAGE).status_code == 502
    assert pages(api) == 1


def test_an_error_can_have_a_success_status(api: Client, faults: Faults) -> None:
    faults.error_body(404, times=1)
    response = api.rest("POST", "/ws/pages/new", NEW_PAGE)
    assert response.status_code == 200
    assert (
        '<response success="false"><error code="404">Not Found</error></response>' in response.text
    )
    assert pages(api) == 0


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("http://127.0.0.1:9{path}", "http://127.0.0.1:9/users.xml?x=%C3%A9"),
        ("https://evil.example{path}", "https://evil.example/users.xml?x=%C3%A9"),
        ("https://{host}{path}", "https://HOST/users.xml?x=%C3%A9"),
        ("ftp://{host}{path}", "ftp://HOST/users.xml?x=%C3%A9"),
        ("http://me:pw@{host}{path}", "http://me:pw@HOST/users.xml?x=%C3%A9"),
        ("http://{host}@evil.example{path}", "http://HOST@evil.example/users.xml?x=%C3%A9"),
        ("//evil.example{path}", "//evil.example/users.xml?x=%C3%A9"),
        (r"\\evil.example{path}", r"\\evil.example/users.xml?x=%C3%A9"),
        (r"http:\\evil.example", r"http:\\evil.example"),
        ("/login", "/login"),
    ],
)
def test_the_location_of_a_redirect_is_not_changed(
    api: Client, faults: Faults, to: str, location: str
) -> None:
    faults.redirect(to)
    response = api.rest("GET", "/users.xml?x=%C3%A9")
    assert response.status_code == 302
    assert response.headers["Location"].replace(api.url.removeprefix("http://"), "HOST") == location


def test_a_redirected_write_is_not_executed(api: Client, faults: Faults) -> None:
    faults.redirect("/login", times=1)
    assert api.rest("POST", "/ws/pages/new", NEW_PAGE).status_code == 302
    assert pages(api) == 0


def test_requests_without_a_token_are_affected_too(api: Client, faults: Faults) -> None:
    faults.status(502)
    assert api.send("GET", "/users.xml").status_code == 502


@pytest.mark.parametrize(
    "description", ["drop_before_write", "drop_when_idle", "truncate", "wrong_length", "garbage"]
)
def test_after_a_fault_the_sandbox_serves_as_before(
    api: Client, faults: Faults, users: str, description: str
) -> None:
    faults.add(f"{description} times=1")
    with contextlib.suppress(requests.RequestException):
        api.rest("GET", "/users.xml")
    assert requests.get(f"{api.url}/users.xml?token=t0ken-0123456789").text == users


# --- which requests meet it -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("users.xml", "users.xml"),
        ("/users.xml", "users.xml"),
        ("ws/page/*/notes/create", "ws/page/7/notes/create"),
        ("ws/*/7", "ws/page/7"),
        ("*.xml", "users.xml"),
        ("**", "ws/page/7/notes/create"),
        ("ws/**/create", "ws/page/7/notes/create"),
        ("*", ""),
    ],
)
def test_a_path_pattern_matches(pattern: str, path: str) -> None:
    faults = Faults()
    fault = faults.html_page(path=pattern)
    assert faults.fault_for("GET", path) is fault


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("users.xml", "usersxxml"),
        ("users.xml", "users.xml/7"),
        ("xml", "users.xml"),
        ("*", "ws/pages"),
        ("ws/page/*", "ws/page/7/notes/create"),
        ("ws/page/*/notes/create", "ws/page/7/8/notes/create"),
        ("*.xml", "calendars/7.xml"),
        ("ws/**/create", "ws/page/7/notes/update/8"),
    ],
)
def test_a_path_pattern_does_not_match(pattern: str, path: str) -> None:
    faults = Faults()
    faults.html_page(path=pattern)
    assert faults.fault_for("GET", path) is None


def test_a_path_pattern_is_matched_without_the_token(api: Client, faults: Faults) -> None:
    fault = faults.status(502, path="users.xml")
    assert api.send("GET", "/t0ken-0123456789/users.xml").status_code == 502
    assert api.send("GET", "/t0ken-0123456789/me.xml").status_code == 200
    assert fault.fired == 1


@pytest.mark.parametrize("verb", ["GET", "get"])
def test_a_method_is_matched_case_insensitively(verb: str) -> None:
    faults = Faults()
    faults.html_page(verb=verb)
    assert [bool(faults.fault_for(each, "x")) for each in ("GET", "POST")] == [True, False]


def met(faults: Faults, requests: int = 6) -> list[int]:
    """Return which requests meet a fault."""
    return [number for number in range(requests) if faults.fault_for("GET", "x")]


def test_without_options_all_requests_are_affected() -> None:
    faults = Faults()
    faults.html_page()
    assert met(faults) == [0, 1, 2, 3, 4, 5]


def test_a_fault_happens_the_given_number_of_times() -> None:
    faults = Faults()
    fault = faults.html_page(times=2)
    assert met(faults) == [0, 1]
    assert fault.fired == 2


def test_a_fault_can_skip_the_first_matching_requests() -> None:
    faults = Faults()
    faults.html_page(after=2, times=3, path="x")
    assert faults.fault_for("GET", "y") is None
    assert met(faults) == [2, 3, 4]


def test_a_chance_is_reproducible() -> None:
    one, other = Faults(), Faults()
    one.html_page(chance=0.1)
    other.html_page(chance=0.1)
    assert met(one, 1000) == met(other, 1000)
    assert 50 < len(met(one, 1000)) < 150


def test_chances_are_independent() -> None:
    faults = Faults()
    first, second = faults.html_page(chance=0.1), faults.garbage(chance=0.1)
    happened = [faults.fault_for("GET", "x") for _ in range(1000)]
    followed = sum(pair == (first, second) for pair in pairwise(happened))
    assert followed < second.fired / 2


def test_a_chance_counts_only_faults_that_happen() -> None:
    faults = Faults()
    fault = faults.html_page(chance=0.5, times=3)
    assert len(met(faults, 1000)) == fault.fired == 3


def test_faults_that_happen_once_run_in_order(api: Client, faults: Faults) -> None:
    faults.status(500, times=1)
    faults.status(502, times=1)
    faults.status(503, times=1)
    statuses = [api.rest("GET", "/users.xml").status_code for _ in range(4)]
    assert statuses == [500, 502, 503, 200]


def test_the_first_matching_fault_affects_a_request() -> None:
    faults = Faults()
    faults.html_page(path="elsewhere")
    first, second = faults.garbage(), faults.truncate()
    assert met(faults) == [0, 1, 2, 3, 4, 5]
    assert (first.fired, second.fired) == (6, 0)


def test_cleared_faults_no_longer_happen(api: Client, faults: Faults) -> None:
    fault = faults.status(500)
    assert api.rest("GET", "/users.xml").status_code == 500
    faults.clear()
    assert api.rest("GET", "/users.xml").status_code == 200
    assert fault.fired == 1


def test_faults_happen_the_given_number_of_times_among_many_threads() -> None:
    faults, start = Faults(), threading.Barrier(8)
    fault = faults.html_page(times=1000)

    def send(_: int) -> Any:
        start.wait()
        return sum(faults.fault_for("GET", "x") is not None for _ in range(500))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == fault.fired == 1000


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda faults: faults.html_page(times=0), "times must be at least 1, not 0"),
        (lambda faults: faults.html_page(after=-1), "after must be at least 0, not -1"),
        (lambda faults: faults.html_page(chance=0), "chance must be above 0 and at most 1, not 0"),
        (
            lambda faults: faults.html_page(chance=1.1),
            "chance must be above 0 and at most 1, not 1.1",
        ),
        (lambda faults: faults.latency(-1), "at least 0, not -1"),
        (lambda faults: faults.slow_body(float("nan")), "at least 0, not nan"),
        (lambda faults: faults.status(302), "status must be an error, 400 or more, not 302"),
        (lambda faults: faults.status(999), "999 is not a valid HTTPStatus"),
        (lambda faults: faults.error_body(7), "7 is not a valid HTTPStatus"),
        (lambda faults: faults.redirect("/a\r\nb"), "must be printable ASCII"),
        (lambda faults: faults.redirect("/é"), "must be printable ASCII"),
    ],
)
def test_invalid_options_are_refused(plan: Callable[..., Any], message: str) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match=message):
        plan(faults)
    assert repr(faults) == "<Faults []>"


def test_a_misspelled_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="'pth'"):
        Faults().html_page(pth="users.xml")  # type: ignore[call-arg]


# --- counted and logged -----------------------------------------------------------------------


def test_the_log_has_the_status_or_none_without_a_response(
    box: Sandbox, api: Client, faults: Faults
) -> None:
    for plan in (faults.drop_before_write, faults.drop_after_write, faults.garbage):
        plan(times=1)
        create(api)
    faults.truncate(times=1)
    create(api)
    faults.status(503, times=1)
    create(api)
    create(api)
    assert box.log == [
        Exchange("POST", "/ws/pages/new", status) for status in (None, None, None, 200, 503, 200)
    ]
    assert box.requests == 6


def test_responses_have_the_date_of_the_sandbox(api: Client, faults: Faults, users: str) -> None:
    faults.status(500, times=1)
    dates = {api.rest("GET", "/users.xml").headers["Date"] for _ in range(2)}
    assert dates == {"Wed, 05 Mar 2031 18:30:15 GMT"}


@pytest.mark.network
def test_a_sandbox_with_delayed_requests_can_be_closed(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(seed="empty", token="t0ken-0123456789") as box, ThreadPoolExecutor() as pool:
        fault = box.faults.latency(3600)
        response = pool.submit(requests.get, f"{box.url}/users.xml?token=t0ken-0123456789")
        while not fault.fired:
            assert not response.done()
        box.close()
        with contextlib.suppress(requests.ConnectionError):
            response.result()
    assert "still running" not in caplog.text


@pytest.mark.network
def test_no_fault_logs_a_token(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(seed="empty", token=TOKEN) as box, caplog.at_level(logging.DEBUG):
        url = f"{box.url}/{TOKEN}/users.xml?token={TOKEN}"
        for description in (
            "latency 0",
            "slow_body 0",
            "drop_before_write",
            "drop_after_write",
            "drop_when_idle",
            "truncate",
            "wrong_length",
            "garbage",
            "html_page",
            "status 500",
            "status 503 retry_after=1 executed=yes",
            "error_body",
            "redirect //evil.example",
        ):
            box.faults.add(f"{description} times=1")
            with contextlib.suppress(requests.RequestException):
                response = requests.get(url, headers={"X-BP-Token": TOKEN}, allow_redirects=False)
                assert TOKEN not in response.text + str(response.headers)
    assert box.requests == 13
    ours = [record for record in caplog.records if "urllib3" not in record.name]
    assert TOKEN not in "".join(map(logging.Formatter().format, ours))
    assert TOKEN not in repr((box, box.log, box.faults))


# --- as text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "description",
    [
        "latency 0.5",
        "slow_body 2.0 path=**",
        "drop_before_write",
        "drop_after_write path=ws/page/*/notes/create times=1",
        "drop_when_idle after=3",
        "truncate chance=0.1",
        "wrong_length verb=GET",
        "garbage",
        "html_page",
        "status 500",
        "status 503 retry_after=2 times=1",
        "status 502 executed=yes",
        "error_body 404",
        r"redirect \\evil.example{path} times=1",
    ],
)
def test_the_repr_of_a_fault_is_its_description(description: str) -> None:
    faults = Faults()
    assert repr(faults.add(description)) == f"<Fault {description!r}, fired 0>"
    assert repr(faults) == f"<Faults [<Fault {description!r}, fired 0>]>"


@pytest.mark.parametrize(
    ("description", "full"),
    [
        ("latency seconds=1", "latency 1.0"),
        ("status times=1 status=502 executed=no", "status 502 times=1"),
        ("error_body", "error_body 500"),
        ("redirect to=/login?to=/", "redirect /login?to=/"),
        ("  garbage   times=1 ", "garbage times=1"),
    ],
)
def test_options_can_be_in_any_order(description: str, full: str) -> None:
    assert repr(Faults().add(description)) == f"<Fault {full!r}, fired 0>"


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("", "unknown fault ''; known are latency, slow_body, "),
        ("explode", "unknown fault 'explode'"),
        ("clear", "unknown fault 'clear'"),
        ("times=1 garbage", "unknown fault 'times=1'"),
        ("latency", "the fault latency requires seconds=…"),
        ("status times=1", "the fault status requires status=…"),
        ("latency soon", "could not convert string to float: 'soon'"),
        ("garbage times=often", "invalid literal for int"),
        ("garbage 3", "the fault garbage has no option '3'"),
        ("garbage seconds=3", "the fault garbage has no option 'seconds=3'"),
        ("status 500 executed=perhaps", "executed must be yes or no, not 'perhaps'"),
        ("status 200", "status must be an error, 400 or more, not 200"),
    ],
)
def test_an_invalid_description_is_an_error(description: str, message: str) -> None:
    faults = Faults()
    with pytest.raises(ValueError, match=re.escape(message)):
        faults.add(description)
    assert repr(faults) == "<Faults []>"


def test_the_command_line_takes_faults(as_user: Callable[..., Client]) -> None:
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0"]
    faults = ["--fault", "status 500 times=1 path=users.xml", "--fault", "status 502 path=me.xml"]
    with subprocess.Popen([*command, *faults], stdout=subprocess.PIPE, text=True) as program:
        _, _, _, url, _, token = line_of(program).split()
        api = as_user(token, url)
        paths = ["/users.xml", "/users.xml", "/me.xml"]
        assert [api.rest("GET", path).status_code for path in paths] == [500, 200, 502]
        program.terminate()


def test_the_command_line_lists_all_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    listed = set(re.findall(r"\w+", capsys.readouterr().out))
    methods = {name for name in vars(Faults) if name[0] != "_"}
    assert methods - {"add", "clear", "fault_for"} <= listed


def test_the_command_line_reports_an_invalid_fault_in_one_line() -> None:
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--fault", "latency"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backpack sandbox: the fault latency requires seconds=…\n"
