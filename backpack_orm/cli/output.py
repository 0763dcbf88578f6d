"""What a command prints: data on standard output, all else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from backpack_orm.cli import streams
from backpack_orm.cli.failures import CommandError, Failure
from backpack_orm.cli.formats import Format, Row, line, to_json

if TYPE_CHECKING:
    from rich.console import RenderableType

VARIABLE = "BACKPACK_OUTPUT"

View = Callable[[], "RenderableType"]
"""What a terminal shows instead of a table."""


class Output:
    """Prints the result of a command in the format that was asked for.

    Args:
        format: The format.
        ids: Whether to print only ids.
        fields: The fields to print; None: all.
        quiet: Whether to print no messages.
        pager: Whether long output on a terminal is shown in a pager.
    """

    def __init__(
        self,
        format: Format,
        *,
        ids: bool = False,
        fields: Sequence[str] | None = None,
        quiet: bool = False,
        pager: bool = True,
    ) -> None:
        self.format = format
        self.ids = ids
        self.fields = fields
        self.quiet = quiet
        self.pager = pager
        self.is_muted = False  # during a dry run

    def rows(
        self,
        fields: Sequence[str],
        rows: Iterable[Row],
        *,
        summary: str | Callable[[int], str] = "",
        hidden: Sequence[str] = (),
        view: View | None = None,
        empty: str = "",
    ) -> None:
        """Print records.

        Args:
            fields: The names of the fields. The first one is the id.
            rows: The records. `jsonl` and `plain` print each as soon as it is there.
            summary: One sentence about them; a function gets their number.
            hidden: Fields that a table on a terminal omits unless `--fields` names them.
            view: What a terminal shows instead of a table.
            empty: What a terminal says if there is none.
        """
        if self.is_muted:
            return
        chosen = self._chosen(fields)
        if self.format is Format.TABLE and not self.ids:
            shown = [name for name in chosen if self.fields or name not in hidden]
            self._table(shown, list(rows), summary, view if not self.fields else None, empty)
        elif self.format is Format.JSON:
            data = [self._selected(row, fields[0], chosen) for row in rows]
            self._document(data, _summary(summary, len(data)))
        else:
            for text in self._lines(fields[0], chosen, rows):
                streams.write(text)

    def record(
        self, fields: Sequence[str], row: Row, *, summary: str = "", view: View | None = None
    ) -> None:
        """Print one record: an object in JSON, and on a terminal a view or pairs of names and
        values.
        """
        if self.is_muted:
            return
        chosen = self._chosen(fields)
        if self.format is Format.JSON:
            self._document(self._selected(row, fields[0], chosen), summary)
        elif self.format is Format.TABLE and not self.ids:
            from backpack_orm.cli import tables

            shown = tables.facts([(name, row.get(name)) for name in chosen])
            self._show(view() if view and not self.fields else shown)
        else:
            self.rows(fields, [row])

    def done(self, message: str, fields: Sequence[str], row: Row) -> None:
        """Report a write: a sentence on standard error, and the record where programs read it."""
        self.message(message)
        if not self.is_for_people:
            self.record(fields, row, summary=message)

    def saved(self, is_saved: object, message: str, fields: Sequence[str], row: Row) -> None:
        """Report a write as `done` does, or that nothing was sent since nothing has changed."""
        self.done(message if is_saved else "Nothing has changed.", fields, row)

    @property
    def is_for_people(self) -> bool:
        """Whether a sentence on a terminal is all that is wanted of a write."""
        return self.format is Format.TABLE and not self.ids and not self.fields

    def text(self, text: str, data: Row, summary: str = "") -> None:
        """Print a text as it is, or in JSON the data that it was made of."""
        if self.is_muted:
            return
        if self.format is Format.JSON:
            self._document(dict(data), summary)
        elif self.format is Format.JSONL:
            streams.write(self._json(dict(data)) + "\n")
        else:
            streams.write(text if text.endswith("\n") else text + "\n")

    def message(self, text: str) -> None:
        """Tell people something, unless they want it quiet or programs read the output."""
        if not (self.quiet or self.is_muted or self.format.is_json):
            streams.write_error(streams.wrapped(text, sys.stderr))

    def warn(self, text: str) -> None:
        """Warn people, even if they want it quiet."""
        streams.write_error(streams.wrapped(f"Warning: {text}", sys.stderr))

    def _chosen(self, fields: Sequence[str]) -> list[str]:
        unknown = [name for name in self.fields or () if name not in fields]
        if unknown:
            raise CommandError(
                f"there is no field {unknown[0]!r}", hint=f"The fields are: {', '.join(fields)}."
            )
        return list(self.fields or fields)

    def _selected(self, row: Row, id: str, chosen: Sequence[str]) -> Any:
        return row.get(id) if self.ids else {name: row.get(name) for name in chosen}

    def _lines(self, id: str, chosen: list[str], rows: Iterable[Row]) -> Iterator[str]:
        if self.ids:
            chosen = [id]
        if self.format is Format.CSV:
            yield _csv_line(chosen)
        for row in rows:
            if self.format is Format.JSONL:
                yield self._json(self._selected(row, id, chosen)) + "\n"
            elif self.format is Format.CSV:
                yield _csv_line([row.get(name) for name in chosen])
            else:
                yield line(row, chosen) + "\n"

    def _document(self, data: object, summary: str) -> None:
        streams.write(self._json({"ok": True, "data": data, "summary": summary}) + "\n")

    @staticmethod
    def _json(value: object) -> str:
        return to_json(value, is_unicode=streams.is_unicode(sys.stdout))

    def _table(
        self,
        fields: Sequence[str],
        rows: Sequence[Row],
        summary: str | Callable[[int], str],
        view: View | None,
        empty: str,
    ) -> None:
        from backpack_orm.cli import tables

        if not rows:
            self.message(empty or "Nothing found.")
            return
        if view is not None:
            self._show(view())
            return
        self._show(tables.table(fields, rows, tables.console().width))
        if text := _summary(summary, len(rows)):
            self.message(text)

    def _show(self, what: RenderableType) -> None:
        from backpack_orm.cli import tables

        tables.show(what, pager=self.pager)


def _summary(summary: str | Callable[[int], str], count: int) -> str:
    return summary if isinstance(summary, str) else summary(count)


def _csv_line(values: Sequence[object]) -> str:
    import csv
    from io import StringIO

    from backpack_orm.cli.formats import text_of

    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow([text_of(value) for value in values])
    return text.getvalue()


def report(failure: Failure, *, as_json: bool) -> None:
    """Print an error on standard error."""
    if as_json:
        text = to_json(failure.to_dict(), is_unicode=streams.is_unicode(sys.stderr))
        streams.write_error(text)
    else:
        streams.write_error(streams.wrapped("\n".join(failure.lines()), sys.stderr))


def format_in(arguments: Sequence[str]) -> Format | None:
    """Return the format that arguments or the environment name, though they may be wrong else.

    >>> format_in(["page", "lst", "-o", "json"])
    <Format.JSON: 'json'>
    """
    named = [os.environ.get(VARIABLE, "")]
    for position, argument in enumerate(arguments):
        if argument in ("-o", "--output"):
            named += arguments[position + 1 : position + 2]
        elif argument.startswith("--output="):
            named.append(argument.partition("=")[2])
        elif argument.startswith("-o"):
            named.append(argument[2:].removeprefix("="))
    known = {each.value: each for each in Format}
    return next((known[name] for name in reversed(named) if name in known), None)
