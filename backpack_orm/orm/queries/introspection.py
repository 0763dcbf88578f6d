"""Detection of inspectors, which look at objects without using them."""

from __future__ import annotations

import sys

# IPython's `?` takes the length of whatever it shows, and its completion by Tab reads all slots.
_INSPECTORS = ("IPython.core.oinspect", "jedi.inference.compiled.access")


def is_introspection() -> bool:
    """Return whether the caller's caller is an inspector, for which nothing must be loaded.

    >>> is_introspection()
    False
    """
    return sys._getframe(2).f_globals.get("__name__") in _INSPECTORS
