"""Connections from the configuration of a framework: its errors name the key, and show no token."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import django
import pytest
from flask import Flask

django.setup()

from django.core.exceptions import ImproperlyConfigured  # noqa: E402 - after the setup
from django.test import override_settings  # noqa: E402

from backpack_orm import BackpackError, connect  # noqa: E402
from backpack_orm.integrations import fastapi, flask  # noqa: E402
from backpack_orm.integrations.configuration import connections_from  # noqa: E402
from backpack_orm.integrations.django import connections  # noqa: E402

CANARY = "5ca1ab1e0ddba11cafe5ca1ab1e0ddba11cafe77"
ACCOUNT = {"url": "acme", "token": CANARY}


def of_flask(options: Mapping[str, Any]) -> object:
    app = Flask("diary")
    app.config["BACKPACK_ACCOUNTS"] = {"home": options}
    return flask.Backpack(app)


def of_flask_alone(options: Mapping[str, Any]) -> object:
    app = Flask("diary")
    app.config.update({f"BACKPACK_{name.upper()}": value for name, value in options.items()})
    return flask.Backpack(app)


def of_django(options: Mapping[str, Any]) -> None:
    with override_settings(BACKPACK={"default": options}):
        connections.load()


def of_fastapi(options: Mapping[str, Any]) -> object:
    return fastapi.Backpack(options["url"], **{k: v for k, v in options.items() if k != "url"})


def of_connect(options: Mapping[str, Any]) -> object:
    return connect(options["url"], **{k: v for k, v in options.items() if k != "url"})


def variables(error: BaseException | None) -> str:
    """Return what the frames of this package would show of their variables."""
    shown = []
    while error is not None:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown += [repr(each.locals) for each in report.stack if "/backpack_orm/" in each.filename]
        error = error.__context__
    return "\n".join(shown)


@pytest.mark.parametrize("load", [of_flask, of_flask_alone, of_django, of_fastapi, of_connect])
@pytest.mark.parametrize(
    "wrong",
    [{"timeout": "long"}, {"timout": 1}, {"token": f"{CANARY} "}, {"cache": "redis://host:port"}],
    ids=str,
)
def test_no_variable_of_a_frame_shows_the_token(
    load: Callable[[Mapping[str, Any]], object], wrong: Mapping[str, Any]
) -> None:
    options = {**ACCOUNT, **wrong}
    with pytest.raises((BackpackError, ImproperlyConfigured, TypeError)) as caught:
        load(options)
    assert CANARY not in variables(caught.value)
    assert "backpack_orm" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("load", [of_django, of_flask])
def test_an_account_that_is_no_dictionary_is_not_shown(load: Callable[[Any], object]) -> None:
    with pytest.raises((BackpackError, ImproperlyConfigured), match="takes a dictionary") as caught:
        load(CANARY)
    assert CANARY not in variables(caught.value)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"url": "two words"}, "url"),
        ({"account": "two words"}, "account"),
        ({"url": "acme", "token": ""}, "token"),
        ({"url": "acme", "token": "two words"}, "token"),
        ({**ACCOUNT, "ttl": -1}, "ttl"),
        ({**ACCOUNT, "timezone": "Nowhere"}, "timezone"),
    ],
    ids=str,
)
def test_the_message_names_the_key_of_the_wrong_option(
    options: Mapping[str, Any], key: str
) -> None:
    with pytest.raises(BackpackError, match=f"; the key is home/{key} in the configuration\n"):
        connections_from({"home": options}, "{}/{}".format)


def test_a_message_about_two_options_names_no_key() -> None:
    both = {**ACCOUNT, "oauth_token": CANARY}
    with pytest.raises(BackpackError, match="either token or oauth_token, not both\n"):
        connections_from({"home": both}, "{}/{}".format)
