"""Writes the list of the public API, `tests/docs/public-api.txt`, from the names in the reference.

Run `python docs/public_api.py` after you change the public API.
"""

from __future__ import annotations

import doctest
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import reference

from backpack_orm.errors import BackpackError
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.writing.saving import Savable

LIST = Path(__file__).parents[1] / "tests" / "docs" / "public-api.txt"
_BEGINNING = """\
All names on which programs can rely, by the policy in docs/compatibility.md. The list is generated
from the code, and a test compares both, so no change goes unnoticed.

A parameter with a default has `=`. A class without parameters is not for you to call: functions and
attributes return its objects, or you derive a class from it. Names that start with an underscore,
and modules and members that are not in the list, are private.
"""


def text() -> str:
    """Return the text of the list."""
    sections = {"Models": list(reference.MODELS), **reference.OTHERS}
    known = {reference.named(name) for names in sections.values() for name in names}
    parts = [_BEGINNING]
    for title, names in sections.items():
        blocks = ["\n".join(_lines(name, known)) for name in names]
        parts.append(f"\n{title}\n{'=' * len(title)}\n\n" + "\n\n".join(blocks) + "\n")
    return "".join(parts)


def _lines(name: str, known: set[Any]) -> Iterator[str]:
    """Yield the lines of a class with its own members, or of a function.

    Members that another class of the list documents are not repeated.
    """
    found = reference.named(name)
    if not inspect.isclass(found):
        yield name + _parameters(found)
        return
    bases = [base for base in found.__mro__[1:] if base in known]
    names = ", ".join(base.__name__ for base in bases)
    parameters = _parameters(found) if is_to_be_called(found) else ""
    yield f"{name}{parameters}" + (f": {names}" if names else "")
    inherited = {key for base in bases for key in dir(base)}
    members = {*vars(found)}
    for base in found.__mro__[1:]:
        if base.__module__.startswith("backpack_orm"):
            members |= vars(base).keys() - inherited
    if name in reference.MODELS:
        members |= reference.meanings(reference.MODELS[name]).keys()
    members -= set(reference.LEFT_OUT.get(name, ()))
    for key in sorted(key for key in members if not key.startswith("_")):
        value = getattr(found, key, None)
        yield f"    .{key}{_parameters(value) if inspect.isroutine(value) else ''}"


def is_to_be_called(found: type) -> bool:
    """Return whether programs make objects of a class, which its docstring shows."""
    if issubclass(found, (Savable, BackpackError)):
        return True
    if issubclass(found, Collection):
        return False
    text = found.__doc__ or ""
    return "\nArgs:" in inspect.cleandoc(text) or f"{found.__name__}(" in _code_in(text)


def _code_in(text: str) -> str:
    """Return the statements of the examples in a docstring."""
    examples = doctest.DocTestParser().get_examples(text)
    return "".join(example.source for example in examples)


def _parameters(found: Any) -> str:
    """Return the names of the parameters of a function or class, without `self` and types."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return ""
    reports = found.__name__ in {"find", "create"}  # a missing argument, with a hint
    words: list[str] = []
    for each in parameters:
        if each.name.startswith("_") or (each.name == "self" and not words):
            continue
        if each.annotation == "Never":  # reports a wrong argument with a hint
            continue
        if each.kind is each.KEYWORD_ONLY and not any(word.startswith("*") for word in words):
            words.append("*")
        stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(each.kind.name, "")
        is_optional = each.default not in ((each.empty, ...) if reports else (each.empty,))
        words.append(f"{stars}{each.name}" + ("=" if is_optional else ""))
    return f"({', '.join(words)})"


def write() -> None:
    """Write the list."""
    LIST.write_text(text(), "utf-8")


if __name__ == "__main__":
    write()
