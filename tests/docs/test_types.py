"""The subclasses shown in the documents pass the type checkers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import documents

CHECKERS = {
    "mypy": ["mypy", "--strict"],
    "pyright": ["basedpyright", "--level", "error"],
}


@pytest.mark.long
@pytest.mark.parametrize("checker", CHECKERS)
def test_documented_subclasses_pass_the_type_checkers(checker: str, tmp_path: Path) -> None:
    path = documents.ROOT / "docs" / "your-own-models.md"
    blocks = [text for language, text in documents.fences(path) if language == "python"]
    program = tmp_path / "program.py"
    program.write_text("\n".join(text for text in blocks if ">>>" not in text))
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(documents.ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command, *options = CHECKERS[checker]
    result = subprocess.run(
        [str(Path(sys.executable).parent / command), *options, program.name],
        cwd=tmp_path,
        env={"MYPYPATH": str(documents.ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
