"""What has changed from one snapshot to another, record by record and value by value."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import asdict, frozen

from backpack_orm.archive.entries import Entry, Key
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.plurals import counted
from backpack_orm.rich_display import RichDisplay

if TYPE_CHECKING:
    import pandas

What: TypeAlias = Literal["added", "changed", "removed"]
_SIGNS: Mapping[What, str] = {"added": "+", "changed": "~", "removed": "-"}
_LABELS = ("title", "name", "content", "subject", "file_name", "message", "body")
_INDENT = " " * 6
_CONTEXT = 2
"""Number of unchanged lines around a change in a text."""


@frozen
class Change:
    """One record that was added, changed or removed.

    Attributes:
        what: `added`, `changed` or `removed`.
        type: Type of the record, such as `note`.
        id: Its id.
        label: Its title, name or the beginning of its text.
        page: Title of the page that contains it; None for records that are not on a page.
        values: For each value that differs, the old and the new one, None where there is none.

    >>> destroyed = Page.find_by(title="Lisbon").notes[0].destroy()
    >>> archive.sync(connection).snapshot.number
    2
    >>> change = archive.diff(1, 2).changes[-1]
    >>> change.what, change.type, change.label, change.page
    ('removed', 'note', 'Where we sleep', 'Lisbon')
    """

    what: What
    type: str
    id: int
    label: str
    page: str | None
    values: Mapping[str, tuple[Any, Any]]


@frozen(repr=False)
class Diff(RichDisplay):
    """The changes from one snapshot to another.

    Attributes:
        old: The earlier snapshot.
        new: The later snapshot.
        changes: The records that differ: those that are new or changed in their order, then those
            that are gone.

    >>> Page.find_by(title="Lisbon").lists[0].items[0].complete().updated
    True
    >>> archive.sync(connection).snapshot.number
    2
    >>> print(archive.diff(1, 2).to_text())
    Snapshot(1, ...) to Snapshot(2, ...)
    <BLANKLINE>
    Lisbon
      ~ list 40000010: Packing
          items: ...
      ~ item 40000012: Walking shoes
          completed: False -> True
    """

    old: Snapshot
    new: Snapshot
    changes: tuple[Change, ...]

    def __repr__(self) -> str:
        return f"Diff({self.old!r}, {self.new!r}, {counted(len(self.changes), 'change')})"

    def __bool__(self) -> bool:
        return bool(self.changes)

    def to_text(self) -> str:
        """Return the changes as text, with unified differences of texts of several lines.

        >>> archive.diff(1, 1).to_text().splitlines()[-1]
        'no changes'
        """
        lines = [f"{self.old!r} to {self.new!r}", ""]
        page: str | None = None
        for change in self.changes:
            heading = change.page or "Account"
            if heading != page:
                page = heading
                lines.append(heading)
            lines.append(f"  {_SIGNS[change.what]} {change.type} {change.id}: {change.label}")
            if change.what == "changed":
                lines += (f"{_INDENT}{line}" for line in _lines_of(change))
        return "\n".join(lines if self.changes else [*lines, "no changes"])

    def to_html(self) -> str:
        """Return the changes as a complete HTML document, without scripts.

        >>> "<h1>" in archive.diff(1, 1).to_html()
        True
        """
        rows = "\n".join(f"<p>{_marked(line)}</p>" for line in self.to_text().split("\n")[2:])
        title = escape(f"{self.old!r} to {self.new!r}")
        return _DOCUMENT.format(title=title, rows=rows)

    def to_frame(self) -> pandas.DataFrame:
        """Return the changes as a frame of pandas, with a row for each value that differs.

        Raises:
            ImportError: pandas is not installed.

        >>> list(archive.diff(1, 1).to_frame().columns)
        ['what', 'type', 'id', 'label', 'page', 'value', 'old', 'new']
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a frame needs pandas: pip install 'backpack_orm[pandas]'") from error

        rows = [
            (each.what, each.type, each.id, each.label, each.page, name, old, new)
            for each in self.changes
            for name, (old, new) in each.values.items()
        ]
        columns = ["what", "type", "id", "label", "page", "value", "old", "new"]
        return pandas.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """Return the changes as JSON, with the attributes of `Change`.

        >>> import json
        >>> json.loads(archive.diff(1, 1).to_json())["changes"]
        []
        """
        changes = [asdict(change) for change in self.changes]
        numbers = {"old": self.old.number, "new": self.new.number}
        return json.dumps({**numbers, "changes": changes}, ensure_ascii=False, indent=2)


def compare(old: Snapshot, new: Snapshot, report: Progress) -> Diff:
    """Return the changes from one snapshot to another. Makes no request.

    Args:
        old: The earlier snapshot.
        new: The later snapshot.
        report: Called for each page.
    """
    before = {entry.key: entry for entry in old.entries(report)}
    after = {entry.key: entry for entry in new.entries(report)}
    return Diff(old, new, tuple(_changes(before, after)))


def _changes(before: Mapping[Key, Entry], after: Mapping[Key, Entry]) -> Iterator[Change]:
    for key, entry in after.items():
        earlier = before.get(key)
        if earlier is None:
            yield _change("added", entry, after, {}, entry.values)
        elif earlier.digest() != entry.digest():
            yield _change("changed", entry, after, earlier.values, entry.values)
    for key, entry in before.items():
        if key not in after:
            yield _change("removed", entry, before, entry.values, {})


def _change(
    what: What,
    entry: Entry,
    among: Mapping[Key, Entry],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> Change:
    values = {
        name: (old.get(name), new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    }
    page = _page_of(entry, among)
    return Change(what, entry.type, entry.id, label_of(entry.values), page, values)


def _page_of(entry: Entry, among: Mapping[Key, Entry]) -> str | None:
    """Return the title of the page that is or contains a record."""
    found: Entry | None = entry
    while found is not None and found.type != "page":
        found = among.get(found.parent) if found.parent else None
    return None if found is None else found.values.get("title")


def label_of(values: Mapping[str, Any]) -> str:
    """Return the title or name of a record, else the beginning of its text.

    >>> label_of({"title": "", "body": "Rua da Rosa 7\\nthird floor"})
    'Rua da Rosa 7'
    """
    for name in _LABELS:
        lines = str(values.get(name) or "").strip().splitlines()
        if lines:
            return lines[0] if len(lines[0]) <= 60 else f"{lines[0][:59]}…"
    return ""


def _lines_of(change: Change) -> Iterator[str]:
    for name, (old, new) in change.values.items():
        if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
            yield f"{name}:"
            yield from unified(old, new)
        else:
            yield f"{name}: {old} -> {new}"


def unified(old: str, new: str) -> Iterator[str]:
    """Return the lines that differ, and two around them, as `diff -u` does.

    >>> list(unified("one\\ntwo", "one\\n2"))
    ['@@ -1,2 +1,2 @@', ' one', '-two', '+2']
    """
    lines = difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=_CONTEXT)
    return islice(lines, 2, None)  # without the names of the files


def _marked(line: str) -> str:
    column = len(_INDENT) if line.startswith(_INDENT) else 2  # where the sign is, see to_text
    element = {"+": "ins", "-": "del"}.get(line[column : column + 1])
    text = escape(line)
    return f"<{element}>{text}</{element}>" if element else text


_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem; }}
p {{ margin: 0; min-height: 1em; white-space: pre-wrap; overflow-wrap: anywhere; }}
ins {{ background: #2da44e33; text-decoration: none; }}
del {{ background: #cf222e33; text-decoration: none; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{rows}
</main>
</body>
</html>
"""
