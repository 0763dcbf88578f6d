"""`manage.py backpack`: the command line, with the accounts of the settings."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backpack_orm.errors import NotConnected
from backpack_orm.integrations.django.connections import DEFAULT, connections


class Command(BaseCommand):
    """Runs a command of `backpack`: `manage.py backpack page list`."""

    help = "Use an account of the setting BACKPACK with the commands of backpack."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take everything after the options of Django."""
        parser.add_argument("--account", default=DEFAULT, help="The alias of an account.")
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="Such as: page list.")

    def handle(self, *, account: str, arguments: list[str], **options: Any) -> None:
        """Run it. Ends with its exit code if that is not 0."""
        try:
            from backpack_orm.cli.program import program
            from backpack_orm.cli.state import State

            connection = connections[account]
            program.main(arguments, obj=State(open=lambda: connection))
        except ModuleNotFoundError as missing:
            raise CommandError(
                f'{missing.name} is missing: pip install "backpack_orm[cli]"'
            ) from None
        except NotConnected as error:
            raise CommandError(str(error)) from None
        except SystemExit as end:
            if end.code:
                raise
