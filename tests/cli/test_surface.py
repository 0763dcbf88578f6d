"""The surface: all commands with their help, their options and examples that are valid."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from backpack_orm.cli import registry
from backpack_orm.cli.program import load, program
from tests.cli.conftest import Runner

SNAPSHOT = Path(__file__).parent / "surface.json"
OPERATORS = ("<", "<<<", ">", "|", "&&", "||")


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its words."""
    for name, entry in registry.COMMANDS.items():
        found = load(name, entry)
        yield name, found
        if isinstance(found, click.Group):
            for inner in found.list_commands(click.Context(found)):
                command = found.get_command(click.Context(found), inner)
                assert command is not None
                yield f"{name} {inner}", command


LEAVES = dict(leaves())


def parsed(words: list[str]) -> None:
    """Parse a command line to its end, and run nothing."""
    context = program.make_context("backpack", list(words))
    command: click.Command = program
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert found is not None
        command = found
        context = found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", LEAVES)
def test_each_command_has_a_sentence_of_help_and_examples(path: str) -> None:
    command = LEAVES[path]
    text = command.get_short_help_str(limit=200)
    assert text.endswith("."), text
    examples = getattr(command, "examples", ())
    assert examples
    assert all(f"backpack {path.split()[0]}" in example for example in examples)


@pytest.mark.parametrize("path", LEAVES)
def test_the_examples_of_each_command_are_valid(path: str, home: Path) -> None:
    for example in getattr(LEAVES[path], "examples", ()):
        words = shlex.split(example)
        if words[0] != "backpack":  # such as $EDITOR "$(backpack config path)"
            continue
        end = next((words.index(word) for word in OPERATORS if word in words), len(words))
        parsed(words[1:end])


def test_the_help_of_each_command_shows_its_examples(offline: Runner) -> None:
    for path, command in LEAVES.items():
        run = offline(*path.split(), "--help")
        assert run.code == 0
        for example in getattr(command, "examples", ()):
            assert example in run.stdout


def test_the_surface_is_that_of_the_snapshot(offline: Runner) -> None:
    """After a change on purpose: `backpack commands -o json | jq .data`, see the message."""
    data = offline("commands", "-o", "json").data
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    assert text == SNAPSHOT.read_text("utf-8"), (
        "the command line has changed: if that is right, run "
        "`python -m tests.cli.surface`, and name the change in the changelog"
    )
