"""Completion in real shells: commands, options, titles, tags, profiles and paths."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import Connection, Page
from backpack_orm.cli.completing import SHELLS, quoted
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.programs import require
from tests.seeds import examples

TITLES = ("Porto: R&D $HOME", "Oslo", "Oslo in winter", 'Zoo "big" 5')
FUNCTION = {
    "bash": r"""args() { printf '<%s>' "$@"; echo; }""",
    "zsh": r"""args() { printf '<%s>' "$@"; echo; }""",
    "fish": r"""function args; printf '<%s>' $argv; echo; end""",
}
LOADED = {
    "bash": 'eval "$(backpack completion bash)"',
    "zsh": 'eval "$(backpack completion zsh)"',
    "fish": "backpack completion fish | source",
}
START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "--interactive"],
}
PROMPT = "READY> "
TABS = {"bash": "\t\t\t", "zsh": "\t\t", "fish": "\t"}


@pytest.fixture(scope="module")
def titles(shared_box: Sandbox) -> None:
    with Connection(shared_box.url, token=shared_box.token) as connection:
        for title in TITLES:
            Page.create(title=title, using=connection)


class Shell:
    """An interactive shell in a terminal."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PS1": PROMPT,
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        self._process = pexpect.spawn(
            require(name),
            START[name],
            env=environment,
            cwd=str(home),
            encoding="utf-8",
            dimensions=(50, 200),
            timeout=20,
        )
        self._process.delaybeforesend = None
        if name == "fish":
            self._process.sendline(f"function fish_prompt; echo -n '{PROMPT}'; end")
        self.run(FUNCTION[name])
        self.run(LOADED[name])

    def run(self, line: str) -> None:
        """Run a line to its end."""
        self._process.sendline(f"{line}; echo DO''NE")
        self._process.expect("DONE\r?\n")

    def completed(self, line: str) -> list[str]:
        """Return the arguments that a line has after pressing Tab at its end."""
        self._process.send(f"{line}\t")
        self._process.send("\x01args \x05 ,END\r")  # at the start, and at the end
        self._process.expect(r"((?:<[^\r\n]*>)+)<,END>\r?\n")
        assert self._process.match is not None
        return re.findall("<(.*?)>", self._process.match[1])

    def proposed(self, line: str, *expected: str) -> None:
        """Expect that pressing Tab at the end of a line, often enough, lists something."""
        self._process.send(line + TABS[self.name])
        for text in expected:
            self._process.expect_exact(text)
        self._process.send("\x05\x15")  # delete the line

    def close(self) -> None:
        self._process.close(force=True)


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest, run: Runner, home: Path, titles: None) -> Iterator[Shell]:
    """A shell with completion, after the pages and tags were listed."""
    (home / "config.toml").write_text(
        "[profiles.work]\naccount = 'acme'\n[profiles.home]\naccount = 'nora'\n[profiles.default]\n"
    )
    assert run("page", "list").code == 0
    assert run("tag", "list").code == 0
    found = Shell(request.param, home)
    yield found
    found.close()


def test_a_shell_completes_what_is_unambiguous(shell: Shell, home: Path) -> None:
    (home / "my export.xml").touch()
    for line, expected in {
        "backpack journ": ["backpack", "journal"],
        "backpack page dup": ["backpack", "page", "duplicate"],
        "backpack page list --sco": ["backpack", "page", "list", "--scope"],
        "backpack page list -q --fie": ["backpack", "page", "list", "-q", "--fields"],
        "backpack -o cs": ["backpack", "-o", "csv"],
        "backpack --profile wo": ["backpack", "--profile", "work"],
        "backpack page show Kitch": ["backpack", "page", "show", "Kitchen renovation"],
        "backpack page show 'Kitch": ["backpack", "page", "show", "Kitchen renovation"],
        'backpack page show "Kitchen r': ["backpack", "page", "show", "Kitchen renovation"],
        r"backpack page show Kitchen\ r": ["backpack", "page", "show", "Kitchen renovation"],
        "backpack page show Porto": ["backpack", "page", "show", TITLES[0]],
        "backpack page show Zoo": ["backpack", "page", "show", TITLES[3]],
        r"backpack todos --tag Long\ w": ["backpack", "todos", "--tag", "Long weekends"],
        "backpack archive import my": ["backpack", "archive", "import", "my export.xml"],
        "backpack nonsense li": ["backpack", "nonsense", "li"],
    }.items():
        assert shell.completed(line) == expected, line


def test_a_shell_lists_what_is_ambiguous(shell: Shell) -> None:
    shell.proposed("backpack page ", "list", "unshare")
    shell.proposed("backpack page show Os", "Oslo", "winter")
    shell.proposed("backpack todos --", "--page", "--tag")


# --- what the program responds ------------------------------------------------------------------


VALUES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)


@examples(25)
@given(st.lists(VALUES, min_size=1))
def test_a_quoted_value_is_one_word_of_the_shell(values: list[str]) -> None:
    words = [quoted(value, "") or "" for value in values]
    words += [f'"{quoted(value, chr(34))}"' for value in values]
    single = [value for value in values if "'" not in value]
    words += [f"'{quoted(value, chr(39))}'" for value in single]
    assert all(quoted(value, "'") is None for value in set(values) - set(single))
    script = "printf '%s\\n' " + " ".join(words)
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout.split("\n")[:-1] == [*values, *values, *single]


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_printed_and_is_data_in_json(name: str, offline: Runner) -> None:
    found = offline("completion", name)
    assert found.code == 0
    assert "_BACKPACK_COMPLETE=" in found.stdout
    assert offline("completion", name, "-o", "json").data["script"] == found.stdout


def test_a_configuration_that_cannot_be_read_completes_nothing(
    home: Path, complete: Callable[[str], list[str]]
) -> None:
    (home / "config.toml").write_text("profiles = 7")
    assert complete("backpack --profile ") == []
    assert complete("backpack page show ") == []


def test_no_title_with_a_line_break_is_proposed(
    home: Path, run: Runner, shared_box: Sandbox, complete: Callable[[str], list[str]]
) -> None:
    with Connection(shared_box.url, token=shared_box.token) as connection:
        Page.create(title="Zagreb\trm -rf", using=connection)
    run("page", "list")
    assert complete("backpack page show Zag") == []


@pytest.fixture
def complete(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Return the values that zsh is told for a line."""
    from backpack_orm.cli.program import program

    def values(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        printed = SHELLS["zsh"](program, {}, "backpack", "_BACKPACK_COMPLETE").complete()
        return [each.split("\t")[1] for each in printed.splitlines()]

    return values
