"""Duplicating a page, also with another title and other texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from backpack_orm.connection.counters import tallied
from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.models.merging import parts_on
from backpack_orm.orm.copying.copier import NEVER, check_sources
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.copying.creating import StepsInMemory, create_once
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.operations.resuming import Resumable
from backpack_orm.orm.signals import send_created, send_saved
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.plurals import counted, plural

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.queries.collections import Embedded

P = TypeVar("P", bound="Page")

_COPIED = {"note", "list", "separator"}
_MAY_BE_LEFT = ("email", "gallery", "attachment", "other part")
_LEFT = "the service does not copy them"


def duplicated(page: P) -> CopyResult[P]:
    """Duplicate a page as it is. Makes one request."""
    page._check_exists()
    with tallied() as tally:
        copy = _send(page)
        return _result(page, copy, tally.requests)


class Duplicating(Resumable[CopyResult[P]]):
    """The duplication of a page with other texts. See `Page.duplicate` for arguments and errors."""

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
        self._before: dict[int, str] | None = None
        """The titles of the pages that existed when the call began."""
        self._copy: P | None = None
        self._pending: list[Savable] | None = None
        self._requests = 0
        list(check_sources("Page.duplicate", [page]))
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

    def _run(self) -> CopyResult[P]:
        with tallied() as tally:
            try:
                copy = self._edited_copy()
                return _result(self._page, copy, self._requests + tally.requests)
            finally:
                self._requests += tally.requests

    def _edited_copy(self) -> P:
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
            self._before = {
                each._saved_id: each.title for each in pages.all(using=connection, fresh=True)
            }

        def equal() -> Iterable[P]:
            found = pages.all(using=connection, fresh=True)
            return [each for each in found if each.title.startswith(self._stored_title)]

        return create_once(
            self._steps,
            f"the copy of page {page._saved_id}",
            siblings=self._before.keys(),
            equal=equal,
            create=lambda: _send(page)._saved_id,
        )

    @property
    def _stored_title(self) -> str:
        """The title of the page, as it is stored once the call has begun."""
        return (self._before or {}).get(self._page._saved_id, self._page.title)

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
        elif self._replacement.applies_to(self._stored_title):
            values["title"] = self._replacement.apply(self._stored_title)
        if self._replacement and self._replacement.applies_to(page.description):
            values["description"] = self._replacement.apply(page.description)
        if values:
            yield page, values


def _send(page: P) -> P:
    """Have the service copy a page, and return the copy, which is not loaded."""
    connection = page.connection
    record = connection.call(page._duplicate, page._path_ids(), read=page._named.read_one)
    copy: P = page._named.load_one[type(page)](record, connection)
    send_created(copy)
    send_saved(copy, created=True)
    return copy


def _result(page: P, copy: P, requests: int) -> CopyResult[P]:
    ids = {"page": {page._saved_id: copy._saved_id}}
    return CopyResult((copy,), ids, _left_on(page), requests=requests)


def _left_on(page: Page) -> dict[str, str]:
    """Return what the service does not copy: counted if the page is loaded, else what there may be.

    Makes no request.
    """
    relations: tuple[Embedded[Any], ...] = (page.belongings, page.galleries, page.attachments)
    if all(relation.is_loaded for relation in relations):
        counts = parts_on(page).items()
        parts = [counted(n, name) for name, n in counts if n and name not in _COPIED]
    else:
        parts = [*map(plural, _MAY_BE_LEFT)]
    if not page.linked_pages.is_loaded or page.linked_pages:
        parts.append("links to pages")
    return {
        **NEVER,
        "sharing": "the service does not share the copy",
        **dict.fromkeys(["comments", *parts], _LEFT),
    }


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
