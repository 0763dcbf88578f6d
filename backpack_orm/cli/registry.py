"""The commands by name: where each is defined, and its short help, known without importing it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

GROUP = "backpack_orm.commands"
"""The entry-point group in which other packages add commands."""


class Entry(NamedTuple):
    """A command: the module and the variable that define it, its section and its short help.

    Attributes:
        candidates: What defines it, if several packages may.
    """

    target: str
    section: str
    help: str
    candidates: Sequence[str] = ()


def _section(title: str, **commands: tuple[str, str]) -> dict[str, Entry]:
    return {
        name: Entry(f"backpack_orm.cli.commands.{target}", title, help)
        for name, (target, help) in commands.items()
    }


COMMANDS: Mapping[str, Entry] = {
    **_section(
        "Start",
        login=("account:login", "Store the token of an account on this machine."),
        logout=("account:logout", "Remove the stored token of an account."),
        whoami=("account:whoami", "Show the account, the user and the time zone."),
        doctor=(
            "doctor:doctor",
            "Check configuration, network, TLS, clock, token, zone and limits.",
        ),
        config=("config:config", "Show the configuration and where it comes from."),
        demo=("demo:demo", "Try everything on a demonstration account."),
        completion=(
            "completion:completion",
            "Print the script that completes commands in a shell.",
        ),
    ),
    **_section(
        "Shortcuts",
        add=("item:shortcut_add", "Add an item to a page."),
        done=(
            "item:shortcut_done",
            "Complete items, each named by its id or a part of its text.",
        ),
        todos=("todos:todos", "List the open items of all pages."),
        today=(
            "today:today",
            "List today's reminders, events and journal entries, and the open items.",
        ),
        remind=("reminder:remind", "Add a reminder, and say when it is due."),
        search=("search:search", "Search all pages for a term, and show where it was found."),
    ),
    **_section(
        "Pages",
        page=("page:page", "List, show, create, change and share pages."),
        note=("note:note", "Add, edit, show and delete notes."),
        item=("item:item", "Add, edit, complete, move and delete items."),
        list=("list:lists", "Add, show, rename and delete lists."),
        tag=("tag:tag", "List, add, remove and set tags."),
        separator=("separator:separator", "Add, rename and delete separators."),
    ),
    **_section(
        "Account",
        reminder=("reminder:reminder", "List, add and delete reminders."),
        journal=("journal:journal", "List and add journal entries."),
        status=("status:status", "List statuses and set your own."),
        calendar=("calendar:calendar", "List calendars and events, and add events."),
    ),
    **_section(
        "Archives",
        archive=("archive:archive", "Back up an account, and read, convert and restore backups."),
    ),
    **_section(
        "Raw",
        api=("api:api", "Make any call of the API, and print the response as received."),
        sandbox=("sandbox:sandbox", "Run a Backpack server on this machine, until Ctrl-C."),
    ),
    "mcp": Entry(
        "backpack_orm.integrations.mcp_command:mcp",
        "Raw",
        "Serve the account to a language model, over standard input and output.",
    ),
    "serve": Entry(
        "backpack_orm.integrations.viewer_commands:serve",
        "Account",
        "Show the account in a browser, and change it there, until Ctrl-C.",
    ),
    **_section(
        "Meta",
        commands=("surface:commands", "List all commands with their options."),
    ),
}
IN_GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "archive": {
        "serve": Entry(
            "backpack_orm.integrations.viewer_commands:archive_serve",
            "Archives",
            "Show a snapshot in a browser, read-only, until Ctrl-C.",
        ),
    },
}
"""The commands of groups that are defined above the command line, by group and name."""
SECTIONS = ("Start", "Shortcuts", "Pages", "Account", "Archives", "Raw", "Meta", "Other packages")


def foreign() -> dict[str, Entry]:
    """Return the commands that other packages add.

    Importing `importlib.metadata` and parsing the metadata of all packages would take half of the
    time of `backpack --help`, so it is done only if a package names the group.
    """
    if not any(_names_the_group(path) for path in sys.path):
        return {}
    from importlib.metadata import entry_points

    targets: dict[str, list[str]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        if point.name not in COMMANDS:
            targets.setdefault(point.name, []).append(point.value)
    return {
        name: Entry(
            found[0], "Other packages", f"From {' and '.join(map(_package, found))}.", found
        )
        for name, found in targets.items()
    }


def _package(target: str) -> str:
    return target.partition(":")[0].partition(".")[0]


def _names_the_group(path: str) -> bool:
    return any(f"[{GROUP}]".encode() in content for content in _entry_points_in(path))


def _entry_points_in(path: str) -> Iterator[bytes]:
    """Yield the files of entry points of the packages in a folder."""
    try:
        names = os.listdir(path or ".")
    except OSError:  # a zip file, or nothing
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(os.path.join(path, name, "entry_points.txt"), "rb") as file:
                    yield file.read()
            except OSError:  # it has none
                continue
