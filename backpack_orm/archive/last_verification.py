"""The file `last-verification.json`: which parts the latest verification found damaged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from backpack_orm.archive.info import LAST_VERIFICATION
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import Storage


def note_verification(
    storage: Storage, ended: datetime, *, is_sound: bool, damaged: Iterable[tuple[str, str]]
) -> None:
    """Store the result of a verification.

    Args:
        storage: The archive's files.
        ended: When it ended.
        is_sound: Whether there was no problem.
        damaged: Pack and SHA-256 of each damaged part, which the next sync stores again if it
            receives it.

    Raises:
        ArchiveError: It cannot be written.
    """
    values = {"ended": ended.isoformat(), "is_sound": is_sound, "damaged": sorted(damaged)}
    storage.replace(LAST_VERIFICATION, seal(values))


def damaged_places(storage: Storage) -> set[tuple[str, str]]:
    """Return pack and part of each place that the latest verification found damaged.

    A file that is missing or changed counts as none: the next verification writes it again.
    """
    try:
        return {(pack, part) for pack, part in unseal(storage.read(LAST_VERIFICATION))["damaged"]}
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return set()
