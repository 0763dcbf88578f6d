"""Pages on which readers decide to trust the archive say that it was never tried in earnest."""

from __future__ import annotations

import pytest

from tests.docs import documents

CAVEAT = (
    "**Never tried against the live service**, only against the [sandbox](sandbox.md), see "
    "[what is not proven](limitations.md#what-is-not-proven). Compare ten pages by eye with the "
    "web site before you close an account."
)
PAGES = ("index", "backup", "leaving", "reliability", "old-export")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_at_its_top_that_nothing_was_tried_against_the_live_service(name: str) -> None:
    (document,) = (each for each in documents.DOCUMENTS if each.name == f"{name}.md")
    beginning = document.read_text("utf-8").split("\n\n")[:3]
    assert CAVEAT in [" ".join(paragraph.split()) for paragraph in beginning]
