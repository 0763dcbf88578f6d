"""Where tokens go, and that no secret is shown anywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import Any
from unittest.mock import Mock

import pytest

import backpack_orm
from backpack_orm import (
    AuthenticationError,
    BackpackError,
    Grant,
    OAuthAccount,
    OAuthApp,
    Page,
    UnexpectedRedirect,
    ValidationError,
)
from backpack_orm.connection.oauth.hosts import AllowedHosts
from backpack_orm.sandbox import Sandbox
from tests.connection.conftest import DROP, PAGES, Stub, http
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks
from tests.secrecy.conftest import Recorder, recording_output

CLIENT_SECRET, CODE = "CANARY-client-secret-5ca1ab1e", "CANARY-code-5ca1ab1e"
ACCESS, REFRESH = "CANARY-access-5ca1ab1e", "CANARY-refresh-5ca1ab1e"
NEW = "CANARY-new-access-5ca1ab1e"
STORED = {"client_id": "trips", "access_token": ACCESS, "refresh_token": REFRESH}
TOKENS = b'{"access_token": "%s", "refresh_token": "%s", "expires_in": 1209600}' % (
    NEW.encode(),
    REFRESH.encode(),
)
ME = b'<user><id type="integer">17</id></user>'


def application(stub: Any, **options: Any) -> Any:
    return OAuthApp("trips", CLIENT_SECRET, REDIRECT, provider=stub.url, **options)


@pytest.fixture
def app(stub: Stub, clocks: Clocks) -> Any:
    return application(stub)


@pytest.fixture
def grant(app: OAuthApp) -> Any:
    return Grant.from_dict(STORED, app)


def test_no_href_in_an_answer_is_requested(stub: Stub, other: Stub, grant: Grant) -> None:
    listed = b'{"product": "backpack", "id": 1, "name": "A", "href": "%s"}'
    stub.default = http(200, b'{"accounts": [%s]}' % (listed % other.url.encode()))
    grant.accounts()
    assert other.requests == []


class TestHosts:
    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example",
            "https://backpackit.com",
            "https://acme.backpackit.com.evil.example",
            "https://evil.example/.backpackit.com",
            "https://acme.evil.backpackit.com",
            "https://acme-backpackit.com",
            "https://acme.backpackit.com.",
            "https://10.0.0.1",
            "https://127.0.0.1",
            OAuthAccount("Acme", "backpack", "https://evil.example", 88),
        ],
    )
    def test_an_access_token_goes_to_backpack_only(self, clocks: Clocks, address: Any) -> None:
        grant = Grant.from_dict(STORED, OAuthApp("trips", CLIENT_SECRET, REDIRECT))
        with pytest.raises(ValidationError):
            grant.connect(address)

    @pytest.mark.parametrize(
        "address", ["http://acme.backpackit.com", "http://user:pw@127.0.0.1", "acme", "a/b"]
    )
    def test_a_provider_on_this_machine_opens_accounts_on_this_machine_only(
        self, stub: Stub, grant: Grant, address: str
    ) -> None:
        with pytest.raises(ValidationError):
            grant.connect(address)
        assert stub.requests == []

    def test_an_application_can_name_other_hosts(
        self, stub: Stub, other: Stub, clocks: Clocks
    ) -> None:
        grant = Grant.from_dict(STORED, application(stub, hosts=["*.example", "localhost"]))
        with pytest.raises(ValidationError, match=r"only to \*\.example, localhost"):
            grant.connect(other.url)
        other.default = http(200, ME)
        grant.connect(other.url.replace("127.0.0.1", "localhost")).close()
        assert other.requests[0].headers["authorization"] == f"Bearer {ACCESS}"

    def test_an_access_token_is_never_sent_in_clear(self, clocks: Clocks) -> None:
        grant = Grant.from_dict(STORED, OAuthApp("trips", CLIENT_SECRET, REDIRECT))
        with pytest.raises(ValidationError, match="an access token is never sent in clear"):
            grant.connect("http://acme.backpackit.com", allow_insecure=True)
        with pytest.raises(ValidationError, match="would send the token in clear"):
            grant.connect("http://acme.backpackit.com")

    @pytest.mark.parametrize("location", ["{other}/me.xml", "{other}/login", "//evil.example/"])
    def test_a_redirect_of_an_account_is_not_followed(
        self, stub: Stub, other: Stub, app: OAuthApp, location: str
    ) -> None:
        grant = Grant.from_dict(STORED | {"refresh_token": None}, app)
        stub.default = http(302, b"", f"Location: {location.format(other=other.url)}")
        with pytest.raises((UnexpectedRedirect, AuthenticationError)):
            grant.connect(stub.url)
        assert other.requests == []

    def test_names_are_compared_in_any_case_and_without_the_port(self) -> None:
        hosts = AllowedHosts(["*.BackpackIt.com", "[::1]".strip("[]")])
        assert hosts.allow("https://ACME.backpackit.COM:443")
        assert hosts.allow("http://[::1]:8137")


FAILURES: dict[str, bytes | str] = {
    "a refusal": http(400, f"{ACCESS} {REFRESH} {CODE} {CLIENT_SECRET}".encode()),
    "no JSON": http(200, TOKENS[:-5]),
    "no access token": http(200, TOKENS.replace(b"access_token", b"token")),
    "a malformed token": http(200, TOKENS.replace(b"CANARY", b"CANARY ")),
    "a redirect": http(302, b"", f"Location: https://{CODE}.example/{CLIENT_SECRET}"),
    "an outage": http(502, TOKENS),
    "an error": http(500, f"<p>{REFRESH}{ACCESS}".encode()),
    "no answer": DROP,
}


class TestCanary:
    """No secret is in a repr, a log, an error with its frames, a pickle or a warning."""

    @pytest.fixture
    def recorder(self) -> Any:
        with recording_output() as recorder:
            yield recorder
        assert "CANARY" not in recorder.text()

    def record(self, recorder: Any, call: Any) -> None:
        try:
            call()
        except (BackpackError, TypeError, KeyboardInterrupt) as error:
            frames: Any = error.__traceback__
            frames = frames.tb_next.tb_next  # without those of this test
            if isinstance(error, BackpackError):
                recorder.add_error(error.with_traceback(frames))
            else:
                recorder.parts += traceback.format_exception(error.with_traceback(frames))
                report = traceback.TracebackException.from_exception(error, capture_locals=True)
                recorder.parts += report.format()
            return
        raise AssertionError("no error was raised")

    @pytest.mark.parametrize("failure", FAILURES)
    def test_no_failure_of_the_provider_reveals_one(
        self, stub: Stub, app: OAuthApp, grant: Grant, recorder: Recorder, failure: Any
    ) -> None:
        state = app.authorization_url()[1]
        stub.default = DROP
        for _ in range(5):
            stub.responses(FAILURES[failure])
        self.record(
            recorder, lambda: app.exchange(f"{REDIRECT}?code={CODE}&state={state}", state=state)
        )
        self.record(recorder, lambda: grant.refresh())
        stub.default = FAILURES[failure]
        self.record(recorder, lambda: grant.accounts())

    @pytest.mark.parametrize(
        "failure",
        [
            http(200, f"<p>{ACCESS}".encode()),
            http(401, ACCESS.encode()),
            http(200, f"<response success='false'><error code='404'>{ACCESS}</error>".encode()),
            http(302, b"", f"Location: https://evil.example/{ACCESS}"),
            http(502, ACCESS.encode()),
            DROP,
        ],
        ids=["HTML", "a refusal", "an error", "a redirect", "an outage", "no answer"],
    )
    def test_no_failure_of_an_account_reveals_one(
        self, stub: Stub, app: OAuthApp, recorder: Recorder, failure: Any
    ) -> None:
        stored = STORED | {"users": {stub.url.removeprefix("http://"): 17}}
        grant = Grant.from_dict(stored, app)
        with grant.connect(stub.url, max_wait=0) as connection:
            stub.default = failure
            self.record(recorder, lambda: Page.create(title="a", using=connection))
            self.record(recorder, lambda: Page.find(7, using=connection))
            recorder.add(connection)

    def test_no_interrupt_reveals_one(
        self,
        stub: Stub,
        app: OAuthApp,
        grant: Grant,
        recorder: Recorder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(HTTPResponse, "begin", Mock(side_effect=KeyboardInterrupt))
        state = app.authorization_url()[1]
        address = f"{REDIRECT}?code={CODE}&state={state}"
        self.record(recorder, lambda: app.exchange(address, state=state))
        self.record(recorder, lambda: grant.refresh())
        self.record(recorder, lambda: grant.accounts())
        self.record(recorder, lambda: grant.connect(stub.url))

    def test_a_success_reveals_none(self, stub: Stub, app: OAuthApp, recorder: Recorder) -> None:
        stub.responses(http(200, TOKENS), http(200, ME))
        state = app.authorization_url()[1]
        grant = app.exchange(f"{REDIRECT}?code={CODE}&state={state}", state=state)
        with grant.connect(stub.url) as connection:
            stub.responses(http(200, PAGES))
            recorder.add(Page.all(using=connection))
            recorder.add(connection)
        recorder.parts += [repr(app), repr(grant), str(grant), repr(vars(app)), repr(vars(grant))]
        recorder.parts += [repr(grant._tokens.current)]

    @pytest.mark.parametrize(
        "change",
        [
            {"expires_at": "soon"},
            {"users": 7},
            {"client_id": "other"},
            {"provider": "https://evil.example"},
            {"refresh_token": f"{REFRESH} "},
            {"access_token": f"{ACCESS} "},
        ],
    )
    def test_no_damaged_grant_reveals_one(
        self, app: OAuthApp, recorder: Recorder, change: Any
    ) -> None:
        self.record(recorder, lambda: Grant.from_dict(STORED | change, app))

    @pytest.mark.parametrize(
        "address",
        [
            f"https://evil.example/?code={CODE}&state={CODE}",
            f"{REDIRECT}?code={CODE}&state={CODE}",
            f"{REDIRECT}?error={CODE}",
            f"{REDIRECT}?code={CODE}&code={CODE}",
        ],
    )
    def test_no_refused_callback_reveals_one(
        self, app: OAuthApp, recorder: Recorder, address: str
    ) -> None:
        self.record(recorder, lambda: app.exchange(address, state="the-state"))

    @pytest.mark.parametrize(
        "options",
        [
            {"client_secret": f"{CLIENT_SECRET} "},
            {"client_id": ""},
            {"redirect_uri": "http://trips.example"},
            {"provider": "http://evil.example"},
            {"hosts": "a"},
            {"timeout": 5},
            {"timeot": 5},
        ],
    )
    def test_no_invalid_option_reveals_one(self, recorder: Recorder, options: Any) -> None:
        given = {"client_id": "a", "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT}
        if "timeot" in options:  # Python itself raises this one, in the frame of the caller
            with pytest.raises(TypeError, match="timeot") as error:
                OAuthApp(**given | options)
            recorder.parts.append(str(error.value))
            return
        self.record(recorder, lambda: OAuthApp(**given | options))

    def test_no_misuse_of_connect_reveals_one(self, grant: Grant, recorder: Recorder) -> None:
        self.record(recorder, lambda: grant.connect("acme", token=ACCESS))
        self.record(recorder, lambda: grant.connect("acme", timezon="UTC"))
        self.record(recorder, lambda: grant.connect(f"https://{'5ca1ab1e' * 6}.example"))


def test_the_import_of_the_package_loads_neither_this_nor_a_server() -> None:
    program = (
        "import sys, backpack_orm; from backpack_orm import OAuthApp; "
        "print([name for name in ('http.server', 'webbrowser') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_can_refresh_while_the_parent_does(provider: Sandbox) -> None:
    app = OAuthApp("trips", SECRET, REDIRECT, provider=provider.url)
    url, state = app.authorization_url()
    grant = app.exchange(provider.oauth.allow(url), state=state)
    with grant._tokens._lock:
        child = os.fork()
        if not child:
            status = 1
            try:
                with ThreadPoolExecutor(1) as pool:  # another thread, which does not hold the lock
                    pool.submit(grant.refresh).result(30)
                status = 0
            finally:
                os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_all_names_are_public() -> None:
    assert {"Grant", "OAuthAccount", "OAuthApp"} <= set(backpack_orm.__all__)


def test_the_recorder_of_these_tests_finds_a_secret() -> None:
    recorder = Recorder()
    try:
        secret = CODE
        raise ValidationError("a message")
    except ValidationError as error:
        assert secret
        recorder.add_error(error)
    assert "CANARY" in recorder.text()
