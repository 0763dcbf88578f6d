"""Standard input, output and error: closed, full, or with a reader that has left."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from contextlib import suppress
from typing import TextIO

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_REORDERING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = (
    "\xad\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_JOINING = "(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
"""What joins letters of some scripts and parts of emoji is unseen between all others."""
HIDDEN = f"[{_CONTROLS}{_REORDERING}{_UNSEEN}]|{_JOINING}"
"""A regular expression for what steers a terminal, reorders a line or cannot be seen."""


def prepare() -> None:
    """Let no character end a run: what an encoding lacks is written with a backslash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is an open terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it was closed
        return False


def is_unicode(stream: TextIO | None) -> bool:
    """Return whether a stream can encode every character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def visible(text: str) -> str:
    """Return a text without characters that steer a terminal, reorder a line or cannot be seen.

    >>> visible("\\x1b[31mred \\u202edrow\\r\\n")
    '�[31mred �drow\\n'
    """
    if text.isprintable():  # as nearly all are
        return text
    return re.sub(HIDDEN, "�", text.replace("\r\n", "\n"))


def write(text: str, *, is_styled: bool = False) -> None:
    """Write data to standard output.

    Args:
        text: The data. On a terminal, it is written without what would steer it.
        is_styled: Whether it is to steer the terminal, since it was made for one.

    Raises:
        OSError: It is closed, or full.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed")
    is_data = is_terminal(sys.stdout) and not is_styled
    sys.stdout.write(visible(text) if is_data else text)


def write_error(text: str) -> None:
    """Write a line to standard error; if that is impossible, there is nowhere to say so."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def wrapped(text: str, stream: TextIO | None) -> str:
    """Return a text for a stream: wrapped at words if that is a terminal."""
    if stream is None or not is_terminal(stream):
        return text
    import textwrap

    width = _columns(stream)
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(
        line if len(line) <= width else wrapper.fill(line) for line in text.split("\n")
    )


def _columns(stream: TextIO) -> int:
    with suppress(OSError, ValueError):
        if columns := os.get_terminal_size(stream.fileno()).columns:
            return columns
    return 80


def flush() -> None:
    """Write what is buffered, while an error can still be reported."""
    if sys.stdout is not None:
        sys.stdout.flush()


def is_broken_pipe(error: BaseException) -> bool:
    """Return whether an error means that the reader of a pipe has left, as `head` does."""
    return isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.ESHUTDOWN)


def silence(stream: TextIO | None) -> None:
    """Discard what a stream has buffered, which Python would write once more at its exit."""
    if stream is None:
        return
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # it is not a file
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)
