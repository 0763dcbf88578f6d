"""A demonstration account in a sandbox on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which
from sysconfig import get_path
from tempfile import TemporaryDirectory

import click

from backpack_orm.cli.common import command
from backpack_orm.cli.config import ARCHIVE, CACHE_FOLDER, PROFILE, TOKEN, URL
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.prompts import shell_in
from backpack_orm.cli.state import State, pass_state


@command(
    "demo",
    examples=[
        "backpack demo",
        "backpack demo page list",
        "backpack demo serve --open",
        "backpack demo --data demo.db add Lisbon Sunscreen",
    ],
    passes_on=True,
)
@click.option(
    "--data",
    type=click.Path(dir_okay=False),
    default=":memory:",
    metavar="FILE",
    help="Store the account in a file, so that changes last.",
)
@click.option("--empty", is_flag=True, help="Start with an empty account.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
@pass_state
def demo(state: State, data: str, empty: bool, arguments: Sequence[str]) -> None:
    """Try everything on a demonstration account.

    Starts a Backpack server on this machine, and runs a command of `backpack` on its account.
    Without a command, it starts a shell in which all commands use this account, until you leave it.
    No account on the service is touched.
    """
    from backpack_orm.sandbox import Sandbox

    try:
        sandbox = Sandbox(seed="empty" if empty else "demo", data=data)
    except ValueError as error:
        raise CommandError(str(error)) from None
    with sandbox as box, TemporaryDirectory(prefix="backpack-demo-") as temporary:
        environment = os.environ | {
            URL: box.url,
            TOKEN: box.token,
            CACHE_FOLDER: f"{temporary}/cache",
        }
        if not os.environ.get(ARCHIVE):
            is_stored = data != ":memory:"
            environment[ARCHIVE] = f"{data}.archive" if is_stored else f"{temporary}/archive"
        environment.pop(PROFILE, None)
        if arguments:
            code = _run([sys.executable, "-m", "backpack_orm", *arguments], environment)
        else:
            if not state.is_interactive:
                raise CommandError("a command is missing", hint="Try `backpack demo page list`.")
            state.output.message(
                "All commands in this shell use a demonstration account.\n"
                "Try `backpack page list`, and leave with `exit`."
            )
            code = _run(*shell_in(Path(temporary), _with_program(environment)))
    click.get_current_context().exit(code)


def _with_program(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which `backpack` is found, also if it was started by its path."""
    path = environment.get("PATH", os.defpath)
    if which("backpack", path=path) is None:
        path = os.pathsep.join([get_path("scripts"), path])
    return {**environment, "PATH": path}


def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program; Ctrl-C is for it alone."""
    with subprocess.Popen(words, env=environment) as process:  # noqa: S603 - it is this program
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                continue
            return 128 - code if code < 0 else code
