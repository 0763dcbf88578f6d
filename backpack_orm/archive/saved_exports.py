"""Exports that were saved earlier, as the contents of a snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from backpack_orm.archive.collecting import UNKNOWN_LINKS, UNKNOWN_SHARING, Collected
from backpack_orm.archive.contents import Gap, StoredResponse
from backpack_orm.archive.info import Account
from backpack_orm.archive.journal import PREFIX as JOURNAL
from backpack_orm.archive.page_gaps import (
    entity_gaps,
    may_have_emails,
    missing_parts,
    unserved_gaps,
)
from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.slices import Sliced
from backpack_orm.archive.stored_pages import EXPORT
from backpack_orm.errors import InvalidExport, InvalidResponse, ValidationError, short_repr
from backpack_orm.models.export import read_saved_export
from backpack_orm.models.page import Page
from backpack_orm.orm.records.unverified import marked
from backpack_orm.wire.shapes import MISSING
from backpack_orm.wire.size import DEFAULT_MAX_SIZE

_IS_OF_USER = re.compile(rb"^[^<]*(?:<[?!][^>]*>[^<]*)*<user\b")
_REASON = "exports contain pages and reminders only"
_NOT_INCLUDED = ("me", "users", "statuses", "bookmarks", "calendars", "events-", JOURNAL)
"""Names of responses that an export does not replace: they are copied from the snapshot before."""
_SCOPES = Gap("scopes of pages", "exports omit them")
_REMINDERS = Gap("reminders", "this export has no list of reminders")


class SavedExport:
    """An export that was saved earlier, checked and ready to be stored.

    Args:
        source: The path of the file, or its bytes.
        taken_at: When it was saved, an aware datetime.

    Raises:
        OSError: The file cannot be read.
        InvalidExport: The content is truncated, malformed, too dense, not an export, empty, or in
            an encoding that an archive cannot read.
        ValidationError: It is neither a path nor bytes.
    """

    def __init__(self, source: str | Path | bytes, taken_at: datetime) -> None:
        if not isinstance(source, str | Path | bytes):
            raise ValidationError(f"add_export takes a path or bytes, not {short_repr(source)}")
        is_content = isinstance(source, bytes)
        name = "the export" if is_content else str(source)
        self._content = source if isinstance(source, bytes) else Path(source).read_bytes()
        self._taken_at = taken_at
        max_size = max(DEFAULT_MAX_SIZE, len(self._content))
        self._record = read_saved_export(name, self._content, max_size)
        *_, pages, reminders = self._record
        if not pages and reminders in ((), MISSING):
            raise InvalidExport(f"{name} contains no page and no reminder")
        try:
            Sliced(self._content, "page", slices=())
        except InvalidResponse as error:
            reason = error.message.replace("the response", "it")
            raise InvalidExport(f"{name} cannot be stored: {reason}") from None

    def account(self, host: str | None) -> Account:
        """Return the account, as far as the export names it."""
        user_id, _, name, *_ = self._record
        return Account(host, name or None, None, user_id, None)

    def collected(self) -> Collected:
        """Return it as what a sync could have read."""
        is_of_user = self._record[0] is not None and _IS_OF_USER.search(self._content) is not None
        stored = StoredResponse(
            name=EXPORT,
            verb="GET" if is_of_user else "POST",
            path=f"/users/{self._record[0]}/export.xml" if is_of_user else "/ws/account/export",
            status=200,
            received_at=self._taken_at.isoformat(),
            sha256=sha256(self._content),
            size=len(self._content),
        )
        return Collected(
            responses={EXPORT: (stored, self._content)},
            gaps=[*self._gaps(is_of_user)],
            refused=self._not_included(),
        )

    def _gaps(self, is_of_user: bool) -> Iterator[Gap]:
        """Yield what no snapshot before can complete."""
        pages = self._record[3]
        yield UNKNOWN_SHARING
        yield _SCOPES
        if is_of_user:
            yield UNKNOWN_LINKS
            yield from entity_gaps(marked(Page, page) for page in pages)
        for page in pages:
            if missing := missing_parts(page):
                reason = f"the page names {missing} that the export does not contain"
                yield Gap(f"notes, lists or files of page {page[0]}", reason)
        yield from unserved_gaps(pages)

    def _not_included(self) -> dict[str, Gap]:
        """Return gaps by the names of the responses that a snapshot before may contain."""
        gaps = {name: Gap(name.rstrip("-"), _REASON) for name in _NOT_INCLUDED}
        for id in (page[0] for page in self._record[3] if may_have_emails(page, is_shown=False)):
            gaps[f"emails-{id}"] = Gap(f"emails of page {id}", "the export does not contain them")
        return gaps if self._record[4] is not MISSING else {_REMINDERS.what: _REMINDERS, **gaps}
