"""Imports form no circle, at module level or in functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import backpack_orm

ROOT = Path(str(backpack_orm.__file__)).parent
FILES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imports_in(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the names that a module imports, except those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for branch in node.orelse:
                yield from imports_in(ast.Module([branch], []), package)
        elif isinstance(node, ast.ImportFrom):
            parent = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(filter(None, [parent, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from imports_in(node, package)


def module_of(name: str, modules: Mapping[str, object]) -> str | None:
    """Return the module of an imported name, or None if it is not part of the package."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def circle(sources: Mapping[str, str]) -> list[str] | None:
    """Return the modules of an import circle, or None if there is none."""
    graph = {
        module: {
            found
            for name in imports_in(ast.parse(source), module)
            if (found := module_of(name, sources)) and found != module
        }
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def test_no_imports_form_a_circle() -> None:
    assert circle({module: path.read_text("utf-8") for module, path in FILES.items()}) is None


@pytest.mark.parametrize(
    "lazy",
    ["import b", "def f():\n    from b import x", "class C:\n    def f(self):\n        import b"],
)
def test_a_circle_through_a_local_import_is_found(lazy: str) -> None:
    assert circle({"a": lazy, "b": "import c", "c": "from a import y"})
    assert circle({"a": lazy, "b": "import c", "c": ""}) is None


def test_imports_for_type_checkers_form_no_circle() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b"
    assert circle({"a": source, "b": "import a"}) is None
