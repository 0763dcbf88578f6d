"""`archive export` and `archive site`: an archive in other formats."""

from __future__ import annotations

import sqlite3
import webbrowser
from collections.abc import Mapping
from pathlib import Path

import click

from backpack_orm import plurals
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    existing_archive,
    explained,
    snapshot_of,
    snapshot_option,
)
from backpack_orm.cli.common import command
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

FORMATS: Mapping[str, str] = {
    "markdown": "to_markdown",
    "sqlite": "to_sqlite",
    "csv": "to_csv",
    "jsonl": "to_jsonl",
    "parquet": "to_parquet",
    "ics": "to_ics",
}
"""The methods of archives."""

files_option = click.option(
    "--files",
    "files_dir",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Folder with downloaded attachments and images, to link them by name.",
)


@command(
    "export",
    examples=[
        "backpack archive export markdown notes",
        "backpack archive export sqlite notes.db",
        "backpack archive export ics calendar.ics",
    ],
)
@click.argument("format", type=click.Choice(list(FORMATS)))
@click.argument("path", type=click.Path())
@archive_option
@snapshot_option
@files_option
@click.option("--excel", is_flag=True, help="Write CSV for spreadsheets.")
@pass_state
def export(
    state: State,
    format: str,
    path: str,
    location: str | None,
    point: str | None,
    files_dir: str | None,
    excel: bool,
) -> None:
    """Write a snapshot in another format.

    markdown, csv, jsonl and parquet fill the folder PATH; sqlite and ics write the file PATH.
    Files that you have edited, or that are of another archive or format, are not replaced.
    Makes no request.
    """
    options: dict[str, object] = {}
    if files_dir is not None:
        _only_for(format, "markdown", "--files")
        options["files_dir"] = files_dir
    if excel:
        _only_for(format, "csv", "--excel")
        options["excel"] = True
    with explained(), progress(state) as report:
        snapshot = snapshot_of(existing_archive(state, location), point)
        try:
            getattr(snapshot, FORMATS[format])(path, progress=report, **options)
        except sqlite3.OperationalError as error:
            raise CommandError(f"{path} cannot be written: {error}") from None
    row = {"path": path, "format": format, "snapshot": snapshot.number}
    state.output.done(f"Wrote snapshot {snapshot.number} to {path}.", tuple(row), row)


def _only_for(format: str, wanted: str, option: str) -> None:
    if format != wanted:
        raise CommandError(f"{option} is for {wanted}, and not for {format}")


@command(
    "site",
    examples=["backpack archive site", "backpack archive site notes --open"],
)
@click.argument("folder", default="backpack-site", type=click.Path(file_okay=False))
@archive_option
@snapshot_option
@files_option
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@pass_state
def site(
    state: State,
    folder: str,
    location: str | None,
    point: str | None,
    files_dir: str | None,
    is_opened: bool,
) -> None:
    """Write a web site that can be read and searched without a server.

    It fills FOLDER, by default `backpack-site` here, and replaces no site of another archive.
    Makes no request.
    """
    with explained(), progress(state) as report:
        snapshot = snapshot_of(existing_archive(state, location), point)
        snapshot.to_html(folder, files_dir=files_dir, progress=report)
    start = Path(folder).resolve() / "index.html"
    row = {"path": str(start), "pages": len(snapshot.pages), "snapshot": snapshot.number}
    state.output.done(
        f"Wrote {plurals.counted(len(snapshot.pages), 'page')}. Open {start} in a browser.",
        tuple(row),
        row,
    )
    if is_opened and not webbrowser.open(start.as_uri()):
        raise CommandError("there is no browser to open", hint=f"The address is {start.as_uri()}")
