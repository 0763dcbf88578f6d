"""Access tokens are replaced in time, once, and nothing else about a connection changes."""

from __future__ import annotations

import gc
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from backpack_orm import (
    AuthenticationError,
    Connection,
    Grant,
    Note,
    OAuthApp,
    OutcomeUnknown,
    Page,
    ServerError,
    Timeout,
    TransportError,
    ValidationError,
)
from backpack_orm.connection import rate_limits
from backpack_orm.connection.addresses import rate_limit_key
from backpack_orm.connection.oauth import refreshing
from backpack_orm.connection.transport import Transport
from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.http_server import THREADS
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks, requests_for

DAY = 24 * 60 * 60
TWO_WEEKS = 14 * DAY


@pytest.fixture
def stored() -> list[dict[str, Any]]:
    """What the application has stored."""
    return []


@pytest.fixture
def connection(provider: Sandbox, grant: Grant, stored: list[dict[str, Any]]) -> Any:
    with grant.connect(
        provider.url, on_refresh=lambda grant: stored.append(grant.to_dict()), limits=None, ttl=0
    ) as connection:
        yield connection


@pytest.fixture
def refreshes(provider: Sandbox) -> Any:
    """Return a function that counts the refreshes since the test began."""
    before = requests_for(provider, "refresh")
    return lambda: requests_for(provider, "refresh") - before


def refused(provider: Any, since: Any) -> Any:
    return [each for each in provider.log[since:] if each.status == 302]


class TestBeforeExpiry:
    def test_a_token_is_replaced_a_minute_before_it_expires(
        self,
        provider: Sandbox,
        grant: Grant,
        connection: Connection,
        clocks: Clocks,
        refreshes: Any,
        stored: list[dict[str, Any]],
    ) -> None:
        since = len(provider.log)
        clocks.advance(TWO_WEEKS - 61)
        Page.all(using=connection)
        assert refreshes() == 0
        old = grant.access_token
        clocks.advance(2)
        Page.all(using=connection)
        Page.all(using=connection)
        assert (refreshes(), refused(provider, since)) == (1, [])
        assert grant.access_token != old
        assert [each["access_token"] for each in stored] == [grant.access_token]

    def test_a_grant_is_used_for_months(
        self, connection: Connection, clocks: Clocks, refreshes: Any, stored: list[dict[str, Any]]
    ) -> None:
        for _ in range(6):
            clocks.advance(30 * DAY)
            assert Page.all(using=connection) is not None
        assert refreshes() == len(stored) == 6

    def test_a_short_lifetime_does_not_refresh_before_each_call(
        self, provider: Sandbox, sign_in: Any, clocks: Clocks, refreshes: Any
    ) -> None:
        provider.oauth.grants.token_lifetime = 30
        with sign_in().connect(provider.url, ttl=0) as connection:
            for _ in range(5):
                clocks.advance(5)
                Page.all(using=connection)
            assert refreshes() == 0
            clocks.advance(4)
            Page.all(using=connection)
            assert refreshes() == 1

    def test_one_that_cannot_be_replaced_yet_is_used_until_it_expires(
        self,
        provider: Sandbox,
        connection: Connection,
        clocks: Clocks,
        refreshes: Any,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        provider.faults.status(502, path="authorization/token")
        since = len(provider.log)
        clocks.advance(TWO_WEEKS - 30)
        Page.all(using=connection)
        Page.all(using=connection)
        tried = [each for each in provider.log[since:] if each.path == "/authorization/token"]
        assert len(tried) == 3, "not again for each call"
        assert "the access token could not be refreshed yet" in caplog.text
        clocks.advance(30)
        with pytest.raises(ServerError, match="failed"):
            Page.all(using=connection)
        provider.faults.clear()
        assert Page.all(using=connection) is not None
        assert refreshes() == 1

    def test_accounts_replaces_it_too(self, grant: Grant, clocks: Clocks, refreshes: Any) -> None:
        clocks.advance(TWO_WEEKS)
        assert [each.name for each in grant.accounts()] == ["acme"]
        assert refreshes() == 1


class TestAfterRefusal:
    def test_a_read_is_repeated_with_a_new_token(
        self,
        provider: Sandbox,
        connection: Connection,
        refreshes: Any,
        stored: list[dict[str, Any]],
    ) -> None:
        provider.oauth.expire_access_tokens()
        assert Page.all(using=connection) is not None
        assert (refreshes(), len(stored)) == (1, 1)

    def test_a_write_that_was_refused_is_repeated(
        self, provider: Sandbox, connection: Connection, refreshes: Any
    ) -> None:
        provider.oauth.expire_access_tokens()
        Page.create(title="Refused first", using=connection)
        assert refreshes() == 1
        titles = [page.title for page in Page.all(using=connection)]
        assert titles.count("Refused first") == 1

    def test_a_write_that_may_have_been_processed_is_not_repeated(
        self, provider: Sandbox, connection: Connection, refreshes: Any
    ) -> None:
        """Its first try was lost; that its second one is refused tells nothing of the first."""
        page = Page.create(title="Before", using=connection)
        provider.faults.drop_after_write(path="ws/page/*/update_title", times=1)
        provider.faults.redirect("http://{host}/login", path="ws/page/*/update_title", times=1)
        page.title = "After"
        with pytest.raises(AuthenticationError) as error:
            page.save()
        assert error.value.may_have_happened
        assert refreshes() == 0

    def test_a_write_that_may_have_been_processed_says_so_if_there_is_no_new_token(
        self,
        provider: Sandbox,
        connection: Connection,
        clocks: Clocks,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        page = Page.create(title="Before", using=connection)
        provider.faults.drop_after_write(path="ws/page/*/update_title", times=1)

        def wait(transport: Any, call: Any, seconds: Any, reason: Any) -> None:
            clocks.advance(TWO_WEEKS)
            provider.oauth.revoke()

        monkeypatch.setattr(Transport, "_wait", wait)
        page.title = "After"
        with pytest.raises(AuthenticationError, match="the write may have succeeded") as error:
            page.save()
        assert error.value.may_have_happened

    def test_a_create_whose_answer_was_lost_is_not_repeated(
        self, provider: Sandbox, connection: Connection, refreshes: Any
    ) -> None:
        provider.oauth.expire_access_tokens()
        provider.faults.drop_after_write(path="ws/pages/new", times=1, after=1)
        with pytest.raises(OutcomeUnknown):
            Page.create(title="Once", using=connection)
        assert refreshes() == 1
        assert [page.title for page in Page.all(using=connection)].count("Once") == 1

    def test_a_call_is_repeated_once(
        self, provider: Sandbox, connection: Connection, refreshes: Any
    ) -> None:
        provider.faults.redirect("http://{host}/login", path="ws/pages/all")
        since = len(provider.log)
        with pytest.raises(AuthenticationError, match="redirects to its login page"):
            Page.all(using=connection)
        assert refreshes() == 1
        assert len(refused(provider, since)) == 2

    def test_a_grant_without_a_refresh_token_needs_a_new_sign_in(
        self, provider: Sandbox, app: OAuthApp, grant: Grant, refreshes: Any
    ) -> None:
        with grant.connect(provider.url):
            stored = grant.to_dict()
        old = Grant.from_dict(stored | {"refresh_token": None}, app)
        with old.connect(provider.url) as connection:
            assert Page.all(using=connection) is not None
            provider.oauth.expire_access_tokens()
            with pytest.raises(AuthenticationError, match="without a refresh token") as error:
                Page.all(using=connection, fresh=True)
        assert error.value.hint == refreshing.SIGN_IN_AGAIN
        assert refreshes() == 0

    @pytest.mark.parametrize("is_expired", [False, True])
    def test_a_revoked_refresh_token_needs_a_new_sign_in(
        self, provider: Sandbox, connection: Connection, clocks: Clocks, is_expired: bool
    ) -> None:
        if is_expired:
            clocks.advance(TWO_WEEKS)
        provider.oauth.revoke()
        since = len(provider.log)
        with pytest.raises(AuthenticationError, match="the refresh token is unknown") as error:
            Page.create(title="Never", using=connection)
        assert error.value.hint.startswith("Sign in again")
        assert not error.value.may_have_happened
        assert all(each.status != 200 for each in provider.log[since:])


class TestClockSkew:
    @pytest.mark.parametrize("seconds", [-3 * DAY, -3600, 3600, 3 * DAY])
    def test_clocks_may_differ(
        self, provider: Sandbox, app: OAuthApp, clocks: Clocks, refreshes: Any, seconds: Any
    ) -> None:
        clocks.here += timedelta(seconds=seconds)
        url, state = app.authorization_url()
        grant = app.exchange(provider.oauth.allow(url), state=state)
        with grant.connect(provider.url, ttl=0) as connection:
            Page.all(using=connection)
            assert refreshes() == 0
            clocks.advance(TWO_WEEKS - 30)
            Page.all(using=connection)
            assert refreshes() == 1, "the difference does not matter"

    def test_a_clock_that_is_set_back_costs_one_refused_request(
        self, provider: Sandbox, connection: Connection, clocks: Clocks, refreshes: Any
    ) -> None:
        since = len(provider.log)
        clocks.provider += timedelta(seconds=TWO_WEEKS)
        Page.all(using=connection)
        Page.all(using=connection)
        assert (refreshes(), len(refused(provider, since))) == (1, 1)

    def test_a_stored_time_that_seems_past_costs_one_refresh(
        self, provider: Sandbox, app: OAuthApp, grant: Grant, refreshes: Any
    ) -> None:
        stored = grant.to_dict() | {"expires_at": "2001-01-01T00:00:00+00:00"}
        with Grant.from_dict(stored, app).connect(provider.url, ttl=0) as connection:
            Page.all(using=connection)
            Page.all(using=connection)
        assert refreshes() == 1

    @pytest.mark.parametrize(
        "expires_at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"]
    )
    def test_the_first_and_last_times_are_accepted(
        self, app: OAuthApp, grant: Grant, expires_at: str
    ) -> None:
        stored = grant.to_dict() | {"expires_at": expires_at}
        assert Grant.from_dict(stored, app).accounts()


def test_thirty_threads_refresh_twice_if_the_first_answer_is_lost(
    provider: Sandbox,
    grant: Grant,
    connection: Connection,
    clocks: Clocks,
    refreshes: Any,
    stored: list[dict[str, Any]],
) -> None:
    """The token expires while their writes are on the way; each is in the account once."""
    page = Page.create(title="Thirty threads", using=connection)
    held = provider.faults.latency(60, path="ws/page/*/notes/create")
    since = len(provider.log)

    def write(number: Any) -> None:
        Note.create(page=page, title=f"note {number}", using=connection)

    with ThreadPoolExecutor(30) as pool:
        writes = [pool.submit(write, number) for number in range(30)]
        while held.fired < min(THREADS, 30):
            time.sleep(0.001)
        clocks.advance(TWO_WEEKS)
        provider.faults.drop_after_write(path="authorization/token", times=1)
        held.end()
        for each in writes:
            each.result(60)
    assert refreshes() == 2
    assert len(stored) == 1
    created = [each.status for each in provider.log[since:] if each.path.endswith("/create")]
    assert created.count(200) == 30
    assert set(created) == {200, 302}, "the first tries were refused"
    found = sorted(note.title for note in Page.find(page.id, using=connection).notes)
    assert found == sorted(f"note {number}" for number in range(30))


class TestThreads:
    def test_thirty_threads_whose_token_is_refused_refresh_once(
        self, provider: Sandbox, connection: Connection, refreshes: Any
    ) -> None:
        page = Page.create(title="Refused", using=connection)
        provider.oauth.expire_access_tokens()
        with ThreadPoolExecutor(30) as pool:
            list(
                pool.map(
                    lambda number: Note.create(page=page, title=f"{number}", using=connection),
                    range(30),
                )
            )
        assert refreshes() == 1
        assert len(Page.find(page.id, using=connection).notes) == 30

    def test_thirty_threads_share_one_failure(
        self, provider: Sandbox, connection: Connection, clocks: Clocks
    ) -> None:
        clocks.advance(TWO_WEEKS)
        provider.oauth.revoke()
        slow = provider.faults.latency(0.3, path="authorization/token")
        barrier = threading.Barrier(30)

        def read(number: Any) -> None:
            barrier.wait(30)
            with pytest.raises(AuthenticationError):
                Page.find(number + 1, using=connection)

        with ThreadPoolExecutor(30) as pool:
            list(pool.map(read, range(30)))
        assert slow.fired < 10

    def test_a_deadline_limits_the_wait_for_another_threads_refresh(
        self, provider: Sandbox, grant: Grant, clocks: Clocks
    ) -> None:
        with grant.connect(provider.url, deadline=0.2, ttl=0) as connection:
            clocks.advance(TWO_WEEKS)
            with grant._tokens._lock, ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(lambda: Page.all(using=connection))
                with pytest.raises(Timeout, match="another thread's request for a new access"):
                    waiting.result(30)

    def test_a_deadline_limits_a_refresh(
        self, provider: Sandbox, grant: Grant, clocks: Clocks
    ) -> None:
        with grant.connect(provider.url, deadline=0.3, ttl=0) as connection:
            clocks.advance(TWO_WEEKS)
            provider.faults.latency(20, path="authorization/token")
            with pytest.raises(Timeout, match="within the deadline"):
                Page.all(using=connection)


class TestCallbacks:
    def test_one_function_for_several_connections_is_called_once(
        self, provider: Sandbox, grant: Grant
    ) -> None:
        calls: list[Grant] = []
        connections = [grant.connect(provider.url, on_refresh=calls.append) for _ in range(3)]
        grant.refresh()
        assert calls == [grant]
        for connection in connections:
            connection.close()

    def test_its_error_is_raised_and_the_new_token_stays(
        self, provider: Sandbox, grant: Grant, clocks: Clocks, refreshes: Any
    ) -> None:
        def fail(grant: Any) -> None:
            raise RuntimeError("the database is down")

        with grant.connect(provider.url, on_refresh=fail, ttl=0) as connection:
            clocks.advance(TWO_WEEKS)
            with pytest.raises(RuntimeError, match="the database is down"):
                Page.all(using=connection)
            assert Page.all(using=connection) is not None
        assert refreshes() == 1

    def test_it_may_use_the_connection(
        self, provider: Sandbox, grant: Grant, clocks: Clocks
    ) -> None:
        seen: list[int] = []

        def store(grant: Any) -> None:
            seen.append(len(Page.all(using=used)))

        with grant.connect(provider.url, on_refresh=store, ttl=0) as used:
            clocks.advance(TWO_WEEKS)
            Page.all(using=used)
        assert len(seen) == 1

    def test_it_is_not_called_again_for_a_token_that_it_needs_itself(
        self, provider: Sandbox, grant: Grant, clocks: Clocks
    ) -> None:
        calls: list[Grant] = []

        def store(grant: Any) -> None:
            calls.append(grant.access_token)
            provider.oauth.expire_access_tokens()
            Page.all(using=used)

        with grant.connect(provider.url, on_refresh=store, ttl=0) as used:
            clocks.advance(TWO_WEEKS)
            Page.all(using=used)
        assert len(calls) == 1

    def test_all_connections_of_a_grant_use_the_new_token(
        self, provider: Sandbox, grant: Grant, refreshes: Any
    ) -> None:
        with (
            grant.connect(provider.url, ttl=0) as one,
            grant.connect(provider.url, ttl=0) as other,
        ):
            provider.oauth.expire_access_tokens()
            grant.refresh()
            since = len(provider.log)
            Page.all(using=one)
            Page.all(using=other)
        assert (refreshes(), refused(provider, since)) == (1, [])

    def test_one_of_the_grant_is_called_for_all_requests(
        self, provider: Sandbox, app: OAuthApp, grant: Grant, clocks: Clocks
    ) -> None:
        calls: list[Grant] = []
        grant = Grant.from_dict(grant.to_dict(), app, on_refresh=calls.append)
        clocks.advance(TWO_WEEKS)
        grant.accounts()
        assert calls == [grant]
        with grant.connect(provider.url, on_refresh=calls.append, ttl=0) as connection:
            clocks.advance(TWO_WEEKS)
            Page.all(using=connection)
        assert calls == [grant, grant]

    def test_one_of_a_closed_connection_that_nothing_refers_to_is_not_called(
        self, provider: Sandbox, grant: Grant
    ) -> None:
        calls: list[Grant] = []
        grant.connect(provider.url, on_refresh=lambda grant: calls.append(grant)).close()
        gc.collect()
        grant.refresh()
        assert calls == []


class Store:
    """The place where all processes of an application store the grant of one user."""

    def __init__(self, grant: Grant, app: OAuthApp) -> None:
        self.app = app
        self.values: dict[str, Any] | None = grant.to_dict()
        self.reads = 0

    def load(self) -> dict[str, Any] | None:
        self.reads += 1
        return self.values

    def save(self, grant: Grant) -> None:
        self.values = grant.to_dict()

    def process(self) -> Grant:
        """Return the grant as another process has read it."""
        assert self.values is not None
        return Grant.from_dict(self.values, self.app, on_refresh=self.save, reload=self.load)


class TestSeveralProcesses:
    @pytest.fixture
    def rotating(self, provider: Sandbox) -> Iterator[Sandbox]:
        provider.oauth.grants.rotates = True
        yield provider
        provider.oauth.grants.rotates = False

    @pytest.fixture
    def store(self, rotating: Sandbox, app: OAuthApp, grant: Grant) -> Store:
        return Store(grant, app)

    def test_a_token_that_another_one_has_replaced_is_used(
        self, store: Store, clocks: Clocks, refreshes: Any
    ) -> None:
        one, other = store.process(), store.process()
        for expected in (1, 2, 3):
            clocks.advance(TWO_WEEKS)
            assert one.accounts()
            assert other.accounts(), "its refresh token would have revoked the new tokens"
            assert refreshes() == expected
            one, other = other, one
        assert one.to_dict()["refresh_token"] == other.to_dict()["refresh_token"]

    def test_a_refused_token_that_another_one_has_replaced_is_replaced(
        self, store: Store, rotating: Sandbox, refreshes: Any
    ) -> None:
        one, other = store.process(), store.process()
        rotating.oauth.expire_access_tokens()
        assert one.accounts()
        assert other.accounts()
        assert refreshes() == 1

    def test_a_refused_refresh_looks_once_more_at_what_is_stored(
        self, store: Store, rotating: Sandbox, clocks: Clocks, sign_in: Callable[[], Grant]
    ) -> None:
        grant = store.process()
        rotating.oauth.revoke()
        new, load = sign_in().to_dict(), store.load

        def load_early() -> Any:
            found = load()
            store.values = new  # another process stores it during the request
            return found

        store.load = load_early  # type: ignore[method-assign]
        grant = store.process()
        clocks.advance(TWO_WEEKS - 30)
        grant.refresh()
        assert (grant.access_token, store.reads) == (new["access_token"], 2)

    def test_without_other_tokens_the_refusal_is_raised(
        self, store: Store, rotating: Sandbox, refreshes: Any
    ) -> None:
        grant = store.process()
        rotating.oauth.revoke()
        with pytest.raises(AuthenticationError, match="the refresh token is unknown") as error:
            grant.accounts()
        assert error.value.hint == refreshing.SIGN_IN_AGAIN
        assert refreshes() == 1

    def test_a_user_who_has_signed_out_gets_no_new_token(
        self, store: Store, clocks: Clocks, refreshes: Any
    ) -> None:
        grant = store.process()
        store.values = None
        clocks.advance(TWO_WEEKS)
        with pytest.raises(AuthenticationError, match="the user has signed out"):
            grant.accounts()
        assert refreshes() == 0

    def test_a_token_that_could_not_be_stored_is_not_replaced_by_the_stored_one(
        self, store: Store, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(grant: Grant) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(store, "save", fail)
        grant = store.process()
        clocks.advance(TWO_WEEKS)
        with pytest.raises(OSError, match="the disk is full"):
            grant.refresh()
        monkeypatch.undo()
        assert grant.accounts()

    def test_damaged_values_are_reported(self, store: Store, clocks: Clocks) -> None:
        grant = store.process()
        store.values = {"client_id": "trips"}
        clocks.advance(TWO_WEEKS)
        with pytest.raises(ValidationError, match="the stored grant has no valid access_token"):
            grant.accounts()


class TestIdentity:
    def test_a_connection_is_identified_by_account_and_user(
        self, provider: Sandbox, connection: Connection
    ) -> None:
        host = provider.url.removeprefix("http://")
        assert connection.account == f"{host}/user-40000001"

    def test_objects_before_and_after_a_refresh_are_equal(
        self, provider: Sandbox, grant: Grant
    ) -> None:
        with grant.connect(provider.url) as connection:
            page = Page.create(title="Same", using=connection)
            before, pickled = Page.find(page.id), pickle.dumps(page)
            grant.refresh()
            assert Page.find(page.id, fresh=True) == before == pickle.loads(pickled) == page
            assert hash(Page.find(page.id)) == hash(before)

    def test_two_grants_of_one_user_make_equal_objects(
        self, provider: Sandbox, sign_in: Any
    ) -> None:
        with (
            sign_in().connect(provider.url) as one,
            sign_in().connect(provider.url) as other,
        ):
            page = Page.create(title="Same", using=one)
            assert Page.find(page.id, using=other) == page

    def test_the_cache_survives_a_refresh(self, provider: Sandbox, grant: Grant) -> None:
        with grant.connect(provider.url) as connection:
            Page.all(using=connection)
            grant.refresh()
            before = provider.requests
            Page.all(using=connection)
            assert provider.requests == before

    def test_the_rate_limit_survives_a_refresh(self, provider: Sandbox, grant: Grant) -> None:
        with grant.connect(provider.url, ttl=0) as connection:
            Page.all(using=connection)
            key = f"{rate_limit_key(provider.url, connection.account, None)}/all_else"
            sent = vars(rate_limits._stores["memory://"])["_sent"][key]
            counted = len(sent)
            grant.refresh()
            Page.all(using=connection)
            assert len(sent) == counted + 1

    def test_an_unpickled_object_uses_the_connection_of_a_later_grant(
        self, provider: Sandbox, sign_in: Any
    ) -> None:
        with sign_in().connect(provider.url) as connection:
            pickled = pickle.dumps(Page.create(title="Pickled", using=connection))
        with sign_in().connect(provider.url):
            assert pickle.loads(pickled).reload().title == "Pickled"

    def test_another_user_is_not_the_same(
        self, provider: Sandbox, app: OAuthApp, grant: Grant
    ) -> None:
        provider.add_user("Sam")
        url, state = app.authorization_url()
        sam = app.exchange(provider.oauth.allow(url, "Sam"), state=state)
        with grant.connect(provider.url) as one, sam.connect(provider.url) as other:
            assert one.account != other.account


class TestConnecting:
    def test_it_makes_one_request_for_the_first_connection_to_an_account(
        self, provider: Sandbox, grant: Grant
    ) -> None:
        since = len(provider.log)
        for _ in range(2):
            grant.connect(provider.url).close()
        assert [each.path for each in provider.log[since:]] == ["/me.xml"]

    def test_an_account_of_others_is_an_authentication_error(
        self, provider: Sandbox, grant: Grant
    ) -> None:
        with pytest.raises(AuthenticationError) as error:
            grant.connect(provider.url_of("other"))
        assert "grant.accounts() lists those" in error.value.hint

    def test_options_are_those_of_a_connection(self, provider: Sandbox, grant: Grant) -> None:
        with grant.connect(provider.url, read_only=True, timezone="account") as connection:
            assert connection.read_only
            assert connection.zone.key == "Etc/UTC"
        with pytest.raises(TypeError, match="unexpected keyword argument 'timezon'.*timezone"):
            grant.connect(provider.url, timezon="UTC")

    @pytest.mark.parametrize("name", ["token", "oauth_token"])
    def test_another_token_is_refused(self, provider: Sandbox, grant: Grant, name: str) -> None:
        options: dict[str, Any] = {name: "0123456789abcdef"}
        with pytest.raises(TypeError, match="a grant has its own token"):
            grant.connect(provider.url, **options)

    def test_it_does_not_become_the_default(self, provider: Sandbox, grant: Grant) -> None:
        with grant.connect(provider.url) as connection:
            pass
        assert isinstance(connection, Connection)
        with pytest.raises(Exception, match="not connected"):
            Page.all()

    def test_a_provider_that_cannot_be_reached_is_a_transport_error(
        self, closed_port: int, clocks: Clocks
    ) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT, provider=f"http://127.0.0.1:{closed_port}")
        stored = {"client_id": "trips", "access_token": "a", "refresh_token": "r"}
        grant = Grant.from_dict(stored | {"expires_at": "2001-01-01T00:00:00Z"}, app)
        with pytest.raises(TransportError, match="cannot be reached") as error:
            grant.accounts()
        assert error.value.retryable
        assert len(clocks.slept) == 2
