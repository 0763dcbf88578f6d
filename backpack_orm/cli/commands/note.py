"""Notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import rows
from backpack_orm.cli.common import asks_first, group
from backpack_orm.cli.finding import PAGE, find_on, find_page
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed

if TYPE_CHECKING:
    from rich.console import RenderableType

note = group(
    "note",
    "Add, edit, show and delete notes.",
    examples=["backpack note add Lisbon 'Sardines, at *one*' --title Lunch"],
)
page_argument = click.argument("page", type=PAGE)
note_argument = click.argument("note")


@note.command(
    "add",
    examples=[
        "backpack note add Lisbon 'Sardines, at *one*' --title Lunch",
        "backpack note add Lisbon --title Log - < log.txt",
        "backpack note add Lisbon",
    ],
)
@page_argument
@click.argument("text", nargs=-1)
@click.option("--title", default="", help="Title of the note.")
@pass_state
def add(state: State, page: str, text: Sequence[str], title: str) -> None:
    """Add a note to a page.

    TEXT is in Textile; `-` is standard input. Without TEXT, an editor opens.
    """
    with typed(state, text, what="text of the note") as given:
        state.connect()
        found = find_page(page)
        made = found.notes.create(title=title, body=given.text())
    state.output.done(
        f"Added the note {made.id} to {found.title!r}.", rows.NOTE, rows.of_note(made)
    )


@note.command(
    "show", examples=["backpack note show Lisbon 'Where we sleep'", "backpack note show Lisbon"]
)
@page_argument
@click.argument("note", required=False)
@pass_state
def show(state: State, page: str, note: str | None) -> None:
    """Show a note of a page, by its id or title; without NOTE, all notes of the page."""
    state.connect()
    found = find_page(page)
    if note is None:
        notes = list(found.notes)
        state.output.rows(
            rows.NOTE,
            map(rows.of_note, notes),
            hidden=("page_id", "page"),
            summary=counted("note"),
        )
        return
    chosen = find_on(found, "notes", note)

    def view() -> RenderableType:
        from backpack_orm.cli import views

        return views.note(chosen)

    state.output.record(rows.NOTE, rows.of_note(chosen), view=view)


@note.command(
    "edit",
    examples=[
        "backpack note edit Lisbon 'Where we sleep'",
        "backpack note edit Lisbon 40000008 'Rua da Rosa 7' --title Hotel",
    ],
)
@page_argument
@note_argument
@click.argument("text", nargs=-1)
@click.option("--title", help="New title.")
@pass_state
def edit(state: State, page: str, note: str, text: Sequence[str], title: str | None) -> None:
    """Edit a note of a page, by its id or exact title.

    TEXT replaces its body; `-` is standard input. Without TEXT and --title, an editor opens.
    """
    words = text if text or title is None else None
    with typed(state, words, what="text of the note") as given:
        state.connect()
        found = find_on(find_page(page), "notes", note, exact=bool(text or title))
        if title is not None:
            found.title = title
        found.body = given.text(found.body)
        saved = found.save()
    state.output.saved(saved, f"Saved the note {found.id}.", rows.NOTE, rows.of_note(found))


@note.command("delete", examples=["backpack note delete Lisbon 'Where we sleep' --yes"])
@page_argument
@note_argument
@asks_first
@pass_state
def delete(state: State, page: str, note: str) -> None:
    """Destroy a note of a page, by its id or exact title."""
    state.connect()
    found = find_on(find_page(page, exact=True), "notes", note, exact=True)
    row = rows.of_note(found)
    state.confirm(f"Destroy the note {found.title or found.id!r} on {row['page']!r}?")
    found.destroy()
    state.output.done(f"Destroyed the note {row['id']}.", rows.NOTE, row)
