"""Exports: all pages and reminders that a user can see, in one response."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from attrs import field, frozen

from backpack_orm.connection import Connection, unconnected
from backpack_orm.errors import InvalidExport, InvalidResponse, ValidationError, short_repr
from backpack_orm.models.files import write_file
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.records.unverified import marked
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.plurals import counted
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire import parse, values
from backpack_orm.wire.documents import is_truncated
from backpack_orm.wire.shapes import MISSING, Column, Record, Response, Section, Shape
from backpack_orm.wire.size import check_size

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen(eq=False)
class Export(RichDisplay):
    """All pages that a user can see, with their contents, and all reminders.

    An export omits the `scope` of pages and the `updated_at` of items. The export of a user also
    omits the pages that a page links to. Reading one of these attributes makes one request; if the
    export was read from a file, the attribute is None or empty.

    Attributes:
        user_id: Id of the user; None if the export omits it.
        username: Name of the user, if the export includes it.
        account: Name of the account, if the export includes it.
        pages: Pages.
        reminders: Reminders, including past ones.

    >>> export = User.me().export()
    >>> export
    Export(username='Nora Whitfield', account='acme', 13 pages, 6 reminders)
    """

    user_id: int | None
    username: str
    account: str
    pages: Collection[Page]
    reminders: Collection[Reminder]
    _content: bytes = field(repr=False)

    @classmethod
    def read(cls, source: str | Path | bytes) -> Self:
        """Read a saved export, from its path or its bytes. Makes no request.

        Accepts the responses of both export calls of the API, and one or several full pages. The
        records can be read like others; to change one, find it in the account.

        Raises:
            OSError: The file cannot be read.
            InvalidExport: The content is truncated, malformed, or not an export.

        >>> Export.read(b"<pages><page id='71' title='Lisbon'/></pages>").pages[0].title
        'Lisbon'
        """
        if isinstance(source, bytes):
            name, content = "the export", source
        elif isinstance(source, str | Path):
            name, content = str(source), Path(source).read_bytes()
        else:
            raise ValidationError(f"Export.read takes a path or bytes, not {short_repr(source)}")
        record = read_saved_export(name, content)
        digest = hashlib.sha256(content).hexdigest()
        nowhere = unconnected(
            name, digest, "it was read from a file: find the record in the account to change it"
        )
        return cls._of(record, nowhere, content)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the export to a file, byte by byte as it was received. Makes no request.

        The file appears at its path only when it is complete. Only you can read it, since an export
        is as private as the account.

        Args:
            path: The path of the file.
            overwrite: Whether to replace an existing file.

        Raises:
            FileExistsError: There is a file at this path already.
            OSError: The file cannot be written. An existing file is unchanged.

        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "backpack.xml")
        >>> User.me().export().save(path)
        >>> len(Export.read(path).pages)
        13
        >>> folder.cleanup()
        """
        write_file(Path(path), self._content, overwrite=overwrite)

    @classmethod
    def _of(cls, record: Record, connection: Connection, content: bytes) -> Self:
        user_id, username, account, pages, reminders = record
        reminders = () if reminders is MISSING else reminders
        return cls(
            user_id,
            username,
            account,
            Collection(Page, Page._exported.load[Page](pages, connection)),
            Collection(Reminder, Reminder._full.partial.load[Reminder](reminders, connection)),
            content,
        )

    def __repr__(self) -> str:
        return (
            f"Export(username={self.username!r}, account={self.account!r}, "
            f"{counted(len(self.pages), 'page')}, {counted(len(self.reminders), 'reminder')})"
        )


def read_live_export(response: Response) -> Record:
    """Return the user's id and name, the account, the pages and the reminders of an export.

    The reminders are MISSING if there is no list of them. Texts that may have been escaped twice
    are marked, see `orm.records.unverified`.
    """
    *about, pages, reminders = _read(response, Page._exported_by_user)
    if b"&" in response.content:
        pages = tuple(marked(Page, page) for page in pages)
    return *about, pages, reminders


def read_export(response: Response) -> Record:
    """Return the same for a saved export of any form. Values that it omits are empty."""
    return _read(response, Page._exported)


def read_saved_export(name: str, content: bytes, max_size: int | None = None) -> Record:
    """Return the same for a file.

    Args:
        name: Name of the file, for messages.
        content: What it contains.
        max_size: As for `check_size`; None does not check it.

    Raises:
        InvalidExport: The content is truncated, malformed, too dense, or not an export.
    """
    try:
        if max_size is not None:
            check_size(content, max_size)
        return read_export(Response(200, content))
    except InvalidResponse as error:
        reason = error.message.replace("the response", "it")
        if is_truncated(content):
            reason = f"it ends too early, after {len(content):,} bytes: the rest is missing"
        raise InvalidExport(f"{name} cannot be read: {reason}") from None


def _read(response: Response, projection: Projection) -> Record:
    shape, record = _reader(projection)(response)
    if shape == "page":
        return None, "", "", (record,), MISSING
    if shape == "pages":
        return None, "", "", record[0], MISSING
    if record[3] is MISSING:
        raise InvalidResponse(f"a <{shape}> without <pages> is no export")
    return record


@cache
def _reader(projection: Projection) -> Callable[[Response], tuple[str, Record]]:
    page = projection.shape
    id = Column("id", values.INTEGER, is_optional=True)
    account = Column("account", values.TEXT)
    pages = Section("pages/page", page, is_sure=False)  # me.xml is a <user>, too
    reminders = Reminder._full.partial.shape
    contents = pages, Section("reminders/reminder", reminders, is_sure=False)
    return parse.one_of(
        Shape("user", (id, Column("name", values.TEXT), account, *contents)),
        Shape("backpack", (id, Column("username", values.TEXT), account, *contents)),
        Shape("pages", (Section("page", page),)),
        page,
    )
