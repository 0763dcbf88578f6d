"""The models: one resource, one file, named after it."""

from __future__ import annotations

import re
from importlib import import_module

from backpack_orm.orm.schema.registry import registry


def _load(name: str) -> None:
    """Import the module of a model: `CalendarEvent` is in `calendar_event`."""
    import_module(f"{__name__}.{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}")


registry.load = _load
