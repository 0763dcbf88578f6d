"""The settings of a connection: each option with its default and its validator."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import attrs
from attrs import Attribute, field, frozen

from backpack_orm.connection.addresses import url_of
from backpack_orm.connection.redaction import Secret
from backpack_orm.connection.time_zones import ACCOUNT, zone_named
from backpack_orm.errors import ValidationError, did_you_mean, redacted
from backpack_orm.version import __version__
from backpack_orm.wire.size import DEFAULT_MAX_SIZE

P = ParamSpec("P")
R = TypeVar("R")

USER_AGENT = f"backpack_orm/{__version__} (https://backpack-orm.readthedocs.io)"
_NO_TOKEN = Secret("\0")  # replaces what is not a string; its validator refuses it
_LONGEST = 24 * 60 * 60.0  # sockets refuse an infinite time-out


class EnvironmentValue(str):
    """A value from the environment, with the name of its variable for messages."""

    __slots__ = ("variable",)

    variable: str

    def __new__(cls, variable: str) -> EnvironmentValue:
        self = super().__new__(cls, os.environ.get(variable, ""))
        self.variable = variable
        return self


# --- converters -------------------------------------------------------------------------------


def _hidden(token: str | None) -> Secret | None:
    value: object = token
    if isinstance(value, Secret):  # from attrs.evolve()
        return value
    if value is None or value == "":
        return None
    return Secret(value) if isinstance(value, str) else _NO_TOKEN


def _pair(timeout: tuple[float, float]) -> tuple[float, float]:
    return tuple(timeout) if isinstance(timeout, list) else timeout


# --- validators -------------------------------------------------------------------------------


def _takes(what: str, accepts: Callable[[Any], object], *, shown: bool = True) -> Any:
    """Return a validator; its message omits the value if that may be secret."""

    def validate(settings: Settings, attribute: Attribute[Any], value: object) -> None:
        if not accepts(value):
            refused = f", not {redacted(value)}" if shown else ""
            raise ValidationError(f"{attribute.name} takes {what}{refused}")

    return validate


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_timeout(value: object) -> bool:
    match value:
        case (int() | float() as connecting, int() | float() as reading):
            return 0 < connecting <= _LONGEST and 0 < reading <= _LONGEST
    return False


def _is_address(value: object) -> bool:
    return isinstance(value, str) and bool(re.match(r"memory://$|(rediss?|unix)://.", value))


_header = _takes(
    "one line of ASCII characters",
    lambda value: isinstance(value, str) and value.strip() and re.fullmatch(r"[ -~]+", value),
)
_timeout = _takes("two numbers of seconds, to connect and to read", _is_timeout)
_seconds = _takes("a number of seconds, 0 or more", lambda value: _is_number(value) and value >= 0)
_deadline = _takes(
    "a number of seconds above 0, or None for no deadline",
    lambda value: value is None or (_is_number(value) and value > 0),
)
_size = _takes(
    "a number of bytes above 0",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
)
_storage = _takes(
    "memory://, an address such as redis://127.0.0.1:6379, or None to disable rate limits",
    lambda value: value is None or _is_address(value),
    shown=False,  # it may contain a password
)
_cache = _takes(
    "memory:// or an address such as redis://127.0.0.1:6379; ttl=0 disables the cache",
    _is_address,
    shown=False,  # it may contain a password
)
_egress = _takes(
    "a name of letters, digits and any of . : _ - such as office, or None for the host name",
    lambda value: value is None or (isinstance(value, str) and re.fullmatch(r"[\w.:-]+", value)),
)
_zone_name = _takes(
    "the name of a time zone", lambda value: value is None or isinstance(value, str)
)
_flag = _takes("True or False", lambda value: isinstance(value, bool))


def _zone(settings: Settings, attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and value != ACCOUNT:
        zone_named(value)


def _token(settings: Settings, attribute: Attribute[Any], secret: Secret | None) -> None:
    if secret is None:
        return
    value = secret.reveal()
    if secret is _NO_TOKEN:
        raise ValidationError(f"{attribute.name} takes a text; this value is not shown here")
    option = value.variable if isinstance(value, EnvironmentValue) else attribute.name
    if value != value.strip():
        raise ValidationError(f"{option} has white space around it, and is not shown: strip it")
    # an API token may be part of a path
    allowed = r"[!-~]+" if attribute.name == "oauth_token" else r"((?![/?#%])[!-~])+"
    if not re.fullmatch(allowed, value):
        raise ValidationError(f"{option} has a character that no token has; it is not shown here")


def _naming_options(owner: type, attributes: list[Attribute[Any]]) -> list[Attribute[Any]]:
    """Have the errors of all validators name the option as data, see `ValidationError`."""
    return [
        each.evolve(validator=partial(_validated, each.validator)) if each.validator else each
        for each in attributes
    ]


def _validated(validator: Any, settings: Settings, attribute: Attribute[Any], value: Any) -> None:
    try:
        validator(settings, attribute, value)
    except ValidationError as error:
        error._option = attribute.name
        raise


def _missing_token() -> ValidationError:
    error = ValidationError("token is missing: find it under My info in Backpack")
    error._option = "token"
    return error


# --- the settings -----------------------------------------------------------------------------


@frozen(eq=False, field_transformer=_naming_options)
class Settings:
    """The validated settings of a connection.

    The parameters of `Connection` and `connect` are the fields of this class, see `signature_of`.

    Attributes:
        url: The account's address.

    >>> Settings("acme", ttl=0).url
    'https://acme.backpackit.com'
    """

    account: str | None = field(default=None)
    token: Secret | None = field(
        default=None, converter=_hidden, validator=_token, kw_only=True, repr=False
    )
    oauth_token: Secret | None = field(
        default=None, converter=_hidden, validator=_token, kw_only=True, repr=False
    )
    user_agent: str = field(default=USER_AGENT, validator=_header, kw_only=True)
    timeout: tuple[float, float] = field(
        default=(5.0, 30.0), converter=_pair, validator=_timeout, kw_only=True
    )
    deadline: float | None = field(default=None, validator=_deadline, kw_only=True)
    max_response_size: int = field(default=DEFAULT_MAX_SIZE, validator=_size, kw_only=True)
    ttl: float = field(default=60.0, validator=_seconds, kw_only=True)
    cache: str = field(default="memory://", validator=_cache, kw_only=True, repr=False)
    max_wait: float = field(default=60.0, validator=_seconds, kw_only=True)
    limits: str | None = field(default="memory://", validator=_storage, kw_only=True, repr=False)
    egress: str | None = field(default=None, validator=_egress, kw_only=True)
    timezone: str | None = field(default=None, validator=[_zone_name, _zone], kw_only=True)
    allow_insecure: bool = field(default=False, validator=_flag, kw_only=True)
    partial_updates: bool = field(default=False, validator=_flag, kw_only=True)
    read_only: bool = field(default=False, validator=_flag, kw_only=True)
    url: str = field(init=False)

    @url.default
    def _url(self) -> str:
        option = getattr(self.account, "variable", "account")
        try:
            return url_of(self.account, option=option, allow_insecure=self.allow_insecure is True)
        except ValidationError as error:
            error._option = "account"
            raise

    def __attrs_post_init__(self) -> None:
        if self.token and self.oauth_token:
            raise ValidationError("pass either token or oauth_token, not both")

    @property
    def secret(self) -> Secret:
        """The token to send.

        Raises:
            ValidationError: There is none.
        """
        secret = self.oauth_token or self.token
        if secret is None:
            raise _missing_token()
        return secret

    @property
    def is_bearer(self) -> bool:
        """Whether the token is sent as an OAuth 2 bearer token."""
        return self.oauth_token is not None

    def for_pickle(self) -> dict[str, Any]:
        """Return the options that contain no secret: no token, and no password of a storage.

        >>> Settings("acme", token="0123456789abcdef", ttl=0).for_pickle()["ttl"]
        0
        """
        left_out = {"account", "token", "oauth_token", "cache", "limits", "url"}
        return {
            attribute.name: getattr(self, attribute.name)
            for attribute in attrs.fields(type(self))
            if attribute.name not in left_out
        }


def checked(
    caller: str, arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> Settings | ValidationError | TypeError:
    """Return the settings, or the error for a caller to raise that has deleted its arguments.

    Tracebacks may show the variables of their frames, and the arguments contain the token.
    """
    try:
        settings = Settings(*arguments, **options)
        if settings.oauth_token is None and settings.token is None:
            return _missing_token()
        return settings
    except ValidationError as error:
        found: ValidationError | TypeError = error
    except TypeError as error:
        found = _wrong_call(caller, str(error))
    found.__context__ = found.__traceback__ = None
    return found


def _wrong_call(caller: str, message: str) -> TypeError:
    message = message.replace("Settings.__init__", caller)
    message = message.partition(". Did you mean")[0]  # newer versions of Python suggest a name too
    unknown = re.search(r"keyword argument '(\w+)'", message)
    names = [attribute.name for attribute in attrs.fields(Settings) if attribute.init]
    return TypeError(message + (did_you_mean(unknown[1], names) if unknown else ""))


def from_environment(
    arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments, completed with the account and the token of the environment."""
    options = dict(options)
    if not (arguments[0] if arguments else options.get("account")):
        arguments = (EnvironmentValue("BACKPACK_URL"), *arguments[1:])
        options.pop("account", None)
    if not options.get("token") and options.get("oauth_token") is None:
        options["token"] = EnvironmentValue("BACKPACK_TOKEN")
    return arguments, options


# --- signatures -------------------------------------------------------------------------------


def _set_signature(source: Callable[..., Any], is_method: bool, function: Any) -> Any:
    signature = inspect.signature(source)
    own = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)] if is_method else []
    function.__signature__ = signature.replace(
        parameters=[*own, *signature.parameters.values()],
        return_annotation=inspect.signature(function).return_annotation,
    )
    return function


def signature_of(source: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function the parameters of another callable, for help(), editors and type checkers.

    Each option is named in `Settings` and nowhere else.

    >>> @signature_of(Settings)
    ... def connect(*arguments, **options): ...
    >>> "read_only" in inspect.signature(connect).parameters
    True
    """
    return partial(_set_signature, source, False)


def method_signature_of(
    source: Callable[P, Any],
) -> Callable[[Callable[..., R]], Callable[Concatenate[Any, P], R]]:
    """Give a method the parameters of a callable, after `self`."""
    return partial(_set_signature, source, True)
