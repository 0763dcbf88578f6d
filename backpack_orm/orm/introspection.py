"""Telling those who only look at an object from those who use it."""

from __future__ import annotations

import sys

# IPython's `?` takes the length of whatever it shows, and its completion by Tab reads all slots.
_LOOKING = ("IPython.core.oinspect", "jedi.inference.compiled.access")


def is_introspection() -> bool:
    """Whether what asked the caller's caller is an inspector: to look must not load.

    >>> is_introspection()
    False
    """
    return sys._getframe(2).f_globals.get("__name__") in _LOOKING
