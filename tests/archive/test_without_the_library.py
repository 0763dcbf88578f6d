"""The program in the documentation that reads an archive with Python alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from tests.docs import documents


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    assert "backpack_orm" not in program
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=folder,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )


def programs() -> list[str]:
    document = documents.ROOT / "docs" / "archive-format.md"
    return [text for language, text in documents.fences(document) if language == "python"]


def test_the_documented_program_verifies_and_gives_back_every_response(
    connection: Connection, tmp_path: Path
) -> None:
    archive, (_, verifier, _) = Archive(tmp_path / "backup"), programs()
    assert len(verifier.splitlines()) <= 60
    archive.sync(connection)
    for title in ("Porto", "Faro"):
        Page.create(title=title, using=connection)
        archive.sync(connection)
    Archive(tmp_path / "backup").prune(keep_last=2)
    found = run(tmp_path, verifier)
    assert (found.stderr, found.returncode) == ("", 0)
    for snapshot in archive.snapshots:
        for name in snapshot.contents.responses:
            received = (tmp_path / f"{snapshot.number}-{name}.xml").read_bytes()
            assert received == snapshot.contents.read(name)


def test_the_documented_verifier_finds_damage_wherever_verify_does(
    original: Path, tmp_path: Path
) -> None:
    _, verifier, _ = programs()
    for path in sorted(original.rglob("*.*")):
        if path.parent.name not in ("log", "packs"):
            continue
        shutil.copytree(original, tmp_path / "backup")
        copy = tmp_path / "backup" / path.relative_to(original)
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 1
        copy.write_bytes(content)
        assert run(tmp_path, verifier).returncode != 0, path
        assert not Archive(tmp_path / "backup").verify()
        shutil.rmtree(tmp_path / "backup")


def test_the_documented_program_prints_all_notes(connection: Connection, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    *_, program = programs()
    assert len(program.splitlines()) <= 20
    printed = run(tmp_path, program).stdout
    notes = archive.notes
    expected = "".join(f"# {each.page.title}: {each.title}\n{each.body}\n" for each in notes)
    assert printed == expected
