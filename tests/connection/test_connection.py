"""Connections: how they are made, which one is used, and what becomes of them elsewhere."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.connection import Connection, connect, context, current, unconnected, using
from backpack_orm.errors import NotConnected, ValidationError
from backpack_orm.wire import parse
from tests.connection.conftest import READ, TOKEN, Stub, http


def acme(**options: Any) -> Any:
    return Connection("acme", token=TOKEN, **options)


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("acme", "https://acme.backpackit.com"),
        ("Acme-2", "https://acme-2.backpackit.com"),
        ("a", "https://a.backpackit.com"),
        ("https://acme.backpackit.com", "https://acme.backpackit.com"),
        ("https://acme.backpackit.com/", "https://acme.backpackit.com"),
        ("HTTPS://ACME.backpackit.com", "https://acme.backpackit.com"),
        ("https://backpack.example:8443", "https://backpack.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8137", "http://127.0.0.1:8137"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:8137/", "http://localhost:8137"),
        ("http://[::1]:8137", "http://[::1]:8137"),
    ],
)
def test_a_name_or_an_address_is_taken(address: str, url: str) -> None:
    connection = Connection(address, token=TOKEN)
    assert connection.url == url
    assert repr(connection) == f"Connection({url!r})"


@pytest.mark.parametrize(
    "address",
    [
        "acme/evil",
        "acme.backpackit.com",
        "acme.evil.example",
        "evil.example/",
        "evil.example#",
        "acme@evil.example",
        "acme:8137",
        "-acme",
        "acme-",
        "ac me",
        "",
        "/",
        "ünicode",
    ],
)
def test_what_is_no_accounts_name_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="is not the name of an account"):
        Connection(address, token=TOKEN)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://acme.backpackit.com/ws", "up to the host"),
        ("https://acme.backpackit.com?x=1", "up to the host"),
        ("https://acme.backpackit.com/#x", "up to the host"),
        ("https://me@acme.backpackit.com", "leave names and passwords out"),
        ("https://me:pw@acme.backpackit.com", "leave names and passwords out"),
        ("https://:pw@acme.backpackit.com", "leave names and passwords out"),
        ("https://@acme.backpackit.com", "leave names and passwords out"),
        ("https://acme.backpackit.com@evil.example", "leave names and passwords out"),
        ("https://acme.backpackit.com\\@evil.example", "leave names and passwords out"),
        ("ftp://acme.backpackit.com", "starts with https://"),
        ("https://", "starts with https://"),
        ("https:///ws", "starts with https://"),
        ("https://ac me.example", "starts with https://"),
        ("https://evil.example\\x", "starts with https://"),
        ("https://acme.example:x", "is not an address"),
        ("https://acme.example:99999", "is not an address"),
        ("https://[::1", "is not an address"),
    ],
)
def test_what_is_no_address_is_refused(address: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Connection(address, token=TOKEN)


@pytest.mark.parametrize("address", [None, 7, b"acme", ["acme"]])
def test_an_account_is_text(address: Any) -> None:
    with pytest.raises(ValidationError, match="account takes a name or an address"):
        Connection(address, token=TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        "http://acme.backpackit.com",
        "http://192.168.0.2:8137",
        "http://[2001:db8::1]",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://x127.0.0.1",
    ],
)
def test_no_token_is_sent_in_clear_to_another_machine(address: str) -> None:
    with pytest.raises(ValidationError, match="would send the token in clear"):
        Connection(address, token=TOKEN)


def test_a_token_is_sent_in_clear_where_that_is_meant() -> None:
    connection = Connection("http://192.168.0.2", token=TOKEN, allow_insecure=True)
    assert connection.url == "http://192.168.0.2"


@pytest.mark.parametrize(
    "address",
    [
        f"https://acme.backpackit.com/{TOKEN}/me.xml",
        f"https://acme.backpackit.com?token={TOKEN}",
        f"https://acme.backpackit.com#{TOKEN}",
        f"https://me:{TOKEN}@acme.backpackit.com",
        f"https://me:{TOKEN}@acme.backpackit.com:99999",
        f"acme.backpackit.com/{TOKEN}",
        f"ftp://acme.backpackit.com/{TOKEN}",
    ],
)
def test_an_address_that_is_refused_is_shown_without_what_may_be_secret(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Connection(address, token=TOKEN)
    assert TOKEN not in str(caught.value)


# --- tokens and options -----------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [{}, {"token": ""}, {"token": None}, {"oauth_token": ""}])
def test_a_token_is_needed(tokens: Any) -> None:
    with pytest.raises(ValidationError, match="token is missing"):
        Connection("acme", **tokens)


def test_one_token_is_enough() -> None:
    with pytest.raises(ValidationError, match="either token or oauth_token, not both"):
        Connection("acme", token="a", oauth_token="b")


@pytest.mark.parametrize(
    "token",
    [
        "se cret",
        "secret\r\nX: y",
        "sécret",
        "sec\x00ret",
        "a/secret",
        "secret?",
        "#secret",
        "se%2fcret",
    ],
)
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValidationError, match="token has a character") as caught:
        Connection("acme", token=token)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("token", [5, b"secret"])
def test_a_token_that_is_no_text_is_refused_and_not_shown(token: Any) -> None:
    with pytest.raises(ValidationError, match="token takes a text") as caught:
        Connection("acme", token=token)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["se cret", "sécret", "sec\x00ret"])
def test_an_oauth_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="token has a character"):
        Connection("acme", oauth_token=token)


def test_an_oauth_token_may_hold_what_a_path_could_not() -> None:
    assert Connection("acme", oauth_token="a/b+c?d%e#f==").url == "https://acme.backpackit.com"


@pytest.mark.parametrize("token", ["a", "0" * 40, "x" * 500, "a-b_c.d~e"])
def test_the_length_of_a_token_does_not_matter(token: str) -> None:
    assert Connection("acme", token=token).url == "https://acme.backpackit.com"


@pytest.mark.parametrize(
    "timeout",
    [
        5,
        None,
        (5,),
        (5, 30, 1),
        (0, 30),
        (5, 0),
        (-1, 30),
        (5, -1),
        ("5", 30),
        (5, None),
        (float("nan"), 30),
        (5, float("inf")),
        (float("inf"), 30),
        (5, 1e300),
    ],
)
def test_a_timeout_is_two_numbers_of_seconds(timeout: Any) -> None:
    with pytest.raises(ValidationError, match="timeout takes two numbers of seconds"):
        acme(timeout=timeout)


@pytest.mark.parametrize("timeout", [(5, 30), (0.5, 1.5), [5, 30]])
def test_a_timeout_may_be_any_pair(stub: Stub, timeout: Any) -> None:
    with Connection(stub.url, token=TOKEN, timeout=timeout) as connection:
        assert connection.call(READ, read=lambda response: response.status) == 200


@pytest.mark.parametrize("ttl", [-1, -0.1, None, "60", True, float("nan")])
def test_a_ttl_is_a_number_of_seconds(ttl: Any) -> None:
    with pytest.raises(ValidationError, match="ttl takes a number of seconds"):
        acme(ttl=ttl)


@pytest.mark.parametrize("ttl", [0, 0.5, 3600, float("inf")])
def test_a_ttl_may_be_any_such_number(ttl: Any) -> None:
    assert acme(ttl=ttl).stats.requests == 0


@pytest.mark.parametrize(
    "user_agent", ["", "  ", "a\nb", "a\n", "a\r\nX-Evil: 1", "ünicode", None, 5, "a\tb"]
)
def test_a_user_agent_is_one_line_of_plain_letters(user_agent: int | str | None) -> None:
    with pytest.raises(ValidationError, match="user_agent takes one line of ASCII characters"):
        acme(user_agent=user_agent)


# --- which one is used ------------------------------------------------------------------------


def test_without_a_connection_the_error_shows_how_to_connect() -> None:
    with pytest.raises(NotConnected, match=r'connect\("your-account", token="…"\)'):
        current()


def test_connect_makes_the_default() -> None:
    assert connect("acme", token=TOKEN) is current()


def test_the_last_connect_counts() -> None:
    connect("acme", token=TOKEN)
    assert connect("home", token=TOKEN) is current()


def test_a_connect_that_fails_leaves_the_default() -> None:
    first = connect("acme", token=TOKEN)
    with pytest.raises(ValidationError):
        connect("no/account", token=TOKEN)
    assert current() is first


def test_a_connection_alone_is_not_the_default() -> None:
    acme()
    with pytest.raises(NotConnected):
        current()


def test_using_goes_before_the_default() -> None:
    connect("acme", token=TOKEN)
    home = Connection("home", token=TOKEN)
    with using(home) as given:
        assert current() is given is home


def test_after_using_all_is_as_before() -> None:
    default = connect("acme", token=TOKEN)
    with using(Connection("home", token=TOKEN)):
        pass
    assert current() is default


def test_using_ends_with_an_error_too() -> None:
    def fail() -> None:
        with using(acme()):
            raise KeyError("oops")

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(NotConnected):
        current()


def test_the_innermost_using_counts() -> None:
    outer, inner = acme(), Connection("home", token=TOKEN)
    with using(outer):
        with using(inner):
            assert current() is inner
        assert current() is outer


def test_connect_inside_using_changes_only_the_default() -> None:
    home = Connection("home", token=TOKEN)
    with using(home):
        default = connect("acme", token=TOKEN)
        assert current() is home
    assert current() is default


def in_a_thread(function: Any) -> Any:
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(function()))
    thread.start()
    thread.join()
    return outcome[0]


def test_the_default_is_that_of_all_threads() -> None:
    default = connect("acme", token=TOKEN)
    assert in_a_thread(current) is default


def test_using_is_that_of_its_thread_only() -> None:
    default = connect("acme", token=TOKEN)
    with using(Connection("home", token=TOKEN)):
        assert in_a_thread(current) is default


def test_using_in_a_thread_does_not_leave_it() -> None:
    def work() -> Any:
        with using(acme()):
            return current()

    in_a_thread(work)
    with pytest.raises(NotConnected):
        current()


def test_using_is_that_of_its_task_only() -> None:
    async def work(connection: Any, mine: Any, others: Any) -> Any:
        with using(connection):
            mine.set()
            await others.wait()
            return current()

    async def main() -> Any:
        one, two = asyncio.Event(), asyncio.Event()
        home, away = Connection("home", token=TOKEN), Connection("away", token=TOKEN)
        used = await asyncio.gather(work(home, one, two), work(away, two, one))
        return list(used) == [home, away]

    assert asyncio.run(main())


def test_a_task_uses_what_its_maker_used() -> None:
    async def main() -> Any:
        home = Connection("home", token=TOKEN)

        async def work() -> Any:
            return current()

        with using(home):
            return await asyncio.create_task(work()) is home

    assert asyncio.run(main())


# --- the environment --------------------------------------------------------------------------


def test_the_environment_is_used_when_no_argument_is_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BACKPACK_URL", "https://env.example")
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    assert connect().url == "https://env.example"


def test_the_environment_may_name_just_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_URL", "acme")
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    assert connect().url == "https://acme.backpackit.com"


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_URL", "env")
    monkeypatch.setenv("BACKPACK_TOKEN", "envtoken")
    given = connect("acme", token=TOKEN)
    assert given.account == acme().account


def test_account_and_token_may_come_from_different_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    assert connect("acme").account == acme().account


def test_an_oauth_token_goes_before_a_token_of_the_environment(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    with connect(stub.url, oauth_token="b34r3r") as connection:
        connection.call(READ, read=parse.anything)
    assert stub.requests[0].headers["authorization"] == "Bearer b34r3r"


def test_the_environment_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_URL", "one")
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    first = connect()
    monkeypatch.setenv("BACKPACK_URL", "two")
    assert (first.url, connect().url) == (
        "https://one.backpackit.com",
        "https://two.backpackit.com",
    )


def test_the_environment_alone_connects_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_URL", "acme")
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    with pytest.raises(NotConnected):
        current()


def test_a_connection_does_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    with pytest.raises(ValidationError, match="token is missing"):
        Connection("acme")


@pytest.mark.parametrize(
    ("host", "tokens"),
    [
        (None, {}),
        ("acme", {}),
        (None, {"token": TOKEN}),
        ("", {"token": TOKEN}),
        ("acme", {"token": ""}),
    ],
)
def test_a_missing_account_is_an_error(host: str | None, tokens: Any) -> None:
    with pytest.raises(NotConnected, match="BACKPACK_URL and BACKPACK_TOKEN"):
        connect(host, **tokens)


def test_nothing_is_read_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"BACKPACK_URL=acme\nBACKPACK_TOKEN={TOKEN}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotConnected):
        connect()


def test_connect_takes_what_a_connection_takes(stub: Stub) -> None:
    with connect(stub.url, token=TOKEN, user_agent="Diary", ttl=0, timeout=(1, 2)) as connection:
        connection.call(READ, read=parse.anything)
        connection.call(READ, read=parse.anything)
    assert [request.headers["user-agent"] for request in stub.requests] == ["Diary"] * 2
    assert connection._settings.timeout == (1, 2)


# --- whose account it is ----------------------------------------------------------------------


def test_the_same_account_is_recognized_by_host_and_token() -> None:
    assert acme().account == Connection("https://acme.backpackit.com/", token=TOKEN).account


def test_another_host_is_another_account() -> None:
    assert acme().account != Connection("home", token=TOKEN).account


def test_another_token_is_another_account() -> None:
    assert acme().account != Connection("acme", token="another").account


def test_another_port_is_another_account() -> None:
    one, two = (Connection(f"https://x.example:{port}", token=TOKEN) for port in (8443, 8444))
    assert one.account != two.account


@pytest.mark.parametrize("address", ["https://x.example:443", "http://x.example:80"])
def test_a_usual_port_makes_no_other_account(address: str) -> None:
    usual = Connection("https://x.example", token=TOKEN)
    assert Connection(address, token=TOKEN, allow_insecure=True).account == usual.account


def test_an_account_does_not_show_the_token() -> None:
    assert TOKEN not in acme().account


# --- elsewhere --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_connection_is_the_connection(way: Any) -> None:
    connection = acme()
    assert way(connection) is connection
    assert way([connection])[0] is connection


def test_a_pickle_holds_no_token(stub: Stub, connection: Connection) -> None:
    connection.call(READ, read=parse.anything)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert TOKEN.encode() not in pickle.dumps(connection, protocol)


def test_a_pickle_revives_as_the_default_of_the_same_account() -> None:
    live = connect("acme", token=TOKEN)
    assert pickle.loads(pickle.dumps(acme())) is live


def test_a_pickle_revives_as_the_one_in_use_of_the_same_account() -> None:
    connect("home", token=TOKEN)
    data = pickle.dumps(acme())
    with using(acme()) as live:
        assert pickle.loads(data) is live


@pytest.mark.parametrize(
    ("host", "token"), [("home", TOKEN), ("acme", "another")], ids=["host", "token"]
)
def test_a_pickle_does_not_revive_as_another_account(host: str, token: Any) -> None:
    live = connect(host, token=token)
    assert pickle.loads(pickle.dumps(acme())) is not live


def revived(connection: Any) -> Any:
    return pickle.loads(pickle.dumps(connection))


def asleep_at(stub: Any) -> Any:
    """An unpickled connection, whose account has no other in this process."""
    data = pickle.dumps(Connection(stub.url, token=TOKEN))
    gc.collect()
    return pickle.loads(data)


def test_a_pickle_without_a_live_connection_knows_its_address_and_account() -> None:
    connection = revived(acme())
    assert (connection.url, connection.account) == (acme().url, acme().account)
    assert repr(connection) == "Connection('https://acme.backpackit.com')"
    assert connection.stats.requests == 0


def test_a_pickle_without_a_live_connection_sends_nothing(stub: Stub) -> None:
    other = asleep_at(stub)
    with pytest.raises(NotConnected, match=r"call connect\(\) for this account first"):
        other.call(READ, read=parse.anything)
    assert stub.requests == []
    assert other.stats.requests == 0


def test_a_pickle_of_a_pickle_revives_as_well() -> None:
    twice = revived(revived(acme()))
    assert twice.account == acme().account
    assert connect("acme", token=TOKEN) is revived(twice)


def test_a_revived_connection_can_be_closed() -> None:
    revived(acme()).close()


def test_a_pickle_keeps_its_options() -> None:
    options = {"ttl": 5, "timeout": (1, 2), "read_only": True, "deadline": 9.0}
    sent = revived(acme(**options))._settings.for_pickle()
    assert options.items() <= sent.items()


def test_a_pickle_holds_no_password_of_a_storage() -> None:
    data = pickle.dumps(acme(limits="redis://:pa55word@127.0.0.1:6379"))
    assert b"pa55word" not in data


def test_a_pickle_after_an_upgrade_has_the_new_address(
    stub: Stub, connection: Connection, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    secure = stub.url.replace("http", "https")
    stub.responses(http(302, b"", f"Location: {secure}/ws/pages/all"))
    connection.call(READ, read=parse.anything)
    assert revived(connection).url == secure


def test_stats_show_what_matters() -> None:
    assert repr(acme().stats) == ("Stats(requests=0, cache_hits=0, retries=0, seconds_waited=0.0)")


def test_importing_connects_nothing() -> None:
    assert context._default is None


# --- what is unpickled before its account is connected ----------------------------------------


def test_a_pickle_comes_to_life_when_its_account_is_connected(stub: Stub) -> None:
    asleep = asleep_at(stub)
    live = connect(stub.url, token=TOKEN)
    assert asleep is not live
    assert asleep.call(READ, read=lambda response: response.status) == 200
    assert asleep.resolved() is live
    assert live.stats.requests == 1


def test_a_pickle_follows_the_connection_that_is_current(stub: Stub) -> None:
    asleep = asleep_at(stub)
    default, inner = connect(stub.url, token=TOKEN), Connection(stub.url, token=TOKEN)
    assert asleep.resolved() is default
    with using(inner):
        assert asleep.resolved() is inner
        with using(Connection("home", token=TOKEN)):
            assert asleep.resolved() is inner
    assert asleep.resolved() is default


def test_a_pickle_finds_any_open_connection_to_its_account(stub: Stub) -> None:
    data = pickle.dumps(Connection(stub.url, token=TOKEN))
    others = [Connection(stub.url, token="another"), Connection("acme", token=TOKEN)]
    asleep = pickle.loads(data)
    assert asleep.resolved() is asleep
    with Connection(stub.url, token=TOKEN) as live:
        assert in_a_thread(asleep.resolved) is live
        assert pickle.loads(data) is live
    assert asleep.resolved() is asleep
    live.call(READ, read=parse.anything)
    assert asleep.resolved() is live
    assert len(others) == 2


def test_what_replaces_no_account_never_becomes_live(stub: Stub) -> None:
    live = connect(stub.url, token=TOKEN)
    nowhere = unconnected(stub.url, live.account, "it is a file")
    assert nowhere.resolved() is nowhere
    assert revived(nowhere).resolved() is not live


# --- tokens in the wrong place ----------------------------------------------------------------


@pytest.mark.parametrize(
    "token", [TOKEN, TOKEN.upper(), "0" * 32, f"BAhb--{TOKEN}", "abcdef" * 6 + "2026", "a" * 40]
)
@pytest.mark.parametrize(
    "place",
    ["{}", "https://{}.backpackit.com", "https://{}", "http://127.0.0.1/{}", "{}.backpackit.com"],
)
@pytest.mark.parametrize("way", [connect, Connection])
def test_a_token_is_not_taken_for_an_account(way: Any, place: str, token: Any) -> None:
    with pytest.raises(ValidationError, match="account looks like a token, so it is not shown"):
        way(place.format(token), token="acme")
    with pytest.raises(ValidationError) as caught:
        way(place.format(token))
    assert token not in str(caught.value)


@pytest.mark.parametrize("place", ["{}", "https://{}.backpackit.com"])
def test_a_token_in_the_environment_is_not_taken_for_an_account(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_URL", place.format(TOKEN))
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    with pytest.raises(ValidationError, match="^BACKPACK_URL looks like a token") as caught:
        connect()
    assert TOKEN not in str(caught.value)


LONGEST = "the-name-of-an-account-that-is-as-long-as-any-host-may-be-in-63"


@pytest.mark.parametrize("name", [LONGEST, "0123456789", "feed-the-cafe-of-1984", "deadbeef"])
def test_a_long_name_is_still_a_name(name: Any) -> None:
    assert Connection(name, token=TOKEN).url == f"https://{name}.backpackit.com"


@pytest.mark.parametrize("way", [connect, Connection])
@pytest.mark.parametrize("name", ["token", "oauth_token"])
@pytest.mark.parametrize("pad", ["{} ", " {}", "{}\n", "\t{}\r\n", "{}\u00a0"])
def test_white_space_around_a_token_is_reported(way: Any, name: str, pad: str) -> None:
    with pytest.raises(ValidationError, match=f"^{name} has white space around it") as caught:
        way("acme", **{name: pad.format(TOKEN)})
    assert TOKEN not in str(caught.value)


def test_white_space_around_the_token_of_the_environment_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN", f"{TOKEN}\n")
    with pytest.raises(ValidationError, match="^BACKPACK_TOKEN has white space around it"):
        connect("acme")


@pytest.mark.parametrize("name", ["acme\n", " acme", "acme "])
def test_white_space_around_an_account_is_reported(name: str) -> None:
    with pytest.raises(ValidationError, match=r"^account '.*' has white space around it"):
        Connection(name, token=TOKEN)


@pytest.mark.parametrize(
    "option",
    [
        "account",
        "user_agent",
        "timeout",
        "ttl",
        "max_wait",
        "limits",
        "timezone",
        "read_only",
        "deadline",
        "max_response_size",
        "partial_updates",
    ],
)
@pytest.mark.parametrize("value", [TOKEN, f" {TOKEN}\n", [TOKEN], "dXNlcjpzZWNyZXQ+dG9rZW4=="])
def test_no_option_shows_a_token_that_it_is_given(option: str, value: Any) -> None:
    if option == "user_agent" and isinstance(value, str) and value.strip() == value:
        value = f"{value}\n"
    with pytest.raises(ValidationError) as caught:
        Connection(**{"account": "acme", "token": "a"} | {option: value})
    assert option in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)
    assert "dXNlcjp" not in str(caught.value)
