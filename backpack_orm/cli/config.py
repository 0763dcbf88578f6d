"""The configuration: profiles in a TOML file, and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from backpack_orm.cli import folders
from backpack_orm.cli.failures import CommandError

URL, TOKEN, PROFILE = "BACKPACK_URL", "BACKPACK_TOKEN", "BACKPACK_PROFILE"
ARCHIVE = "BACKPACK_ARCHIVE"
CACHE_FOLDER = "BACKPACK_CACHE_FOLDER"
DEFAULT = "default"

KEYS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "account": (str, "a text, such as 'acme' or 'https://acme.backpackit.com'"),
    "token_command": ((str, list), "a command, as a text or a list of texts"),
    "archive": (str, "a folder, or an address such as 's3://bucket/backup'"),
    "timezone": (str, "the name of a time zone"),
    "output": (str, "a format, such as 'json'"),
    "pager": (bool, "true or false"),
    "remember_titles": (bool, "true or false"),
    "read_only": (bool, "true or false"),
    "allow_insecure": (bool, "true or false"),
    "timeout": ((int, float), "a number of seconds"),
    "max_wait": ((int, float), "a number of seconds"),
}
"""What a profile may set."""


class Setting(NamedTuple):
    """A value, and where it comes from."""

    value: Any
    source: str


class Profile:
    """The settings in use.

    Attributes:
        name: The name of the profile.
        source: What has selected it.
        settings: Its settings with their sources.
        is_stored: Whether the file contains it.
    """

    def __init__(
        self, name: str, source: str, settings: Mapping[str, Setting], *, is_stored: bool
    ) -> None:
        self.name = name
        self.source = source
        self.settings = settings
        self.is_stored = is_stored

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a setting."""
        setting = self.settings.get(key)
        return default if setting is None else setting.value

    @property
    def account(self) -> str | None:
        """The name or address of the account."""
        account: str | None = self.get("account")
        return account

    @property
    def token_of_environment(self) -> str | None:
        """The token in the environment, if it belongs to the account in use.

        With an account in the environment, the token there is that account's, and is not sent to
        the account of a profile.
        """
        token = os.environ.get(TOKEN)
        account = self.settings.get("account")
        is_of_account = account is None or account.source == URL or not os.environ.get(URL)
        return token if token and is_of_account else None


class Config:
    """The file of the configuration.

    Args:
        path: Where it is.
        document: What it contains.
    """

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self.path = path
        self.profiles: Mapping[str, Mapping[str, Any]] = document.get("profiles", {})
        self.default: str | None = document.get("default")
        self._check(document)

    def profile(self, named: str | None) -> Profile:
        """Return the profile that an option names, else the environment or the file.

        Raises:
            CommandError: There is no such profile.
        """
        name, source = self._selected(named)
        table = self.profiles.get(name)
        if table is None and source != "built in":
            known = ", ".join(sorted(self.profiles)) or "none yet"
            raise CommandError(
                f"there is no profile {name!r} in {self.path}",
                hint=f"Known profiles: {known}. `backpack login --profile {name}` adds one.",
            )
        place = f"{self.path}, profile {name!r}"
        settings = {key: Setting(value, place) for key, value in (table or {}).items()}
        if source not in ("--profile", PROFILE) and os.environ.get(URL):
            settings["account"] = Setting(os.environ[URL], URL)
        return Profile(name, source, settings, is_stored=table is not None)

    def profile_to_add(self, named: str | None) -> Profile:
        """Return the profile that `login` completes, which may be new."""
        name, source = self._selected(named)
        if name in self.profiles:
            place = f"{self.path}, profile {name!r}"
            settings = {key: Setting(value, place) for key, value in self.profiles[name].items()}
            return Profile(name, source, settings, is_stored=True)
        return Profile(name, source, {}, is_stored=False)

    def _selected(self, named: str | None) -> tuple[str, str]:
        if named:
            return named, "--profile"
        if found := os.environ.get(PROFILE):
            return found, PROFILE
        if self.default:
            return self.default, f"default in {self.path}"
        if len(self.profiles) == 1:
            return next(iter(self.profiles)), f"the only one in {self.path}"
        if DEFAULT in self.profiles:
            return DEFAULT, f"its name, in {self.path}"
        return DEFAULT, "built in"

    def _check(self, document: Mapping[str, Any]) -> None:
        for key in document:
            if key not in ("default", "profiles"):
                raise self._unknown(key, ["default", "profiles"], "")
        if not isinstance(self.profiles, dict):
            raise CommandError(f"{self.path}: profiles has to be a table")
        for name, table in self.profiles.items():
            if not isinstance(table, dict):
                raise CommandError(f"{self.path}: the profile {name!r} has to be a table")
            for key, value in table.items():
                self._check_setting(name, key, value)

    def _check_setting(self, name: str, key: str, value: object) -> None:
        place = f" of the profile {name!r}"
        if key == "token":  # its value is not shown
            raise CommandError(
                f"{self.path}: a token has no place in this file",
                hint="Remove it, and run `backpack login`, or set `token_command`.",
            )
        if key not in KEYS:
            raise self._unknown(key, list(KEYS), place)
        types, what = KEYS[key]
        if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
            raise CommandError(f"{self.path}: {key}{place} has to be {what}")

    def _unknown(self, key: str, known: list[str], place: str) -> CommandError:
        from difflib import get_close_matches  # only misspellings need it

        near = get_close_matches(key, known, 1)
        return CommandError(
            f"{self.path}: there is no setting {key!r}{place}",
            hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
        )


def load() -> Config:
    """Read the configuration; without a file, it is empty.

    Raises:
        CommandError: The file is no TOML, or a setting is unknown or wrong.
    """
    path = folders.config_file()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Config(path, {})
    import tomllib  # only a file needs it

    try:
        return Config(path, tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not valid TOML: {error}") from None


def add_profile(name: str, account: str) -> Path:
    """Append a profile to the file, which otherwise stays as it is, and return the path."""
    path = folders.config_file()
    before = path.read_bytes().decode() if path.exists() else ""
    gap = "\n" if before and not before.endswith("\n\n") else ""
    end = "" if before.endswith("\n") or not before else "\n"
    table = f"[profiles.{_quoted(name)}]\naccount = {_quoted(account)}\n"
    folders.write_private(path, f"{before}{end}{gap}{table}")
    return path


def _quoted(text: str) -> str:
    """Return a text as a basic string of TOML, whose escapes are those of JSON."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
