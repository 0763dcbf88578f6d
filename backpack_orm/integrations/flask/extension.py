"""An extension for Flask: connections from the configuration, current in the contexts of an app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import backpack_orm
from backpack_orm.connection import Connection, using
from backpack_orm.errors import BackpackError, NotConnected, ValidationError, did_you_mean
from backpack_orm.integrations.configuration import connections_from
from backpack_orm.integrations.http_errors import UNCLEAR, retry_after, status_of

try:
    import click
    from flask import Flask, current_app
    from flask.cli import with_appcontext
    from markupsafe import Markup
    from werkzeug.exceptions import default_exceptions

    from backpack_orm.integrations.flask.accounts import CONNECTIONS, select_account
except ModuleNotFoundError as missing:
    raise ImportError(
        f'the extension for Flask needs {missing.name}: pip install "backpack_orm[flask]"'
    ) from missing

_PREFIX = "BACKPACK_"
_OF_ONE_ACCOUNT = {"url", "account", "token", "oauth_token"}


class Backpack:
    """The connections of an application, one of them current in each of its contexts.

    The configuration names the account: `BACKPACK_URL` (a name or an address) and `BACKPACK_TOKEN`.
    All other options of `Connection` have keys too, such as `BACKPACK_MAX_WAIT`. Several accounts
    are in `BACKPACK_ACCOUNTS`, a dictionary of names and options. `app.config.from_prefixed_env()`
    reads these keys from the environment: `FLASK_BACKPACK_URL`, and
    `FLASK_BACKPACK_ACCOUNTS__work__url`.

    The account of `BACKPACK_URL` is current in each request, in commands and in `flask shell`,
    which has the models. The connections are shared by all threads of a process, and are made with
    no request.

    Args:
        app: The application; without it, call `init_app`.
        connection: A connection to use instead of that of the configuration, for example to an
            archive.
        handle_errors: Respond to errors of this library that a view does not handle with an HTTP
            error: 404 for `NotFound`, 503 with `Retry-After` for `RateLimited`, 502 if the service
            cannot be reached. Those of 500 and more are logged. Error handlers of the application
            get an HTTP error whose `__cause__` is that of this library.

    >>> from flask import Flask
    >>> app = Flask("diary")
    >>> app.config["BACKPACK_URL"] = "acme"
    >>> app.config["BACKPACK_TOKEN"] = "0123456789abcdef"
    >>> backpack = Backpack(app)
    >>> with app.app_context():
    ...     backpack.connection
    Connection('https://acme.backpackit.com')
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        connection: Connection | None = None,
        handle_errors: bool = False,
    ) -> None:
        self._connection = connection
        self._handle_errors = handle_errors
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Make the connections of an application.

        Raises:
            RuntimeError: The application has this extension or another command `backpack` already.
            ValidationError: A key of the configuration is misspelled, or its value is invalid.
            NotConnected: The configuration names no account.

        >>> from flask import Flask
        >>> app = Flask("diary")
        >>> app.config.update(BACKPACK_URL="acme", BACKPACK_TOKEN="0123456789abcdef")
        >>> Backpack().init_app(app)
        >>> "backpack_orm" in app.extensions
        True
        """
        if CONNECTIONS in app.extensions:
            raise RuntimeError(f"{app!r} has this extension already: create it once")
        if _command.name in app.cli.commands:
            raise RuntimeError(f"{app!r} has another command {_command.name!r}: rename that one")
        if self._connection is None:
            app.extensions[CONNECTIONS] = connections_from(_accounts(app), _key)
        else:
            app.extensions[CONNECTIONS] = {"": self._connection}
        select_account(app)
        if self._handle_errors:
            app.register_error_handler(BackpackError, _response_to)
        for name in ("html", "markdown", "plain"):
            app.add_template_filter(partial(_converted, name), f"backpack_{name}")
        app.cli.add_command(_command)
        app.shell_context_processor(_models)

    @property
    def connection(self) -> Connection:
        """The connection to the account of `BACKPACK_URL`.

        Raises:
            NotConnected: The configuration has several accounts, and none of them is this one.
            RuntimeError: There is no current application.

        >>> from flask import Flask
        >>> app = Flask("diary")
        >>> app.config.update(BACKPACK_URL="acme", BACKPACK_TOKEN="0123456789abcdef")
        >>> backpack = Backpack(app)
        >>> with app.app_context():
        ...     backpack.connection.url
        'https://acme.backpackit.com'
        """
        return self[""]

    def __getitem__(self, name: str) -> Connection:
        """Return the connection to an account of `BACKPACK_ACCOUNTS`.

        Raises:
            NotConnected: There is no account of this name.
            RuntimeError: There is no current application.
        """
        connections: dict[str, Connection] = current_app.extensions[CONNECTIONS]
        if name in connections:
            return connections[name]
        if not name:
            raise NotConnected(
                f"there is no {_PREFIX}URL in the configuration: name one of the accounts, as in "
                f"backpack[{next(iter(connections))!r}]"
            )
        hint = did_you_mean(name, connections) or f"; there are {', '.join(map(repr, connections))}"
        raise NotConnected(f"{_PREFIX}ACCOUNTS has no account {name!r}{hint}")

    def using(self, name: str) -> AbstractContextManager[Connection]:
        """Make the connection to an account of `BACKPACK_ACCOUNTS` current in a `with` block.

        >>> from flask import Flask
        >>> app = Flask("diary")
        >>> app.config["BACKPACK_ACCOUNTS"] = {"work": {"url": "acme", "token": "0123456789abcdef"}}
        >>> backpack = Backpack(app)
        >>> with app.app_context(), backpack.using("work") as connection:
        ...     connection
        Connection('https://acme.backpackit.com')
        """
        return using(self[name])


def _accounts(app: Flask) -> dict[str, Mapping[str, Any]]:
    """Return the options of each account by its name; that of BACKPACK_URL is named ""."""
    own = {
        key.removeprefix(_PREFIX).lower(): value
        for key, value in app.config.items()
        if key.startswith(_PREFIX) and key != f"{_PREFIX}ACCOUNTS"
    }
    others = app.config.get(f"{_PREFIX}ACCOUNTS") or {}
    if not isinstance(others, Mapping) or not all(
        isinstance(options, Mapping) for options in others.values()
    ):
        del own, others  # tracebacks may show the variables of this frame
        raise ValidationError(
            f'{_PREFIX}ACCOUNTS takes a dictionary, such as {{"work": {{"url": "acme", '
            f'"token": "…"}}}}'
        )
    shared = {name: value for name, value in own.items() if name not in _OF_ONE_ACCOUNT}
    found: dict[str, Mapping[str, Any]] = {}
    if own.get("url") or own.get("account") or not others:
        found[""] = own
    return found | {name: {**shared, **options} for name, options in others.items()}


def _key(account: str, option: str) -> str:
    """Return the key of an option in the configuration."""
    return f"{_PREFIX}ACCOUNTS[{account!r}][{option!r}]" if account else _PREFIX + option.upper()


def _models() -> dict[str, object]:
    """Return the models by name, for `flask shell`."""
    public = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, backpack_orm.Model)
    }


def _response_to(error: BackpackError) -> Any:
    """Return the response that the application gives to an HTTP error."""
    status, seconds = status_of(error), retry_after(error)
    if status >= 500:
        current_app.logger.error("%s", error, exc_info=error)
    refused = default_exceptions[status](UNCLEAR if error.may_have_happened else None)
    refused.__cause__ = error
    response = current_app.make_response(current_app.handle_user_exception(refused))
    if seconds is not None:
        response.headers["Retry-After"] = seconds
    return response


def _converted(form: str, source: str) -> str:
    """Return a text of Backpack in another form: a filter for templates."""
    from backpack_orm import text

    convert: Callable[[str], str] = getattr(text, f"to_{form}")
    return Markup(convert(source)) if form == "html" else convert(source)  # noqa: S704 - safe HTML


@click.command(
    "backpack",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Use the account with the commands of backpack.",
)
@click.option("--account", default="", help="The name of an account of BACKPACK_ACCOUNTS.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def _command(account: str, arguments: tuple[str, ...]) -> None:
    """Run a command of `backpack` with the account of the application."""
    try:
        from backpack_orm.cli.program import program
        from backpack_orm.cli.state import State

        extension = Backpack()
        program.main(list(arguments), obj=State(open=lambda: extension[account]))
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f'{missing.name} is missing: pip install "backpack_orm[cli]"'
        ) from None
