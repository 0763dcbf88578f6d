"""All commands as data."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import click

from backpack_orm.cli.common import COMMON, Command, Group, command
from backpack_orm.cli.exit_codes import MEANINGS
from backpack_orm.cli.formats import Format, counted
from backpack_orm.cli.state import State, pass_state

FIELDS = ("command", "help", "text", "usage", "arguments", "options", "examples")


@command("commands", examples=["backpack commands", "backpack commands -o json"])
@click.pass_context
@pass_state
def commands(state: State, context: click.Context) -> None:
    """List all commands with their options.

    With `-o json`, also the common options, the formats and the exit codes.
    """
    root = context.find_root()
    assert isinstance(root.command, click.Group)
    found = list(described(root.command, root))
    if state.output.format is Format.JSON and not (state.ids or state.fields):
        data = {
            "commands": found,
            "common_options": [option_as_data(each) for each in COMMON],
            "exit_codes": {str(int(code)): meaning for code, meaning in MEANINGS.items()},
        }
        state.output.text("", data, f"{len(found)} commands")
    else:
        hidden = [name for name in FIELDS if name not in ("command", "help")]
        state.output.rows(FIELDS, found, hidden=hidden, summary=counted("command"))


def described(group: click.Group, context: click.Context) -> Iterator[dict[str, Any]]:
    """Yield all commands of a group and of its groups, in order, as data."""
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        inner = click.Context(found, info_name=name, parent=context)
        if isinstance(found, click.Group):
            yield from described(found, inner)
        else:
            yield _description(found, inner)


def _description(found: click.Command, context: click.Context) -> dict[str, Any]:
    own = found.params if not isinstance(found, Command | Group) else list(found.params)
    return {
        "command": context.command_path,
        "help": found.get_short_help_str(limit=200),
        "text": inspect.cleandoc(found.help or ""),
        "usage": " ".join(found.collect_usage_pieces(context)),
        "arguments": [_argument(each) for each in own if isinstance(each, click.Argument)],
        "options": [option_as_data(each) for each in own if isinstance(each, click.Option)],
        "examples": list(getattr(found, "examples", ())),
    }


def _argument(argument: click.Argument) -> dict[str, Any]:
    return {
        "name": argument.human_readable_name,
        "required": argument.required,
        "many": argument.nargs == -1,
    }


def option_as_data(option: click.Option) -> dict[str, Any]:
    """Return an option as data."""
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    return {
        "names": [*option.opts, *option.secondary_opts],
        "help": option.help or "",
        "takes_value": not option.is_flag,
        "repeatable": option.multiple,
        "required": option.required,
        "choices": list(choices),
    }
