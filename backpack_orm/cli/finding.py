"""Pages and records by id, address, title, or a part of a title."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import normalize

import click

import backpack_orm
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.plurals import plural

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from backpack_orm import Calendar, Item, List, Model, Note, Page, PageItem, Separator, User

M = TypeVar("M", bound="Model")

MOST_CANDIDATES = 10
_ADDRESSES = ("http://", "https://")


class PageName(click.types.StringParamType):
    """The argument PAGE, whose titles complete from what was read before."""

    name = "page"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from backpack_orm.cli import titles

        return titles.complete_pages(ctx, incomplete)


class TagName(click.types.StringParamType):
    """The name of a tag, which completes from what was read before."""

    name = "tag"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from backpack_orm.cli import titles

        return titles.complete_tags(ctx, incomplete)


PAGE = PageName()
TAG = TagName()


def find_page(name: str, *, exact: bool = False) -> Page:
    """Return the page with an id, address or title, or whose title contains a text.

    Makes no request for an address or `id:7`, but the first attribute that is read loads the page.
    For all else, makes one request: for the list of pages.

    Args:
        name: `71`, `https://acme.backpackit.com/pages/71`, `Lisbon`, `lisb`, `id:71`,
            `title:1984`.
        exact: Whether only the whole title counts, since something will be lost.

    Raises:
        CommandError: There is no such page, or there are several.
    """
    if name.startswith(_ADDRESSES):
        return backpack_orm.Page.find(name)
    if name.startswith("id:"):
        return backpack_orm.Page.find(_id(name.removeprefix("id:"), "page"))
    pages = list(backpack_orm.Page.all())
    _remember(pages)
    if name.startswith("title:"):
        return pick(pages, name.removeprefix("title:"), _title, "page", exact=exact)
    if not is_id(name):
        return pick(pages, name, _title, "page", exact=exact)
    by_id = [page for page in pages if page.id == int(name)]
    by_title = [page for page in pages if _same(page.title) == _same(name)]
    found = list(dict.fromkeys([*by_id, *by_title]))
    if len(found) > 1:
        raise _ambiguous("page", name, found, _title, "Write `id:…` or `title:…`.")
    return found[0] if found else backpack_orm.Page.find(int(name))


def _remember(pages: Sequence[Page]) -> None:
    from backpack_orm.cli import titles

    titles.remember_pages((page.id, page.title) for page in pages)


def with_tag(pages: Sequence[Page], name: str) -> list[Page]:
    """Return the loaded pages with a tag, in any case.

    Raises:
        CommandError: No page has it.
    """
    tags = list({tag.id: tag for page in pages for tag in page.tags}.values())
    wanted = name.casefold()
    if wanted not in {tag.name.casefold() for tag in tags}:
        raise _missing("tag", name, tags, lambda tag: tag.name, exact=False)
    return [page for page in pages if any(tag.name.casefold() == wanted for tag in page.tags)]


def find_on(page: Page, relation: str, name: str, *, exact: bool = False) -> Any:
    """Return a note, list, item or separator of a page, by its id or its text.

    Makes one request if the page is not loaded.

    Args:
        page: The page.
        relation: `notes`, `lists`, `items` or `separators`.
        name: An id, or a text as for `find_page`.
        exact: Whether only the whole text counts.

    Raises:
        CommandError: There is no such record, or there are several.
    """
    records: Sequence[Any] = (
        items_of(page) if relation == "items" else list(getattr(page, relation))
    )
    what = relation.removesuffix("s")
    return by_id_or_text(records, name, _TEXTS[relation], what, exact=exact)


def by_id_or_text(
    records: Sequence[M], name: str, text: Callable[[M], str], what: str, *, exact: bool = False
) -> M:
    """Return the record with an id, else the one with a text, as `find_page` does."""
    bare = name.removeprefix("id:")
    by_id = [each for each in records if is_id(bare) and each.id == int(bare)]
    if name.startswith("id:") and not by_id:
        raise CommandError(f"there is no {what} with the id {bare}", ExitCode.NOT_FOUND)
    by_text = [each for each in records if is_id(name) and _same(text(each)) == _same(name)]
    found = list(dict.fromkeys([*by_id, *by_text]))
    if len(found) > 1:
        raise _ambiguous(what, name, found, text, "Write `id:…`.")
    return found[0] if found else pick(records, name, text, what, exact=exact)


def pick(
    records: Iterable[M], name: str, text: Callable[[M], str], what: str, *, exact: bool = False
) -> M:
    """Return the one record that a text names: the whole text first, then in any case, then a part.

    Raises:
        CommandError: There is none, or there are several.
    """
    records = list(records)
    wanted = _same(name)
    folded = wanted.casefold()
    tests: list[Callable[[str], bool]] = [lambda found: found == wanted]
    if not exact:
        tests += [
            lambda found: found.casefold() == folded,
            lambda found: folded in found.casefold(),
        ]
    for is_meant in tests if wanted else ():
        found = [each for each in records if is_meant(_same(text(each)))]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(what, name, found, text, "Name it by its id, or by more of its text.")
    raise _missing(what, name, records, text, exact=exact)


def is_id(text: str) -> bool:
    """Return whether a text may be an id.

    >>> is_id("71"), is_id("²"), is_id("-1")
    (True, False, False)
    """
    return text.isascii() and text.isdecimal() and len(text) < 20


def items_of(page: Page) -> list[Item | PageItem]:
    """Return the items of all lists on a page, and those in no list. Loads the page."""
    found: list[Item | PageItem] = [item for each in page.lists for item in each.items]
    known = {item.id for item in found}
    return [*found, *(item for item in page.items if item.id not in known)]


def _id(text: str, what: str) -> int:
    if not is_id(text):
        raise CommandError(f"{text!r} is no id of a {what}: ids are numbers")
    return int(text)


def _same(text: str) -> str:
    """Return a text so that equal ones are equal: one form of Unicode, one kind of space."""
    return " ".join(normalize("NFC", text).split())


def _title(page: Page) -> str:
    return page.title


def _note_text(note: Note) -> str:
    return note.title


def _name(record: List | Separator) -> str:
    return record.name


def _content(item: Item | PageItem) -> str:
    return item.content


_TEXTS: Mapping[str, Callable[[Any], str]] = {
    "notes": _note_text,
    "lists": _name,
    "items": _content,
    "separators": _name,
}


def _candidates(records: Sequence[M], text: Callable[[M], str]) -> list[dict[str, object]]:
    from backpack_orm.cli.formats import escaped

    return [{"id": each.id, "text": escaped(text(each))} for each in records[:MOST_CANDIDATES]]


def _ambiguous(
    what: str, name: str, found: Sequence[M], text: Callable[[M], str], hint: str
) -> CommandError:
    more = len(found) - MOST_CANDIDATES
    return CommandError(
        f"{len(found):,} {plural(what)} match {name!r}",
        ExitCode.AMBIGUOUS,
        hint=f"{hint} {f'{more} more are not shown.' if more > 0 else ''}".strip(),
        candidates=_candidates(found, text),
    )


def _missing(
    what: str, name: str, records: Sequence[M], text: Callable[[M], str], *, exact: bool
) -> CommandError:
    texts = {_same(text(each)): each for each in records}
    folded = _same(name).casefold()
    near = [each for each in texts if folded and folded in each.casefold()][:3]
    if not near:
        from difflib import get_close_matches  # only misspellings need it

        near = get_close_matches(_same(name), texts, 3)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
    if exact and near:
        hint += " Here only an id, an address or the exact text counts."
    return CommandError(
        f"no {what} is called {name!r}" if name.strip() else f"the name of the {what} is empty",
        ExitCode.NOT_FOUND if name.strip() else ExitCode.USAGE,
        hint=hint,
    )


def find_user(name: str) -> User:
    """Return the user with an id or a name. Makes one request."""
    return by_id_or_text(list(backpack_orm.User.all()), name, lambda user: user.name, "user")


def find_calendar(name: str) -> Calendar:
    """Return the calendar with an id or a name. Makes one request."""
    calendars = list(backpack_orm.Calendar.all())
    return by_id_or_text(calendars, name, lambda calendar: calendar.name, "calendar")
