"""Responses that several processes share, in a real Redis server."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.connection import Connection, shared_cache
from backpack_orm.connection.redis_server import AVOIDED
from backpack_orm.errors import Timeout, ValidationError
from backpack_orm.models.page import Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from backpack_orm.wire.endpoint import ws
from tests.connection.conftest import RENAME, SHOW, TOKEN, Clock, Stub, Withheld, http
from tests.redis_process import RedisProcess, SilentServer

LINKED = ws("page/{id}", reads="page:{id}", reads_in=lambda record: ["linked:9"])
RENAME_LINKED = ws("page/{id}/update_title", writes="page:{id} linked:{id}", idempotent=True)


def page(title: Any) -> Any:
    return http(200, f"<page title='{title}' id='7'/>".encode())


def text(response: Any) -> Any:
    return response.content


def show(connection: Any, row: Any = SHOW, **options: Any) -> Any:
    return connection.call(row, (7,), read=text, **options)


def rename(connection: Any, id: int = 7, row: Any = RENAME) -> None:
    connection.call(row, (id,), read=parse.anything)


@pytest.fixture
def server(redis: RedisProcess) -> Any:
    """The Redis server, empty."""
    redis.client().flushall()
    return redis


@pytest.fixture
def process(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that connects as in a process of its own."""
    with ExitStack() as stack:

        def connect(server: Any, token: Any = TOKEN, **options: Any) -> Any:
            monkeypatch.setattr(shared_cache, "_responses", {})
            made = Connection(stub.url, token=token, cache=server.url, limits=None, **options)
            return stack.enter_context(made)

        yield connect


@pytest.fixture
def mortal(tmp_path: Path) -> Any:
    """A server that a test may kill or suspend."""
    server = RedisProcess(tmp_path)
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _pages(stub: Stub) -> None:
    stub.default = page("new")


# --- shared -----------------------------------------------------------------------------------


def test_what_one_process_has_read_is_cached_for_the_other(
    stub: Stub, server: Any, process: Any
) -> None:
    one, other = process(server), process(server)
    assert show(one) == show(other)
    assert len(stub.requests) == 1
    assert (one.stats.cache_hits, other.stats.cache_hits) == (0, 1)


def test_a_write_in_one_process_is_seen_by_the_other_at_its_next_read(
    stub: Stub, server: Any, process: Any
) -> None:
    one, other = process(server), process(server)
    stub.responses(page("old"))
    assert b"old" in show(one)
    assert b"old" in show(other)
    rename(other)
    assert b"new" in show(one)


def test_a_write_leaves_other_responses_cached(stub: Stub, server: Any, process: Any) -> None:
    one, other = process(server), process(server)
    show(one)
    rename(other, id=8)
    show(one)
    assert len(stub.requests) == 2


def test_a_write_whose_response_is_lost_invalidates_too(
    stub: Stub, server: Any, process: Any
) -> None:
    one, other = process(server), process(server, max_wait=0)
    show(one)
    stub.responses("the stub closes the socket")
    with pytest.raises(Exception, match="connection"):
        rename(other)
    show(one)
    assert len(stub.requests) == 3


def test_users_do_not_share_responses_and_see_each_others_writes(
    stub: Stub, server: Any, process: Any
) -> None:
    ana, sam = process(server), process(server, token="another")
    show(ana), show(sam)
    assert len(stub.requests) == 2
    rename(sam)
    show(ana)
    assert len(stub.requests) == 4


def test_different_calls_are_different_responses(stub: Stub, server: Any, process: Any) -> None:
    connection = process(server)
    search = ws("pages/search", sends="term", reads="search")
    for term in "aab":
        connection.call(search, (), {"term": term}, read=text)
    show(connection)
    assert len(stub.requests) == 3


def test_fresh_bypasses_the_cache_and_fills_it(stub: Stub, server: Any, process: Any) -> None:
    one, other = process(server), process(server)
    stub.responses(page("old"))
    show(one)
    show(one, fresh=True)
    assert b"new" in show(other)
    assert len(stub.requests) == 2


def test_threads_that_make_the_same_call_make_one_request(
    stub: Stub, server: Any, process: Any
) -> None:
    connection = process(server)
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: show(connection), range(8)))
    assert len(set(pages)) == len(stub.requests) == 1


def test_a_hook_may_make_the_call_that_it_is_called_for(
    stub: Stub, server: Any, process: Any
) -> None:
    connection = process(server, deadline=1)
    seen = []
    connection.hooks.on_request(lambda event: seen.append(show(connection)))
    assert [show(connection)] == seen


def test_waiting_for_another_threads_request_ends_with_the_deadline(
    stub: Stub, server: Any, process: Any
) -> None:
    connection, withheld = process(server, deadline=1), Withheld(page("new"))
    stub.responses(withheld)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(show, connection) for _ in range(2)]
        assert withheld.asked.wait(10)
        wait(calls, timeout=0.2)
        assert len(stub.requests) == 1  # later, the other may ask in what is left of its deadline
        errors = {type(call.exception(10)) for call in calls}
        withheld.released.set()
    assert errors == {Timeout}


def test_closing_a_connection_leaves_the_responses_and_clearing_drops_them(
    stub: Stub, server: Any, process: Any
) -> None:
    one, other = process(server), process(server)
    show(one)
    one.close()
    show(other)
    assert len(stub.requests) == 1
    one.clear_cache()
    show(other)
    assert len(stub.requests) == 2


def test_the_export_of_an_account_is_shared(box: Sandbox, server: Any) -> None:
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(Connection(box.url, token=box.token, cache=server.url))
            for _ in range(2)
        )
        for connection in one, other:
            notes = [page.notes for page in Page.all(load=True, using=connection)]
        assert any(notes)
        assert len(box.log) == 3
        Page.get(title="Lisbon", using=one).notes.create(title="Tram")
        lisbon = next(p for p in Page.all(load=True, using=other) if p.title == "Lisbon")
        assert "Tram" in [note.title for note in lisbon.notes]


def test_tags_of_many_pages_are_changed_without_reading_an_export(
    box: Sandbox, server: Any
) -> None:
    with Connection(box.url, token=box.token, cache=server.url) as connection:
        tagged = Page.where(lambda page: page.id % 2, using=connection).retag(add=["Shared"])
        assert tagged.is_complete
        assert not any("export" in exchange.path for exchange in box.log)
        assert any("Shared" in page.tags for page in Page.all(using=connection))


# --- reads that overlap with writes -----------------------------------------------------------


def overlapping(stub: Any, reader: Any, row: Any, write: Any) -> Any:
    """Read while another process writes; return the response."""
    withheld = Withheld(page("old"))
    stub.responses(withheld)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(show, reader, row)
        assert withheld.asked.wait(10)
        write()
        withheld.released.set()
        return reading.result()


def test_a_response_from_before_a_write_is_not_cached_after_it(
    stub: Stub, server: Any, process: Any
) -> None:
    reader, writer = process(server), process(server)
    assert b"old" in overlapping(stub, reader, SHOW, lambda: rename(writer))
    assert b"new" in show(reader)


def test_that_holds_for_tags_that_only_the_response_adds(
    stub: Stub, server: Any, process: Any
) -> None:
    reader, writer = process(server), process(server)
    write = lambda: rename(writer, 9, RENAME_LINKED)  # noqa: E731
    assert b"old" in overlapping(stub, reader, LINKED, write)
    assert b"new" in show(reader, LINKED)


def test_a_response_is_cached_under_the_tags_that_it_adds_itself(
    stub: Stub, server: Any, process: Any
) -> None:
    reader, writer = process(server), process(server)
    show(reader, LINKED), show(reader, LINKED)
    assert len(stub.requests) == 1
    rename(writer, 9, RENAME_LINKED)
    show(reader, LINKED)
    assert len(stub.requests) == 3


def test_while_a_write_is_under_way_reads_make_requests(
    stub: Stub, server: Any, process: Any
) -> None:
    """Else one could return the old state after another one has returned the new."""
    reader, writer = process(server), process(server)
    show(reader)
    with writer._writing(("page:7",)):
        show(reader), show(reader)
        assert len(stub.requests) == 3
    show(reader), show(reader)
    assert len(stub.requests) == 4


def test_a_process_that_dies_while_it_writes_leaves_nothing_old_behind(
    stub: Stub, server: Any, process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_cache, "LEASE", 0.2)
    reader, writer = process(server), process(server)
    stub.responses(page("old"))
    show(reader)
    writer._shared_cache._responses.begin_write(["page:7"])
    assert b"new" in show(reader)
    time.sleep(0.25)
    show(reader), show(reader)
    assert len(stub.requests) == 3


def test_a_response_whose_generations_were_evicted_is_not_used(
    stub: Stub, server: Any, process: Any
) -> None:
    connection = process(server)
    show(connection)
    client = server.client()
    client.delete(*client.keys("*:tag:page:7"))
    show(connection)
    assert len(stub.requests) == 2


# --- what is stored ---------------------------------------------------------------------------


def test_a_server_holds_neither_tokens_nor_names(stub: Stub, server: Any, process: Any) -> None:
    connection = process(server, token=TOKEN)
    show(connection)
    rename(connection)
    show(connection)
    client = server.client()
    stored = repr([(key, client.get(key)) for key in client.keys("*")])
    assert "backpack_orm:cache:" in stored
    assert TOKEN not in stored
    assert "127.0.0.1" not in stored


def entry_key(client: Any) -> Any:
    (key,) = (key for key in client.keys("*") if b":tag:" not in key)
    return key


def test_an_entry_is_a_line_of_format_one_of_json_and_the_body(server: Any, process: Any) -> None:
    connection = process(server)
    body = show(connection)
    client = server.client()
    form, header, stored = client.get(entry_key(client)).split(b"\n", 2)
    assert form.startswith(b"backpack_orm 2 ")
    assert stored == body
    assert json.loads(header)["status"] == 200
    assert 0 < client.pttl(entry_key(client)) <= json.loads(header)["lifetime"] <= 60_000
    assert "page:7" in json.loads(header)["generations"]


def test_an_entry_of_another_format_is_a_miss(stub: Stub, server: Any, process: Any) -> None:
    connection = process(server)
    show(connection)
    client = server.client()
    client.set(entry_key(client), b"backpack_orm 3 0\nsomething else", keepttl=True)
    show(connection)
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.replace(b"title='new'", b"title='nEw'"),
        lambda entry: entry.replace(b'{"status"', b'"status"'),
        lambda entry: entry.replace(b'"status": 200', b'"status": 201'),
        lambda entry: entry.replace(b'{"status"', b'{"unknown": 1, "status"'),
        lambda entry: entry[:-1],
        lambda entry: entry[:20],
        lambda entry: b"backpack_orm 2 0\nsomething else",
    ],
    ids=["text", "json", "status", "member", "end", "header", "foreign"],
)
def test_a_damaged_or_foreign_entry_is_a_miss(
    stub: Stub, server: Any, process: Any, damage: Any
) -> None:
    connection = process(server)
    intact = show(connection)
    client = server.client()
    entry = client.get(entry_key(client))
    assert damage(entry) != entry
    client.set(entry_key(client), damage(entry), keepttl=True)
    assert show(connection) == show(connection) == intact
    assert len(stub.requests) == 2


def test_an_entry_under_the_key_of_another_call_is_a_miss(
    stub: Stub, server: Any, process: Any
) -> None:
    connection = process(server)
    show(connection)
    client = server.client()
    key = entry_key(client)
    connection.call(SHOW, (8,), read=text)
    (other,) = (each for each in client.keys("*") if b":tag:" not in each and each != key)
    client.copy(other, key, replace=True)
    show(connection)
    assert len(stub.requests) == 3


def test_no_entry_is_older_than_the_ttl_of_its_reader(
    stub: Stub, server: Any, process: Any
) -> None:
    writer, reader = process(server, ttl=600), process(server, ttl=60)
    show(writer)
    client = server.client()
    key = entry_key(client)
    client.pexpire(key, client.pttl(key) - 50_000)  # as after 50 seconds
    show(reader)
    assert len(stub.requests) == 1
    client.pexpire(key, client.pttl(key) - 10_000)
    show(writer)
    assert len(stub.requests) == 1
    show(reader)
    assert len(stub.requests) == 2


def test_an_entry_without_an_expiry_is_a_miss(stub: Stub, server: Any, process: Any) -> None:
    connection = process(server)
    show(connection)
    client = server.client()
    client.persist(entry_key(client))
    show(connection)
    assert len(stub.requests) == 2


def test_entries_expire_at_different_times_and_never_late(server: Any, process: Any) -> None:
    connection = process(server, ttl=60)
    for id in range(20):
        connection.call(SHOW, (id,), read=text)
    client = server.client()
    left = [client.pttl(key) for key in client.keys("*") if b":tag:" not in key]
    assert len(left) == 20
    assert all(50_000 < each <= 60_000 for each in left)
    assert max(left) - min(left) > 500
    assert all(client.pttl(key) > 60_000 for key in client.keys("*:tag:*"))


def test_a_large_response_is_not_cached(
    stub: Stub, server: Any, process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_cache, "MAX_BYTES", 20)
    connection = process(server)
    show(connection), show(connection)
    assert len(stub.requests) == 2


# --- without the server -----------------------------------------------------------------------


def test_without_a_server_reads_make_requests(
    stub: Stub, process: Any, mortal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = process(mortal)
    show(connection)
    mortal.kill()
    for _ in range(3):
        show(connection)
    assert len(stub.requests) == 4
    assert [record.message for record in caplog.records if "unix" in record.message] == [
        f"{mortal.url} fails (ConnectionError): reads make requests for now"
    ]


def test_a_server_that_does_not_respond_delays_one_read(
    stub: Stub, process: Any, mortal: Any
) -> None:
    connection = process(mortal)
    show(connection)
    mortal.suspend()
    began = time.monotonic()
    for _ in range(5):
        show(connection)
    assert time.monotonic() - began < 4 * shared_cache.TIMEOUT
    assert len(stub.requests) == 6


def test_a_write_succeeds_without_the_server_and_is_read_by_the_one_that_wrote(
    stub: Stub, process: Any, mortal: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = process(mortal), process(mortal)
    stub.responses(page("old"))
    assert b"old" in show(one)
    mortal.suspend()
    with caplog.at_level(logging.ERROR):
        rename(other)
    assert "could not invalidate responses after a write" in caplog.text
    assert b"new" in show(other)
    mortal.resume()
    assert b"old" in show(one)  # the one case: until it expires, or the other has invalidated it
    assert b"new" in show(other)  # still past the cache
    clock.now += AVOIDED
    assert b"new" in show(other)
    assert b"new" in show(one)


def test_a_server_that_does_not_respond_delays_one_of_many_writes(
    stub: Stub, process: Any, clock: Clock, silent: SilentServer
) -> None:
    connection = process(silent)
    for _ in range(3):
        rename(connection)
    assert silent.connections() == 1
    clock.now += AVOIDED
    rename(connection)
    assert silent.connections() == 1
    assert len(stub.requests) == 4


def test_the_first_write_after_five_seconds_invalidates_for_all_before(
    stub: Stub, process: Any, mortal: Any, clock: Clock
) -> None:
    one, other = process(mortal), process(mortal)
    stub.responses(page("old"))
    show(one)
    mortal.suspend()
    rename(other)
    mortal.resume()
    clock.now += AVOIDED
    rename(other, id=8)
    assert b"new" in show(one)


def test_a_full_server_still_takes_invalidations(
    stub: Stub, process: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisProcess(tmp_path)
    try:
        one, other = process(server), process(server)
        stub.responses(page("old"))
        show(one)
        client = server.client()
        client.config_set("maxmemory", 1)
        assert b"old" in show(other)
        rename(other)
        assert b"new" in show(one)
        assert b"new" in show(one)
        assert len(stub.requests) == 4
        assert "refuses a command (OutOfMemoryError)" in caplog.text
    finally:
        server.kill()


# --- the option -------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", ["", None, 5, "redis", "memcached://127.0.0.1"])
def test_a_cache_is_an_address(cache: Any) -> None:
    with pytest.raises(ValidationError, match="^cache takes memory:// or an address"):
        Connection("acme", token=TOKEN, cache=cache)


def test_an_invalid_address_is_reported_without_its_password() -> None:
    with pytest.raises(ValidationError, match="^cache='redis://h:x' is not the address") as caught:
        Connection("acme", token=TOKEN, cache="redis://:secret@h:x")
    assert "secret" not in repr(caught.value)


def test_a_pickle_does_not_contain_the_address() -> None:
    connection = Connection("acme", token=TOKEN, cache="redis://:secret@127.0.0.1")
    assert "secret" not in repr(connection.__reduce__())


def test_no_time_to_live_disables_the_shared_cache_too(
    stub: Stub, server: Any, process: Any
) -> None:
    connection = process(server, ttl=0)
    show(connection), show(connection)
    assert len(stub.requests) == 2


# --- eight processes --------------------------------------------------------------------------


class Register(ThreadingHTTPServer):
    """A service with one page, whose title is the number of writes; responses take random times."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.version = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Register
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(random.uniform(0, 0.01))
        with self.server.lock:
            self.server.version += self.path.endswith("update_title")
            body = f"<page title='{self.server.version}' id='7'/>".encode()
        time.sleep(random.uniform(0, 0.01))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


CLIENT = """
import contextlib, json, random, re, sys, time
from backpack_orm.connection import Connection, shared_cache
from backpack_orm.wire.endpoint import ws
url, redis, seed, invalidates = sys.argv[1:]
if invalidates != "True":
    shared_cache.SharedCache.writing = lambda self, tags: contextlib.nullcontext()
random.seed(int(seed))
show = ws("page/{id}", reads="page:{id}")
rename = ws("page/{id}/update_title", writes="page:{id}", idempotent=True)
connection = Connection(url, token="secret", cache=redis, limits=None)
version = lambda response: (int(re.search(rb"title='(\\d+)'", response.content)[1]),)
print("ready", flush=True)
sys.stdin.readline()
history = []
for _ in range(60):
    row = rename if random.random() < 0.1 else show
    began = time.monotonic()
    (seen,) = connection.call(row, (7,), read=version)
    history.append((began, time.monotonic(), row is rename, seen))
print(json.dumps([history, connection.stats.cache_hits]))
"""


@contextmanager
def register() -> Any:
    with Register() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def recorded(server: Any, invalidates: Any) -> Any:
    """Return the calls of eight processes, and the number of those that made no request."""
    with register() as service:
        url = f"http://127.0.0.1:{service.server_port}"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", CLIENT, url, server.url, str(seed), str(invalidates)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in range(8)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        outcomes = [json.loads(process.communicate()[0]) for process in processes]
    return [call for history, _ in outcomes for call in history], sum(hits for _, hits in outcomes)


def violations(history: Any) -> Any:
    """Return the pairs of calls that no order explains.

    The service numbers the writes, and a read sees a number. So an order exists unless a call that
    began after another one has ended saw an earlier state, or a write repeats its number.
    """
    found = []
    for _, ended, _, before in history:
        for began, _, is_write, seen in history:
            if ended < began and (seen < before or (is_write and seen == before)):
                found.append((before, seen))
    return found


@pytest.mark.parametrize(
    ("history", "is_possible"),
    [
        ([(0, 1, True, 1), (2, 3, False, 1)], True),
        ([(0, 1, True, 1), (2, 3, False, 0)], False),
        ([(0, 3, True, 1), (1, 2, False, 0)], True),
        ([(0, 1, False, 1), (2, 3, False, 0)], False),
        ([(0, 1, False, 1), (2, 3, True, 1)], False),
    ],
)
def test_histories_are_judged(history: list[tuple[int, int, bool, int]], is_possible: bool) -> None:
    assert (violations(history) == []) is is_possible


@pytest.mark.network
def test_eight_processes_read_as_if_there_were_no_cache(server: Any) -> None:
    history, hits = recorded(server, invalidates=True)
    assert len(history) == 480
    assert hits > 30
    assert violations(history) == []


@pytest.mark.network
def test_without_invalidation_they_do_not(server: Any) -> None:
    history, _ = recorded(server, invalidates=False)
    assert violations(history)
