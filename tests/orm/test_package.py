"""The package itself: what its import loads, and what it offers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import backpack_orm


def test_the_import_alone_loads_no_library() -> None:
    code = "import sys, backpack_orm; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert {name.partition(".")[0] for name in loaded}.isdisjoint(
        {"requests", "urllib3", "lxml", "attr", "attrs", "cachetools"}
    )
    ours = {name for name in loaded if name.startswith("backpack_orm")}
    assert ours == {
        "backpack_orm",
        "backpack_orm.rich_display",
    }  # where the renderers are registered


def test_every_name_is_there() -> None:
    assert all(getattr(backpack_orm, name) is not None for name in backpack_orm.__all__)
    assert set(backpack_orm.__all__) <= set(dir(backpack_orm))


def test_a_name_that_is_not_there_raises() -> None:
    with pytest.raises(AttributeError, match="Pages"):
        backpack_orm.Pages  # noqa: B018
    with pytest.raises(ImportError, match="Pages"):
        from backpack_orm import Pages  # noqa: F401


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(backpack_orm.__file__)).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: f"backpack_orm.{module}" for name, module in backpack_orm._PLACES.items()}


@pytest.mark.parametrize("module", backpack_orm._MODULES)
def test_any_module_can_be_the_first_that_is_imported(module: str) -> None:
    code = f"import backpack_orm.{module}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
