"""The subclasses shown in the documents pass the type checkers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import documents
from tests.typing.checkers import CHECKERS, errors_in


@pytest.mark.parametrize("checker", CHECKERS)
def test_documented_subclasses_pass_the_type_checkers(checker: str, tmp_path: Path) -> None:
    programs = documents.programs(documents.ROOT / "docs" / "your-own-models.md")
    assert errors_in("\n".join(programs), checker, tmp_path) == {}
