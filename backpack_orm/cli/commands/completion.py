"""The script with which a shell completes command lines of `backpack`."""

from __future__ import annotations

import click

from backpack_orm.cli.common import command
from backpack_orm.cli.completing import SHELLS, VARIABLE
from backpack_orm.cli.state import State, pass_state


@command(
    "completion",
    examples=[
        'eval "$(backpack completion bash)"  # in ~/.bashrc',
        'eval "$(backpack completion zsh)"   # in ~/.zshrc',
        "backpack completion fish > ~/.config/fish/completions/backpack.fish",
    ],
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
@pass_state
def completion(state: State, context: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    It completes commands, options, profiles, and the titles of pages and names of tags that were
    listed before: `backpack page list` and `backpack tag list` remember them. Completion makes no
    request.
    """
    root = context.find_root()
    script = SHELLS[shell](root.command, {}, root.command.name or "", VARIABLE).source()
    state.output.text(script, {"shell": shell, "script": script})
