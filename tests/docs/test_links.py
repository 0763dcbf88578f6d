"""Links within the documents lead somewhere, and every document is led to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import documents


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=documents.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in documents.links(path):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in documents.anchors(target), f"{link} names no heading"


def test_the_index_leads_to_every_document() -> None:
    docs = documents.ROOT / "docs"
    named = set(documents.links(docs / "index.md"))
    assert {path.name for path in docs.glob("*.md")} - {"index.md"} <= named


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/index.md" in documents.links(documents.ROOT / "README.md")
