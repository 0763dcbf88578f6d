"""Links within the documents have a target, and every document is linked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import documents


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=documents.name)
def test_every_link_has_a_target(path: Path) -> None:
    for link in documents.links(path):
        target = documents.target(path, link)
        if target is None:
            continue
        file, anchor = target
        assert file.exists(), f"{link} has no target"
        assert not anchor or anchor in documents.anchors(file), f"{link} names no heading"


def test_the_index_links_to_every_document() -> None:
    docs = documents.ROOT / "docs"
    named = set(documents.links(docs / "index.md"))
    assert {path.name for path in docs.glob("*.md")} - {"index.md"} <= named


def test_the_readme_links_to_the_index() -> None:
    readme = documents.ROOT / "README.md"
    targets = [documents.target(readme, link) for link in documents.links(readme)]
    assert (documents.ROOT / "docs" / "index.md", "") in targets


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_can_be_followed_in_a_checkout(name: str) -> None:
    """The site is not public yet, so a link to it would lead nowhere."""
    path = documents.ROOT / name
    assert not [link for link in documents.links(path) if documents.is_on_the_web(link)]
