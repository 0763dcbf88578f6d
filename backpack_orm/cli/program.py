"""The program `backpack`: finds the command, runs it, and ends with its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from backpack_orm.cli import registry, streams
from backpack_orm.cli.common import Group
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError, Failure
from backpack_orm.cli.output import format_in, report
from backpack_orm.cli.registry import Entry
from backpack_orm.cli.state import State
from backpack_orm.errors import OutcomeUnknown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NAME = "backpack"
COMPLETION = "_BACKPACK_COMPLETE"
"""The environment variable by which the script of a shell asks for completions."""


class Program(Group):
    """The group of all commands, which imports a command when it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._foreign: dict[str, Entry] | None = None

    def entries(self) -> dict[str, Entry]:
        """Return all commands by name, those of other packages last."""
        if self._foreign is None:
            self._foreign = registry.foreign()
        return {**registry.COMMANDS, **self._foreign}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = registry.COMMANDS.get(cmd_name) or self.entries().get(cmd_name)
        return None if entry is None else load(cmd_name, entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        entries = self.entries().items()
        for section in registry.SECTIONS:
            rows = [(name, each.help) for name, each in entries if each.section == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.entries().items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line, and exit with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(arguments, NAME, complete_var, False, **extra)
        streams.prepare()
        _complete(self)
        sys.exit(_run(self, arguments, extra))


def load(name: str, entry: Entry) -> click.Command:
    """Import the module of a command, and return the command.

    Raises:
        CommandError: A command of another package cannot be used.
    """
    if len(entry.candidates) > 1:
        raise CommandError(
            f"several packages add the command {name!r}: {', '.join(entry.candidates)}; "
            "uninstall all but one"
        )
    module, _, attribute = entry.target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:
        if module.startswith("backpack_orm."):
            raise
        raise CommandError(f"the command {name!r} of {module} cannot be used: {error}") from error
    if not isinstance(found, click.Command):
        raise CommandError(f"{entry.target}, the command {name!r}, is not a click.Command")
    if isinstance(found, Group):
        for inner, of_group in registry.IN_GROUPS.get(name, {}).items():
            if inner not in found.commands:
                found.add_command(load(inner, of_group))
    return found


def _complete(program: Program) -> None:
    """Respond to a shell that asks for completions, and exit."""
    instruction = os.environ.get(COMPLETION)
    if instruction:
        from click.shell_completion import shell_complete

        from backpack_orm.cli import completing

        completing.register()
        sys.exit(shell_complete(program, {}, NAME, COMPLETION, instruction))


def _run(program: Program, arguments: list[str], extra: dict[str, Any]) -> int:
    state, code = extra.setdefault("obj", State()), int(ExitCode.OK)
    try:
        try:
            with program.make_context(NAME, arguments, **extra) as context:
                program.invoke(context)
        except click.exceptions.Exit as end:
            code = end.exit_code
        streams.flush()
    except BaseException as error:
        if isinstance(error, SystemExit | GeneratorExit):
            raise
        is_without_command = isinstance(error, click.exceptions.NoArgsIsHelpError)
        if is_without_command and not _wants_json(state, arguments):
            streams.write_error(str(error))  # its help
            return ExitCode.USAGE
        if streams.is_broken_pipe(error):  # the reader has all that it wants
            streams.silence(sys.stdout)
            return ExitCode.OK
        return _fail(error, state, arguments)
    finally:
        state.end()
    return code


def _fail(error: BaseException, state: State, arguments: Sequence[str]) -> int:
    if state.is_writing:  # since only Ctrl-C ends the wait for a response
        error = _unknown(error)
    failure = Failure.of(error)
    try:
        streams.flush()
    except OSError:  # it is what is reported, or follows from it
        streams.silence(sys.stdout)
    if state.debug and not isinstance(error, click.exceptions.ClickException | click.Abort):
        import traceback

        streams.write_error("".join(traceback.format_exception(error)).rstrip())
    report(failure, as_json=_wants_json(state, arguments))
    return int(failure.exit_code)


def _unknown(interrupt: BaseException) -> OutcomeUnknown:
    """Return the error for Ctrl-C before the response to a write has come."""
    error = OutcomeUnknown("interrupted before the response came: it may have happened or not")
    for note in getattr(interrupt, "__notes__", ()):
        error.add_note(note)
    return error


def _wants_json(state: State, arguments: Sequence[str]) -> bool:
    """Return whether errors are for programs, also if the options were not read to their end."""
    try:
        return (state.format or format_in(arguments) or state.output_format).is_json
    except (CommandError, OSError):  # the configuration cannot be read, which is the error
        return False


def _show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from backpack_orm.version import __version__

        click.echo(f"{NAME} {__version__}")
        context.exit()


program = Program(
    name=NAME,
    help="Notes, lists and reminders of a Backpack account.\n\n"
    "On a terminal, output is a table. In a pipe, it is one line for each record, with tabs "
    "between the fields and the id first. `-o json` is for programs.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
    examples=[
        "backpack demo page list",
        "backpack login acme",
        "backpack add Lisbon Sunscreen",
        "backpack todos -o json",
    ],
)
