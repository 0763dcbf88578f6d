"""Duplicates pages inside the database, with a fixed number of statements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, func, insert, literal, null, select, union_all
from sqlalchemy.orm import Session, aliased

from .bulk import execute
from .models import Item, List, Note, Page, Separator, Tagging, Utc, Widget

_COPIED = [str(kind.__mapper__.polymorphic_identity) for kind in (Note, List, Separator)]

_LIST = str(List.__mapper__.polymorphic_identity)


def copy_contents(session: Session, original: Page, copy: Page, now: datetime) -> None:
    """Copy the notes, lists, items, separators and tags of a page to a new, empty one.

    The ids of the copies are in the order of the originals' ids.
    """
    session.flush()
    _Copying(session, original, copy, now).run()


class _Copying:
    """Copies the contents of one page.

    Assigns ids above all others: two to each widget, its own and its belonging's, then the items'.
    """

    def __init__(self, session: Session, original: Page, copy: Page, now: datetime) -> None:
        self._session = session
        self._original, self._copy = original, copy
        self._account = copy.account
        self._first_id = self._account.last_id + 1
        self._now = literal(now, Utc())

    def run(self) -> None:
        """Copy everything; executes three statements."""
        self._copy_tags()
        self._account.last_id += 2 * self._copy_widgets()
        self._account.last_id += self._copy_items()

    def _copy_tags(self) -> None:
        taggings = select(literal(self._copy.key), Tagging.tag_key, Tagging.position)
        self._insert(
            Tagging,
            ["page_key", "tag_key", "position"],
            taggings.where(Tagging.page_key == self._original.key),
        )

    def _copy_widgets(self) -> int:
        columns: dict[str, Any] = {
            "account_key": literal(self._account.key),
            "page_key": literal(self._copy.key),
            "id": self._id_of_copy(),
            "belonging_id": self._first_id + 2 * _rank(Widget.belonging_id) - 1,
            "position": _rank(Widget.position),
            "created_at": self._now,
            "type": Widget.type,
            "other_type": Widget.other_type,
            "name": Widget.name,
            "body": Widget.body,
            "folded": Widget.folded,
            "show_created_at": Widget.__table__.c.show_created_at,
        }
        return self._insert(
            Widget.__table__, list(columns), select(*columns.values()).where(*self._copied())
        )

    def _copy_items(self) -> int:
        items = self._items()
        columns: dict[str, Any] = {
            "account_key": literal(self._account.key),
            "list_key": items.c.list_key,
            "page_key": items.c.page_key,
            "id": self._account.last_id + _rank(items.c.id),
            "position": _rank(items.c.position, items.c.list_key),
            "updated_at": self._now,
            "content": items.c.content,
            "folded": items.c.folded,
            "completed": items.c.completed,
        }
        return self._insert(Item, list(columns), select(*columns.values()))

    def _items(self) -> Subquery:
        """Return the items of the original, with the keys of the list or page for their copies."""
        lists = (
            select(Widget.key, self._id_of_copy().label("id_of_copy"))
            .where(*self._copied())
            .subquery()
        )
        copies = aliased(Widget)
        texts = (Item.id, Item.position, Item.content, Item.folded, Item.completed)
        return union_all(
            select(copies.key.label("list_key"), null().label("page_key"), *texts)
            .join(lists, lists.c.key == Item.list_key)
            .join(
                copies,
                and_(  # all columns of an index
                    copies.account_key == self._account.key,
                    copies.type == _LIST,
                    copies.other_type == "",
                    copies.id == lists.c.id_of_copy,
                ),
            ),
            select(null(), literal(self._copy.key), *texts).where(
                Item.page_key == self._original.key
            ),
        ).subquery()

    def _id_of_copy(self) -> ColumnElement[int]:
        return self._first_id + 2 * _rank(Widget.id) - 2

    def _copied(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return Widget.page_key == self._original.key, Widget.type.in_(_COPIED)

    def _insert(self, into: Any, columns: list[str], rows: Any) -> int:
        return execute(self._session, insert(into).from_select(columns, rows))


def _rank(column: Any, *groups: Any) -> ColumnElement[int]:
    """Return the rank of a row, from 1, among all rows or those of its group."""
    return func.row_number().over(partition_by=groups or None, order_by=column)
