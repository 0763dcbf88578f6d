"""The flow that signs users in, without a framework."""

from __future__ import annotations

import os
import signal
from threading import Barrier, Thread
from typing import Any

import pytest

from backpack_orm import NotConnected, OAuthApp, Page, ValidationError
from backpack_orm.integrations import sign_in
from backpack_orm.integrations.sign_in import SignIn, failure, local_path
from backpack_orm.sandbox import Sandbox
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


def test_a_token_that_is_refreshed_after_a_sign_out_is_not_stored(
    flow: SignIn, provider: Sandbox, storage: Memory
) -> None:
    session = signed_in(flow, provider)
    connection = flow.connection(session)
    flow.end(session, session.clear)
    provider.oauth.expire_access_tokens()
    assert Page.count(using=connection) == 1  # a request that was under way
    assert storage.rows == {}


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
    connection, save, found = flow.connection(session), storage.save, []

    def save_slowly(id: str, values: dict[str, Any]) -> None:
        found.append(flow.connection(session))  # another request of the user
        save(id, values)

    monkeypatch.setattr(storage, "save", save_slowly)
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
