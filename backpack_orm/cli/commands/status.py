"""Statuses: what people are doing now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import group
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Status
    from backpack_orm.cli.formats import Row

FIELDS = ("id", "user", "message", "updated_at")

status = group(
    "status",
    "List statuses and set your own.",
    examples=["backpack status list", "backpack status set On the train"],
)


def row_of(found: Status) -> Row:
    """Return a status as a row."""
    return {
        "id": found.id,
        "user": found.user.name,
        "message": found.message,
        "updated_at": found.updated_at,
    }


@status.command("list", examples=["backpack status list"])
@pass_state
def list_(state: State) -> None:
    """List what everybody is doing now. Makes one request."""
    state.connect()
    found = backpack_orm.Status.all()
    state.output.rows(FIELDS, map(row_of, found), summary=counted("status"))


@status.command("set", examples=["backpack status set On the train", "backpack status set ''"])
@click.argument("message", nargs=-1, required=True)
@pass_state
def set_(state: State, message: Sequence[str]) -> None:
    """Set your own status. Makes three requests."""
    state.connect()
    made = backpack_orm.Status.create(user=backpack_orm.User.me(), message=" ".join(message))
    state.output.done(f"Your status is {made.message!r}.", FIELDS, row_of(made))
