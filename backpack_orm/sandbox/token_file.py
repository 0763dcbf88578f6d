"""Reads the token of the command line from a file or the environment, never from arguments."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from pathlib import Path

from .files import refuse_dangling_link, warn_if_others_can_read
from .tokens import check_token, new_token

VARIABLE = "BACKPACK_SANDBOX_TOKEN"


def token_and_source(
    file: Path | None, environment: Mapping[str, str] = os.environ
) -> tuple[str | None, str]:
    """Return a token and its source; None and an empty text if there is none.

    The file takes precedence over `BACKPACK_SANDBOX_TOKEN`. If it does not exist, it is created
    with a random token, readable only by its owner.

    Raises:
        OSError: The file cannot be read or created.
        ValueError: The file or the environment variable contains no valid token.
    """
    if file is not None:
        return _read(file), str(file)
    token = environment.get(VARIABLE)
    if not token:
        return None, ""
    return _checked(token, VARIABLE), VARIABLE


def _read(file: Path) -> str:
    refuse_dangling_link(file)
    if not file.exists():
        token = new_token()
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(f"{token}\n")
        return token
    warn_if_others_can_read(file)
    return _checked(_decoded(file), str(file))


def _decoded(file: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a mark, as PowerShell writes it."""
    content = file.read_bytes()
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding).strip()
    except UnicodeDecodeError:
        raise ValueError(f"{file}: it is not a text in UTF-8 or UTF-16") from None


def _checked(token: str, source: str) -> str:
    try:
        return check_token(token)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
