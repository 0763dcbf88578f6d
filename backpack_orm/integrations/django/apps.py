"""The configuration of the application: what happens when Django starts."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Tags, register
from django.core.signals import setting_changed

from backpack_orm.integrations.django.checks import check_sign_in, find_tokens_in_settings
from backpack_orm.integrations.django.connections import connections
from backpack_orm.integrations.django.sign_in import SETTING, sign_in_flow


class BackpackConfig(AppConfig):
    """Makes the connections when Django starts, so that a wrong setting is noticed then."""

    name = "backpack_orm.integrations.django"
    label = "backpack"
    verbose_name = "Backpack"

    def ready(self) -> None:
        """Make the connections, and register the checks."""
        signs_in = hasattr(settings, SETTING)
        if signs_in:
            sign_in_flow()
            register(check_sign_in, Tags.urls)
        if not signs_in or hasattr(settings, "BACKPACK"):
            connections.load()
        register(find_tokens_in_settings, Tags.security)
        setting_changed.connect(_setting_changed)


def _setting_changed(*, setting: str, **extra: Any) -> None:
    """Follow `override_settings` in tests."""
    if setting == "BACKPACK":
        connections.reset()
