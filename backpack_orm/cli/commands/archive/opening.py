"""Which archive a command is about, and which of its snapshots."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from backpack_orm.cli import folders
from backpack_orm.cli.config import ARCHIVE, Profile
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State
from backpack_orm.plurals import listed

if TYPE_CHECKING:
    from backpack_orm.archive import Archive, Snapshot

F = TypeVar("F", bound=Callable[..., Any])

_WORDS = {
    "call sync() first": "run `backpack archive sync` or `backpack archive import` first",
    "call sync() again": "run `backpack archive sync` again",
    "restore the same snapshot again": "run the same command again",
    "convert again to complete it": "run the same command again to complete it",
    "choose another folder, or": "name another folder after the command, or",
    "pass into_source=True": "use --into-source",
    "pass journal= with its file, or again=True": "use --journal with its file, or --again",
    "pass another journal=": "use another --journal",
    "leave it out of pages=": "leave it out of --page",
    "plan with pages=": "restore again with --page for each of ",
    "another journal= and again=True": "another --journal, and --again",
    "and again=True": "and --again",
    "restored with reminders=True only": "restored with --reminders only",
    "pass an id of": "use one of the ids",
}
"""What messages of the library say about Python, and what to say about the command line."""
_MOST_PAGES = 10
"""How many incomplete pages are named."""
_NUMBER = re.compile(r"[0-9]{1,6}")

archive_option = click.option(
    "-a",
    "--archive",
    "location",
    type=click.Path(),
    metavar="FOLDER",
    help="The archive: a folder, or an address such as s3://bucket/backup. [env: BACKPACK_ARCHIVE]",
)
snapshot_option = click.option(
    "--snapshot",
    "point",
    metavar="NUMBER|DATE",
    help="The snapshot: its number, or a day on which it was the newest. Default: the newest.",
)


def location_of(profile: Profile, named: str | None) -> str:
    """Return where the archive is: as named, else the environment, the profile, or a folder."""
    found = named or os.environ.get(ARCHIVE) or profile.get("archive")
    if found:
        return os.path.expanduser(found)
    name = profile.name
    if profile.account is not None:
        from backpack_orm.cli.connecting import address_of

        name = urlsplit(address_of(profile)).hostname or name
    return str(folders.archives_folder() / name)


def archive_at(state: State, named: str | None) -> Archive:
    """Return the archive, which may not exist yet. Makes no request."""
    from backpack_orm.archive import Archive

    return Archive(location_of(state.profile, named), clock=state.now)


def existing_archive(state: State, named: str | None) -> Archive:
    """Return the archive. Makes no request.

    Raises:
        CommandError: It has no snapshot.
    """
    archive = archive_at(state, named)
    if not archive.snapshots:
        raise CommandError(
            f"there is no archive in {archive.name} yet",
            ExitCode.NOT_FOUND,
            hint="Create one with `backpack archive sync` or `backpack archive import FILE`, or "
            "name another one with --archive.",
        )
    return archive


def snapshot_of(archive: Archive, point: str | None) -> Snapshot:
    """Return the snapshot with a number, or the newest one of a day or time.

    Raises:
        CommandError: There is no such snapshot.
    """
    if point is None:
        return archive.newest
    if not _NUMBER.fullmatch(point):
        return archive.at(point)
    found = [each for each in archive.snapshots if each.number == int(point)]
    if not found:
        numbers = ", ".join(str(each.number) for each in archive.snapshots[-10:])
        raise CommandError(
            f"{archive.name} has no snapshot {point}",
            ExitCode.NOT_FOUND,
            hint=f"The newest are: {numbers}.",
        )
    return found[0]


def incomplete_pages(snapshot: Snapshot) -> list[str]:
    """Return sentences that say which pages of a snapshot lack something, and why."""
    from backpack_orm.archive.conversions.source import page_gaps

    gaps = page_gaps(snapshot.gaps)
    titles = {page.id: page.title for page in snapshot.pages} if gaps else {}
    lines = [
        f"the page {titles.get(id, '')!r} ({id}) is incomplete. {' '.join(found)}"
        for id, found in gaps.items()
    ]
    more = len(lines) - _MOST_PAGES
    rest = f"{more} more are incomplete; `backpack archive site` shows which"
    return [*lines[:_MOST_PAGES], rest] if more > 0 else lines


@contextmanager
def explained() -> Iterator[None]:
    """Let errors and Ctrl-C say how to go on, in terms of the command line.

    >>> with explained():
    ...     raise ArchiveError("backup contains no snapshot yet: call sync() first")
    Traceback (most recent call last):
        ...
    backpack_orm.errors.ArchiveError: backup contains no snapshot yet: run `backpack archive sync`
    or `backpack archive import` first
    """
    from backpack_orm.errors import BackpackError

    try:
        yield
    except KeyboardInterrupt as error:
        hint = ". ".join(in_words(note) for note in getattr(error, "__notes__", []))
        raise CommandError(
            "interrupted",
            ExitCode.INTERRUPTED,
            hint=f"{hint[:1].upper()}{hint[1:]}." if hint else "",
        ) from error
    except BackpackError as error:
        message = in_words(error.message)
        if message != error.message:  # it says what to do
            error.message, error.hint = message, ""
        error.__notes__ = [in_words(note) for note in error.__notes__]
        raise


def in_words(text: str) -> str:
    """Return a message of the library in terms of the command line.

    >>> in_words("reminders are restored with reminders=True only")
    'reminders are restored with --reminders only'
    """
    for python, words in _WORDS.items():
        text = text.replace(python, words)
    return text


def counted(counts: dict[str, int]) -> str:
    """Return numbers by type as people read them.

    >>> counted({"note": 1, "item": 3, "journal": 2, "status": 2})
    '1 note, 3 items, 2 journal entries, 2 statuses'
    """
    names = {"journal": "journal entry"}
    return listed({names.get(type, type.replace("_", " ")): n for type, n in counts.items()})
