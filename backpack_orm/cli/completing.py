"""Completion in bash, zsh and fish: the scripts of the shells, and the responses of the program.

The script of a shell runs the program with three environment variables: what it asks for, the words
of the line, one per line, and which word is completed. The program prints a line for each proposal:
its type, its value and its help, with tabs between them.
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

VARIABLE = "_BACKPACK_COMPLETE"
"""What a shell asks for, such as `bash_complete`."""

_BASH = r"""# Completion of %(prog_name)s for bash 4.4 and newer.
%(complete_func)s() {
    local IFS=$'\n' kind value
    COMPREPLY=()
    while IFS=$'\t' read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_ZSH = r"""#compdef %(prog_name)s
# Completion of %(prog_name)s for zsh.
%(complete_func)s() {
    local -a values lines
    local kind value help
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain) values+=("$value"); lines+=("$value${help:+  -- $help}") ;;
            dir) _path_files -/ ;;
            file) _path_files ;;
        esac
    done < <(env COMP_WORDS="${(pj:\n:)words}" COMP_CWORD=$((CURRENT - 1)) \
        %(complete_var)s=zsh_complete "${(Q)words[1]}" 2>/dev/null)
    (( $#values )) && compadd -U -l -V %(prog_name)s -d lines -a values
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH = r"""# Completion of %(prog_name)s for fish.
function %(complete_func)s
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (env COMP_WORDS=(string join \n -- $words | string collect) COMP_CWORD="$current" \
        %(complete_var)s=fish_complete $words[1] 2>/dev/null)
        set -l parts (string split --max 1 \t -- $line)
        switch $parts[1]
            case plain
                echo -- $parts[2]
            case dir
                __fish_complete_directories "$current"
            case file
                __fish_complete_path "$current"
        end
    end
end
complete --command %(prog_name)s --no-files --keep-order --arguments '(%(complete_func)s)'
"""
_DOUBLE_QUOTED = '$`"\\'
"""What a backslash has to stand before inside of double quotes."""


class _Shell(ShellComplete):
    """What the three shells have in common."""

    def get_completion_args(self) -> tuple[list[str], str]:
        position = int(os.environ["COMP_CWORD"])
        words = split_arg_string(os.environ["COMP_WORDS"])
        return words[1:position], words[position] if position < len(words) else ""

    def complete(self) -> str:
        """Return a line for each proposal."""
        return "\n".join(filter(None, super().complete().splitlines()))

    def format_completion(self, item: CompletionItem[Any]) -> str:
        help = " ".join((item.help or "").split())
        return f"{item.type}\t{item.value}\t{help}".rstrip("\t")


class Bash(_Shell):
    """Bash, which inserts values unchanged, so that they are quoted here."""

    name = "bash"
    source_template = _BASH

    def format_completion(self, item: CompletionItem[Any]) -> str:
        if item.type != "plain":
            return str(item.type)
        position = int(os.environ["COMP_CWORD"])
        words = os.environ["COMP_WORDS"].split("\n")
        word = words[position] if position < len(words) else ""
        value = quoted(item.value, word[:1] if word[:1] in ("'", '"') else "")
        return "" if value is None else f"plain\t{value}"


class Zsh(_Shell):
    """Zsh, which quotes by itself, and shows help."""

    name = "zsh"
    source_template = _ZSH


class Fish(_Shell):
    """Fish, which quotes values itself, shows help, and passes words without their quotes."""

    name = "fish"
    source_template = _FISH

    def get_completion_args(self) -> tuple[list[str], str]:
        words = os.environ["COMP_WORDS"].split("\n")
        current = split_arg_string(os.environ["COMP_CWORD"])
        return words[1:], current[0] if current else ""


SHELLS: dict[str, type[_Shell]] = {each.name: each for each in (Bash, Zsh, Fish)}


def register() -> None:
    """Let click use these classes."""
    for each in SHELLS.values():
        add_completion_class(each)


def quoted(value: str, quote: str) -> str | None:
    """Return a value as it is typed in bash, after a quotation mark or without one.

    Returns None if it cannot be: a single quote inside of single quotes.

    >>> print(quoted("Trip: R&D", ""), quoted('5" pipe', '"'), quoted("Tom's", "'"))
    Trip\\:\\ R\\&D 5\\" pipe None
    """
    if quote == "'":
        return None if "'" in value else value
    if quote:
        return "".join(f"\\{c}" if c in _DOUBLE_QUOTED else c for c in value)
    return "".join(c if c.isalnum() or c in "-_./,+@%" else f"\\{c}" for c in value)
