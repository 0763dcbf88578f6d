"""No input is an internal error, and none costs more than its size."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from encodings.aliases import aliases
from itertools import islice
from uuid import uuid4

import psycopg
import pytest

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.credentials import candidates
from backpack_orm.sandbox.encodings import codec_named
from backpack_orm.sandbox.reading import InvalidRequest, Parameters, read_body
from tests import postgresql
from tests.sandbox.conftest import DATABASES, NOW, Client
from tests.sandbox.fuzz import odd

TOKEN = "t0ken-0123456789"
CHARSETS = ["punycode", "idna", "utf-7", "rot13", "hex", "unicode_escape", "cp037", "x"]
SIZE, TIMES = 1_000, 16


@pytest.fixture(scope="module", params=DATABASES)
def odd_box(
    request: pytest.FixtureRequest, network: None
) -> Iterator[tuple[str, list[logging.LogRecord]]]:
    """A sandbox, the token of an account with the demonstration, and its log."""
    data = ":memory:"
    if request.param == "postgresql":
        cluster, name = request.getfixturevalue("cluster"), f"odd_{uuid4().hex}"
        postgresql.create(cluster, name)
        data = cluster.format(name)
    with (
        Sandbox(seed="demo", data=data, token=TOKEN, clock=lambda: NOW) as box,
        odd.watching() as log,
    ):
        yield box.url, log


@pytest.mark.parametrize("seed", range(12))
def test_random_requests_are_no_internal_errors(
    odd_box: tuple[str, list[logging.LogRecord]], seed: int
) -> None:
    url, log = odd_box
    for request in islice(odd.requests(seed, TOKEN), 12):
        assert odd.fault_of(url, request, log) is None, request


def test_an_internal_error_is_found(
    odd_box: tuple[str, list[logging.LogRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError

    url, log = odd_box
    monkeypatch.setattr("backpack_orm.sandbox.calls.read_body", broken)
    head = f"POST /ws/pages/all HTTP/1.1\r\nHost: 127.0.0.1\r\nX-BP-Token: {TOKEN}\r\n"
    request = odd.Odd(f"{head}Content-Length: 4\r\nConnection: close\r\n\r\n", b"<a/>")
    assert "KeyError" in (odd.fault_of(url, request, log) or "")


def shared(address: str) -> str:
    return f"<request><email_addresses>{address}</email_addresses></request>"


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", "/%00.ics", "", 404),
        ("GET", "/t0ken%000123456789.ics", "", 404),
        ("GET", "/%00/me.xml", "", 302),
        ("POST", "/ws/page/7?x=%00", "", 400),
        ("POST", "/ws/{page}/share", shared("a" * 318 + "@x"), 200),
        ("POST", "/ws/{page}/share", shared("a" * 319 + "@x"), 422),
        ("POST", "/ws/{page}/share", shared("ﬃ" * 107), 422),  # as it is compared, it is longer
        ("POST", "/ws/pages/new", "<page><title>", 400),
        ("POST", "/ws/pages/new", '<?xml version="1.0" encoding="x"?><page/>', 415),
        ("POST", "/ws/pages/new", '<?xml version="1.0" encoding="utf-7"?><page/>', 415),
        ("POST", "/ws/pages/new", '<?xml version="1.0" encoding="utf-16"?><page/>', 415),
        ("POST", "/ws/pages/new", "<" * (4 * 1024 * 1024 + 1), 413),
    ],
)
def test_an_odd_input_is_refused_in_the_same_way_by_both_databases(
    api: Client, page: str, verb: str, path: str, body: str, status: int
) -> None:
    response = api.rest(verb, path.format(page=page), body)
    assert response.status_code == status


@pytest.mark.parametrize("id", [2**63 - 1, 2**63, 2**64, 10**30])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ws/{page}/link", "<r><linked_page_id>{id}</linked_page_id></r>"),
        ("/ws/{page}/reorder", "<r><belongings>{id}</belongings></r>"),
        ("/ws/reminders/create", "<r><content>+5 x</content><remindees>{id}</remindees></r>"),
        ("/calendar_events.xml", "<event><calendar_id>{id}</calendar_id></event>"),
        ("/ws/page/{id}", ""),
    ],
)
def test_no_record_has_an_id_that_is_too_large(
    api: Client, page: str, path: str, body: str, id: int
) -> None:
    response = api.rest("POST", path.format(page=page, id=id), body.format(id=id))
    assert response.status_code == 404


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_that_is_not_on_the_list_is_refused(api: Client, charset: str) -> None:
    kind = f"application/xml; charset={charset}"
    response = api.send(
        "POST", "/ws/pages/new", b"<page/>", X_BP_Token=api.token, Content_Type=kind
    )
    assert response.status_code == 415


def test_only_codecs_on_the_list_are_used() -> None:
    slow_or_no_text = {
        *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec"),
        *("zlib_codec", "punycode", "idna", "utf_7", "cp037", "unicode_escape", "undefined"),
    }
    names = {*aliases, *aliases.values(), *slow_or_no_text}
    used = {codec for name in names if (codec := codec_named(name))}
    assert len(used) < 60
    refused = {name for name in names if aliases.get(name, name) in slow_or_no_text}
    assert {codec_named(name) for name in refused} == {None}
    for codec in used:
        assert "<a>".encode(codec).decode(codec) == "<a>"


@pytest.mark.parametrize(
    "encoding", ["shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "iso-2022-jp", "Windows-31J"]
)
def test_a_declaration_can_name_a_multibyte_encoding(api: Client, encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><page><title>日本 "A"</title></page>'
    text = body.encode(encoding if encoding != "Windows-31J" else "cp932")
    response = api.rest("POST", "/ws/pages/new", text)
    assert 'title="&#26085;&#26412; &quot;A&quot;"' in response.text


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ('<title lang="en"/>', ""),
        ('<title lang="en"></title>', ""),
        ('<title lang="en"> \n</title>', " \n"),
        ('<title lang="en"> Hi </title>', " Hi "),
        ('<title content="Hi"/>', "Hi"),
    ],
)
def test_attributes_do_not_change_the_text_of_an_element(title: str, shown: str) -> None:
    assert Parameters(read_body(f"<r>{title}</r>".encode())).text("title") == shown


def test_an_element_without_text_has_fields_in_attributes() -> None:
    item = Parameters(read_body(b"<r><item completed='true'/></r>")).group("item")
    assert (item.text("content"), item.flag("completed")) == (None, True)


BODIES = {
    "elements": lambda size: b"<r>" + b"<a/>" * (size // 4) + b"</r>",
    "attributes": lambda size: b"<r>" + b"<a b=''/>" * (size // 9) + b"</r>",
    "text": lambda size: b"<r><a>" + b"&amp;" * (size // 5) + b"</a></r>",
    "comment": lambda size: b"<r><!--" + b"a" * size + b"--></r>",
    "declaration": lambda size: b"<?xml " + b" " * size + b"?><r/>",
    "json": lambda size: b'{"a": [' + b"1," * (size // 2) + b"1]}",
    "escapes": lambda size: b'{"a": "' + rb"\u0041" * (size // 6) + b'"}',
    "yaml": lambda size: b"---\na: " + b"b c " * (size // 4),
    "form": lambda size: b"a=" + b"%41" * (size // 3),
    "name": lambda size: b"a" + b"[]" * (size // 2) + b"=1",
    "blanks": lambda size: b" " * size + b"<r/>",
    "words": lambda size: b"token=" + b"token-" * (size // 6),
    "ids": lambda size: b"<r><a>" + b"1 " * (size // 2) + b"</a></r>",
}


def seconds(body: bytes, charset: str = "") -> float:
    """Return the time that reading a body takes, at best."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        candidates(body)
        with suppress(InvalidRequest):
            Parameters(read_body(body, charset)).ids("a")
        times.append(time.thread_time() - began)
    return min(times) + 0.0002


@pytest.mark.parametrize("kind", BODIES)
def test_reading_a_body_takes_time_in_proportion_to_its_size(kind: str) -> None:
    small, large = BODIES[kind](SIZE), BODIES[kind](SIZE * TIMES)
    assert seconds(large) < 4 * TIMES * seconds(small)


@pytest.mark.parametrize(
    "codec", sorted({codec for name in aliases if (codec := codec_named(name))})
)
def test_decoding_a_body_takes_time_in_proportion_to_its_size(codec: str) -> None:
    small, large = (bytes(range(1, 128)) * (size // 127) for size in (SIZE, SIZE * TIMES))
    assert seconds(large, codec) < 4 * TIMES * seconds(small, codec)


class TestTimeouts:
    @pytest.mark.network
    def test_a_statement_timeout_is_503(self, cluster: str, as_user: Callable[..., Client]) -> None:
        name = f"timeout_{uuid4().hex}"
        postgresql.create(cluster, name)
        data = cluster.format(name)
        with (
            psycopg.connect(data, autocommit=True) as sql,
            Sandbox(seed="empty", data=data, token=TOKEN) as box,
        ):
            sql.execute(f"ALTER DATABASE {name} SET statement_timeout = 50")
            box._database.close()  # for connections with this setting
            with sql.transaction():
                sql.execute("SELECT * FROM accounts FOR UPDATE")
                response = as_user(TOKEN, box.url).rest("POST", "/ws/pages/new")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
