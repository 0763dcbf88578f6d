"""How a run fails: the errors of the command line, and what is printed of any error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from backpack_orm.cli.exit_codes import ExitCode, exit_code_of
from backpack_orm.errors import BackpackError

_CODES: Mapping[ExitCode, str] = {
    ExitCode.USAGE: "usage",
    ExitCode.NOT_FOUND: "not_found",
    ExitCode.AUTHENTICATION: "not_connected",
    ExitCode.AMBIGUOUS: "ambiguous",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.INTERRUPTED: "interrupted",
}
_HINTS: Mapping[str, str] = {
    "not_connected": "Run `backpack login`, or set BACKPACK_URL and BACKPACK_TOKEN.",
    "authentication_failed": "Run `backpack login` again, or check BACKPACK_TOKEN.",
    "outcome_unknown": "Check whether it was done before you repeat the command.",
    "rate_limited": "Wait a few seconds, and run the command again.",
    "timeout": "Run the command again later.",
    "read_only": "The profile is read-only: use another one, or change `read_only` in its file.",
    "multiple_found": "Name it by its id.",
}
"""Hints for the command line, where those of the library are about Python."""


class CommandError(Exception):
    """An error of the command line.

    Args:
        message: What was wrong, with the value.
        exit_code: How the run ends.
        hint: What to do about it.
        candidates: The records that an ambiguous name may have meant, as plain values.

    >>> CommandError("no page is called 'Lisbn'", ExitCode.NOT_FOUND).exit_code.name
    'NOT_FOUND'
    """

    def __init__(
        self,
        message: str,
        exit_code: ExitCode = ExitCode.USAGE,
        *,
        hint: str = "",
        candidates: Sequence[Mapping[str, object]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint
        self.candidates = list(candidates)


class Failure:
    """An error as it is reported: its message, codes and hint.

    >>> Failure.of(CommandError("no page is called 'Lisbn'", ExitCode.NOT_FOUND)).code
    'not_found'
    """

    def __init__(
        self,
        message: str,
        exit_code: ExitCode,
        code: str,
        *,
        hint: str = "",
        retryable: bool = False,
        candidates: Sequence[Mapping[str, object]] = (),
    ) -> None:
        self.message = message
        self.exit_code = exit_code
        self.code = code
        self.notes: list[str] = []
        self.hint = hint
        self.retryable = retryable
        self.help_url: str | None = None
        self.candidates = list(candidates)

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what to report of an error."""
        failure = cls._of(error)
        if isinstance(error, BackpackError):
            failure.help_url = error.help_url
        notes: list[str] = getattr(error, "__notes__", [])
        failure.notes += [note for note in notes if note != failure._help()]
        return failure

    @classmethod
    def _of(cls, error: BaseException) -> Failure:
        match error:
            case CommandError():
                code = _CODES[error.exit_code]
                return cls(
                    error.message,
                    error.exit_code,
                    code,
                    hint=error.hint or _HINTS.get(code, ""),
                    candidates=error.candidates,
                )
            case BackpackError():
                hint = _HINTS.get(error.code, error.hint)
                exit_code = exit_code_of(error)
                return cls(str(error), exit_code, error.code, hint=hint, retryable=error.retryable)
            case click.exceptions.NoArgsIsHelpError():
                message = "a command is missing"
                return cls(message, ExitCode.USAGE, "usage", hint=_usage_hint(error))
            case click.UsageError():
                return cls(_message(error), ExitCode.USAGE, "usage", hint=_usage_hint(error))
            case click.ClickException():
                return cls(error.format_message(), ExitCode.USAGE, "usage")
            case click.Abort() | KeyboardInterrupt() | EOFError():
                return cls("interrupted", ExitCode.INTERRUPTED, "interrupted")
            case OSError():
                return cls(_os_message(error), ExitCode.USAGE, "operating_system")
            case ImportError():
                return cls(str(error), ExitCode.USAGE, "missing_extra")
        return cls(
            f"unexpected error, {type(error).__name__}: {error}",
            ExitCode.USAGE,
            "unexpected",
            hint="Run it again with --debug, and report what it prints.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the document that is printed in JSON mode."""
        document: dict[str, Any] = {
            "ok": False,
            "error": self.message,
            "code": self.code,
            "hint": self.hint,
            "retryable": self.retryable,
        }
        if self.help_url:
            document["help_url"] = self.help_url
        if self.candidates:
            document["candidates"] = self.candidates
        if self.notes:
            document["notes"] = self.notes
        return document

    def lines(self) -> list[str]:
        """Return the lines that are printed for people."""
        lines = [f"Error: {self.message}"]
        lines += ["  " + "  ".join(map(str, each.values())) for each in self.candidates]
        lines += self.notes
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        if self.help_url:
            lines.append(self._help())
        return lines

    def _help(self) -> str:
        """Return the line with the link, which is a note of the error too."""
        return f"Help: {self.help_url}"


def _message(error: click.UsageError) -> str:
    return error.format_message().rstrip(".")


def _usage_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "backpack"
    return f"Run `{path} --help` for its arguments, options and examples."


def _os_message(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
