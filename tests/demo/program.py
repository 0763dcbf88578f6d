"""Loads a program that is in no package."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """The module that a file holds."""
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where its classes look for their names
    spec.loader.exec_module(module)
    return module
