"""Rich display of objects in notebooks and terminals, and the names that `dir()` lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

renderers: dict[str, Callable[[object], Any]] = {}
"""How to render an object as `html` and for `rich`; the package registers both on import."""


class RichDisplay:
    """An object that notebooks display as HTML, and rich in colours; neither makes a request."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        html: str = renderers["html"](self)
        return html

    def __rich__(self) -> Any:
        return renderers["rich"](self)


def public_names(thing: object, names: Iterable[str]) -> list[str]:
    """Those of the names of an object that are for its user: nothing private, nothing of its class.

    >>> public_names("word", ["_cache", "__len__", "maketrans", "upper"])
    ['maketrans', 'upper']
    """
    from inspect import getattr_static  # which takes long to import, and dir() is for people

    return [
        name
        for name in names
        if not name.startswith("_")
        and not isinstance(getattr_static(type(thing), name, None), classmethod)
    ]
