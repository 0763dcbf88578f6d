"""Archives: backups of a Backpack account with its history, readable without the service."""

from backpack_orm.archive.archive import Archive
from backpack_orm.archive.contents import Gap
from backpack_orm.archive.entries import Entry
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.syncing import SyncResult

__all__ = ["Archive", "Entry", "Gap", "Snapshot", "SyncResult"]
