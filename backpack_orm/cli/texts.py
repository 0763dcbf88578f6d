"""Texts from arguments, standard input or an editor; what was typed is never lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from backpack_orm.cli import folders
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State

STDIN = "-"


def text_from(
    state: State, words: Sequence[str], *, what: str, initial: str = "", extension: str = ".textile"
) -> str:
    """Return a text: the words of the command line, else standard input, else an editor.

    Args:
        state: The state of the run.
        words: The arguments; `-` alone is standard input.
        what: What the text is, for messages.
        initial: What the editor starts with.
        extension: The end of the name of the file that is edited.

    Raises:
        CommandError: The text is empty.
    """
    if list(words) == [STDIN] or not (words or state.is_interactive):
        text = read_stdin(what)
    elif words:
        text = " ".join(words)
    else:
        text = edit(initial, extension=extension)
    if not text.strip():
        raise CommandError(f"the {what} is empty: nothing was changed")
    return text


def read_stdin(what: str) -> str:
    """Return standard input without the line break at its end.

    Raises:
        CommandError: It is closed, or not in the encoding of the locale.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise CommandError(f"the {what} is missing, and standard input is closed")
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise CommandError(f"standard input is not {error.encoding}: {error.reason}") from None


def edit(initial: str, *, extension: str = ".textile") -> str:
    """Return what somebody has written in an editor: `$VISUAL`, `$EDITOR` or a common one.

    Raises:
        CommandError: The editor failed, or saved something else than UTF-8.
    """
    before = initial if not initial or initial.endswith("\n") else f"{initial}\n"
    try:
        content = click.edit(before.encode(), extension=extension, require_save=False) or b""
    except click.ClickException as error:
        raise CommandError(f"{error.format_message()}: nothing was changed") from None
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError as error:
        with preserved(content.decode("utf-8", "backslashreplace"), extension=extension):
            raise CommandError(f"the editor did not save UTF-8: {error.reason}") from None


@contextmanager
def preserved(text: str, *, extension: str = ".textile") -> Iterator[None]:
    """Store a text in a file if saving it fails, and name the file in a note of the error.

    >>> with preserved("Sardines"):
    ...     pass
    """
    try:
        yield
    except BaseException as error:
        try:
            error.add_note(f"The text was not saved. It is in {_stored(text, extension)}")
        except OSError as other:
            why = other.strerror or other
            error.add_note(f"The text was not saved, nor in a file ({why}):\n{text}")
        raise


def _stored(text: str, extension: str) -> Path:
    """Store a text in a new file that only its owner can read, and return the path."""
    path = _new_file(folders.unsaved_folder(), extension)
    try:
        folders.write_private(path, f"{text}\n")
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
