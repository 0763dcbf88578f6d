"""Loads a program that is not in a package."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """Return the module of a file."""
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[path.stem] = module  # its classes resolve names there
    spec.loader.exec_module(module)
    return module
