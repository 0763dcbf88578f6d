"""Folders of the command line: where configuration, tokens, titles and unsaved texts are."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

APP = "backpack_orm"


def config_file() -> Path:
    """Return the path of the configuration: `BACKPACK_CONFIG`, or `config.toml` in its folder."""
    named = os.environ.get("BACKPACK_CONFIG")
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_config_path(APP) / "config.toml"


def token_file() -> Path:
    """Return the path of the file with tokens, for machines without a keyring."""
    return config_file().with_name("tokens.json")


def cache_folder() -> Path:
    """Return the folder of what can be read again: `BACKPACK_CACHE_FOLDER`, or the system's."""
    named = os.environ.get("BACKPACK_CACHE_FOLDER")
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path(APP)


def unsaved_folder() -> Path:
    """Return the folder of texts that could not be saved."""
    import platformdirs

    return platformdirs.user_state_path(APP) / "unsaved"


def archives_folder() -> Path:
    """Return the folder of the archives that were given no place of their own."""
    import platformdirs

    return platformdirs.user_data_path(APP) / "archives"


def write_private(path: Path, text: str) -> None:
    """Write a file that only the owner can read, as a whole or not at all.

    A symbolic link stays, and the file that it leads to is written.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 600
    try:
        with open(number, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
