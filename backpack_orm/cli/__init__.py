"""The command line `backpack`."""

from __future__ import annotations

import gc
import sys

_ALLOCATIONS = 200_000
"""Between two collections of garbage. With Python's 700, they take a tenth of a short run."""


def main() -> None:
    """Run the command line, and exit with its code."""
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
    try:
        from backpack_orm.cli.program import program

        program.main()
    except ModuleNotFoundError as missing:
        if missing.name not in ("click", "platformdirs", "rich"):
            raise
        sys.exit(
            f"Error: backpack requires {missing.name}, part of an extra: "
            'pip install "backpack_orm[cli]"'
        )
    finally:
        gc.freeze()  # the memory is returned as a whole: nothing has to be searched at the exit
