"""Each request to an OAuth provider, replayed from cassettes and live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from backpack_orm import AuthenticationError, Grant, OAuthApp, Page, User
from backpack_orm.sandbox import Application, Sandbox
from tests.conftest import REPLAYED_URL, cassette_of, recorder

REGISTERED = Application("https://trips.example/back", "Trips", "trips", "s3cret-of-trips")


class Provider:
    """A provider, replayed or live, and its user.

    Args:
        url: The address of the provider, and of the account.
        box: The sandbox; None if it is replayed.
    """

    def __init__(self, url: str, box: Sandbox | None) -> None:
        self.url = url
        self._box = box

    def sign_in(self) -> Grant:
        """Let the user sign in and allow the application."""
        app = OAuthApp(
            REGISTERED.client_id,
            REGISTERED.client_secret,
            REGISTERED.redirect_uri,
            provider=self.url,
        )
        url, state = app.authorization_url()
        assert parse_qs(urlsplit(url).query)["state"] == [state]
        back = f"{REGISTERED.redirect_uri}?code=replayed&state={state}"
        return app.exchange(self._box.oauth.allow(url) if self._box else back, state=state)

    def revoke(self) -> None:
        """Let the user revoke the access of the application."""
        if self._box:
            self._box.oauth.revoke()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recorded_provider" in metafunc.fixturenames:
        modes = ["replayed"]
        if not metafunc.config.getoption("--record"):
            modes.append(pytest.param("live", marks=pytest.mark.network))  # type: ignore[arg-type]
        metafunc.parametrize("recorded_provider", modes, indirect=True)


@pytest.fixture
def recorded_provider(
    request: pytest.FixtureRequest, demo: Callable[..., Sandbox]
) -> Iterator[Provider]:
    """A sandbox as provider, replayed or live."""
    path = cassette_of(request.node)
    if request.param == "live":
        with demo(applications=[REGISTERED]) as box:
            yield Provider(box.url, box)
    elif request.config.getoption("--record"):
        path.unlink(missing_ok=True)
        with (
            demo(applications=[REGISTERED]) as box,
            recorder(box.url).use_cassette(str(path), record_mode="all"),
        ):
            yield Provider(box.url, box)
    else:
        with recorder(REPLAYED_URL).use_cassette(str(path), record_mode="none") as cassette:
            yield Provider(REPLAYED_URL, None)
        assert cassette.all_played, f"{path.name} contains requests that the test does not make"


def test_a_user_signs_in_and_reaches_the_account(recorded_provider: Provider) -> None:
    grant = recorded_provider.sign_in()
    assert [(each.name, each.product) for each in grant.accounts()] == [("acme", "backpack")]
    with grant.connect(recorded_provider.url) as connection:
        assert User.me(using=connection).name == "Nora Whitfield"
        assert Page.get(title="Lisbon", using=connection).title == "Lisbon"


def test_a_token_is_replaced_and_the_new_one_is_used(recorded_provider: Provider) -> None:
    grant = recorded_provider.sign_in()
    with grant.connect(recorded_provider.url) as connection:
        grant.refresh()
        assert Page.all(using=connection)[0].title


def test_a_revoked_grant_needs_a_new_sign_in(recorded_provider: Provider) -> None:
    grant = recorded_provider.sign_in()
    recorded_provider.revoke()
    with pytest.raises(AuthenticationError, match="unknown or was revoked") as error:
        grant.refresh()
    assert error.value.hint.startswith("Sign in again")
