"""Exports that were saved earlier, as the contents of a snapshot."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from attrs import evolve

from backpack_orm.archive.bags import sha256
from backpack_orm.archive.collecting import Collected
from backpack_orm.archive.contents import Gap, StoredResponse
from backpack_orm.archive.info import Account
from backpack_orm.archive.journal import PREFIX as JOURNAL
from backpack_orm.archive.stored_pages import EXPORT
from backpack_orm.errors import InvalidResponse, ValidationError, short_repr
from backpack_orm.models.export import read_export
from backpack_orm.wire.shapes import Response
from backpack_orm.wire.size import DEFAULT_MAX_SIZE, check_size

_IS_OF_USER = re.compile(rb"^[^<]*(?:<[?!][^>]*>[^<]*)*<user\b")
_REASON = "it is not in exports"
_NOT_INCLUDED = ("me", "users", "statuses", "bookmarks", "calendars", "events-", JOURNAL)
"""Names of responses that an export does not replace: they are copied from the snapshot before."""
_SCOPES = Gap("scopes of pages", _REASON)


class SavedExport:
    """An export that was saved earlier, checked and ready to be stored.

    Args:
        source: The path of the file, or its bytes.
        taken_at: When it was saved, an aware datetime.

    Raises:
        OSError: The file cannot be read.
        InvalidResponse: The content is truncated, malformed, too dense, or not an export.
        ValidationError: It is neither a path nor bytes.
    """

    def __init__(self, source: str | Path | bytes, taken_at: datetime) -> None:
        if not isinstance(source, str | Path | bytes):
            raise ValidationError(f"add_export takes a path or bytes, not {short_repr(source)}")
        is_content = isinstance(source, bytes)
        self._name = "the export" if is_content else str(source)
        self._content = source if isinstance(source, bytes) else Path(source).read_bytes()
        self._taken_at = taken_at
        try:
            check_size(self._content, max(DEFAULT_MAX_SIZE, len(self._content)))
            self._record = read_export(Response(200, self._content))
        except InvalidResponse as error:
            raise InvalidResponse(f"{self._name} cannot be read: {error.message}") from None

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
        refused = {name: Gap(name.rstrip("-"), _REASON) for name in _NOT_INCLUDED}
        return Collected(
            responses={EXPORT: (stored, self._content)},
            gaps=[_SCOPES, evolve(_SCOPES, what="linked pages")] if is_of_user else [_SCOPES],
            refused=refused,
        )
