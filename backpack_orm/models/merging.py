"""Copying all that is on a page to another page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from backpack_orm.connection.counters import tallied
from backpack_orm.errors import ValidationError
from backpack_orm.models.belonging import SECTIONS
from backpack_orm.orm.copying.copier import (
    Copier,
    check_sources,
    existing,
    impossible,
    is_blank,
    step_of,
)
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.operations.resuming import Resumable
from backpack_orm.orm.records.model import Model
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm.models.page import Page

_COPIED = ("notes", "lists", "separators")
_NAMES = {type: type.lower() for type in SECTIONS} | {"Asset": "attachment"}
_LEFT = {
    "email": "the API does not create them",
    "gallery": "the API does not create them",
    "attachment": "the API does not accept files",
    "separator": "no response includes their names",
}


class Merging(Resumable[CopyResult[Model]]):
    """The copying of a page into another one. See `Page.merge_into` for arguments and errors."""

    def __init__(
        self, page: Page, other: object, progress: bool | Progress, *, adopt: bool
    ) -> None:
        what = "Page.merge_into"
        if getattr(other.__class__, "_record_type", None) != "Page":
            raise ValidationError(f"{what} takes a Page object, not {other!r}")
        self._page = page
        self._other = cast("Page", other)
        if page in list(check_sources(what, (page, self._other)))[1:]:
            raise ValidationError(f"{what}: {page!r} is the same page")
        self._other._ensure_writable(what)
        self._progress = progress
        self._adopt = self._is_repeatable = adopt
        self._copier = Copier()
        self._steps: dict[str, None] = {}
        self._requests = 0

    @property
    def created(self) -> tuple[Model, ...]:
        """The copies that exist so far."""
        return tuple(self._copier.copies[step] for step in self._steps)

    def _state(self) -> str:
        return f"{existing(len(self._steps))} on {self._other!r}, and all originals"

    def _run(self) -> CopyResult[Model]:
        with tallied() as tally:
            try:
                page, other = self._page, self._other
                self._copier.begin()
                if not page.connection.is_file:
                    found = type(page).find(page._saved_id, using=page.connection, fresh=True)
                    page = found
                other._merge(other._fetch(fresh=True))
                left = self._copy_all(page)
                copied = [step_of(each) for each in ordered(page)]
                records = (self._copier.copies[step] for step in copied)
                ids: dict[str, dict[int, int]] = {}
                for step in self._steps:
                    type_, _, id = step.partition(":")
                    ids.setdefault(type_, {})[int(id)] = self._copier.copies[step]._saved_id
                requests = self._requests + tally.requests
                return CopyResult(tuple(records), ids, left, requests=requests)
            finally:
                self._requests += tally.requests

    def _copy_all(self, page: Page) -> dict[str, str]:
        """Copy what is on the page, and return what could not be taken along."""
        self._prepare(page)
        jobs = list(self._jobs(page))
        bulk.run("merging pages", self._do, jobs, progress=self._progress, workers=1)
        return {
            **impossible(ordered(page)),
            **_left_on(page),
            **self._merge_page(page),
        }

    def _prepare(self, page: Page) -> None:
        for name in _COPIED:
            children = getattr(self._other, name)
            stored = [each._as_stored() for each in children._present()]
            if self._adopt:
                sources = [each for each in ordered(page) if each._container == name]
                self._copier.adopt(sources, children, stored)
            else:
                self._copier.place(children).prepare(stored)

    def _jobs(self, page: Page) -> Iterator[Any]:
        """Yield what copies one record each, the lowest on the page first.

        The service puts new records at the top of a page, so their order stays the same.
        """
        unlisted = [each for each in page.items._contained() if not is_blank(each)]
        if unlisted:
            yield partial(self._copy_unlisted, page)
            for item in unlisted:
                yield partial(self._copier.copy_into, item, f"list:{-page._saved_id}")
        for widget in reversed(ordered(page)):
            children = getattr(self._other, widget._container)
            yield from self._copier.jobs(widget, children, adopt=self._adopt)

    def _copy_unlisted(self, page: Page) -> str:
        """Create a list for the legacy items of the page, which are in no list."""
        step = f"list:{-page._saved_id}"
        if step not in self._copier.copies:
            place = self._copier.place(self._other.lists)
            copy: Any = place.create(step, {"name": ""})
            self._copier.copies[step] = copy
            self._copier.place(copy.items).prepare(())
        return step

    def _do(self, job: Any) -> None:
        self._steps[job()] = None

    def _merge_page(self, page: Page) -> dict[str, str]:
        """Add tags, links and the description to the other page; return what cannot be added."""
        other, left = self._other, dict[str, str]()
        if page.tags:
            other.tags.add(*(tag.name for tag in page.tags))
        if page.description or page.linked_pages:
            other.reload()  # which the copying may have taken a while since
        if page.description and not other.description:
            other.update(description=page.description)
        elif page.description and page.description != other.description:
            left["description"] = "the other page has one"
        linked = [each for each in page.linked_pages if each not in other.linked_pages]
        for each in linked:
            if page._account == other._account and each != other:
                other.link(each)
            else:
                left["links to pages"] = "the other page is one of them, or of another account"
        return left


def ordered(page: Page) -> list[Model]:
    """Return the notes, lists and separators of a page from top to bottom, first what its
    belongings name.
    """
    found = [each.widget for each in page.belongings if SECTIONS.get(each.type) in _COPIED]
    known = [each for each in found if each is not None]
    keys = {step_of(each) for each in known}
    others = (each for name in _COPIED for each in getattr(page, name))
    return [*known, *(each for each in others if step_of(each) not in keys)]


def _left_on(page: Page) -> dict[str, str]:
    """Return what no call can create, or what responses omit."""
    parts = parts_on(page)
    parts["separator"] -= len(page.separators)
    return {
        counted(n, name): _LEFT.get(name, "no response includes them")
        for name, n in parts.items()
        if n > 0 and name not in ("note", "list")
    }


def parts_on(page: Page) -> Counter[str]:
    """Return how many parts of each kind are on a page, as far as responses include them."""
    parts = Counter(_NAMES.get(each.type, "other part") for each in page.belongings)
    for name, relation in (("gallery", page.galleries), ("attachment", page.attachments)):
        parts[name] = max(parts[name], len(relation))
    return parts
