"""Sandboxes that serve one database know each other's applications, codes and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from backpack_orm.sandbox import Application, Sandbox
from backpack_orm.sandbox.oauth_applications import authenticated
from tests.postgresql import create
from tests.sandbox.conftest import DATABASES, Client

APP = Application("https://trips.example/back", "Trips", "trips", "s3cret-of-trips")
PAGE = {"type": "web_server", "client_id": "trips", "redirect_uri": APP.redirect_uri}
SECRET = PAGE | {"client_secret": APP.client_secret}
TOKEN = "t0ken-0123456789"
AT_ONCE = 6

pytestmark = pytest.mark.network


@pytest.fixture(scope="module", params=DATABASES)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an empty database, or the path of a file that does not exist."""
    if request.param == "sqlite":
        return str(tmp_path_factory.mktemp("oauth") / "data.db")
    cluster, name = request.getfixturevalue("cluster"), f"oauth_{uuid4().hex}"
    create(cluster, name)
    return str(cluster.format(name))


def sandbox(data: str, **options: Any) -> Sandbox:
    return Sandbox(seed="empty", data=data, token=TOKEN, **options)


@pytest.fixture(scope="module")
def pair(data: str) -> Iterator[tuple[Sandbox, Sandbox]]:
    """Two sandboxes on one database; only the first is created with an application."""
    with sandbox(data, applications=[APP]) as first, sandbox(data) as second:
        yield first, second


@pytest.fixture
def first(pair: tuple[Sandbox, Sandbox]) -> Sandbox:
    """The first sandbox; nothing is granted yet."""
    pair[0].oauth.open()  # a test has changed the application
    pair[0].oauth.revoke()
    return pair[0]


@pytest.fixture
def second(pair: tuple[Sandbox, Sandbox]) -> Sandbox:
    return pair[1]


def code_of(box: Sandbox) -> str:
    """Return the code for a user who allows the application at the page of a sandbox."""
    client = Client(box.url, TOKEN)
    answer = urlencode({"token": TOKEN, "answer": "allow"})
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    response = client.send("POST", f"/authorization/new?{urlencode(PAGE)}", answer, **kind)
    client.close()
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))["code"]


def post(box: Sandbox, **fields: Any) -> requests.Response:
    client = Client(box.url, "")
    response = client.send("POST", f"/authorization/token?{urlencode(SECRET | fields)}")
    client.close()
    return response


def refreshed(box: Sandbox, tokens: dict[str, Any]) -> requests.Response:
    return post(box, type="refresh", refresh_token=tokens["refresh_token"])


def status_with(box: Sandbox, access_token: str) -> int:
    client = Client(box.url, "")
    response = client.send("GET", "/me.xml", Authorization=f"Bearer {access_token}")
    client.close()
    return response.status_code


def at_once(boxes: list[Sandbox], send: Any) -> list[Any]:
    """Return the responses to requests that are sent to all sandboxes at the same time."""
    barrier = Barrier(AT_ONCE)

    def wait_and_send(number: int) -> Any:
        barrier.wait(10)
        return send(boxes[number % len(boxes)])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(wait_and_send, range(AT_ONCE)))


def test_a_sign_in_that_one_begins_another_one_completes(first: Sandbox, second: Sandbox) -> None:
    tokens = post(second, code=code_of(first)).json()
    assert status_with(first, tokens["access_token"]) == 200
    assert status_with(second, tokens["access_token"]) == 200


def test_a_refresh_by_one_is_known_to_all(first: Sandbox, second: Sandbox) -> None:
    tokens = post(first, code=code_of(first)).json()
    access_token = refreshed(second, tokens).json()["access_token"]
    assert status_with(first, access_token) == 200


def test_a_revocation_by_one_is_seen_by_all(first: Sandbox, second: Sandbox) -> None:
    tokens = post(first, code=code_of(first)).json()
    assert status_with(second, tokens["access_token"]) == 200
    assert first.oauth.revoke("trips") == 2
    assert status_with(second, tokens["access_token"]) == 302
    assert refreshed(second, tokens).json()["error"] == "invalid_grant"


def test_an_application_that_one_registers_all_know(first: Sandbox, second: Sandbox) -> None:
    app = second.oauth.register("https://late.example/back", client_id="late")
    query = urlencode(PAGE | {"client_id": "late", "redirect_uri": app.redirect_uri})
    assert "code=" in first.oauth.allow(f"{first.url}/authorization/new?{query}")
    with pytest.raises(ValueError, match="there is an application with the client id 'late'"):
        first.oauth.register("https://late.example/back", client_id="late")


@pytest.mark.parametrize("attempt", range(3))
def test_a_code_that_is_traded_by_all_at_once_is_traded_once(
    first: Sandbox, second: Sandbox, attempt: int
) -> None:
    code = code_of(first)
    responses = at_once([first, second], lambda box: post(box, code=code))
    assert sorted(each.status_code for each in responses) == [200] + [400] * (AT_ONCE - 1)
    refusals = {each.json()["error"] for each in responses if each.status_code == 400}
    assert refusals == {"invalid_grant"}
    (tokens,) = (each.json() for each in responses if each.status_code == 200)
    assert status_with(first, tokens["access_token"]) == 302, "who used it first is not known"
    assert refreshed(second, tokens).status_code == 400


def test_a_token_that_is_refreshed_during_a_replay_is_revoked(
    first: Sandbox, second: Sandbox
) -> None:
    code = code_of(first)
    tokens = post(first, code=code).json()
    database, grants = first._database, first.oauth.grants
    replay = Thread(target=post, args=(second,), kwargs={"code": code})
    with database.writing() as transaction:
        application = authenticated(transaction.session, "trips", APP.client_secret)
        issued = grants.refresh(
            transaction, application, tokens["refresh_token"], first._service.now()
        )
        transaction.session.flush()
        replay.start()
        replay.join(0.2)  # without a lock, it would see only the tokens issued before
    replay.join()
    assert isinstance(issued, tuple)
    assert status_with(first, issued[0]) == 302


def test_refreshes_at_once_give_a_valid_token_each(first: Sandbox, second: Sandbox) -> None:
    tokens = post(first, code=code_of(first)).json()
    responses = at_once([first, second], lambda box: refreshed(box, tokens))
    new = {each.json()["access_token"] for each in responses}
    assert len(new) == AT_ONCE
    assert {status_with(second, each) for each in new} == {200}
    assert refreshed(second, tokens).status_code == 200, "the refresh token stays valid"


def test_a_token_that_is_granted_during_a_revocation_is_revoked(
    first: Sandbox, second: Sandbox
) -> None:
    tokens = post(first, code=code_of(first)).json()
    database, grants = first._database, first.oauth.grants
    revoking = Thread(target=second.oauth.revoke)
    with database.writing() as transaction:
        application = authenticated(transaction.session, "trips", APP.client_secret)
        revoking.start()
        revoking.join(0.2)  # without a lock, it would see only the tokens granted before
        issued = grants.refresh(
            transaction, application, tokens["refresh_token"], first._service.now()
        )
    revoking.join()
    assert isinstance(issued, tuple)
    assert status_with(first, issued[0]) == 302


@pytest.mark.usefixtures("first")
def test_grants_are_still_valid_after_a_restart(data: str) -> None:
    with sandbox(data) as box:
        tokens = post(box, code=code_of(box)).json()
    with sandbox(data) as box:
        assert status_with(box, tokens["access_token"]) == 200
        assert refreshed(box, tokens).status_code == 200


def test_a_sandbox_in_memory_knows_its_applications_when_it_starts_again(network: None) -> None:
    box = sandbox(":memory:", applications=[APP])
    tokens = []
    for _ in range(2):
        with box:
            tokens.append(post(box, code=code_of(box)).json()["access_token"])
            assert [status_with(box, each) for each in tokens] == [302] * (len(tokens) - 1) + [200]


def test_a_changed_application_replaces_the_stored_one(first: Sandbox, data: str) -> None:
    tokens = post(first, code=code_of(first)).json()
    with sandbox(data, applications=[Application(APP.redirect_uri, "T", "trips", "new")]) as box:
        assert refreshed(box, tokens).status_code == 401
        fields = {"type": "refresh", "refresh_token": tokens["refresh_token"]}
        assert post(box, client_secret="new", **fields).status_code == 200


def test_only_hashes_are_stored(first: Sandbox) -> None:
    unused, tokens = code_of(first), post(first, code=code_of(first)).json()
    with first._database.reading() as session:
        applications, grants = (
            list(map(str, session.execute(text(f"SELECT * FROM {table}"))))
            for table in ("oauth_applications", "oauth_grants")
        )
    assert applications
    assert len(grants) == 4, "two codes and two tokens"
    for secret in (unused, *tokens.values(), APP.client_secret):
        assert str(secret) not in "\n".join(applications + grants)


@pytest.mark.parametrize("client_id", ["\0", "trips\0", "é", "a" * 5000])
def test_a_client_id_that_no_application_can_have_is_unknown(
    first: Sandbox, client_id: str
) -> None:
    assert post(first, client_id=client_id).status_code == 401
