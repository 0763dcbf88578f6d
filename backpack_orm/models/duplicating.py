"""Duplicating a page, with another title and other texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.orm import bulk
from backpack_orm.orm.creating import StepsInMemory, create_once
from backpack_orm.orm.progress import Progress
from backpack_orm.orm.resuming import Resumable
from backpack_orm.orm.saving import Savable

if TYPE_CHECKING:
    from backpack_orm.models.page import Page

P = TypeVar("P", bound="Page")


class Duplicating(Resumable[P]):
    """The duplication of a page. See `Page.duplicate` for arguments and errors."""

    def __init__(
        self,
        page: P,
        title: str | None,
        replace: Mapping[str, str],
        progress: bool | Progress,
    ) -> None:
        self._page = page
        self._title = title
        self._replacement = Replacement(replace)
        self._progress = progress
        self._steps = StepsInMemory()
        self._before: set[int] | None = None
        self._copy: P | None = None
        self._pending: list[Savable] | None = None
        page._check_exists()
        page._ensure_writable("duplicate")
        if title is not None:
            page._table.fields["title"].check(type(page), title)
        for record, values in self._edits(page):
            for name, value in values.items():
                record._table.fields[name].check(type(record), value)

    @property
    def created(self) -> tuple[P, ...]:
        """The copy, if it exists."""
        return () if self._copy is None else (self._copy,)

    def _state(self) -> str:
        if self._copy is None:
            return "no copy is known to exist"
        if self._pending is None:
            return f"the copy {self._copy!r} exists, without its new title and texts"
        left = sum(record.is_dirty for record in self._pending)
        return f"the copy {self._copy!r} exists, and {left} of its records lack their new texts"

    def _run(self) -> P:
        pages = type(self._page)
        if self._copy is None:
            self._copy = pages._stub(self._create(), self._page.connection)
        if self._pending is None:
            record = self._copy._fetch(fresh=True)
            self._copy._merge(record)
            self._pending = list(self._edited(self._copy))
        left = [record for record in self._pending if record.is_dirty]
        if left:
            bulk.run(
                "replacing texts",
                Savable.save,
                left,
                progress=self._progress,
                shared=lambda record: 0,  # all are of one page
            )
        return self._copy

    def _create(self) -> int:
        page = self._page
        pages, connection = type(page), page.connection
        if self._before is None:
            self._before = {each._saved_id for each in pages.all(using=connection)}

        def equal() -> Iterable[int]:
            found = pages.all(using=connection, fresh=True)
            return [each._saved_id for each in found if each.title.startswith(page.title)]

        return create_once(
            self._steps,
            f"the copy of page {page._saved_id}",
            siblings=self._before,
            equal=equal,
            create=lambda: page._send_duplicate()._saved_id,
        )

    def _edited(self, copy: P) -> Iterator[Savable]:
        for record, values in self._edits(copy):
            for name, value in values.items():
                setattr(record, name, value)
            yield record

    def _edits(self, page: P) -> Iterator[tuple[Savable, dict[str, str]]]:
        """Yield the records on a page that get other texts, each with the texts."""
        yield from self._edits_of_page(page)
        if self._replacement:
            for record in records_on(page):
                values = {
                    name: self._replacement.apply(getattr(record, name))
                    for name in texts_of(record)
                    if self._replacement.applies_to(getattr(record, name))
                }
                if values:
                    yield record, values

    def _edits_of_page(self, page: P) -> Iterator[tuple[Savable, dict[str, str]]]:
        values: dict[str, str] = {}
        if self._title is not None:
            values["title"] = self._title
        elif self._replacement.applies_to(self._page.title):
            values["title"] = self._replacement.apply(self._page.title)
        if self._replacement and self._replacement.applies_to(page.description):
            values["description"] = self._replacement.apply(page.description)
        if values:
            yield page, values


class Replacement:
    """Texts that replace others, all at the same time, the longest first.

    Raises:
        ValidationError: They are no dictionary of texts, or a text to be replaced is empty.

    >>> Replacement({"a": "b", "b": "c", "aa": "x"}).apply("aaab")
    'xbc'
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        if not isinstance(texts, Mapping):
            raise ValidationError(f"replace takes a dictionary, not {short_repr(texts)}")
        for pair in texts.items():
            if not all(isinstance(text, str) for text in pair) or not pair[0]:
                raise ValidationError(
                    f"replace takes a dictionary with the text to replace and its replacement, not "
                    f"{short_repr(dict([pair]))}"
                )
        self._texts = {**texts}
        longest_first = sorted(map(re.escape, texts), key=len, reverse=True)
        self._pattern = re.compile("|".join(longest_first))

    def __bool__(self) -> bool:
        return bool(self._texts)

    def applies_to(self, text: str) -> bool:
        """Return whether a text contains one to be replaced."""
        return bool(self._texts) and self._pattern.search(text) is not None

    def apply(self, text: str) -> str:
        """Return a text with all replacements."""
        return self._pattern.sub(lambda match: self._texts[match[0]], text)


def records_on(page: Any) -> Iterator[Savable]:
    """Yield the notes, lists, items and separators on a page."""
    yield from page.notes
    yield from page.lists
    for each in page.lists:
        yield from each.items
    yield from page.items._contained()
    yield from page.separators


def texts_of(record: Savable) -> list[str]:
    """Return the names of the fields that contain text and can be set."""
    return [
        name
        for name, field in record._table.fields.items()
        if (not field.is_read_only and not field.is_write_only and isinstance(field.default, str))
        or field.is_required
    ]
