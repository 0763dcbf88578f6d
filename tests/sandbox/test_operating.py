"""What an operator meets: addresses to listen on, allowed hosts, links, token files and logs."""

from __future__ import annotations

import codecs
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Application, Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.guard import Guard, Refused
from backpack_orm.sandbox.logs import configure
from backpack_orm.sandbox.token_file import token_and_source
from tests.sandbox.conftest import Client

TOKEN = "t0ken-0123456789"


@pytest.mark.network
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_two_colons_listen_on_both_kinds_of_addresses(
    as_user: Callable[..., Client], address: str
) -> None:
    with Sandbox(seed="empty", token=TOKEN, host="::") as box:
        host = f"[{address}]" if ":" in address else address
        client = as_user(TOKEN, f"http://{host}:{box.url.rpartition(':')[2]}")
        assert client.rest("GET", "/me.xml").status_code == 200


@pytest.mark.parametrize(
    "host", ["*", "*.example", "", " ", "a b", "https://a.example", "a.example:80", "fe80::1%eth0"]
)
def test_a_host_that_is_no_name_is_not_allowed(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="is not a host name: allow each name on its own"):
        Sandbox(seed="empty", allowed_hosts=["a.example", host])
    assert main(["--port", "0", "--allow-host", host]) == 2
    assert "is not a host name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "host", ["a.example", "A.example.", "my_host", "10.0.0.7", "[2001:db8::1]"]
)
def test_names_and_addresses_are_allowed(host: str) -> None:
    Guard("127.0.0.1", [host]).check(
        {"HTTP_HOST": host, "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
    )


@pytest.mark.parametrize("bound", ["::", "::1", "fe80::1%eth0"])
@pytest.mark.parametrize("host", ["[fe80::1%eth0]", "[fe80::1%25eth0]:80", "[::1%1]", "[::1%25a]"])
def test_a_zone_in_the_host_is_refused(bound: str, host: str) -> None:
    with pytest.raises(Refused) as caught:
        Guard(bound).check({"HTTP_HOST": host})
    assert caught.value.status == 421


def test_an_address_that_is_bound_with_a_zone_is_served_without_it() -> None:
    Guard("fe80::1%eth0").check({"HTTP_HOST": "[fe80::1]:80"})


@pytest.mark.parametrize("address", ["http://[::1%25eth0]/back", "http://[::1%evil.example]/"])
def test_an_application_is_not_redirected_to_a_zone(address: str) -> None:
    with pytest.raises(ValueError, match="cannot be redirected to"):
        Application(address)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "0", "--data", "link"],
        ["--port", "0", "--token-file", "link"],
        ["token", "list", "--data", "link"],
        ["deliver", "--data", "link", "--page", "1", "--body", "x"],
        ["check", "link"],
        ["backup", "link", "copy.db"],
        ["backup", "data.db", "link"],
        ["restore", "link", "data.db"],
        ["restore", "data.db", "link"],
    ],
)
def test_a_dangling_link_is_named_with_its_target(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Sandbox(seed="empty", data="data.db").close()
    (tmp_path / "link").symlink_to("gone.db")
    assert main(arguments) == 2
    assert "link' is a link to 'gone.db', which does not exist" in capsys.readouterr().err
    assert not (tmp_path / "gone.db").exists()


def test_a_restore_through_a_link_puts_the_log_of_the_file_aside(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    data, link = tmp_path / "other" / "data.db", tmp_path / "link.db"
    for path in (data, tmp_path / "backup.db"):
        Sandbox(seed="empty", data=str(path)).close()
    data.with_name("data.db-wal").write_bytes(b"left by a crash")
    link.symlink_to(data)
    assert main(["restore", str(tmp_path / "backup.db"), str(link)]) == 0
    assert link.is_symlink()
    assert sorted(path.name for path in data.parent.iterdir()) == [
        "data.db", "data.db.before-restore", "data.db.before-restore-wal"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        TOKEN.encode(),
        codecs.BOM_UTF8 + f"{TOKEN}\r\n".encode(),
        f"{TOKEN}\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + f"{TOKEN}\n".encode("utf-16-be"),
    ],
)
def test_a_token_file_can_have_a_mark_and_be_in_utf_16(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    assert token_and_source(path) == (TOKEN, str(path))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80" * 20, "ü".encode("latin-1") * 16])
def test_a_token_file_that_is_no_text_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="token: it is not a text in UTF-8 or UTF-16"):
        token_and_source(path)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_entry_of_the_log_is_one_line(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # the former ones are put back
    configure(as_json=as_json)
    log = logging.getLogger("backpack_orm.sandbox")
    log.error("cannot store data: %s", "deadlock\nDETAIL: Process 7\r\n\x85\u2028\x1b[31m")
    try:
        raise KeyError("id")
    except KeyError:
        log.exception("defect in GET /")
    first, second = capsys.readouterr().err.split("\n")[:-1]
    assert "DETAIL: Process 7" in first
    assert "\x1b" not in first
    assert "Traceback" in second
    assert "KeyError" in second
