"""What the program loads when it starts, and what it knows of commands that it does not load."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from backpack_orm.cli import registry
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.program import load, program
from backpack_orm.cli.registry import Entry
from tests.cli.conftest import Runner

HEAVY = ("requests", "lxml", "rich", "sqlalchemy", "flask", "backpack_orm.models")
LOADED = """
import atexit, json, sys
from backpack_orm.cli import main
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
main()
"""
THREAD = """
import threading
from backpack_orm.cli import main
threading.Thread(target=lambda: print(input())).start()
main()
"""


def loaded_by(*arguments: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["page", "--help"], ["page", "list", "--help"]]
)
def test_help_loads_neither_the_models_nor_their_libraries(
    arguments: list[str], home: Path
) -> None:
    assert not loaded_by(*arguments).intersection(HEAVY)


def test_a_thread_of_a_plugin_still_ends_its_work(home: Path) -> None:
    command = [sys.executable, "-c", THREAD, "--version"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline().startswith("backpack ")
        output, _ = process.communicate("done")
        assert output == "done\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("words", "number"), [("backpack pa", 1), ("backpack page show Li", 3)])
def test_completion_loads_neither_the_models_nor_their_libraries(
    words: str, number: int, home: Path
) -> None:
    modules = loaded_by(
        _BACKPACK_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(number),
    )
    assert "backpack_orm.cli.program" in modules
    assert not modules.intersection(HEAVY)


@pytest.mark.parametrize("name", registry.COMMANDS)
def test_the_short_help_of_an_unloaded_command_is_that_of_the_command(name: str) -> None:
    entry = registry.COMMANDS[name]
    command = load(name, entry)
    assert command.name == name
    assert entry.help == command.get_short_help_str(limit=200)
    assert entry.section in registry.SECTIONS


def test_the_help_of_the_program_names_each_command(offline: Runner) -> None:
    shown = offline("--help").stdout
    for name, entry in registry.COMMANDS.items():
        assert f"  {name} " in shown
        assert entry.section in shown


def test_a_misspelled_command_is_suggested(offline: Runner) -> None:
    run = offline("pgae", "list")
    assert run.code == 1
    assert run.stderr.splitlines() == [
        "Error: there is no command 'pgae'; did you mean 'page'?",
        "Hint: Run `backpack --help` for its arguments, options and examples.",
    ]


@pytest.mark.parametrize("words", [(), ("archive",)])
def test_a_group_without_a_command_shows_its_help(
    words: tuple[str, ...], offline: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = offline(*words)
    assert (found.code, found.stdout) == (1, "")
    assert found.stderr == offline(*words, "--help").stdout
    monkeypatch.setenv("BACKPACK_OUTPUT", "json")
    assert offline(*words).error["error"] == "a command is missing"


def test_the_help_of_a_group_cuts_no_sentence_off(offline: Runner) -> None:
    shown = offline("archive", "--help").stdout
    assert "..." not in shown.replace("[ARGS]...", "")


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that adds the command `greet`, and tries to replace `page`."""
    folder = tmp_path / "site"
    info = folder / "greetings-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[backpack_orm.commands]\ngreet = greetings:greet\npage = greetings:greet\n"
        "broken = greetings.missing:greet\nodd = greetings:NAME\n"
    )
    (folder / "greetings.py").write_text(
        "import click\n\nNAME = 'Nora'\n\n\n@click.command()\ndef greet():\n    click.echo(NAME)\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(program, "_foreign", None)
    monkeypatch.delitem(sys.modules, "greetings", raising=False)
    return folder


def test_other_packages_add_commands(foreign: Path, offline: Runner) -> None:
    assert offline("greet").stdout == "Nora\n"
    assert re.search("  greet +From greetings.", offline("--help").stdout)


def test_a_package_whose_entry_points_are_not_utf_8_breaks_no_command(
    foreign: Path, offline: Runner
) -> None:
    broken = foreign / "aged-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[console_scripts]\naged = caf\xe9:main\n")
    (foreign / "greetings-1.0.dist-info" / "entry_points.txt").unlink()
    assert offline("--help").code == 0


def test_a_command_that_two_packages_add_is_refused(foreign: Path, offline: Runner) -> None:
    info = foreign / "salutes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: salutes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[backpack_orm.commands]\ngreet = salutes:greet\n")
    run = offline("greet")
    assert run.code == 1
    assert "several packages add the command 'greet': greetings:greet, salutes:greet" in run.stderr
    assert re.search("  greet +From greetings and salutes.", offline("--help").stdout)


def test_other_packages_replace_no_command(foreign: Path, offline: Runner) -> None:
    assert "List, show, create" in offline("page", "--help").stdout


@pytest.mark.parametrize(
    ("name", "told"), [("broken", "cannot be used: No module named"), ("odd", "is not a click.")]
)
def test_a_broken_command_of_another_package_is_named(
    name: str, told: str, foreign: Path, offline: Runner
) -> None:
    run = offline(name)
    assert run.code == 1
    assert told in run.stderr
    assert "Traceback" not in run.stderr


def test_an_error_in_a_command_of_this_package_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError):
        load("page", Entry("backpack_orm.cli.commands.missing:page", "", ""))
    with pytest.raises(CommandError):
        load("page", Entry("no_such_package:page", "", ""))
    assert isinstance(load("page", registry.COMMANDS["page"]), click.Group)
