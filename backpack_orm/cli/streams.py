"""Standard input, output and error: closed, full, or with a reader that has left."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO


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


def write(text: str) -> None:
    """Write data to standard output.

    Raises:
        OSError: It is closed, or full.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed")
    sys.stdout.write(text)


def write_error(text: str) -> None:
    """Write a line to standard error; if that is impossible, there is nowhere to say so."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
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
