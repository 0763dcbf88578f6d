"""Titles of pages and names of tags that were read before, for completion without a request."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backpack_orm.cli import folders
from backpack_orm.cli.config import Profile, load
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PAGES, TAGS = "pages", "tags"
SWITCH = "remember_titles"


def remember_pages(pages: Iterable[tuple[int, str]]) -> None:
    """Remember the ids and titles of all pages of the account in use."""
    _remember(PAGES, [[id, title] for id, title in pages])


def remember_tags(tags: Iterable[tuple[int, str]]) -> None:
    """Remember the ids and names of all tags of the account in use."""
    _remember(TAGS, [[id, name] for id, name in tags])


def complete_pages(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the titles of pages that start with a text. Makes no request."""
    return _complete(context, PAGES, incomplete)


def complete_tags(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the names of tags that start with a text. Makes no request."""
    return _complete(context, TAGS, incomplete)


def _path(profile: Profile) -> Path | None:
    """Return where the titles of an account are; None if it is switched off or there is none."""
    if profile.account is None or not profile.get(SWITCH, True):
        return None
    name = sha256(profile.account.strip().casefold().encode()).hexdigest()[:16]
    return folders.cache_folder() / "titles" / f"{name}.json"


def _remember(kind: str, records: list[list[Any]]) -> None:
    context = click.get_current_context(silent=True)
    state = context.find_object(State) if context is not None else None
    path = _path(state.profile) if state is not None else None
    if path is None:
        return
    known = _read(path)
    if known.get(kind) == records:
        return
    try:
        folders.write_private(path, json.dumps(known | {kind: records}))
        os.chmod(path.parent, 0o700)
    except OSError:  # a read-only home: completion is a convenience
        return


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _complete(context: click.Context, kind: str, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    state = context.find_object(State) or State()
    try:
        path = _path(load().profile(state.profile_name))
    except CommandError:  # its message would disturb the line that is being typed
        return []
    wanted = incomplete.casefold()
    return [
        CompletionItem(title, help=str(id))
        for id, title in (_read(path).get(kind, []) if path else [])
        if title.casefold().startswith(wanted) and title.isprintable()
    ]
