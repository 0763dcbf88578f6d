"""The tags of a page, and changing them for many pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from backpack_orm.connection import Connection
from backpack_orm.errors import NotSaved, ReadOnly
from backpack_orm.models.whole_account import cache_export, cached_page
from backpack_orm.orm.operations.locks import exclusive
from backpack_orm.orm.queries.collections import AssignableCollection
from backpack_orm.orm.records.unverified import UnverifiedRecord
from backpack_orm.orm.schema.fields import listed, serialize
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.wire import values

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.models.tag import Tag
    from backpack_orm.orm.declarations import Assignable

M = TypeVar("M", bound="Tag")
V = TypeVar("V")
Names = Sequence[str]

if TYPE_CHECKING:

    class HasTags(Assignable[M, V], Generic[M, V]):
        """The tags of a page, for type checkers."""

        def __get__(self, owner: object, kind: type | None = None) -> Tags[M]: ...


class Tags(AssignableCollection[M]):
    """The tags of a page.

    `add`, `remove` and `set` read the tags from the service first, so that they preserve what
    others have added meanwhile. Threads of one process take turns on a page.

    >>> page = Page.find_by(title="Lisbon")
    >>> page.tags.add("Sea side").fields
    ('tags',)
    >>> [tag.name for tag in page.tags]
    ['Travel', 'Long weekends', 'Portugal', 'Sea side']
    """

    __slots__ = ()

    def add(self, *tags: Tag | str) -> SaveResult:
        """Add tags to the page.

        Makes two requests, or one if the page has all of them already, and one more when the tags
        are used again.

        Args:
            *tags: Tags or their names.

        Returns:
            A result; false if nothing was sent.

        Raises:
            ValidationError: A name cannot be sent. No request was made.
            NotSaved: The page is new, or a list was assigned to its tags that is not saved yet.
            NotFound: The page no longer exists.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.tags.add("Travel", "2026").updated, page.tags.add("Travel").updated
        (True, False)
        """
        return self._change(changing(add=tags))

    def remove(self, *tags: Tag | str) -> SaveResult:
        """Remove tags from the page, which need not have them.

        Makes requests and raises errors as `add` does.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.tags.remove("Travel", "no such tag").updated, "Travel" in page.tags
        (True, False)
        """
        return self._change(changing(remove=tags))

    def set(self, tags: Iterable[Tag | str]) -> SaveResult:
        """Replace all tags of the page. Makes requests and raises errors as `add` does.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.tags.set(["Journeys", "2026"]).updated, [tag.name for tag in page.tags]
        (True, ['Journeys', '2026'])
        """
        wanted = _names(tags)
        return self._change(lambda names: wanted)

    def _model_with(self, method: str) -> Any:
        if method == "destroy":
            raise ReadOnly(
                "destroying tags removes them from all pages: use tags.set([]) to remove those of "
                "this page, or destroy() each tag"
            )
        return super()._model_with(method)

    def _change(self, change: Callable[[Names], Names]) -> SaveResult:
        return change_tags(cast("Page", self._owner), change)


def changing(
    add: Iterable[Tag | str] = (), remove: Iterable[Tag | str] = ()
) -> Callable[[Names], Names]:
    """Return the function that changes the names of the tags of a page.

    Raises:
        ValidationError: A name cannot be sent.

    >>> changing(add=["Sea", "Sun"], remove=["Work"])(["Work", "Sun"])
    ['Sun', 'Sea']
    """
    added, removed = _names(add), set(_names(remove))

    def change(names: Names) -> Names:
        left = (name for name in names if name not in removed)
        return list(dict.fromkeys([*left, *added]))

    return change


def _names(tags: Iterable[Tag | str]) -> list[str]:
    given = listed("Page.tags", tags)
    names = (tag if isinstance(tag, str) else getattr(tag, "name", tag) for tag in given)
    return list(dict.fromkeys(serialize("Page.tags", values.dump_new_tag, name) for name in names))


def change_tags(
    page: Page,
    change: Callable[[Names], Names],
    exported: Callable[[Page], Names | None] = lambda page: None,
) -> SaveResult:
    """Replace the tags of a page by what a function makes of them. Makes two requests: reads the
    tags right before it sends others, and none if they are exported and remain the same.

    Threads of this process take turns on a page.

    Args:
        page: The page.
        change: Takes the names of the tags and returns others.
        exported: Returns the names of the tags of a page if they were read before; else None.
    """
    page._check_exists()
    page._ensure_writable("tags")
    if page.tags.is_assigned:
        raise NotSaved(f"the tags assigned to {page!r} are not saved: save() or discard() it first")
    with page._exclusive_tags():
        known = exported(page)
        if known is not None and change(known) == list(known):
            return SaveResult()
        names = list(stored_tags(page))
        changed = change(names)
        if changed == names:
            return SaveResult()
        write_tags(page, changed)
    return SaveResult(updated=True, fields=("tags",))


def stored_tags(page: Page) -> Names:
    """Return the names of the tags of a page as the service has them. Makes one request."""
    page._load("tags", fresh=True)
    names: Names = page._snapshot("tags")
    return names


def write_tags(page: Page, names: Names) -> None:
    """Send all tags of a page. Makes one request."""
    payload = {"tags": serialize(f"the tags of {page!r}", values.dump_tags, names)}
    page._change(page._tag, payload, "tags")


class ExportedTags:
    """The tags of many pages, read with one request, which show the pages that need no change.

    They are not known of a page whose part of the export is not cached any more, since a thread of
    this process has changed the page; nor if one of its texts is doubtful, nor if the export has no
    tags at all.

    Args:
        pages: The pages. They are not used before the first call.
    """

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages
        self._is_known: dict[Connection, bool] = {}

    def __call__(self, page: Page) -> Names | None:
        connection = page.connection
        with exclusive(id(self)):
            if connection not in self._is_known:
                exported = cache_export(connection) if len(self._pages) > 1 else {}
                tags = page._position("tags")
                self._is_known[connection] = any(each[tags] for each in exported.values())
        record = cached_page(page) if self._is_known[connection] else None
        if record is None or type(record) is UnverifiedRecord:
            return None
        names: Names = page._values_in(record, "tags")
        return names
