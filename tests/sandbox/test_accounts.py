"""The Python API: accounts, users, persistent data, and reproducible responses."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client


def calls(client: Client) -> str:
    """Return the responses to all calls that list records."""
    seen = client.ws("pages/all") + client.ws("pages/search", "<term></term>")
    for id in re.findall(r'<page [^>]*id="(\d+)"', client.ws("pages/all")):
        seen += client.ws(f"page/{id}")
    for path in (
        "/me.xml",
        "/users.xml",
        "/reminders.xml",
        "/statuses.xml",
        "/journal_entries.xml",
        "/calendars.xml",
        "/users/40000001/bookmarks.xml",
        "/users/40000001/export.xml",
    ):
        response = client.rest("GET", path)
        seen += response.text + str(response.headers)
    return seen


class TestIsolation:
    @pytest.fixture
    def other(self, box: Sandbox, as_user: Callable[..., Client]) -> Any:
        return as_user(box.add_account("other"))

    def test_a_second_account_sees_nothing_of_the_first(
        self, api: Client, page: str, other: Any
    ) -> None:
        api.ws(f"{page}/tags/tag", "<tags>Travel</tags>")
        api.rest("POST", "/reminders.xml", "<reminder><content>+30 x</content></reminder>")
        api.rest("PUT", "/users/40000001/status.xml", "<status><message>Packing</message></status>")
        seen = calls(other)
        assert "Lisbon" not in seen
        assert "<reminders></reminders>" in seen
        assert "acme" not in seen
        assert "Packing" not in seen
        assert "Record not found" in other.ws(page, status=404)
        assert "Record not found" in other.ws("tags/select/40000003", status=404)

    def test_equal_ids_and_names_in_two_accounts_are_different_records(
        self, api: Client, page: str, other: Any
    ) -> None:
        other.ws("pages/new", "<page><title>Porto</title></page>")
        for client in (api, other):
            client.ws(f"{page}/tags/tag", "<tags>Travel</tags>")
            client.ws(f"{page}/share", "<email_addresses>owner@acme.example</email_addresses>")
        assert "Porto" not in api.ws("pages/all")  # not even when it is shared with that address
        assert '<page title="Lisbon" id="40000002"/></pages>' in api.ws("tags/select/40000003")
        assert '<page title="Porto" id="40000002"/></pages>' in other.ws("tags/select/40000003")
        other.ws(f"{page}/destroy")
        assert "Lisbon" in api.ws(page)

    def test_a_user_of_one_account_cannot_be_a_remindee_in_another(
        self, box: Sandbox, api: Client, other: Any
    ) -> None:
        box.add_user("Sam", account="other")
        extra = "<remindees><user_id>40000002</user_id></remindees>"
        body = f"<reminder><content>+30 x</content>{extra}</reminder>"
        assert other.rest("POST", "/reminders.xml", body).status_code == 201
        assert api.rest("POST", "/reminders.xml", body).status_code == 404

    def test_a_user_has_pages_of_their_own(
        self, box: Sandbox, api: Client, page: str, as_user: Callable[..., Client]
    ) -> None:
        sam = as_user(box.add_user("Sam"))
        assert "<pages></pages>" in sam.ws("pages/all")
        sam.ws("pages/new", "<page><title>Sam's</title></page>")
        assert "Sam's" not in api.ws("pages/all")


class TestPythonApi:
    @pytest.mark.network
    def test_a_random_token_has_40_hex_digits_and_is_new_each_time(self) -> None:
        tokens = set()
        for _ in range(2):
            with Sandbox(seed="empty") as box:
                tokens.add(box.token)
        assert len(tokens) == 2
        assert all(re.fullmatch("[0-9a-f]{40}", token) for token in tokens)

    @pytest.mark.network
    def test_the_url_is_known_only_while_it_listens(self) -> None:
        box = Sandbox(seed="empty", account="acme")
        assert repr(box) == "<Sandbox of 'acme', not started>"
        with pytest.raises(RuntimeError, match=r"call start\(\)"):
            _ = box.url
        box.start()
        url = box.url
        box.start()
        assert box.url == url
        assert repr(box) == f"<Sandbox of 'acme', {url}>"
        box.close()
        box.close()

    def test_it_listens_on_ip6_too(self, as_user: Callable[..., Client]) -> None:
        with Sandbox(seed="empty", token="t0ken-0123456789", host="::1") as box:
            assert re.fullmatch(r"http://\[::1\]:\d+", box.url)
            client = as_user("t0ken-0123456789", box.url)
            assert "<pages></pages>" in client.ws("pages/all")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"seed": "emtpy"}, "unknown seed 'emtpy': use demo, empty or the path"),
            ({"token": "with/slash"}, "a token has 16 to 200"),
            ({"token": ""}, "a token has 16 to 200"),
            ({"account": ""}, "an account needs a name"),
        ],
    )
    def test_wrong_arguments_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Sandbox(**arguments)

    def test_a_port_in_use_is_an_os_error(self, box: Sandbox) -> None:
        port = int(box.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), Sandbox(seed="empty", port=port):
            pass

    def test_a_file_that_cannot_be_used_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="cannot store data in"):
            Sandbox(data=str(tmp_path / "missing" / "data"))
        (tmp_path / "text").write_text("not a database, but long enough to be looked at" * 9)
        with pytest.raises(OSError, match="cannot store data in"):
            Sandbox(data=str(tmp_path / "text"))

    def test_a_file_of_another_version_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "data.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE pages (title TEXT)")
        before = path.read_bytes()
        with pytest.raises(OSError, match=r"data\.db'.*a database of another program"):
            Sandbox(data=str(path))
        assert path.read_bytes() == before

    def test_users_need_an_account_a_time_zone_and_a_unique_token(self, box: Sandbox) -> None:
        with pytest.raises(ValueError, match="has no account 'nobody'"):
            box.add_user("Sam", account="nobody")
        with pytest.raises(ValueError, match="unknown time zone"):
            box.add_user("Sam", time_zone="Atlantis")
        with pytest.raises(ValueError, match="belongs to another user"):
            box.add_user("Sam", token=box.token)
        with pytest.raises(ValueError, match="belongs to another user"):
            box.add_account("other", token=box.token)
        with pytest.raises(ValueError, match="a token has 16 to 200"):
            box.add_user("Sam", token="a b")

    def test_without_the_extra_the_error_names_it(self) -> None:
        program = (
            "import sys; sys.modules['flask'] = None\n"
            "try:\n    import backpack_orm.sandbox\n"
            "except ImportError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert 'pip install "backpack_orm[sandbox]"' in done.stdout
        assert "flask" in done.stdout


class TestPersistence:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Any:
        return str(tmp_path / "backpack.db")

    def visit(self, as_user: Callable[..., Client], box: Sandbox) -> Client:
        return as_user(box.token, box.url)

    def test_everything_is_there_after_a_restart(
        self, data: str, as_user: Callable[..., Client]
    ) -> None:
        with Sandbox(seed="demo", data=data, token="t0ken-0123456789") as box:
            client = self.visit(as_user, box)
            client.ws("pages/new", "<page><title>Kept</title></page>")
            pages = client.ws("pages/all")
        with Sandbox(seed="demo", data=data, token="t0ken-0123456789") as box:
            client = self.visit(as_user, box)
            assert client.ws("pages/all") == pages
            assert 'title="Kept"' in pages

    def test_ids_continue_after_a_restart(self, data: str, as_user: Callable[..., Client]) -> None:
        for id in ("40000002", "40000003"):
            with Sandbox(seed="empty", data=data, token="t0ken-0123456789") as box:
                response = self.visit(as_user, box).ws("pages/new", "<page><title>A</title></page>")
                assert f'id="{id}"' in response

    def test_a_second_start_revokes_no_token(
        self, data: str, as_user: Callable[..., Client]
    ) -> None:
        tokens = []
        for token in (None, None, "token-that-is-new", "token-that-is-new"):
            with Sandbox(seed="empty", data=data, token=token) as box:
                tokens.append(box.token)
                assert "<pages>" in self.visit(as_user, box).ws("pages/all")
                assert "<pages>" in as_user(tokens[0], box.url).ws("pages/all")
        assert len(set(tokens)) == 3
        with Sandbox(seed="empty", data=data) as box:
            as_user(tokens[2], box.url).ws("pages/all")
            as_user(tokens[1], box.url).ws("pages/all", status=302)  # it was not stored
            assert len(box.tokens.all()) == 2

    def test_accounts_in_one_file_are_separate(
        self, data: str, as_user: Callable[..., Client]
    ) -> None:
        with Sandbox(seed="demo", data=data, account="first", token="token-number-one") as box:
            pass
        with Sandbox(seed="empty", data=data, account="second", token="token-number-two") as box:
            assert "<pages></pages>" in self.visit(as_user, box).ws("pages/all")
        with Sandbox(seed="empty", data=data, account="first", token="token-number-one") as box:
            assert "Lisbon" in self.visit(as_user, box).ws("pages/all")

    @pytest.mark.network
    def test_a_token_of_another_user_in_the_file_is_refused(self, data: str) -> None:
        with Sandbox(seed="empty", data=data, account="first", token="token-number-one"):
            pass
        with pytest.raises(ValueError, match="belongs to another user"):
            Sandbox(seed="empty", data=data, account="second", token="token-number-one")


def test_with_a_fixed_clock_token_and_port_responses_are_reproducible(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    runs = set()
    port = 0
    for _ in range(2):
        with Sandbox(
            seed="demo",
            token="token-number-same",
            port=port,
            clock=box._service.clock,
            token_factory=map("{:040x}".format, count()).__next__,
        ) as again:
            port = int(again.url.rpartition(":")[2])
            client = as_user("token-number-same", again.url)
            runs.add(calls(client))
    assert len(runs) == 1


def test_only_the_given_clock_is_used(as_user: Callable[..., Client]) -> None:
    from datetime import datetime, timezone

    now = [datetime(2031, 3, 5, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))]
    with Sandbox(seed="empty", token="one-token-of-many", clock=lambda: now[0]) as box:
        client = as_user("one-token-of-many", box.url)
        client.ws("pages/new", "<page><title>A</title></page>")
        assert 'created_at="2031-03-05 10:00:00"' in client.ws("page/40000002/notes/create")
        client.rest("POST", "/reminders.xml", "<reminder><content>+30 x</content></reminder>")
        response = client.rest("GET", "/reminders.xml")
        assert "<content>x</content>" in response.text
        this_second = "<reminder><remind_at>2031-03-05 10:00:00</remind_at></reminder>"
        assert client.rest("POST", "/reminders.xml", this_second).status_code == 201
        assert response.headers["Date"] == "Wed, 05 Mar 2031 10:00:00 GMT"
        now[0] += timedelta(minutes=31)
        assert "<reminders></reminders>" in client.rest("GET", "/reminders.xml").text


@pytest.mark.parametrize("data", [":memory:", "file"])
def test_eight_concurrent_threads_lose_no_writes(
    data: str, tmp_path: Path, as_user: Callable[..., Client]
) -> None:
    data = data if data == ":memory:" else str(tmp_path / "backpack.db")
    with Sandbox(seed="empty", data=data, token="one-token-of-many") as box:

        def work(number: int) -> None:
            client = as_user("one-token-of-many", box.url)
            for item in range(10):
                client.ws(
                    "page/40000002/items/add", f"<item><content>{number}.{item}</content></item>"
                )

        first = as_user("one-token-of-many", box.url)
        first.ws("pages/new", "<page><title>A</title></page>")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(8)))
        items = first.ws("page/40000002/items/list")
        found = re.findall(r' id="(\d+)".*?>(\d\.\d)</item>', items)
        assert len({id for id, _ in found}) == 80
        assert sorted(text for _, text in found) == [
            f"{n}.{i}" for n in range(8) for i in range(10)
        ]
        assert first.ws("page/40000002/lists/list").count("<list ") == 1
        assert box.requests == 83


def test_two_sandboxes_can_serve_one_file(tmp_path: Path, as_user: Callable[..., Client]) -> None:
    data = str(tmp_path / "backpack.db")
    with (
        Sandbox(seed="empty", data=data, token="one-token-of-many") as one,
        Sandbox(seed="empty", data=data, token="one-token-of-many") as two,
    ):

        def work(url: str) -> Any:
            client = as_user("one-token-of-many", url)
            return [client.ws("pages/new", "<page><title>A</title></page>") for _ in range(10)]

        with ThreadPoolExecutor(4) as threads:
            responses = set(chain.from_iterable(threads.map(work, [one.url, two.url] * 2)))
    assert len(responses) == 40


def test_idle_clients_do_not_block_others(box: Sandbox, as_user: Callable[..., Client]) -> None:
    clients = [as_user(box.token) for _ in range(120)]
    assert {client.rest("GET", "/me.xml").status_code for client in clients} == {200}


class TestRestart:
    def test_a_restart_in_memory_resets_the_account(self, as_user: Callable[..., Client]) -> None:
        box = Sandbox(seed="empty", token="a-token-of-the-owner")
        for _ in range(2):
            box.start()
            api = as_user(box.token, box.url)
            assert "Lisbon" not in api.ws("pages/all")
            api.ws("pages/new", "<page><title>Lisbon</title></page>")
            box.close()
        assert box.token == "a-token-of-the-owner"

    def test_a_restart_with_a_file_preserves_everything(
        self, tmp_path: Path, as_user: Callable[..., Client]
    ) -> None:
        box = Sandbox(seed="empty", data=str(tmp_path / "data.db"))
        box.start()
        as_user(box.token, box.url).ws("pages/new", "<page><title>Lisbon</title></page>")
        box.close()
        box.start()
        assert "Lisbon" in as_user(box.token, box.url).ws("pages/all")
        box.close()

    @pytest.mark.parametrize("name", ["a?b", "100%", "a&b=c", "a#b", "\u7531\u7d00 1"])
    def test_a_file_can_have_any_name(
        self, tmp_path: Path, as_user: Callable[..., Client], name: str
    ) -> None:
        path = tmp_path / f"{name}.db"
        Sandbox(seed="empty", data=str(path)).close()
        assert [file.name for file in tmp_path.iterdir()] == [path.name]
