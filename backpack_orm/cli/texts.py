"""Texts from arguments, standard input or an editor; what was typed is never lost."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from backpack_orm.cli import folders
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State

STDIN = "-"


class Typed:
    """A text that somebody types, from where it is typed until it is saved.

    Attributes:
        unsaved: What is not saved yet.
    """

    def __init__(
        self, state: State, words: Sequence[str] | None, what: str, extension: str
    ) -> None:
        self._words = words
        self._what = what
        self._extension = extension
        self.is_piped = words is not None and (
            list(words) == [STDIN] or not (words or state.is_interactive)
        )
        self.unsaved = read_stdin(what, extension) if self.is_piped else ""

    def text(self, initial: str = "") -> str:
        """Return the text: standard input, else the words, else what is saved in an editor.

        Args:
            initial: What the editor starts with, and the text if none is typed.

        Raises:
            CommandError: It is empty.
        """
        if self._words is None:
            return initial
        if not self.is_piped:
            words = " ".join(self._words)
            self.unsaved = words if self._words else edit(initial, extension=self._extension)
        if not self.unsaved.strip():
            raise CommandError(f"the {self._what} is empty: nothing was changed")
        return self.unsaved


@contextmanager
def typed(
    state: State, words: Sequence[str] | None, *, what: str, extension: str = ".textile"
) -> Iterator[Typed]:
    """Read standard input before any request, and store what is not saved if the block fails.

    Args:
        state: The state of the run.
        words: The arguments; `-` alone is standard input, as is nothing without a terminal. None:
            no text is typed.
        what: What the text is, for messages.
        extension: The end of the name of a file with it.
    """
    found = Typed(state, words, what, extension)
    if found.is_piped:
        found.text()  # which must not be empty
    try:
        yield found
    except BaseException as error:
        if found.unsaved.strip():
            _preserve(error, f"{found.unsaved}\n", extension, is_unknown=state.is_writing)
        raise


def read_stdin(what: str, extension: str = ".txt") -> str:
    """Return standard input without the line break at its end.

    Raises:
        CommandError: It is closed, or not in the encoding of the locale: then a file has it.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise CommandError(f"the {what} is missing, and standard input is closed")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    text = sys.stdin.read()
    content = text.encode(sys.stdin.encoding, "surrogateescape")
    try:
        content.decode(sys.stdin.encoding)
    except UnicodeDecodeError as error:
        refusal = CommandError(
            f"standard input is not {error.encoding}: {error.reason}",
            hint="Convert it, for example with `iconv -f latin1 -t utf-8`.",
        )
        _preserve(refusal, content.decode("utf-8", "surrogateescape"), extension)
        raise refusal from None
    return text.removesuffix("\n")


def edit(initial: str, *, extension: str = ".textile") -> str:
    """Return what somebody has written in an editor: `$VISUAL`, `$EDITOR` or a common one.

    Raises:
        CommandError: The editor failed, or saved something else than UTF-8.
    """
    before = (initial if not initial or initial.endswith("\n") else f"{initial}\n").encode()
    file = _new_file(folders.unsaved_folder(), extension)
    try:
        file.write_bytes(before)
        click.edit(filename=str(file))
        content = file.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    except BaseException as error:
        shown: BaseException = error
        if isinstance(error, click.ClickException):
            shown = CommandError(f"{error.format_message()}: nothing was changed")
        elif isinstance(error, UnicodeDecodeError):
            shown = CommandError(f"the editor did not save UTF-8: {error.reason}")
        if file.read_bytes() == before:
            file.unlink()
        else:
            shown.add_note(_UNSAVED.format(file))
        raise shown from None
    file.unlink()
    return text


_UNSAVED = "The text was not saved. It is in {}"
_UNKNOWN = "It is not known whether the text was saved. It is in {}"


def _preserve(error: BaseException, text: str, extension: str, *, is_unknown: bool = False) -> None:
    """Store a text in a file, and name the file in a note of the error because of which."""
    is_unknown = is_unknown or getattr(error, "may_have_happened", False)
    try:
        error.add_note((_UNKNOWN if is_unknown else _UNSAVED).format(_stored(text, extension)))
    except OSError as other:
        why = other.strerror or other
        error.add_note(f"The text was not saved, nor in a file ({why}):\n{text.rstrip()}")


def _stored(text: str, extension: str) -> Path:
    """Store a text in a new file that only its owner can read, and return the path."""
    path = _new_file(folders.unsaved_folder(), extension)
    try:
        folders.write_private(path, text)
    except BaseException:
        path.unlink()
        raise
    return path


def _new_file(folder: Path, extension: str) -> Path:
    """Return the path of a new file, whose name no other run can take."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = 1
    while True:
        path = folder / f"{number:04}{extension}"
        with suppress(FileExistsError):
            path.touch(0o600, exist_ok=False)
            return path
        number += 1
