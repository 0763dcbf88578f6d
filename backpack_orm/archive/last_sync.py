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

    >>> archive.last_sync.outcome
    'added a snapshot'
    >>> archive.last_sync.completed == archive.last_sync.started
    True
    """

    started: datetime
    ended: datetime
    outcome: str
    completed: datetime | None


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
) -> None:
    """Store how a sync ended. One that is not complete leaves the time of the last that was.

    Raises:
        ArchiveError: It cannot be written.
    """
    completed = started if is_complete else _completed_before(storage)
    values = {
        "started": started.isoformat(),
        "ended": ended.isoformat(),
        "outcome": outcome,
        "completed": completed and completed.isoformat(),
    }
    storage.replace(LAST_SYNC, seal(values))


def _completed_before(storage: Storage) -> datetime | None:
    try:
        before = read_last_sync(storage)
    except DamagedArchive:  # it is replaced
        return None
    return before.completed if before is not None else None
