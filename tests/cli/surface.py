"""Writes the snapshot of the surface: `python -m tests.cli.surface`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from backpack_orm.cli.program import program

if __name__ == "__main__":
    printed = CliRunner().invoke(program, ["commands", "-o", "json"], catch_exceptions=False).stdout
    text = json.dumps(json.loads(printed)["data"], indent=1, ensure_ascii=False) + "\n"
    (Path(__file__).parent / "surface.json").write_text(text, "utf-8")
