"""The file `last-sync.json`: the outcome of the latest sync, and when one was complete."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from backpack_orm.archive.info import LAST_SYNC
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import DamagedArchive


@frozen
class LastSync:
    """The latest sync of an archive, however it ended.

    Attributes:
        started: When it started, an aware datetime.
        ended: When it ended.
        outcome: `added a snapshot`, `unchanged`, or why it failed.
        completed: When the latest sync started that the service refused nothing; None if there was
            none.
        newest: Number of the newest entry of the log when it ended.

    >>> archive.last_sync.outcome
    'added a snapshot'
    >>> archive.last_sync.completed == archive.last_sync.started
    True
    """

    started: datetime
    ended: datetime
    outcome: str
    completed: datetime | None
    newest: int = 0


def read_last_sync(storage: Storage) -> LastSync | None:
    """Return the latest sync; None if there was none.

    Raises:
        DamagedArchive: The file is not as it was written.
    """
    try:
        values = unseal(storage.read(LAST_SYNC))
        completed = values.get("completed")
        return LastSync(
            datetime.fromisoformat(values["started"]),
            datetime.fromisoformat(values["ended"]),
            values["outcome"],
            completed and datetime.fromisoformat(completed),
            values["newest"],
        )
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedArchive(
            f"{storage.name}/{LAST_SYNC} is not as it was written: {error}"
        ) from error


def note_sync(
    storage: Storage,
    started: datetime,
    ended: datetime,
    outcome: str,
    *,
    is_complete: bool,
    newest: int,
) -> None:
    """Store how a sync ended. One that is not complete leaves the time of the last that was.

    Raises:
        ArchiveError: It cannot be written.
    """
    before = _before(storage)
    completed = started if is_complete else before and before.completed
    values = {
        "started": started.isoformat(),
        "ended": ended.isoformat(),
        "outcome": outcome,
        "completed": completed and completed.isoformat(),
        "newest": max(newest, newest_number(storage)),
    }
    storage.replace(LAST_SYNC, seal(values))


def newest_number(storage: Storage) -> int:
    """Return the number of the newest entry that a sync has noted; 0 if that is not known."""
    before = _before(storage)
    return before.newest if before is not None else 0


def _before(storage: Storage) -> LastSync | None:
    try:
        return read_last_sync(storage)
    except DamagedArchive:  # it is replaced
        return None
