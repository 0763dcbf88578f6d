"""Archives: backups of an account, and what can be done with them."""

from __future__ import annotations

from backpack_orm.cli.commands.archive.comparing import diff, history
from backpack_orm.cli.commands.archive.converting import export, site
from backpack_orm.cli.commands.archive.importing import import_
from backpack_orm.cli.commands.archive.reading import search, todos
from backpack_orm.cli.commands.archive.restoring import restore
from backpack_orm.cli.commands.archive.snapshots import prune, snapshots, verify
from backpack_orm.cli.commands.archive.syncing import status, sync
from backpack_orm.cli.common import group

archive = group(
    "archive",
    "Back up an account, and read, convert and restore backups.\n\n"
    "An archive is a folder, or an address such as s3://bucket/backup: --archive, else "
    "BACKPACK_ARCHIVE, else `archive` of the profile, else a folder of your own, which "
    "each command names.",
    examples=[
        "backpack archive sync",
        "backpack archive import export.xml",
        "backpack archive site",
    ],
)
for each in (
    *(sync, status, verify, snapshots, diff, history, todos, search),
    *(prune, export, site, import_, restore),
):
    archive.add_command(each)
