"""Archives: backups of a Backpack account with its history, readable without the service."""

from backpack_orm.archive import display as display  # it registers what is displayed
from backpack_orm.archive.archive import Archive
from backpack_orm.archive.comparing import Change, Diff
from backpack_orm.archive.contents import Gap
from backpack_orm.archive.entries import Entry
from backpack_orm.archive.history import Version
from backpack_orm.archive.last_sync import LastSync
from backpack_orm.archive.many import AccountSync, sync_many, token_from_environment
from backpack_orm.archive.merging import Merged
from backpack_orm.archive.pruning import PruneResult
from backpack_orm.archive.restoring.plan import Plan
from backpack_orm.archive.restoring.rehearsal import Difference
from backpack_orm.archive.restoring.run import RestoreResult
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.syncing import SyncResult
from backpack_orm.archive.verifying import Problem, Verification

__all__ = [
    "AccountSync",
    "Archive",
    "Change",
    "Diff",
    "Difference",
    "Entry",
    "Gap",
    "LastSync",
    "Merged",
    "Plan",
    "Problem",
    "PruneResult",
    "RestoreResult",
    "Snapshot",
    "SyncResult",
    "Verification",
    "Version",
    "sync_many",
    "token_from_environment",
]
