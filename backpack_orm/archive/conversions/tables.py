"""The records of an account as rows of tables, for CSV, JSON Lines, Parquet and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from attrs import asdict, frozen

from backpack_orm.archive.conversions.source import (
    Source,
    available,
    loaded_pages,
    reason_missing,
)
from backpack_orm.models.page import Page
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.records.model import Model

Kind: TypeAlias = Literal["integer", "text", "boolean", "time", "local_time"]
Row: TypeAlias = dict[str, Any]


@frozen
class Table:
    """A table of an account.

    Attributes:
        name: Name of the table.
        columns: Kind of the values of each column. A `local_time` is a time in the account's zone,
            without that zone if it is unknown.
        references: For columns with ids of another table: its name.
        key: Columns that identify a row.
    """

    name: str
    columns: Mapping[str, Kind]
    references: Mapping[str, str]
    key: tuple[str, ...]


_PARENTS = {
    "page_id": "pages",
    "list_id": "lists",
    "gallery_id": "galleries",
    "user_id": "users",
    "calendar_id": "calendars",
}


def _table(
    name: str, columns: str, key: str = "id", references: Mapping[str, str] | None = None
) -> Table:
    """Return a table. A column is given by its name, and its kind after a colon if it is no text.

    Columns such as `page_id` refer to the table `pages`.
    """
    kinds: dict[str, Any] = {}
    found = dict(references or {})
    for each in columns.split():
        column, _, kind = each.partition(":")
        if column == "id" or column.endswith("_id"):
            kind = kind or "integer"
        if column in _PARENTS:
            found[column] = _PARENTS[column]
        kinds[column] = kind or "text"
    return Table(name, kinds, found, tuple(key.split()))


TABLES = (
    _table("gaps", "position:integer what reason copied_from:integer", key="position"),
    _table(
        "users",
        "id name account_id email_address admin:boolean time_zone_id:text remind_via_email:boolean "
        "remind_via_mobile:boolean reminder_address mobile_phone_number mobile_phone_host "
        "identity_url start_page_id use_24h_clock:boolean created_at:time "
        "updated_at:time",
    ),
    _table("statuses", "id user_id message updated_at:time"),
    _table("pages", "id position:integer title description scope email_address"),
    _table("belongings", "id page_id position:integer type widget_id"),
    _table("page_tags", "page_id position:integer id name", key="page_id position"),
    _table(
        "linked_pages",
        "page_id linked_page_id title",
        key="page_id linked_page_id",
    ),
    _table("notes", "id page_id title body created_at:local_time"),
    _table("lists", "id page_id name"),
    _table(
        "items",
        "id page_id list_id position:integer content completed:boolean updated_at:local_time",
    ),
    _table("separators", "id page_id name"),
    _table("galleries", "id page_id name"),
    _table("images", "id page_id gallery_id file_name description"),
    _table("attachments", "id page_id file_name"),
    _table("emails", "id page_id subject body created_at:local_time"),
    _table(
        "comments",
        "page_id record_type record_id position:integer id body created_at:local_time",
        key="record_type record_id position",
    ),
    _table(
        "reminders",
        "id content remind_at:local_time creator_id",
        references={"creator_id": "users"},
    ),
    _table("remindees", "reminder_id user_id name", key="reminder_id user_id"),
    _table("journal_entries", "id user_id body created_at:time updated_at:time account_id"),
    _table(
        "bookmarks",
        "id user_id position:integer bookmarkable_type bookmarkable_id",
    ),
    _table("calendars", "id name color account_id created_at:time updated_at:time"),
    _table(
        "calendar_events",
        "id calendar_id title remind:boolean occurs_at:time occurs_until:time all_day:boolean "
        "message reminded_at:time created_at:time updated_at:time",
    ),
)
"""All tables. A table follows those that it refers to."""

BY_NAME = {table.name: table for table in TABLES}
_GAPS = {"journal_entries": "journal", "calendar_events": "events", "remindees": "reminders"}
"""What gaps call the tables whose names differ."""


def reason_without(source: Source, table: str) -> str | None:
    """Return why a table without rows is a gap of the snapshot; None if it is just empty."""
    return reason_missing(source.gaps, _GAPS.get(table, table.replace("_", " ")))


def contained_tables(source: Source) -> Iterator[str]:
    """Yield the names of the tables that the snapshot contains, if they have rows or not."""
    return (each.name for each in TABLES if reason_without(source, each.name) is None)


def rows_of(source: Source, report: Progress) -> Iterator[tuple[str, Row]]:
    """Yield the name of a table and a row of it, until all records are there.

    Rows have the columns of their table. What the responses omit is None, and what is a gap of the
    snapshot is left out. Each page is read once, and dropped from memory afterwards.
    """
    yield from _numbered("gaps", map(asdict, source.gaps))
    yield from _records("users", lambda: source.users)
    yield from _records("statuses", lambda: source.statuses, "user_id")
    for position, page in enumerate(loaded_pages(source, report), 1):
        yield from rows_on(page, position)
    for reminder in available(lambda: source.reminders):
        values = reminder.to_dict()
        yield _row("reminders", values, creator_id=(values.get("creator") or {}).get("id"))
        for user in values.get("remindees", ()):
            yield _row("remindees", user, reminder_id=reminder.id, user_id=user["id"])
    yield from _records("journal_entries", lambda: source.journal, "user_id")
    yield from _records("bookmarks", lambda: source.bookmarks, "user_id")
    yield from _records("calendars", lambda: source.calendars)
    yield from _records("calendar_events", lambda: source.events, "calendar_id")


def rows_on(page: Page, position: int) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a page and of everything on it, as `rows_of` does. Makes no request.

    Args:
        page: A page with its contents.
        position: Its position among all pages, from 1.

    >>> from backpack_orm import Page
    >>> page = Page.find(Page.find_by(title="Lisbon"))
    >>> [row["title"] for table, row in rows_on(page, 1) if table == "notes"]
    ['Where we sleep', '']
    """
    values, id = page.to_dict(), page.id
    yield _row("pages", values, position=position)
    yield from _numbered("page_tags", values.get("tags", ()), page_id=id)
    yield from _rows("belongings", values.get("belongings", ()), page_id=id)
    for linked in values.get("linked_pages", ()):
        yield _row("linked_pages", linked, page_id=id, linked_page_id=linked["id"])
    yield from _commented("notes", "Note", values.get("notes", ()), page_id=id)
    listed: set[int] = set()
    for each in values.get("lists", ()):
        yield _row("lists", each, page_id=id)
        items = each.get("items", ())
        listed.update(item["id"] for item in items)
        yield from _commented("items", "Item", items, page_id=id, list_id=each["id"])
    unlisted = [item for item in values.get("items", ()) if item["id"] not in listed]
    yield from _commented("items", "Item", unlisted, page_id=id)
    yield from _rows("separators", values.get("separators", ()), page_id=id)
    for gallery in values.get("galleries", ()):
        yield _row("galleries", gallery, page_id=id)
        yield from _rows("images", gallery.get("images", ()), page_id=id, gallery_id=gallery["id"])
    yield from _rows("attachments", values.get("attachments", ()), page_id=id)
    yield from _rows("emails", values.get("emails", ()), page_id=id)


def _commented(
    table: str, record_type: str, records: Iterable[Row], **ids: int
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of records in their order, and those of the comments on them."""
    for position, values in enumerate(records, 1):
        yield _row(table, values, position=position, **ids)
        owner: dict[str, Any] = {
            "page_id": ids["page_id"],
            "record_type": record_type,
            "record_id": values["id"],
        }
        yield from _numbered("comments", values.get("messages", ()), **owner)


def _records(
    table: str, load: Callable[[], Iterable[Model]], *owners: str
) -> Iterator[tuple[str, Row]]:
    for record in available(load):
        yield _row(table, record.to_dict(), **{owner: getattr(record, owner) for owner in owners})


def _numbered(table: str, records: Iterable[Row], **ids: Any) -> Iterator[tuple[str, Row]]:
    for position, values in enumerate(records, 1):
        yield _row(table, values, position=position, **ids)


def _rows(table: str, records: Iterable[Row], **ids: Any) -> Iterator[tuple[str, Row]]:
    for values in records:
        yield _row(table, values, **ids)


def _row(table: str, values: Row, **more: Any) -> tuple[str, Row]:
    """Return a row: its values by column, completed and replaced by those that are named."""
    found = {**values, **more}
    return table, {column: found.get(column) for column in BY_NAME[table].columns}
