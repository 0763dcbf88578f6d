"""Where tokens are stored: the keyring, a command, or a file that only the owner can read."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from backpack_orm.cli import folders
from backpack_orm.cli.config import TOKEN, Profile
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError

if TYPE_CHECKING:
    from types import ModuleType

SERVICE = "backpack_orm"
"""The name under which a keyring stores tokens; the user name is the address of the account."""


class Token(NamedTuple):
    """A token, and where it comes from."""

    value: str
    source: str

    def __repr__(self) -> str:
        return f"Token(source={self.source!r})"


def find(profile: Profile, url: str) -> Token | None:
    """Return the token of an account, or None if there is none.

    Args:
        profile: The profile in use.
        url: The address of its account.

    Raises:
        CommandError: The command failed, or others can read the file.
    """
    value = profile.token_of_environment
    if value:
        return Token(value, TOKEN)
    command = profile.get("token_command")
    if command:
        return Token(_run(command), "token_command")
    keyring = _keyring()
    value = _guarded(lambda: keyring.get_password(SERVICE, url)) if keyring else None
    if value:
        return Token(value, "keyring")
    value = _read_file().get(url)
    return Token(value, str(folders.token_file())) if value else None


def store(url: str, token: str, *, in_file: bool) -> str:
    """Store the token of an account, and return where.

    Raises:
        CommandError: There is no keyring.
    """
    if in_file:
        folders.write_private(
            folders.token_file(), json.dumps(_read_file() | {url: token}, indent=2) + "\n"
        )
        return str(folders.token_file())
    keyring = _keyring()
    if keyring is None:
        raise CommandError(
            "there is no keyring on this machine",
            hint='Install "backpack_orm[keyring]", set `token_command` in the configuration, or '
            "run `backpack login --store file`, which stores the token in a file that only you "
            "can read.",
        )
    _guarded(lambda: keyring.set_password(SERVICE, url, token))
    return "keyring"


def replace(url: str, old: Token, new: str) -> None:
    """Store a token in the place that another one comes from, unless that is not ours."""
    if old.source not in (TOKEN, "token_command"):
        store(url, new, in_file=old.source != "keyring")


def remove(url: str) -> list[str]:
    """Remove the stored token of an account, and return where it was."""
    removed = []
    keyring = _keyring()
    if keyring is not None and _guarded(lambda: keyring.get_password(SERVICE, url)):
        _guarded(lambda: keyring.delete_password(SERVICE, url))
        removed.append("keyring")
    tokens = _read_file()
    if tokens.pop(url, None):
        folders.write_private(folders.token_file(), json.dumps(tokens, indent=2) + "\n")
        removed.append(str(folders.token_file()))
    return removed


def _run(command: str | Sequence[str]) -> str:
    import shlex
    import subprocess

    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
        done = subprocess.run(  # noqa: S603 - it is the user's own command
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True
        )
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        why = (
            f"it ended with {error.returncode}"
            if isinstance(error, subprocess.CalledProcessError)
            else str(error)
        )
        raise CommandError(f"token_command failed: {why}", ExitCode.AUTHENTICATION) from None
    token = done.stdout.partition("\n")[0].strip()
    if not token:
        raise CommandError("token_command has printed no token", ExitCode.AUTHENTICATION)
    return token


def _keyring() -> ModuleType | None:
    """Return the library keyring if it is installed and finds a keyring."""
    try:
        import keyring
        from keyring.backends.fail import Keyring as NoKeyring
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), NoKeyring) else keyring


def _guarded(call: Callable[[], str | None]) -> str | None:
    from keyring.errors import KeyringError

    try:
        return call()
    except KeyringError as error:
        raise CommandError(
            f"the keyring cannot be used: {error}",
            ExitCode.AUTHENTICATION,
            hint="Unlock it, or set BACKPACK_TOKEN or `token_command`.",
        ) from None


def _read_file() -> dict[str, str]:
    path = folders.token_file()
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077 and sys.platform != "win32":
                raise CommandError(
                    f"others can read {path}: its mode is {mode:o}", hint=f"Run `chmod 600 {path}`."
                )
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError:
        raise CommandError(f"{path} is not valid JSON") from None
    if not isinstance(found, dict):
        raise CommandError(f"{path} is no JSON object with a token for each address")
    return found
