"""Tags: labels of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound, may_have_happened
from backpack_orm.models.on_page import OnPage
from backpack_orm.models.page import Page
from backpack_orm.models.page_tags import write_tags
from backpack_orm.models.whole_account import Load
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.operations.resuming import add_remark, stopped
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.signals import send_destroyed
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.operations.progress import Progress


T = TypeVar("T", bound="Tag")


@resource
class Tag(OnPage, Savable, Destroyable):
    """A label of pages.

    The API has no list of all tags, and updates only all tags of a page at once. So renaming or
    destroying a tag updates each page that has the tag. Threads of one process take turns on a
    page, so that they do not overwrite each other's tags; tags that another process writes at the
    same time can be lost.

    What `destroy` returns has the ids of all these pages as `page_ids`.

    Creating a tag makes three requests, or two if the page has the tag already. Destroying a tag
    makes one request, renaming it two, and both make two more for each page that has the tag. If
    the update of a page fails, the message names this page and the pages updated before.

    Attributes:
        id: Number of the record. A renamed tag gets another id.
        name: Name, without quotes.
        page: A page with this tag.
        page_id: Id of that page.

    >>> tag = Tag.create(page=Page.find_by(title="Lisbon"), name="Sea side")
    >>> tag.name = "By the sea"
    >>> tag.save().fields
    ('name',)
    >>> [page.title for page in tag.pages]
    ['Lisbon']
    >>> len(tag.destroy()["page_ids"])
    1
    """

    _element = "tag"
    _container = "tags"

    id: int = field(read_only=True)
    name: str = field(value_type=values.TAG)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def update(self, *, name: str = ...) -> SaveResult: ...

    _pages_with = ws("tags/select/{id}", reads="tags pages")
    # A tag is sent with all others of its page, by `write_tags`: this says which field that saves.
    _updates = (ws("page/{page_id}/tags/tag", sends="tags=name", idempotent=True),)

    @classmethod
    def all(
        cls,
        *,
        page: Page | int | None = None,
        load: Load = True,
        using: Connection | None = None,
        fresh: bool = False,
        progress: bool | Progress = False,
    ) -> Collection[Self]:
        """Return the tags of a page. Makes one request.

        Without a page, returns the tags of all pages, each tag once. Makes requests as for
        `Page.all(load=True)`.

        Args:
            page: The page or its id.
            load: How to load all pages, as for `Page.all`.
            using: Connection to use instead of the current one or the page's.
            fresh: Bypass the cache.
            progress: True to show it on standard error, or a function, called after each page.

        >>> "Travel" in [tag.name for tag in Tag.all()]
        True
        """
        tags = super().all(page=page, load=load, using=using, fresh=fresh, progress=progress)
        return Collection(cls, list(_each_once(tags)))

    @classmethod
    def _in_order(cls, *, using: Connection, fresh: bool) -> Iterator[Self]:
        return _each_once(super()._in_order(using=using, fresh=fresh))

    @property
    def pages(self) -> Collection[Page]:
        """Return the pages with this tag. Their titles are loaded. Makes one request.

        >>> [page.title for page in Tag.find_by(name="Travel").pages][:1]
        ['Lisbon']
        """
        return self._pages(fresh=False)

    def _send_destroy(self) -> dict[str, Any]:
        done: list[Page] = []
        self._rewrite(None, done, partial(self._resume_destroy, self._stored(), done))
        return {"page_ids": [page.id for page in dict.fromkeys(done)]}

    def _resume_destroy(self, stored: dict[str, Any], done: list[Page]) -> dict[str, Any]:
        """Destroy the rest of a tag that is gone from some pages; return what `destroy` does."""
        self._rewrite(None, done, partial(self._resume_destroy, stored, done))
        self._mark_destroyed()
        send_destroyed(self)
        return {**stored, "page_ids": [page.id for page in dict.fromkeys(done)]}

    def _create_record(self, changed: Sequence[str]) -> list[str] | None:
        self.page._attach(self.connection)
        with self.page._exclusive_tags():
            names = [name for _, name in self._part_of(self.page)]
            is_missing = self.name not in names
            if is_missing:
                write_tags(self.page, [*names, self.name])
            with self._saving(self.save, is_partial=is_missing):
                self._find_id()
        return list(changed) if is_missing else None

    def _update(self, endpoint: object, changed: Sequence[str], fresh: object) -> list[str]:
        try:
            self._rewrite(self.name, [], self.save)
        except NotFound:
            if self.name not in [name for _, name in self._part_of(self.page)]:
                raise
        except BaseException as error:
            if may_have_happened(error):
                self._mark_unknown(("name",))
            raise
        with self._saving(self.save):
            self._find_id()
        return list(changed)

    @contextmanager
    def _saving(self, rest: Callable[[], Any], *, is_partial: bool = True) -> Iterator[None]:
        """Have an exception in a block say that the name is saved in part, and do the rest."""
        try:
            yield
        except BaseException as error:
            if is_partial:
                error.saved = ("name",)  # type: ignore[attr-defined]  # it has a __dict__
                stopped(error, rest, is_repeatable=True)
            raise

    def _rewrite(self, new: str | None, done: list[Page], rest: Callable[[], Any]) -> None:
        """Rename the tag on all pages that have it, or remove it if `new` is None.

        Args:
            new: The new name.
            done: The pages where an earlier call has done it, to which the others are added.
            rest: Does what an exception leaves.
        """
        pages = self._pages(fresh=True)
        if not (pages or done):
            raise NotFound(f"no page has {self!r} any more", status=404)
        for page in pages:
            try:
                with self._saving(rest, is_partial=bool(done)), page._exclusive_tags():
                    write_tags(page, self._names_with(new, self._part_of(page)))
            except BaseException as error:
                add_remark(error, f"failed on {page!r}, done before: {done}")
                if may_have_happened(error):
                    done.append(page)
                raise
            done.append(page)
        self.page._invalidate("tags")

    def _names_with(self, new: str | None, tags: Sequence[Record]) -> list[str]:
        """Return the names of the tags of a page, with this one renamed or left out."""
        renamed = (new if id == self._saved_id else name for id, name in tags)
        return list(dict.fromkeys(name for name in renamed if name is not None))

    def _find_id(self) -> None:
        """Set the id that the service has given to the name."""
        found = next((each for each in self._part_of(self.page) if each[1] == self.name), None)
        if found is None:
            raise NotFound(f"{self.page!r} has no tag {self.name!r} after the update", status=404)
        self.id, self._record = found[0], found

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self._select(self._part_of(self.page))

    @property
    def _parent(self) -> Model:
        if not isinstance(self._source, Model):  # a tag from a bookmark has no page
            page = self._pages(fresh=False).first()
            if page is None:
                raise NotFound(f"no page has {self!r}", status=404)
            self._source = page
        return self._source

    def _pages(self, *, fresh: bool) -> Collection[Page]:
        connection, projection = self.connection, Page._named
        records = connection.call(
            self._pages_with, (self._saved_id,), read=projection.read_many, fresh=fresh
        )
        return Collection(Page, projection.load[Page](records, connection))

    @staticmethod
    def _part_of(page: Page) -> tuple[Record, ...]:
        """Return the tags of a page as the service has them."""
        page._load("tags", fresh=True)
        part: tuple[Record, ...] = page._part("tags")
        return part


def _each_once(tags: Iterable[T]) -> Iterator[T]:
    seen: set[int] = set()
    for tag in tags:
        if tag.id not in seen:
            seen.add(tag.id)
            yield tag
