"""Settings: each option once, known to people, editors and type checkers."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from backpack_orm.connection import Connection, connect
from backpack_orm.connection.settings import Settings, signature_of
from backpack_orm.errors import ValidationError
from tests.connection.conftest import TOKEN

ROOT = Path(__file__).parent.parent.parent
OPTIONS = [attribute.name for attribute in attrs.fields(Settings) if attribute.init]


@pytest.mark.parametrize("callable_", [connect, Connection], ids=["connect", "Connection"])
def test_the_signature_is_that_of_the_settings(callable_: Any) -> None:
    parameters = inspect.signature(callable_).parameters
    assert list(parameters) == OPTIONS
    for attribute in attrs.fields(Settings):
        if attribute.init:
            assert parameters[attribute.name].default == attribute.default
            is_only_named = parameters[attribute.name].kind is inspect.Parameter.KEYWORD_ONLY
            assert is_only_named is (attribute.name != "account")


def test_a_method_keeps_its_self() -> None:
    assert next(iter(inspect.signature(Connection.__init__).parameters)) == "self"


def test_a_signature_keeps_what_a_function_returns() -> None:
    @signature_of(Settings)
    def opened(*arguments: Any, **options: Any) -> int:
        return len(options)

    assert inspect.signature(opened).return_annotation in (int, "int")
    assert opened("acme", ttl=5) == 1


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_documented(name: Any) -> None:
    assert re.search(rf"^ +{name}: ", Connection.__doc__ or "", re.MULTILINE)
    if name not in ("account", "token", "oauth_token"):
        assert f"| `{name}` |" in (ROOT / "docs/connecting.md").read_text("utf-8")


@pytest.mark.parametrize("way", [connect, Connection])
def test_a_misspelled_option_is_reported_with_the_right_one(way: Any) -> None:
    with pytest.raises(TypeError, match=r"^\w+\(\) .* 'read_onyl'; did you mean 'read_only'\?"):
        way("acme", token=TOKEN, read_onyl=True)


@pytest.mark.parametrize("way", [connect, Connection])
def test_options_are_given_by_name(way: Any) -> None:
    with pytest.raises(TypeError, match="positional argument") as caught:
        way("acme", TOKEN)
    assert TOKEN not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Settings("acme").ttl = 5  # type: ignore[misc]


def test_settings_do_not_show_tokens_or_passwords() -> None:
    settings = Settings("acme", token=TOKEN, limits="redis://:pa55word@127.0.0.1:6379")
    assert TOKEN not in repr(settings)
    assert "pa55word" not in repr(settings)
    assert TOKEN not in repr(attrs.asdict(settings))


@pytest.mark.parametrize("name", ["allow_insecure", "partial_updates", "read_only"])
@pytest.mark.parametrize("value", [1, 0, "no", None])
def test_a_switch_is_true_or_false(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"{name} takes True or False"):
        Settings("acme", **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_agent", "a\nb"),
        ("timeout", 5),
        ("deadline", 0),
        ("max_response_size", 0),
        ("ttl", -1),
        ("max_wait", "long"),
        ("limits", "redis"),
        ("timezone", "Nowhere"),
        ("read_only", "no"),
    ],
)
def test_an_error_names_the_option(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"^{name} "):
        Settings("acme", **{name: value})


def test_the_smallest_size_is_a_byte() -> None:
    assert Settings("acme", token=TOKEN, max_response_size=1).max_response_size == 1
