"""The user's shell with `(demo)` before its prompt, which its own files would replace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_BASHRC = """\
for file in /etc/bash.bashrc ~/.bashrc; do [ -f "$file" ] && . "$file"; done
PS1="(demo) $PS1"
"""
"""What bash reads instead of its own files."""

_OWN = "BACKPACK_DEMO_ZDOTDIR"
_ZSHENV = f"""\
_demo=$ZDOTDIR ZDOTDIR=${_OWN}
[ -f "${{ZDOTDIR:-$HOME}}/.zshenv" ] && . "${{ZDOTDIR:-$HOME}}/.zshenv"
{_OWN}=$ZDOTDIR ZDOTDIR=$_demo
unset _demo
"""
"""What zsh reads first. The user's own file may name the folder of the others."""
_ZSHRC = f"""\
ZDOTDIR=${_OWN}
unset {_OWN}
[ -n "$ZDOTDIR" ] || unset ZDOTDIR
[ -f "${{ZDOTDIR:-$HOME}}/.zshrc" ] && . "${{ZDOTDIR:-$HOME}}/.zshrc"
PROMPT="(demo) $PROMPT"
"""
_FISH = """\
functions --copy fish_prompt _demo_prompt
function fish_prompt; echo -n '(demo) '; _demo_prompt; end
"""


def shell_in(folder: Path, environment: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the command of the user's shell, and its environment.

    The prompts of bash, zsh and fish say that it is a demonstration; that of another shell is
    unchanged.

    Args:
        folder: An empty folder for the files that it reads, until it ends.
        environment: The environment that it is to have.
    """
    shell = environment.get("SHELL") or environment.get("COMSPEC") or "/bin/sh"
    match Path(shell).name:
        case "bash":
            (folder / "bashrc").write_text(_BASHRC, "utf-8")
            return [shell, "--rcfile", str(folder / "bashrc")], environment
        case "zsh":
            (folder / ".zshenv").write_text(_ZSHENV, "utf-8")
            (folder / ".zshrc").write_text(_ZSHRC, "utf-8")
            own = {_OWN: environment.get("ZDOTDIR", ""), "ZDOTDIR": str(folder)}
            return [shell], {**environment, **own}
        case "fish":
            return [shell, "--init-command", _FISH], environment
    return [shell], environment
