"""The program in the documentation that reads an archive with Python alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from backpack_orm import Connection
from backpack_orm.archive import Archive
from tests.docs import documents


def test_the_documented_program_prints_all_notes(connection: Connection, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    document = documents.ROOT / "docs" / "archive-format.md"
    program = [text for language, text in documents.fences(document) if language == "python"][-1]
    assert len(program.splitlines()) <= 20
    assert "backpack_orm" not in program
    printed = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout
    notes = archive.notes
    expected = "".join(f"# {each.page.title}: {each.title}\n{each.body}\n" for each in notes)
    assert printed == expected
