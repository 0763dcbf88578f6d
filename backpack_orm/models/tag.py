"""Tags: names that pages share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError, NotFound
from backpack_orm.models.page import Page, Progress
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.fields import serialize
from backpack_orm.orm.model import Model, Readable
from backpack_orm.orm.relations import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.orm.state import may_have_happened
from backpack_orm.wire import parse, values
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Tag(Readable, Savable, Destroyable):
    """A name that is put on pages, to find them by.

    The API has no list of all tags, and changes only all tags of a page at once: what is done
    here to one tag is done page by page. Threads of one process take turns on a page, so that they
    lose none of each other's tags; tags that another process writes at the same moment can be lost.

    Attributes:
        id: Its number; a tag that is renamed gets another.
        name: Its name, without quotes.
        page: A page that has it.
        page_id: That page's id.

    >>> tag = Tag.create(page=Page.find_by(title="Lisbon"), name="Sea side")
    >>> tag.name = "By the sea"
    >>> tag.save().fields
    ('name',)
    >>> [page.title for page in tag.pages]
    ['Lisbon']
    >>> tag.destroy()
    """

    _element = "tag"
    _container = "tags"

    id: int = field(read_only=True)
    name: str = field(value_type=values.TAG)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    _pages_with = ws("tags/select/{id}", reads="tags pages")
    # A tag is sent with all others of its page.
    _put = ws(
        "page/{page_id}/tags/tag",
        sends="tags=name",
        writes="page:{page_id} tags",
        idempotent=True,
    )
    _updates = (_put,)

    @classmethod
    def create(  # type: ignore[override]  # all that a tag has
        cls, *, page: Page | int, name: str, using: Connection | None = None
    ) -> Self:
        """Put a tag on a page, beside those it has; three requests, two if it has it already.

        Raises:
            ValidationError: The name is empty, holds a quote or cannot be sent.
            NotFound: There is no such page.

        >>> Tag.create(page=Page.find_by(title="Lisbon"), name="Food").name
        'Food'
        """
        return super().create(page=page, name=name, using=using)

    @classmethod
    def all(
        cls,
        *,
        using: Connection | None = None,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Collection[Self]:
        """All tags of all pages, each once; one request more than there are pages, several at
        once.

        Args:
            using: The connection, where it is not the one in use.
            fresh: Ask even if the responses are still kept.
            progress: Called after each page with the numbers of pages done and of all.

        >>> "Travel" in [tag.name for tag in Tag.all()]
        True
        """
        tags: dict[int, Self] = {}
        for page in Page._each("tags", using=using, fresh=fresh, progress=progress):
            for tag in page._children("tags", cls):
                tags.setdefault(tag.id, tag)
        return Collection(cls, list(tags.values()))

    @classmethod
    def find(cls, id: Self | int, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """The tag with an id; one request for the pages, and one for each until it is found.

        Raises:
            ValidationError: That is no id.
            NotFound: No page has such a tag.

        >>> tag = Page.find_by(title="Lisbon").tags[0]
        >>> Tag.find(tag.id) == tag
        True
        """
        wanted, connection = cls._resolve_id(id, using)
        for page in Page._each("tags", using=connection, fresh=fresh, ahead=1):
            for tag in page._children("tags", cls):
                if tag.id == wanted:
                    return tag
        raise NotFound(f"there is no Tag {wanted} on any page", status=404)

    @classmethod
    def find_by(cls, *, using: Connection | None = None, **attributes: Any) -> Self | None:
        """The first tag with these attributes, or None; requests as for `all`.

        >>> Tag.find_by(name="Travel").name
        'Travel'
        """
        return cls.where(using=using, **attributes).first()

    @classmethod
    def where(cls, *, using: Connection | None = None, **attributes: Any) -> Collection[Self]:
        """The tags with these attributes; requests as for `all`.

        >>> [tag.name for tag in Tag.where(name="Travel")]
        ['Travel']
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(using=using).where(**attributes)

    @property
    def pages(self) -> Collection[Page]:
        """The pages that have it, with their titles; one request.

        >>> [page.title for page in Tag.find_by(name="Travel").pages][:1]
        ['Lisbon']
        """
        return self._pages(fresh=False)

    def destroy(self) -> None:
        """Take it off every page that has it; two requests for each page, and one to find them.

        Raises:
            NotSaved: It is on no page yet.
            Destroyed: It was destroyed already.
            NotFound: No page has it any more.
            BackpackError: A page failed; the message says which, and which were done.

        >>> Tag.find_by(name="Portugal").destroy()
        >>> [tag.name for tag in Page.find_by(title="Lisbon").tags]
        ['Travel', 'Long weekends']
        """
        self._refuse_new("destroy")
        self._refuse_destroyed()
        self._ensure_writable("destroy")
        self._refuse_read_only()
        self._rewrite(None)
        self._mark_destroyed()

    def _create_record(self, changed: Sequence[str]) -> list[str]:
        self.page._attach(self.connection)
        with self.page._exclusive_tags():
            names = self._names_on(self.page)
            if self.name not in names:
                self._write(self.page, [*names, self.name])
            self._find_id()
        return list(changed)

    def _update(self, endpoint: object, changed: Sequence[str], fresh: object) -> list[str]:
        try:
            self._rewrite(self.name)
        except BaseException as error:
            if may_have_happened(error):
                self._mark_unknown(("name",))
            raise
        self._find_id()
        return list(changed)

    def _rewrite(self, new: str | None) -> None:
        """Rename the tag on all pages that have it, or take it off them if `new` is None."""
        pages = self._pages(fresh=True)
        if not pages:
            raise NotFound(f"no page has {self!r} any more", status=404)
        done: list[Page] = []
        for page in pages:
            try:
                with page._exclusive_tags():
                    self._write(page, self._names_with(new, self._part_of(page)))
            except BackpackError as error:
                error.add(f"failed on {page!r}, done before: {done}")
                raise
            done.append(page)
        self.page._invalidate("tags")

    def _names_with(self, new: str | None, tags: Sequence[Record]) -> list[str]:
        """The names of the tags of a page, with this one renamed or left out."""
        renamed = (new if id == self._saved_id else name for id, name in tags)
        return list(dict.fromkeys(name for name in renamed if name is not None))

    def _find_id(self) -> None:
        """Take the id that the service has given the name."""
        for id, name in self._part_of(self.page):
            if name == self.name:
                self.id, self._record = id, (id, name)
                return
        raise NotFound(f"{self.page!r} has no tag {self.name!r} after it was put there", status=404)

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self._select(self._part_of(self.page))

    @property
    def _parent(self) -> Model:
        if not isinstance(self._source, Model):  # a bookmark leads to tags without telling a page
            page = self._pages(fresh=False).first()
            if page is None:
                raise NotFound(f"no page has {self!r}", status=404)
            self._source = page
        return self._source

    def _pages(self, *, fresh: bool) -> Collection[Page]:
        self._refuse_new("look for")
        connection, projection = self.connection, Page._named
        records = connection.call(
            self._pages_with, (self._saved_id,), read=projection.read_many, fresh=fresh
        )
        return Collection(Page, projection.load[Page](records, connection))

    @staticmethod
    def _part_of(page: Page) -> tuple[Record, ...]:
        """The tags of a page as they are now."""
        page._load("tags", fresh=True)
        part: tuple[Record, ...] = page._part("tags")
        return part

    @classmethod
    def _names_on(cls, page: Page) -> list[str]:
        return [name for _, name in cls._part_of(page)]

    @classmethod
    def _write(cls, page: Page, names: list[str]) -> None:
        payload = {"name": serialize(f"the tags of {page!r}", values.dump_tags, names)}
        with page._changing("tags"):
            page.connection.call(cls._put, page._path_ids(), payload, read=parse.success)
