"""`backpack serve` and `backpack archive serve`, which the command line finds by name."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from backpack_orm.cli import streams
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    existing_archive,
    explained,
    snapshot_of,
    snapshot_option,
)
from backpack_orm.cli.common import command
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State, pass_state
from backpack_orm.connection.addresses import is_loopback

if TYPE_CHECKING:
    from backpack_orm.archive import Snapshot
    from backpack_orm.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])
_PORT = 8138
PASSWORD = "BACKPACK_SERVE_PASSWORD"  # noqa: S105 - the name of a variable


class _Place(NamedTuple):
    """Where to serve: the options that both commands have."""

    host: str
    port: int
    allowed: Sequence[str]
    is_opened: bool


def _place_options(function: F) -> F:
    for option in (
        click.option("--open", "is_opened", is_flag=True, help="Open it in the browser."),
        click.option(
            "--allow-host",
            "allowed",
            multiple=True,
            metavar="NAME",
            help="A further host name under which browsers reach it. Can be repeated.",
        ),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=_PORT,
            show_default=True,
            help="Port to listen on; 0 for any free one.",
        ),
        click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help=f"Address to listen on. For other machines, set {PASSWORD}.",
        ),
    ):
        function = option(function)
    return function


@command(
    "serve",
    examples=["backpack serve", "backpack serve --open", "backpack serve --port 0"],
)
@_place_options
@pass_state
def serve(state: State, /, **place: Any) -> None:
    """Show the account in a browser, and change it there, until Ctrl-C.

    Only browsers that open the printed address are admitted. Needs the extra `viewer`.
    """
    _serve(state, state.connect(), _Place(**place))


@command(
    "serve",
    examples=[
        "backpack archive serve",
        "backpack archive serve backup --open",
        "backpack archive serve --snapshot 2031-03-05",
    ],
)
@click.argument("archive", required=False, type=click.Path())
@archive_option
@snapshot_option
@_place_options
@pass_state
def archive_serve(
    state: State, /, archive: str | None, location: str | None, point: str | None, **place: Any
) -> None:
    """Show a snapshot in a browser, read-only, until Ctrl-C.

    ARCHIVE is the same as --archive. Makes no request to the account. Needs the extra `viewer`.
    """
    if archive is not None and location is not None:
        raise CommandError("the archive is named twice", hint="Leave out --archive.")
    with explained():
        snapshot = snapshot_of(existing_archive(state, archive or location), point)
    _serve(state, snapshot, _Place(**place))


def _serve(state: State, source: Connection | Snapshot, place: _Place) -> None:
    try:
        from backpack_orm.integrations.viewer import Admission, create_app, security, serving
    except ImportError as missing:
        raise CommandError(str(missing)) from None
    admission = Admission(password=_password(place.host))
    try:
        bound = serving.bound(place.host, place.port)
    except OSError as error:
        raise CommandError(
            f"{place.host} port {place.port} cannot be used: {error.strerror or error}",
            hint="Use another --port, or --port 0 for any free one.",
        ) from None
    with bound:
        address = f"{serving.address_of(bound, place.host)}?token={admission.secret}"
        hosts = {*security.LOOPBACK, *place.allowed}
        if not serving.is_wildcard(place.host):
            hosts.add(place.host)
        # Browsers send cookies to all ports of a host.
        config = {"SESSION_COOKIE_NAME": f"backpack_viewer_{bound.getsockname()[1]}"}
        app = create_app(source, hosts=hosts, admission=admission, config=config)
        row = {"url": address}
        state.output.done(f"Serving {address} until Ctrl-C.", tuple(row), row)
        streams.flush()
        with (
            serving.opened(address, webbrowser.open) if place.is_opened else nullcontext(True) as (
                is_open
            )
        ):
            if not is_open:
                state.output.warn(f"there is no browser to open: the address is {address}")
            serving.run(app, bound)


def _password(host: str) -> str | None:
    """Return the password; refuse to be reached by other machines without one."""
    from backpack_orm.integrations.viewer.admission import SHORTEST_PASSWORD

    password = os.environ.get(PASSWORD) or None
    if password is None and not is_loopback(host):
        raise CommandError(
            f"other machines would reach the account at {host}",
            hint=f"Set a password in {PASSWORD}, or leave out --host.",
        )
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise CommandError(f"{PASSWORD} has fewer than {SHORTEST_PASSWORD} characters")
    return password
