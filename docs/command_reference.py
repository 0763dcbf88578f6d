"""Generates the page of the reference with all commands of `backpack` while the site is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from backpack_orm.cli import registry
from backpack_orm.cli.commands.surface import described, option_as_data
from backpack_orm.cli.common import COMMON
from backpack_orm.cli.program import program

PAGE = Path(__file__).with_name("reference") / "commands.md"
_BEGINNING = """\
# Commands

All commands of `backpack`, see [the command line](../command-line.md). These options may stand
before or after each command:

"""


def page() -> str:
    """Return the text of the page."""
    parts = [_BEGINNING + _options([option_as_data(each) for each in COMMON])]
    context = click.Context(program, info_name="backpack")
    sections: dict[str, list[dict[str, Any]]] = {}
    for each in described(program, context):
        name = each["command"].split()[1]
        if name in registry.COMMANDS:  # and not of another package
            sections.setdefault(registry.COMMANDS[name].section, []).append(each)
    for section in registry.SECTIONS:
        if section in sections:
            parts += [f"## {section}\n", *map(_command, sections[section])]
    return "\n".join(parts)


def _command(command: dict[str, Any]) -> str:
    usage = f"{command['command']} {command['usage'].removeprefix('[OPTIONS]').strip()}"
    text = _with_options_as_code(command["text"])
    parts = [f"### {command['command']}\n", f"`{usage.strip()}`\n", f"{text}\n"]
    if command["options"]:
        parts.append(_options(command["options"]))
    examples = "\n".join(f"$ {example}" for example in command["examples"])
    return "\n".join([*parts, f"```console\n{examples}\n```\n"])


def _options(options: list[dict[str, Any]]) -> str:
    rows = [
        f"| `{', '.join(each['names'])}` | {_with_options_as_code(each['help'])} |\n"
        for each in options
    ]
    return "| option | meaning |\n|---|---|\n" + "".join(rows)


def _with_options_as_code(text: str) -> str:
    """Return a text with the options outside of code as code, where two dashes stay two."""
    parts = re.split("(`[^`]+`)", text)
    parts[::2] = [re.sub(r"(?<![\w-])--\w[\w-]*", r"`\g<0>`", part) for part in parts[::2]]
    return "".join(parts)


def write() -> None:
    """Write the page if it has changed."""
    text = page()
    PAGE.parent.mkdir(exist_ok=True)
    if not PAGE.exists() or PAGE.read_text("utf-8") != text:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
