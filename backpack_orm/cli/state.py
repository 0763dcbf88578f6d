"""What one run knows: its options, its configuration, and its connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import streams
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.formats import Format
from backpack_orm.cli.output import VARIABLE, Output

if TYPE_CHECKING:
    from backpack_orm.cli.config import Profile
    from backpack_orm.connection import Connection
    from backpack_orm.connection.hooks import RequestEvent, ResponseEvent


class State:
    """The options of one run, and what its command needs: `state.output`, `state.connect()`.

    Attributes:
        profile_name: The profile that `--profile` names.
        format: The format that `-o` names.
        quiet: Whether to print no messages.
        ids: Whether to print only ids.
        fields: The fields to print; None: all.
        debug: Whether to log requests and show tracebacks.
        yes: Whether to ask no questions.
        dry_run: Whether to list the requests that would change something, instead of sending them.
        now: Returns the time.
        open: Returns the connection; None: that of the profile.
        is_writing: Whether the response to a request that writes is awaited.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] | None = None,
        open: Callable[[], Connection] | None = None,
    ) -> None:
        self.profile_name: str | None = None
        self.format: Format | None = None
        self.quiet = self.ids = self.debug = False
        self.fields: Sequence[str] | None = None
        self.yes = self.dry_run = False
        self.now = now or _now
        self.open = open
        self.is_writing = False
        self._connection: Connection | None = None
        self._ending = ExitStack()

    @cached_property
    def profile(self) -> Profile:
        """The profile in use, with the account, and where each value comes from."""
        from backpack_orm.cli import config

        return config.load().profile(self.profile_name)

    @cached_property
    def output(self) -> Output:
        """What prints the result."""
        return Output(
            self.output_format,
            ids=self.ids,
            fields=self.fields,
            quiet=self.quiet,
            pager=bool(self.profile.get("pager", True)),
        )

    @property
    def output_format(self) -> Format:
        """The format of the data: the option, the environment, the profile, or what fits."""
        if self.format is not None:
            return self.format
        name = os.environ.get(VARIABLE)
        if name:
            source = VARIABLE
        elif name := self.profile.get("output"):
            source = f"output of the profile {self.profile.name!r}"
        else:
            return Format.TABLE if streams.is_terminal(sys.stdout) else Format.PLAIN
        try:
            return Format(name)
        except ValueError:
            known = ", ".join(each.value for each in Format)
            raise CommandError(f"{source} is {name!r}", hint=f"Use one of: {known}.") from None

    def connect(self) -> Connection:
        """Make the connection to the account current, and return it. No request.

        With `--dry-run`, calls that would change something are recorded instead of sent.
        """
        if self._connection is None:
            from backpack_orm.cli import connecting

            connection = self.open() if self.open else connecting.connection_of(self.profile)
            if self.dry_run:
                from backpack_orm.cli import recording

                recording.record_writes(connection)
            connection.hooks.on_request(self._begin)
            connection.hooks.on_response(self._end)
            click.get_current_context().find_root().with_resource(connection)
            self._connection = connection
        return self._connection

    def _begin(self, request: RequestEvent) -> None:
        self.is_writing = request.is_write

    def _end(self, response: ResponseEvent) -> None:
        self.is_writing &= response.error == KeyboardInterrupt.__name__

    def start_debugging(self) -> None:
        """Log requests on standard error until the run ends, and show tracebacks."""
        import logging  # what `--help` does not need would delay it

        if self.debug:
            return
        self.debug = True
        logger, handler = logging.getLogger("backpack_orm"), logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self._ending.callback(logger.setLevel, logger.level)
        self._ending.callback(logger.removeHandler, handler)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)

    def end(self) -> None:
        """Undo what the run has changed in the process, for programs that go on."""
        self._ending.close()

    @property
    def is_interactive(self) -> bool:
        """Whether somebody can be asked."""
        return streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stderr)

    def confirm(self, question: str) -> None:
        """Ask before something is lost or sent to others.

        Raises:
            CommandError: The answer is no; or nobody can be asked, and `--yes` is missing.
        """
        if self.yes or self.dry_run:
            return
        if not self.is_interactive:
            raise CommandError(
                f"this asks first, and there is no terminal to ask on: {question}",
                hint="Run it with --yes, or with --dry-run to see what it would do.",
            )
        if not click.confirm(streams.wrapped(question, sys.stderr), err=True):
            raise CommandError("the answer was no: nothing was changed", ExitCode.INTERRUPTED)


def _now() -> datetime:
    return datetime.now().astimezone()


pass_state = click.make_pass_decorator(State)
