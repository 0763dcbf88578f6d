"""The command line `backpack`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, and exit with its code."""
    try:
        from backpack_orm.cli.program import program
    except ModuleNotFoundError as missing:
        if missing.name not in ("click", "platformdirs", "rich"):
            raise
        sys.exit(
            f"Error: backpack requires {missing.name}, part of an extra: "
            'pip install "backpack_orm[cli]"'
        )
    program.main()
