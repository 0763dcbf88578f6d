"""Rich display of connections, exports, archives, plans and results."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import backpack_orm
import backpack_orm.archive
from backpack_orm import Connection, Page, User, load_ipython_extension
from backpack_orm import unload_ipython_extension as unload
from backpack_orm.archive import Archive
from backpack_orm.display.contents import contents
from backpack_orm.rich_display import RichDisplay
from backpack_orm.sandbox import Sandbox
from tests.display.test_html import shown, text_of
from tests.ipython_shell import new_shell

pytestmark = pytest.mark.network
PUBLIC = [
    getattr(module, name)
    for module in (backpack_orm, backpack_orm.archive)
    for name in module.__all__
]
DISPLAYED = [kind for kind in PUBLIC if inspect.isclass(kind) and issubclass(kind, RichDisplay)]


@pytest.mark.parametrize("kind", DISPLAYED, ids=lambda kind: kind.__name__)
def test_every_type_with_rich_display_has_contents(kind: type) -> None:
    assert contents.dispatch(kind) is not contents.dispatch(object)


@pytest.fixture
def archive(connection: Connection, tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    return archive


def test_a_connection_shows_its_address_and_requests_but_no_token(
    connection: Connection, box: Sandbox
) -> None:
    Page.all()
    assert f"Connection {connection.url} requests 1 cache hits 0" in text_of(connection)
    assert box.token not in connection._repr_html_()


def test_an_export_shows_its_pages(connection: Connection) -> None:
    text = text_of(User.me().export())
    assert text.startswith("Export acme user Nora Whitfield pages 13 reminders 6 id title")
    assert "Lisbon" in text


def test_a_copy_shows_what_was_left_out_and_why(connection: Connection) -> None:
    note = Page.get(title="Lisbon").notes[0]
    text = text_of(note.copy_to(Page.get(title="The garden")))
    assert text.startswith("Copy notes 1 requests 3 left out reason ids the service chooses them")


def test_a_synchronization_shows_what_it_would_do(connection: Connection) -> None:
    items = Page.get(title="Lisbon").lists["Not to be missed"].items
    plan = items.sync({"Tram 28": True, "Tile museum": True}, destroy=True, dry_run=True)
    text = text_of(plan)
    assert "Sync · dry run" in text
    assert "create content='Tram 28', completed=True" in text
    assert "update Tile museum: completed=True" in text
    assert "destroy Ferry to Cacilhas at dusk" in text


def test_an_archive_shows_its_newest_snapshot_and_its_last_sync(archive: Archive) -> None:
    text = text_of(archive)
    assert f"Archive {archive.name} snapshots 1 newest" in text
    assert "last sync added a snapshot" in text
    assert f"Snapshot 1 {archive.newest.taken_at:%Y-%m-%d %H:%M}" in text_of(archive.newest)


def test_an_archive_without_snapshots_says_so(tmp_path: Path) -> None:
    assert "no snapshot yet: call sync()" in text_of(Archive(tmp_path / "empty"))


def test_a_damaged_archive_is_displayed_as_such(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "backup" / "last-sync.json").write_text("{}")
    assert "last-sync.json is not as it was written" in text_of(archive)


def test_results_of_an_archive_show_their_counts(archive: Archive, connection: Connection) -> None:
    Page.get(title="Lisbon").lists[0].items[0].complete()
    result = archive.sync(connection)
    assert "type added changed removed list 0 1 0 item 0 1 0 snapshot 2" in text_of(result)
    assert "Sync · unchanged" in text_of(archive.sync(connection))
    assert "2 changes: snapshot 1 to 2" in text_of(archive.diff(1, 2))
    assert "Lisbon changed item Walking shoes completed" in text_of(archive.diff(1, 2))
    assert text_of(archive.diff(2, 2)) == "0 changes: snapshot 2 to 2"
    assert "Verification · passed snapshots 2" in text_of(archive.verify())
    assert "Prune kept 1 removed 1" in text_of(archive.prune(keep_last=1, dry_run=True))


def test_a_restore_shows_its_plan_and_its_result(archive: Archive, tmp_path: Path) -> None:
    with Sandbox(seed="empty") as box, Connection(box.url, token=box.token) as target:
        plan = archive.plan(target, pages=["Lisbon"], journal=tmp_path / "journal.sqlite3")
        assert f"Restore plan snapshot 1 into {box.url} requests about" in text_of(plan)
        assert "create type records item 12 list 2" in text_of(plan)
        result = archive.restore(plan)
        assert "Restore created type records page 1 note 2 list 2 item 12" in text_of(result)


def test_a_sandbox_shows_its_address_and_requests_where_the_extension_is_loaded(
    box: Sandbox,
) -> None:
    shell = new_shell()
    load_ipython_extension(shell)
    assert f"{box.url}</h3>" in html_in(shell, box)
    assert box.token not in html_in(shell, box)
    stopped = Sandbox(seed="empty")
    stopped.close()
    assert "not started" in html_in(shell, stopped)
    unload(shell)
    assert "text/html" not in formatted(shell, box)


def formatted(shell: InteractiveShell, value: object) -> dict[str, Any]:
    assert shell.display_formatter is not None
    found: dict[str, Any] = shell.display_formatter.format(value)[0]
    return found


def html_in(shell: InteractiveShell, value: object) -> str:
    html: str = formatted(shell, value)["text/html"]
    return html


def test_texts_in_a_result_are_escaped(connection: Connection) -> None:
    items = Page.get(title="Lisbon").lists["Packing"].items
    plan = items.sync({"<script>alert('never')</script>": True}, dry_run=True)
    assert not list(shown(plan).iter("script"))
