"""An audit log of a Backpack account: one line of JSON for each write."""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backpack_orm import Connection, DestroyedEvent, Model, ResponseEvent, SavedEvent

__all__ = ["AuditLog"]


class AuditLog:
    """Records the writes of a connection as long as the block lasts.

    Several processes may record into the same file.

    Args:
        path: The file, to which lines are appended.
        connection: The connection whose writes are recorded.
        user: Who makes them. Default: the name of the user who runs the program.
    """

    def __init__(
        self, path: str | os.PathLike[str], connection: Connection, user: str | None = None
    ) -> None:
        self._path = Path(path)
        self._connection = connection
        self._user = user or getpass.getuser()

    def __enter__(self) -> AuditLog:
        Model.saved(self._saved)
        Model.destroyed(self._destroyed)
        self._connection.hooks.on_response(self._answered)
        return self

    def __exit__(self, *error: object) -> None:
        Model.saved.remove(self._saved)
        Model.destroyed.remove(self._destroyed)
        self._connection.hooks.on_response.remove(self._answered)

    def _saved(self, event: SavedEvent[Model]) -> None:
        action = "created" if event.created else "saved"
        self._write_about(event.record, action, fields=event.fields)

    def _destroyed(self, event: DestroyedEvent[Model]) -> None:
        self._write_about(event.record, "destroyed")

    def _answered(self, event: ResponseEvent) -> None:
        """Record a write that has failed; signals report those that have succeeded."""
        if not event.request.is_write:
            return
        if event.status is None:
            self._write(action="unknown", call=event.request.endpoint, error=event.error)
        elif event.status >= 400:
            self._write(action="failed", call=event.request.endpoint, status=event.status)

    def _write_about(self, record: Model, action: str, **more: Any) -> None:
        if record.connection.account == self._connection.account:  # signals are about all accounts
            self._write(action=action, record=type(record).__name__, id=record.id, **more)

    def _write(self, **entry: Any) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "user": self._user, **entry}
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.write(descriptor, line.encode())  # at once, so that lines of processes do not mix
        finally:
            os.close(descriptor)
