"""Fixtures of the conversions' tests: a snapshot of an account with all kinds of records."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive, Snapshot
from backpack_orm.sandbox import Sandbox

TAKEN_AT = datetime(2026, 10, 1, 3, 0, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def archive_folder(tmp_path_factory: pytest.TempPathFactory, network: None) -> Path:
    """An archive of the demo account, with links between pages and texts that are hard to write."""
    folder = tmp_path_factory.mktemp("conversions") / "backup"
    with Sandbox() as box, Connection(box.url, token=box.token, limits=None):
        garden = Page.find_by(title="The garden")
        assert garden is not None
        hard = Page.create(title="Hard: <b>/..\\ & *co*")
        hard.notes.create(
            title="*Links* & <i>more</i>",
            body=f'"The garden":/pages/{garden.id} "here":/pages/{hard.id} "web":http://a.example/\n\n'
            "# one\n# two <script>alert(1)</script>\n\nOdd[1]\n\nfn1. A note.",
        )
        hard.notes.create(title="Code", body='@<a href="The%20garden.html">@')
        items = hard.lists.create(name="2 * 3 # [x] | y").items
        items.create(content="first line\nsecond line", completed=True)
        items.create(content="=HYPERLINK(1)")
        items.create(content="x < 1 & y")
        hard.tags = ["2026", "Long weekends", "R&D"]
        hard.save()
        Archive(folder, clock=lambda: TAKEN_AT).sync(hard.connection)
    return folder


@pytest.fixture
def snapshot(archive_folder: Path) -> Snapshot:
    return Archive(archive_folder).newest


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for the output, which does not exist yet."""
    return tmp_path / "out"
