"""System checks: what `manage.py check` reports of the setting BACKPACK."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.urls import NoReverseMatch, reverse

from backpack_orm.integrations.django.sign_in import sign_in_flow

_MIDDLEWARE = "backpack_orm.integrations.django.sign_in.middleware"
_APPLICATION = "backpack_orm.integrations.django.middleware.backpack"
_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
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
        if name.lower() in _TOKENS
        and isinstance(value, str)
        and value.encode("utf-8", "replace") in source
    ]


def check_sign_in(app_configs: Sequence[Any] | None, **options: Any) -> list[checks.CheckMessage]:
    """Return an error for everything that would make each sign-in fail."""
    found: list[checks.CheckMessage] = []
    redirect_uri = sign_in_flow().app.redirect_uri
    try:
        callback = reverse("backpack:callback")
    except NoReverseMatch:
        callback = ""
    if not callback or not urlsplit(redirect_uri).path.endswith(callback):
        found.append(
            checks.Error(
                f"The provider returns browsers to {redirect_uri}, which is not the callback.",
                hint="For an address that ends with /backpack/callback, add "
                "path('backpack/', include('backpack_orm.integrations.django.urls')).",
                id="backpack.E001",
            )
        )
    installed = list(settings.MIDDLEWARE)
    if _MIDDLEWARE not in installed or _SESSIONS in installed[installed.index(_MIDDLEWARE) :]:
        found.append(
            checks.Error(
                f"MIDDLEWARE does not have {_MIDDLEWARE} below that of sessions.",
                hint=f"Add it below {_SESSIONS}.",
                id="backpack.E002",
            )
        )
    elif _APPLICATION in installed[installed.index(_MIDDLEWARE) :]:
        found.append(
            checks.Error(
                f"MIDDLEWARE has {_APPLICATION} below {_MIDDLEWARE}.",
                hint="Add it above: the account of a user replaces that of the application.",
                id="backpack.E004",
            )
        )
    if settings.SESSION_COOKIE_SAMESITE == "Strict":
        found.append(
            checks.Error(
                "SESSION_COOKIE_SAMESITE is 'Strict': browsers return without their session.",
                hint="Use 'Lax', which is the default.",
                id="backpack.E003",
            )
        )
    return found


def _source(module: str | None) -> bytes:
    """Return the source of the module of the settings; b"" if it has none."""
    found = sys.modules.get(module or "")
    path = getattr(found, "__file__", None)
    if path is None and module:
        spec = find_spec(module)
        path = spec.origin if spec else None
    return Path(path).read_bytes() if path and Path(path).is_file() else b""
