"""What pages name and their responses do not contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from backpack_orm.archive.contents import Gap
from backpack_orm.models.belonging import SECTIONS, Belonging
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.page import Page
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.records.unverified import is_marked
from backpack_orm.plurals import counted
from backpack_orm.wire.shapes import MISSING, Record

_CERTAIN = ("notes", "lists", "galleries", "attachments")
"""Sections of a page that contain everything that its belongings name."""


def unserved_gaps(pages: Iterable[Record]) -> Iterator[Gap]:
    """Yield gaps for what is on pages, and which the API does not serve."""
    files = boards = 0
    for page in pages:
        files += len(_part(Page, page, "attachments"))
        for gallery in _part(Page, page, "galleries"):
            files += len(_part(Gallery, gallery, "images"))
        boards += _widgets(page).count("WriteboardLink")
    if files:
        yield Gap("files", f"the API does not serve files: {files} are known by name only")
    if boards:
        reason = f"the API does not serve writeboards: {boards} are known by id only"
        yield Gap("writeboards", reason)


def entity_gaps(pages: Iterable[Record]) -> Iterator[Gap]:
    """Yield a gap if texts on pages of an export, marked before, may have been escaped twice."""
    doubtful = sum(is_marked(Page, page) for page in pages)
    if doubtful:
        on = counted(doubtful, "page")
        reason = f"exports may escape typed entities twice, as in &amp;rarr;: on {on}"
        yield Gap("typed entities", reason)


def missing_parts(page: Record) -> int:
    """Return how many notes, lists and files an exported page names, and does not contain.

    Other records may lack in every response.
    """
    widget = Belonging._table.positions
    ids = {name: {record[0] for record in _part(Page, page, name)} for name in _CERTAIN}
    named = (
        (SECTIONS.get(belonging[widget["type"]]), belonging[widget["widget_id"]])
        for belonging in _part(Page, page, "belongings")
    )
    return sum(section in ids and id not in ids[section] for section, id in named)


def may_have_emails(page: Record, *, is_shown: bool) -> bool:
    """Return whether a page may have emails that its response does not include.

    A page without belongings may have some; in an export it has none.
    """
    if _part(Page, page, "emails"):
        return False
    widgets = _widgets(page)
    return "Email" in widgets if widgets else is_shown


def _part(model: type[Model], record: Record, name: str) -> Sequence[Record]:
    """Return the records of a relation, none if the response omits them."""
    part: Any = record[model._table.positions[name]]
    found: Sequence[Record] = () if part is MISSING else part
    return found


def _widgets(page: Record) -> list[str]:
    """Return the types of the records on a page."""
    position = Belonging._table.positions["type"]
    return [belonging[position] for belonging in _part(Page, page, "belongings")]
