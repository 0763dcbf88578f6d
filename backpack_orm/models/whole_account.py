"""Loading all pages of an account: from the export of its user, or one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from backpack_orm.connection import Connection
from backpack_orm.connection.parallel import in_order
from backpack_orm.errors import (
    BackpackError,
    InvalidResponse,
    NotFound,
    ValidationError,
    short_repr,
)
from backpack_orm.models.belonging import SECTIONS, Belonging
from backpack_orm.orm.operations.progress import Progress, reporting
from backpack_orm.orm.records.unverified import marked
from backpack_orm.orm.schema.registry import registry
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import MISSING, Column, Record, Response, Section, Shape

if TYPE_CHECKING:
    from backpack_orm.models.page import Page

P = TypeVar("P", bound="Page")

Load: TypeAlias = bool | Literal["export", "pages"]

MIN_PAGES = 10
"""The number of pages from which on an export takes less time than the pages themselves."""
_ALONE = 3
"""How many pages a search loads one by one, before it reads an export for the others."""


def check_load(
    what: str, load: object, place: object = None, *, may_be_false: bool = False
) -> None:
    """Raise if an argument `load` is neither True, `"export"` nor `"pages"`.

    Raises:
        ValidationError: It is something else, or limits what to load although a place does so.

    >>> check_load("Note.all", "export")
    """
    if isinstance(load, bool):
        is_valid = load or may_be_false
    else:
        is_valid = isinstance(load, str) and load in ("export", "pages")
    if not is_valid:
        choices = f'True, {"False, " * may_be_false}"export" or "pages"'
        raise ValidationError(f"{what}: load takes {choices}, not {short_repr(load)}")
    if place is not None and load is not True:
        raise ValidationError(f"{what}: load is how to load all pages: leave it out in one place")


def loaded(
    pages: Sequence[P],
    name: str,
    *,
    load: Load = True,
    fresh: bool = False,
    progress: bool | Progress = False,
) -> Iterator[P]:
    """Yield listed pages in order, each with a relation loaded.

    Makes two requests if at least ten of the pages are not cached: for the user and for the export.
    Pages that the export omits, and all pages if it cannot be used, make one request each, several
    at once. A page that was destroyed since the pages were listed is left out.

    Args:
        pages: The pages, as the list of pages includes them.
        name: The relation.
        load: `"export"` reads the export even for fewer pages, `"pages"` never reads it.
        fresh: Bypass the cache.
        progress: True to show it on standard error, or a function, called after each page.

    Raises:
        BackpackError: A call failed. The message names the page. No further page is loaded.
    """
    with reporting(progress) as report:
        for done, page in enumerate(_loaded(pages, name, load, fresh=fresh), 1):
            if page is not None:
                yield page
            report("reading pages", done, len(pages))


def loaded_in_order(
    pages: Sequence[P], name: str, *, load: Load = True, fresh: bool = False, ahead: int = 0
) -> Iterator[P]:
    """Yield listed pages as `loaded` does, for a caller who may need only the first ones.

    The first three pages are loaded one by one. The export is read for the others, or they are
    loaded one by one too.

    Args:
        pages: The pages, as the list of pages includes them.
        name: The relation.
        load: True, or `"pages"` to read no export.
        fresh: Bypass the cache.
        ahead: The number of pages to load at once in the beginning; doubled after each page. With
            0, each page is loaded when it is reached.
    """
    first, rest = pages[:_ALONE], pages[_ALONE:]
    for page in _loaded(first, name, load, fresh=fresh, ahead=ahead):  # too few for an export
        if page is not None:
            yield page
    for page in _loaded(rest, name, load, fresh=fresh, ahead=ahead):
        if page is not None:
            yield page


def loaded_on_demand(pages: Sequence[P], *, fresh: bool = False) -> Iterator[P]:
    """Yield listed pages to a caller who may load them by reading their attributes.

    Once three pages were loaded so, the export is read for the others.
    """
    loaded_so_far = 0
    for position, page in enumerate(pages, 1):
        yield page
        loaded_so_far += page._has_part("notes")
        if loaded_so_far == _ALONE:
            rest = pages[position:]
            if _fill(rest, True, fresh) is not None:
                page.connection.mark_unavailable(_user_model()._export)
            yield from rest
            return


def _loaded(
    pages: Sequence[P], name: str, load: Load, *, fresh: bool, ahead: int | None = None
) -> Iterator[P | None]:
    """Yield each page with a relation loaded, or None for one that was destroyed."""

    def load_one(page: P) -> P | None:
        try:
            page._load(name, fresh=fresh)
        except NotFound:
            return None
        except BackpackError as error:
            error.add(f"while reading {page!r}")
            raise
        return page

    failure = _fill(pages, load, fresh)
    missing = [page for page in pages if not page._has_part(name)]
    waiting = set(map(id, missing))
    results = map(load_one, missing) if ahead == 0 else in_order(load_one, missing, ahead=ahead)
    for page in pages:
        if id(page) not in waiting:
            yield page
            continue
        found = next(results)
        if failure is not None:  # the page could be read, so it is only the export that fails
            page.connection.mark_unavailable(_user_model()._export)
            failure = None
        yield found


def _fill(pages: Sequence[P], load: Load, fresh: bool) -> BackpackError | None:
    """Fill in what the cache or an export includes, and return why the export could not be read."""
    if load == "pages" or not pages:
        return None
    connection, users = pages[0].connection, _user_model()
    unknown = list(pages) if fresh else _fill_from_cache(pages)
    is_worth_it = len(unknown) >= MIN_PAGES and connection.is_available(users._export)
    if not unknown or not (is_worth_it or load == "export"):
        return None
    try:
        exported = _read_export(connection, fresh=fresh)
    except BackpackError as error:
        if load == "export":
            raise
        return error
    fill(unknown, exported)
    return None


def _fill_from_cache(pages: Sequence[P]) -> list[P]:
    """Fill in cached records, and return the pages of which there are none."""
    unknown = []
    for page in pages:
        record = cached_page(page)
        if record is None:
            unknown.append(page)
        else:
            page._fill_in(record)
    return unknown


def cached_page(page: Page) -> Record | None:
    """Return the cached record of a page, from an export or its own response. Makes no request.

    >>> cached_page(Page.find(Page.all()[0].id))[1], cached_page(Page.all()[1])
    ('Lisbon', None)
    """
    export = _user_model()._export
    return page.connection.cached_record(export, page._show, page._saved_id)


def cache_export(connection: Connection) -> Mapping[int, Record]:
    """Read the export, cache its pages in place of older responses, and return them by id.

    Makes one request, and one more if the id of the user is not cached; none if the connection does
    not cache pages one by one, or if an export could not be read before. If it cannot be read,
    returns no pages: they can still be read one by one.

    >>> page = Page.all()[0]
    >>> len(cache_export(page.connection)), cached_page(page)[1]
    (13, 'Lisbon')
    """
    if not connection.caches_parts or not connection.is_available(_user_model()._export):
        return {}
    try:
        return _read_export(connection, fresh=True)
    except BackpackError:
        return {}


def _read_export(connection: Connection, *, fresh: bool) -> Mapping[int, Record]:
    """Read the export of the connection's user, whose id does not change."""
    users, pages = _user_model(), _page_model()
    me = users._record_of_me(connection, fresh=False)
    return connection.call_for_parts(
        users._export, (me[0],), pages._show, read=exported_pages, fresh=fresh
    )


def fill(pages: Sequence[P], exported: Mapping[int, Record]) -> None:
    """Fill in what an export includes of pages, and what their list omits. Makes no request.

    Args:
        pages: Pages as the list of pages includes them. Their titles and scopes stay.
        exported: The pages of the export by id, see `exported_pages`.

    >>> listed = Page.all()
    >>> content = f"<user id='4'><pages><page id='{listed[0].id}' title='L'/></pages></user>"
    >>> fill(listed, exported_pages(Response(200, content.encode())))
    >>> listed[0].title, listed[0].notes.is_loaded, listed[1].notes.is_loaded
    ('Lisbon', True, False)
    """
    for page in pages:
        record = exported.get(page._saved_id)
        if record is not None:
            page._fill_in(record)


def exported_pages(response: Response) -> Mapping[int, Record]:
    """Return the pages of a user's export by id. Makes no request.

    What the export omits is not loaded: links to other pages, and every section that lacks a record
    which the belongings of its page name. A text that may have been escaped twice is marked, see
    `orm.records.unverified`.

    Raises:
        InvalidResponse: The response is not the export of a user.

    >>> content = b"<user id='4'><pages><page id='71' title='Lisbon'/></pages></user>"
    >>> list(exported_pages(Response(200, content)))
    [71]
    """
    _, pages = _reader()(response)
    if pages is MISSING:
        raise InvalidResponse("a <user> without <pages> is no export")
    may_be_doubtful = b"&" in response.content
    model = _page_model()
    found = {}
    for page in map(_without_incomplete_sections, pages):
        found[page[0]] = marked(model, page) if may_be_doubtful else page
    return found


def _without_incomplete_sections(page: Record) -> Record:
    """Return a page with each section missing that lacks a record named by the belongings."""
    positions, widget = _page_model()._table.positions, Belonging._table.positions
    named: defaultdict[str, set[int | None]] = defaultdict(set)
    belongings = page[positions["belongings"]]
    for belonging in belongings:
        section = SECTIONS.get(belonging[widget["type"]])
        if section is not None:
            named[section].add(belonging[widget["widget_id"]])
    sections: dict[str, Any] = {}
    for section, ids in named.items():
        part = page[positions[section]]
        if part is not MISSING and not ids <= {record[0] for record in part}:
            sections[section] = MISSING
    if belongings and "emails" not in named and page[positions["emails"]] is MISSING:
        sections["emails"] = ()
    if not sections:
        return page
    return type(page)(
        sections.get(name, value) for name, value in zip(positions, page, strict=True)
    )


@cache
def _reader() -> Callable[[Response], Record]:
    page = _page_model()._exported_by_user.shape
    id = Column("id", values.INTEGER, is_optional=True)
    return parse.one(Shape("user", (id, Section("pages/page", page, is_sure=False))))


def _page_model() -> Any:  # pages are loaded by this module, and users contain pages
    return registry["Page"]


def _user_model() -> Any:
    return registry["User"]
