"""A Backpack server on this machine."""

from __future__ import annotations

from collections.abc import Sequence

import click

from backpack_orm.cli.common import command
from backpack_orm.cli.exit_codes import ExitCode


@command(
    "sandbox",
    examples=[
        "backpack sandbox",
        "backpack sandbox -- --port 8137 --data notes.db",
        "backpack sandbox -- --help",
    ],
    passes_on=True,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS]...")
def sandbox(arguments: Sequence[str]) -> None:
    """Run a Backpack server on this machine, until Ctrl-C.

    The options after `--` are those of `python -m backpack_orm.sandbox`.
    """
    from backpack_orm.sandbox.__main__ import main

    try:
        code = main(list(arguments))
    except SystemExit as end:  # of argparse
        code = end.code if isinstance(end.code, int) else ExitCode.USAGE
    click.get_current_context().exit(ExitCode.USAGE if code else ExitCode.OK)
