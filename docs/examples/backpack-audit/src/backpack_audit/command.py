"""The command `backpack audit`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--last", default=20, show_default=True, help="Number of writes to show.")
def audit(file: Path, last: int) -> None:
    """Show the last writes in an audit log."""
    for line in file.read_text("utf-8").splitlines()[-last:]:
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["at"])
        what = entry.get("call") or f"{entry['record']} {entry['id']}"
        fields = ", ".join(entry.get("fields", ()))
        why = str(entry.get("error") or entry.get("status") or "")
        columns = [f"{at:%Y-%m-%d %H:%M:%S}", entry["user"], entry["action"], what, fields or why]
        click.echo("  ".join(columns).rstrip())
