"""Commands and groups with the options that all of them share, and with examples in their help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.formats import Format
from backpack_orm.cli.state import State

F = TypeVar("F", bound=Callable[..., Any])


def _set(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Any:
    """Return a callback that sets an attribute of the state if the option was given."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(context.ensure_object(State), name, convert(value))

    return callback


def _fields(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(State).start_debugging()


def _complete_profiles(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    from backpack_orm.cli import config

    try:
        names = config.load().profiles
    except CommandError:  # its message would disturb the line that is being typed
        return []
    return [name for name in names if name.startswith(incomplete)]


_WHOLE = 500
"""Longer than any first sentence, which is not cut off."""

COMMON: tuple[click.Option, ...] = (
    click.Option(
        ["-o", "--output"],
        type=click.Choice([each.value for each in Format]),
        help="Format. Default: table on a terminal, else plain. [env: BACKPACK_OUTPUT]",
        callback=_set("format", Format),
        expose_value=False,
        is_eager=True,
    ),
    click.Option(
        ["--fields"],
        metavar="A,B",
        help="Print only these fields.",
        callback=_set("fields", _fields),
        expose_value=False,
        is_eager=True,
    ),
    click.Option(
        ["--ids"],
        is_flag=True,
        help="Print only ids.",
        callback=_set("ids"),
        expose_value=False,
        is_eager=True,
    ),
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        help="Print no messages.",
        callback=_set("quiet"),
        expose_value=False,
        is_eager=True,
    ),
    click.Option(
        ["--profile"],
        metavar="NAME",
        help="Profile of the configuration. [env: BACKPACK_PROFILE]",
        callback=_set("profile_name"),
        shell_complete=_complete_profiles,
        expose_value=False,
        is_eager=True,
    ),
    click.Option(
        ["--debug"],
        is_flag=True,
        help="Log requests, and show tracebacks of errors.",
        callback=_debug,
        expose_value=False,
        is_eager=True,
    ),
)
"""The options of every command, which may stand before it or after it."""


class _Shared(click.Command):
    """What commands and groups have in common."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        self.examples = tuple(examples)
        super().__init__(*arguments, **attributes)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *COMMON]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [each for each in self.get_params(ctx) if each not in COMMON]
        for title, options in (("Options", own), ("Common options", COMMON)):
            records = [record for each in options if (record := each.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


class Command(_Shared):
    """A command with the common options and examples.

    >>> Command("about", examples=["backpack about"]).examples
    ('backpack about',)
    """

    def invoke(self, ctx: click.Context) -> Any:
        state = ctx.ensure_object(State)
        if not state.dry_run:
            return super().invoke(ctx)
        from backpack_orm.cli import dry_run

        return dry_run.invoke(state, lambda: super(Command, self).invoke(ctx))


class Group(_Shared, click.Group):
    """A group with the common options and examples, whose commands have them too.

    >>> Group("note").command_class.__name__
    'Command'
    """

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of their definition

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(_WHOLE)) for name, each in commands if each]
            )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        _Shared.format_options(self, ctx, formatter)


Group.group_class = Group


def group(name: str, help: str, *, examples: Sequence[str] = ()) -> Group:
    """Return a group for the commands of a noun.

    >>> group("note", "Notes on a page.").get_short_help_str()
    'Notes on a page.'
    """
    return Group(name=name, help=help, examples=examples)


def command(
    name: str, *, examples: Sequence[str], help: str | None = None, passes_on: bool = False
) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command of its own, which is in no group.

    Args:
        name: Its name.
        help: Its help. Default: the docstring of the function.
        examples: Command lines for its help.
        passes_on: Whether it passes its arguments on, from the first one that is not an option.
    """
    settings = {"ignore_unknown_options": False, "allow_interspersed_args": not passes_on}

    def declare(function: Callable[..., Any]) -> Command:
        made = click.command(
            name, cls=Command, help=help, examples=tuple(examples), context_settings=settings
        )(function)
        assert isinstance(made, Command)
        return made

    return declare


def asks_first(function: F) -> F:
    """Declare a command that asks before it destroys something: `--yes` and `--dry-run`.

    The command calls `state.confirm()` before the first call that changes something.
    """
    dry_run = click.option(
        "-n",
        "--dry-run",
        is_flag=True,
        help="List the requests that would change something, and send none of them.",
        callback=_set("dry_run"),
        expose_value=False,
    )
    return _yes(dry_run(function))


def shows_its_plan(function: F) -> F:
    """Declare a command that shows what it will do, and asks: `--yes`, and the argument `dry_run`.

    The command prints its plan and, unless `dry_run` is set, calls `state.confirm()`.
    """
    dry_run = click.option(
        "-n", "--dry-run", is_flag=True, help="Show the plan, and change nothing."
    )
    return _yes(dry_run(function))


def _yes(function: F) -> F:
    return click.option(
        "-y",
        "--yes",
        is_flag=True,
        help="Do not ask.",
        callback=_set("yes"),
        expose_value=False,
    )(function)
