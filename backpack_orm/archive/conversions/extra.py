"""The packages that conversions need besides those of the library."""

from __future__ import annotations

from importlib.util import find_spec


def require(*packages: str) -> None:
    """Refuse a conversion, before it writes anything, if a package is not installed.

    Raises:
        ImportError: The extra `archive` is not installed.

    >>> require("json")
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"this conversion needs {', '.join(missing)}: pip install 'backpack_orm[archive]'"
        )
