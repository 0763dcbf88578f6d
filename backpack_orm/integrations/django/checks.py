"""System checks: what `manage.py check` reports of the setting BACKPACK."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

_TOKENS = {"token", "oauth_token"}


def find_tokens_in_settings(
    app_configs: Sequence[Any] | None, **options: Any
) -> list[checks.CheckMessage]:
    """Return a warning for each token that is written in the module of the settings."""
    source = _source(getattr(settings, "SETTINGS_MODULE", None))
    accounts = getattr(settings, "BACKPACK", None)
    if not source or not isinstance(accounts, Mapping):
        return []
    return [
        checks.Warning(
            f"BACKPACK[{alias!r}][{name!r}] is written in the settings file.",
            hint="A token is a password: read it from the environment or from a secret store.",
            id="backpack.W001",
        )
        for alias, account in accounts.items()
        for name, value in account.items()
        if name.lower() in _TOKENS and isinstance(value, str) and value and value in source
    ]


def _source(module: str | None) -> str:
    """Return the source of the module of the settings; "" if it has none."""
    found = sys.modules.get(module or "")
    path = getattr(found, "__file__", None)
    if path is None and module:
        spec = find_spec(module)
        path = spec.origin if spec else None
    return Path(path).read_text("utf-8") if path and Path(path).is_file() else ""
