"""Journal entries over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
MINE = "/users/40000001/journal_entries.xml"
TIME = "2031-03-05T18:30:15Z"


def entry(body: str = "Mended the gate") -> str:
    return f"<journal-entry><body>{body}</body></journal-entry>"


def bodies(response: requests.Response) -> list[str]:
    return re.findall("<body>([^<]*)<", response.text)


@pytest.fixture
def written(api: Client) -> str:
    """The path of an entry of the owner."""
    api.rest("POST", MINE, entry())
    return "/journal_entries/40000002.xml"


def test_creating_an_entry_returns_only_its_location(api: Client) -> None:
    response = api.rest("POST", MINE, entry())
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["Location"] == f"{api.url}/journal-entries/40000002"


def test_a_single_entry_names_account_and_user_by_id(api: Client, written: str) -> None:
    assert api.rest("GET", written).text == (
        f'{XML}\n<journal-entry><account-id type="integer">40000000</account-id>'
        f'<body>Mended the gate</body><created-at type="datetime">{TIME}</created-at>'
        f'<id type="integer">40000002</id><updated-at type="datetime">{TIME}</updated-at>'
        '<user-id type="integer">40000001</user-id></journal-entry>'
    )


@pytest.mark.parametrize("path", [MINE, "/journal_entries.xml"])
def test_a_list_names_the_user_with_the_name(api: Client, written: str, path: str) -> None:
    assert api.rest("GET", path).text == (
        f'{XML}\n<journal-entries type="array"><journal-entry><body>Mended the gate</body>'
        f'<created-at type="datetime">{TIME}</created-at><id type="integer">40000002</id>'
        f'<updated-at type="datetime">{TIME}</updated-at>'
        '<user><id type="integer">40000001</id><name>Owner</name></user>'
        "</journal-entry></journal-entries>"
    )


def test_without_entries_the_list_is_empty(api: Client) -> None:
    response = api.rest("GET", "/journal_entries.xml")
    assert response.text == f'{XML}\n<journal-entries type="array"></journal-entries>'


def test_an_update_returns_the_entry(api: Client, written: str) -> None:
    response = api.rest("PUT", written, entry("Painted it"))
    assert response.status_code == 200
    assert "<body>Painted it</body>" in response.text
    assert response.text == api.rest("GET", written).text


def test_an_update_without_a_body_preserves_it(api: Client, written: str) -> None:
    assert bodies(api.rest("PUT", written, "<journal-entry/>")) == ["Mended the gate"]


def test_an_update_changes_only_the_time_of_the_update(
    box: Sandbox, as_user: Callable[..., Client]
) -> None:
    now = [box._service.now()]
    with Sandbox(seed="empty", token="one-token-of-many", clock=lambda: now[0]) as later:
        api = as_user("one-token-of-many", later.url)
        api.rest("POST", MINE, entry())
        now[0] += timedelta(minutes=1)
        response = api.rest("PUT", "/journal_entries/40000002.xml", entry("x"))
    assert f'<created-at type="datetime">{TIME}<' in response.text
    assert '<updated-at type="datetime">2031-03-05T18:31:15Z<' in response.text


def test_an_entry_can_be_destroyed_once(api: Client, written: str) -> None:
    response = api.rest("DELETE", written)
    assert (response.status_code, response.content) == (200, b"")
    assert api.rest("DELETE", written).status_code == 404
    assert api.rest("GET", written).status_code == 404


def test_an_entry_needs_a_body(api: Client) -> None:
    assert api.rest("POST", MINE, "<journal-entry/>").status_code == 500


class TestOtherUsers:
    @pytest.fixture
    def sam(self, box: Sandbox, as_user: Callable[..., Client], written: str) -> Client:
        return as_user(box.add_user("Sam"))

    def test_entries_are_listed(self, sam: Client) -> None:
        assert bodies(sam.rest("GET", MINE)) == ["Mended the gate"]
        assert bodies(sam.rest("GET", "/journal_entries.xml")) == ["Mended the gate"]
        assert bodies(sam.rest("GET", "/users/40000003/journal_entries.xml")) == []

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
    def test_entry_is_forbidden(self, sam: Client, written: str, verb: str) -> None:
        assert sam.rest(verb, written, entry("Hm")).status_code == 403

    def test_writing_to_the_journal_is_forbidden(self, sam: Client) -> None:
        assert sam.rest("POST", MINE, entry("Hm")).status_code == 403
        assert bodies(sam.rest("GET", MINE)) == ["Mended the gate"]

    def test_entries_of_another_account_are_not_found(
        self, box: Sandbox, as_user: Callable[..., Client], written: str
    ) -> None:
        other = as_user(box.add_account("other"))
        assert bodies(other.rest("GET", "/journal_entries.xml")) == []
        assert other.rest("GET", written).status_code == 404

    def test_the_journal_of_an_unknown_user_is_not_found(self, api: Client) -> None:
        assert api.rest("GET", "/users/7/journal_entries.xml").status_code == 404
        assert api.rest("POST", "/users/7/journal_entries.xml", entry()).status_code == 404


class TestWindows:
    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("", (250, 151)),
            ("?n=0&count=100", (250, 151)),
            ("?n=1&count=100", (150, 51)),
            ("?n=2&count=100", (50, 1)),
            ("?n=2", (50, 1)),
            ("?count=500", (250, 151)),
            ("?n=1&count=500", (150, 51)),
            ("?count=3", (250, 248)),
            ("?n=83&count=3", (1, 1)),
        ],
    )
    def test_entries_are_listed_newest_first_in_windows_of_at_most_a_hundred(
        self, demo: Client, query: str, numbers: tuple[int, int]
    ) -> None:
        seen = [
            int(body.rpartition(" ")[2])
            for body in bodies(demo.rest("GET", f"/journal_entries.xml{query}"))
        ]
        first, last = numbers
        assert seen == list(range(first, last - 1, -1))

    @pytest.mark.parametrize("query", ["?n=3", "?n=84&count=3", "?count=0", f"?n={'9' * 30}"])
    def test_a_window_after_the_last_entry_is_empty(self, demo: Client, query: str) -> None:
        response = demo.rest("GET", f"/journal_entries.xml{query}")
        assert (response.status_code, bodies(response)) == (200, [])

    @pytest.mark.parametrize("query", ["?n=-1", "?count=many"])
    def test_a_window_that_is_not_a_number_is_an_error(self, demo: Client, query: str) -> None:
        assert demo.rest("GET", f"/journal_entries.xml{query}").status_code == 500

    def test_the_journal_of_a_user_is_part_of_all_entries(self, demo: Client) -> None:
        counts = [
            len(bodies(demo.rest("GET", f"/users/{id}/journal_entries.xml?count=100")))
            for id in (40000001, 40000002, 40000003)
        ]
        assert counts == [100, 100, 50]

    def test_the_window_can_be_in_the_body(self, demo: Client) -> None:
        response = demo.rest("GET", "/journal_entries.xml", "<request><count>2</count></request>")
        assert len(bodies(response)) == 2
