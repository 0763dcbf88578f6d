"""The flow that signs users in, without a framework."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from backpack_orm import AuthenticationError, NotConnected, OAuthApp, Page, ValidationError
from backpack_orm.integrations import sign_in
from backpack_orm.integrations.sign_in import SignIn, failure, local_path
from backpack_orm.sandbox import Sandbox
from tests.docs.documents import ROOT, programs
from tests.integrations.sign_in.conftest import CALLBACK, SECRET, Memory

APP = OAuthApp("trips", SECRET, CALLBACK)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_wait": "long"}, ValidationError, "max_wait takes a number of seconds"),
        ({"max_wiat": 5}, TypeError, "unexpected keyword argument 'max_wiat'; did you mean"),
        ({"oauth_token": SECRET}, TypeError, "an account of their own: leave out oauth_token"),
        ({"account": "acme"}, TypeError, "an account of their own: leave out account"),
        ({"home": "https://trips.example"}, ValidationError, "home takes a path of this site"),
        ({"home": "//trips.example"}, ValidationError, "home takes a path of this site"),
    ],
)
def test_a_wrong_option_fails_at_the_start(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        SignIn(APP, Memory(), **options)
    assert SECRET not in str(caught.value)


def signed_in(flow: SignIn, box: Sandbox, user: str = "Ann", name: str = "acme") -> Any:
    """Return the session of a user who has signed in."""
    session: dict[str, Any] = {}
    back = box.oauth.allow(flow.start(session), user, account=name)
    flow.finish(session, back.partition("?")[2], session.clear)
    return session


def test_no_token_is_refreshed_after_a_sign_out(
    flow: SignIn, provider: Sandbox, storage: Memory
) -> None:
    session = signed_in(flow, provider)
    connection = flow.connection(session)
    flow.end(session, session.clear)
    provider.oauth.expire_access_tokens()
    before = len(provider.oauth.log)
    with pytest.raises(AuthenticationError, match="the user has signed out"):
        Page.count(using=connection)  # a request that was under way
    assert (storage.rows, len(provider.oauth.log)) == ({}, before)


def test_jobs_of_two_processes_refresh_once_if_the_provider_replaces_refresh_tokens(
    flow: SignIn, provider: Sandbox, storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider.oauth.grants, "rotates", True)
    session = signed_in(flow, provider)
    connections = [flow.connection(session), SignIn(flow.app, storage).connection(session)]
    for _ in range(3):
        provider.oauth.expire_access_tokens()
        before = len(provider.oauth.log)
        for connection in connections:  # jobs that have begun before
            assert Page.count(using=connection, fresh=True) == 1
        assert len(provider.oauth.log) == before + 1
        connections.reverse()


class SlowMemory(Memory):
    """A storage whose next change waits until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waiting, self.may_go_on = Event(), Event()

    def replace(self, id: str, old: Any, new: dict[str, Any]) -> bool:
        self.is_waiting.set()
        assert self.may_go_on.wait(60)
        return super().replace(id, old, new)


@pytest.mark.parametrize("change", ["refresh", "choice"])
def test_a_user_who_signs_out_during_a_change_stays_signed_out(
    flow: SignIn, provider: Sandbox, change: str
) -> None:
    storage = SlowMemory()
    flow = SignIn(flow.app, storage)
    session = signed_in(flow, provider, "Both" if change == "choice" else "Ann")
    connection = flow.connection(session)
    provider.oauth.expire_access_tokens()

    def run() -> object:
        if change == "refresh":
            return Page.count(using=connection, fresh=True)
        return flow.choose(dict(session), flow.accounts(session)[0].href)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert storage.is_waiting.wait(60)
        flow.end(session, session.clear)
        storage.may_go_on.set()
        if change == "refresh":
            assert running.result() == 1
        else:
            with pytest.raises(NotConnected, match="nobody is signed in"):
                running.result()
    assert storage.rows == {}


def documented_storage() -> Any:
    """Return the storage of the documentation, whose tokens are in a file."""
    page = ROOT / "docs" / "signing-in.md"
    (source,) = [each for each in programs(page) if each.startswith("# grants.py")]
    names: dict[str, Any] = {}
    exec(source, names)
    return names["Grants"]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_sign_out_in_another_process_is_final_where_a_file_has_the_tokens(
    flow: SignIn, provider: Sandbox, tmp_path: Path
) -> None:
    class Interrupted(documented_storage()):  # type: ignore[misc]
        def replace(self, *arguments: Any) -> bool:
            child = os.fork()
            if not child:
                code = 1
                try:
                    flow.end(dict(session), lambda: None)
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
            is_stored: bool = super().replace(*arguments)
            return is_stored

    storage = Interrupted(tmp_path / "grants.db")
    flow = SignIn(flow.app, storage)
    session = signed_in(flow, provider)
    connection = flow.connection(session)
    provider.oauth.expire_access_tokens()
    assert Page.count(using=connection, fresh=True) == 1
    assert storage.load(session["_backpack_id"]) is None


def test_the_storage_of_the_documentation_replaces_only_what_is_stored(tmp_path: Path) -> None:
    storage = documented_storage()(tmp_path / "grants.db")
    first, second = {"grant": {"a": 1, "b": None}}, {"grant": "another"}
    assert not storage.replace("id", first, second)
    storage.save("id", first)
    assert storage.replace("id", storage.load("id"), second)
    assert not storage.replace("id", first, second)
    assert storage.load("id") == second


def test_a_choice_and_a_refresh_at_the_same_time_are_both_stored(
    flow: SignIn, provider: Sandbox
) -> None:
    storage = SlowMemory()
    flow = SignIn(flow.app, storage)
    session = signed_in(flow, provider, "Both")
    id = session["_backpack_id"]
    href = flow.accounts(session)[0].href
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(flow.choose, dict(session), href)
        assert storage.is_waiting.wait(60)
        values = storage.load(id)
        newer = values | {"grant": values["grant"] | {"access_token": "newer"}}
        storage.save(id, newer)  # by another process
        storage.may_go_on.set()
        running.result()
    stored = storage.load(id)
    assert (stored["account"], stored["grant"]["access_token"]) == (href, "newer")


def test_a_storage_that_never_replaces_is_reported(
    flow: SignIn, provider: Sandbox, storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = signed_in(flow, provider, "Both")
    monkeypatch.setattr(storage, "replace", lambda *arguments: False)
    with pytest.raises(RuntimeError, match=r"replace\(\) of the storage returned False 20 times"):
        flow.choose(session, flow.accounts(session)[0].href)


def test_a_sign_out_in_another_process_takes_effect(
    flow: SignIn, provider: Sandbox, storage: Memory
) -> None:
    session = signed_in(flow, provider)
    assert flow.connection(session) is not None
    SignIn(flow.app, storage).end(dict(session), lambda: None)
    assert flow.connection(session) is None
    assert flow.accounts(session) == []
    assert not flow._opened


def test_threads_of_one_user_share_a_connection(flow: SignIn, provider: Sandbox) -> None:
    session = signed_in(flow, provider)
    barrier = Barrier(8)
    found = []

    def get() -> None:
        barrier.wait()
        found.append(flow.connection(session))

    threads = [Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(connection) for connection in found}) == 1


def test_the_connection_is_identified_by_account_and_user(flow: SignIn, provider: Sandbox) -> None:
    ann, again = signed_in(flow, provider), signed_in(flow, provider)
    bob = signed_in(flow, provider, "Bob", "other")
    keys = [getattr(flow.connection(session), "account", None) for session in (ann, again, bob)]
    assert keys[0] == keys[1] != keys[2]


def test_a_token_that_was_replaced_in_the_storage_is_used(
    flow: SignIn, provider: Sandbox, storage: Memory
) -> None:
    session, other = signed_in(flow, provider), signed_in(flow, provider)
    before = flow.connection(session)
    values = storage.load(session["_backpack_id"])
    storage.save(
        session["_backpack_id"], values | {"grant": storage.load(other["_backpack_id"])["grant"]}
    )
    assert flow.connection(session) is not before


def test_a_connection_stays_while_its_new_token_is_being_stored(
    flow: SignIn, provider: Sandbox, storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = signed_in(flow, provider)
    connection, replace, found = flow.connection(session), storage.replace, []

    def replace_slowly(*arguments: Any) -> bool:
        found.append(flow.connection(session))  # another request of the user
        return replace(*arguments)

    monkeypatch.setattr(storage, "replace", replace_slowly)
    for _ in range(2):
        provider.oauth.expire_access_tokens()
        Page.count(using=connection, fresh=True)
    assert [each is connection for each in found] == [True, True]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_is_forked_while_a_connection_is_made_can_make_its_own(
    flow: SignIn, provider: Sandbox
) -> None:
    session = signed_in(flow, provider)
    with sign_in._lock:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(30)  # ends a process that waits forever
            code = 1
            try:
                code = 0 if flow.connection(session) else 1
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/pages/7?tab=notes#top", "/pages/7?tab=notes#top"),
        ("/", "/"),
        ("/%5Cevil.example", "/%5Cevil.example"),
        ("/São", "/S%C3%A3o"),
        ("/a\ud800", "/home"),
        ("/a\x00", "/home"),
        ("///evil.example", "/home"),
        (" /", "/home"),
        (f"/{'a' * 499}", f"/{'a' * 499}"),
        (f"/{'a' * 500}", "/home"),
        (None, "/home"),
    ],
)
def test_only_paths_of_the_site_are_redirected_to(path: str | None, expected: str) -> None:
    assert local_path(path, "/home") == expected


def test_a_form_of_nobody_is_answered_with_401() -> None:
    assert failure(NotConnected("nobody is signed in")) == (401, "Please sign in again.")
