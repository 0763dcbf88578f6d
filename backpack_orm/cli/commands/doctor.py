"""`doctor`: whether everything works, and what the service does."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from backpack_orm.cli import streams
from backpack_orm.cli.common import command
from backpack_orm.cli.formats import Format
from backpack_orm.cli.output import Output
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backpack_orm.cli.checking import Check

FIELDS = ("check", "result", "detail", "hint")
_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


@command("doctor", examples=["backpack doctor", "backpack doctor --probe > report.json"])
@click.option(
    "--probe",
    "is_probed",
    is_flag=True,
    help="Try what the service does where its documentation says nothing, and print a report.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --probe.")
@pass_state
def doctor(state: State, is_probed: bool, yes: bool) -> None:
    """Check configuration, network, TLS, clock, token, zone and limits.

    Makes two requests. With --probe about 50 more: it creates scratch pages and a reminder in
    the past, tries partial updates, positions, moves and destroying on them, and removes them
    again. The report, as JSON, names the account nowhere.
    """
    from backpack_orm.cli import checking

    found = list(checking.checks(lambda: state.profile, state.now))
    failed = next((each for each in found if each.result == "failed"), None)
    rows = [
        {"check": each.name, "result": each.result, "detail": each.detail, "hint": each.hint}
        for each in found
    ]
    if not is_probed or failed:
        _output(state, failed).rows(
            FIELDS, rows, view=lambda: _view(found), summary=_summary(found)
        )
        if failed:
            click.get_current_context().exit(failed.exit_code)
        return
    connection = state.connect()
    state.yes = yes
    state.confirm(
        f"Create scratch pages and a reminder in the past in {connection.url}, and remove them?"
    )
    from backpack_orm.cli import probing

    report: dict[str, Any] = {
        "tested_at": state.now().isoformat(timespec="seconds"),
        "versions": rows[0]["detail"],
        "behaviours": probing.probe(connection, state.now()),
    }
    text = json.dumps(report, indent=2)
    state.output.text(text, report, "what the service does")
    if not all(each["is_as_expected"] for each in report["behaviours"]):
        state.output.message(
            "The service does not do what this library expects: please report what is above."
        )


def _output(state: State, failed: Check | None) -> Output:
    """Return the output of the run, or a plain one if the configuration cannot be read."""
    if failed is None or failed.name != "configuration":
        return state.output
    default = Format.TABLE if streams.is_terminal(sys.stdout) else Format.PLAIN
    return Output(state.format or default)


def _summary(found: list[Check]) -> str:
    problems = [each.name for each in found if each.result in ("failed", "warning")]
    return f"look at: {', '.join(problems)}" if problems else "all is well"


def _view(found: list[Check]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from backpack_orm.cli.tables import shown, whole

    grid = Table.grid(padding=(0, 2, 0, 0))
    for each in found:
        detail = f"{each.detail}\n{each.hint}" if each.hint else each.detail
        grid.add_row(Text(each.name), Text(each.result, _STYLES[each.result]), whole(shown(detail)))
    return grid
