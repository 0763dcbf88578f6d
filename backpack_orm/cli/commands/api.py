"""Any call of the API."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from backpack_orm.cli.common import asks_first, command
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import STDIN


@command(
    "api",
    examples=[
        "backpack api GET statuses.xml",
        "backpack api POST ws/pages/all",
        "backpack api POST ws/pages/new --data '<page><title>Porto</title></page>' --yes",
        "backpack api PUT users/7/status.xml --data @status.xml --dry-run",
    ],
)
@click.argument("verb", type=click.Choice(["GET", "POST", "PUT", "DELETE"], case_sensitive=False))
@click.argument("path")
@click.option("--data", metavar="XML", help="The body: XML, @FILE, or - for standard input.")
@asks_first
@pass_state
def api(state: State, verb: str, path: str, data: str | None) -> None:
    """Make any call of the API, and print the response as received.

    PATH is below the address of the account, without the token, which is added to the request where
    the API expects it. Calls that do not read ask first. Makes one request.
    """
    from backpack_orm.cli import raw
    from backpack_orm.wire.endpoint import Safety

    body, connection = _body(data), state.connect()
    raw.check_without_token(path, body)
    endpoint = raw.endpoint_of(verb.upper(), path, body)
    if endpoint.safety is not Safety.READ:
        state.confirm(f"{endpoint.verb} /{endpoint.path} may change something. Send it?")
    text = raw.call(connection, endpoint).decode("utf-8", "backslashreplace")
    state.output.text(text, {"verb": endpoint.verb, "path": f"/{endpoint.path}", "body": text})


def _body(data: str | None) -> bytes | None:
    if data is None:
        return None
    if data == STDIN:
        if sys.stdin is None:
            raise CommandError("the data is missing, and standard input is closed")
        return sys.stdin.buffer.read()
    if data.startswith("@"):
        return Path(data[1:]).read_bytes()
    return data.encode()
