"""`backpack mcp`, which the command line finds by name."""

from __future__ import annotations

import sys

import click

from backpack_orm.cli.common import command
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State, pass_state


@command("mcp", examples=["backpack mcp", "backpack mcp --allow-write"])
@click.option("--allow-write", is_flag=True, help="Offer tools that add and complete records.")
@click.option(
    "--allow-destroy",
    is_flag=True,
    help="Offer tools that destroy records. With both, offer one that replaces texts.",
)
@pass_state
def mcp(state: State, allow_write: bool, allow_destroy: bool) -> None:
    """Serve the account to a language model, over standard input and output.

    The program of the model starts this command, and speaks the Model Context Protocol with it.
    Without options, the model can only read. Needs the extra `mcp`.
    """
    if sys.stdin is None:
        raise CommandError("standard input is closed, and the protocol needs it")
    connection = state.connect()
    try:
        from backpack_orm.integrations.mcp import create_server
    except ImportError as missing:
        raise CommandError(str(missing)) from None
    create_server(connection, allow_write=allow_write, allow_destroy=allow_destroy).run()
