"""What notebooks, terminals and `dir()` ask objects for; how they look is told in `display`."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import getattr_static
from typing import Any


class Shown:
    """Something that notebooks show as HTML, and rich in colours; neither makes a request."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from backpack_orm.display import html  # only those who look at something pay for it

        return html(self)

    def __rich__(self) -> Any:
        from backpack_orm.display import rich

        return rich(self)


def offered(thing: object, names: Iterable[str]) -> list[str]:
    """Those of the names of an object that are for its user: nothing private, nothing of its class.

    >>> offered("word", ["_cache", "__len__", "maketrans", "upper"])
    ['maketrans', 'upper']
    """
    return [
        name
        for name in names
        if not name.startswith("_")
        and not isinstance(getattr_static(type(thing), name, None), classmethod)
    ]
