"""A sandbox as provider, an application, and grants of its users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backpack_orm import Grant, OAuthApp
from backpack_orm.connection.oauth import provider as provider_module
from backpack_orm.connection.oauth import refreshing, token_set
from backpack_orm.sandbox import Application, Sandbox

REDIRECT = "https://trips.example/back"
SECRET = "5ca1ab1e-secret-of-the-application"
REGISTERED = Application(REDIRECT, "Trips", "trips", SECRET)


class Clocks:
    """The clocks of the provider and of this machine, which may differ."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.provider = self.here = datetime.now(UTC)
        self.slept: list[float] = []

    def advance(self, seconds: float) -> None:
        self.provider += timedelta(seconds=seconds)
        self.here += timedelta(seconds=seconds)

    def time(self) -> float:
        return self.here.timestamp()

    def monotonic(self) -> float:
        return self.here.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(scope="session")
def _clocks() -> Clocks:
    return Clocks()


@pytest.fixture(scope="module")
def running(network: None, _clocks: Clocks) -> Iterator[Sandbox]:
    with Sandbox(seed="empty", clock=lambda: _clocks.provider, applications=[REGISTERED]) as box:
        box.add_account("other")
        yield box


@pytest.fixture
def clocks(_clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Both clocks, at the same time; waiting takes none."""
    _clocks.reset()
    for module in (token_set, refreshing, provider_module):
        monkeypatch.setattr(module, "time", _clocks)
    return _clocks


@pytest.fixture
def provider(running: Sandbox, clocks: Clocks) -> Iterator[Sandbox]:
    """A sandbox without grants and faults."""
    running.oauth.revoke()
    yield running
    running.faults.clear()
    running.oauth.grants.token_lifetime = 1_209_600


@pytest.fixture
def app(provider: Sandbox) -> OAuthApp:
    return OAuthApp("trips", SECRET, REDIRECT, provider=provider.url)


@pytest.fixture
def sign_in(provider: Sandbox, app: OAuthApp) -> Callable[[], Grant]:
    """Return a function that signs the owner in."""

    def sign_in() -> Grant:
        url, state = app.authorization_url()
        return app.exchange(provider.oauth.allow(url), state=state)

    return sign_in


@pytest.fixture
def grant(sign_in: Callable[[], Grant]) -> Grant:
    return sign_in()


def requests_for(box: Sandbox, kind: str) -> int:
    """Return how many requests for tokens of one kind the provider has received."""
    return [each.type for each in box.oauth.log].count(kind)
