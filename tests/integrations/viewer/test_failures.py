"""Error pages: they say what has happened, and what to do; and nothing that was written is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.integrations.viewer import create_app
from backpack_orm.sandbox import Sandbox
from tests.integrations.viewer.conftest import Visitor

pytestmark = pytest.mark.network

Fail = Callable[[Sandbox], Any]


@pytest.fixture
def visitor(box: Sandbox) -> Visitor:
    """A visitor of the demo account who does not wait."""
    connection = Connection(box.url, token=box.token, max_wait=0, timeout=(1, 0.3))
    return Visitor(create_app(connection))


@pytest.mark.parametrize(
    ("fail", "status", "heading", "alert"),
    [
        (
            lambda box: box.faults.status(503, retry_after=7),
            503,
            "Too many requests",
            "Try again in 7 s.",
        ),
        (lambda box: box.faults.status(500), 502, "Backpack has failed", "Try again in a minute."),
        (lambda box: box.faults.latency(2), 504, "Backpack does not respond", "Try again"),
        (lambda box: box.faults.html_page(), 502, "Backpack has sent something else", "Try again"),
        (lambda box: box.faults.drop_before_write(), 502, "Backpack cannot be reached", "network"),
    ],
)
def test_a_page_that_cannot_be_read(
    visitor: Visitor, box: Sandbox, fail: Fail, status: int, heading: str, alert: str
) -> None:
    fail(box)
    assert visitor.get("/?part=1").status_code == status
    assert visitor.heading == heading
    assert alert in visitor.alert
    assert visitor.links["Try again"] == "/?part=1"
    assert visitor.response.headers.get("Retry-After") == ("7" if status == 503 else None)


def test_a_service_that_is_down_at_the_start_and_comes_back() -> None:
    with Sandbox(seed="empty") as box:
        url, token = box.url, box.token
    visitor = Visitor(create_app(Connection(url, token=token, max_wait=0)))
    assert visitor.get("/").status_code == 502
    assert visitor.heading == "Backpack cannot be reached"


def test_a_token_that_was_revoked(visitor: Visitor, box: Sandbox, lisbon: str) -> None:
    box.tokens.revoke(box.tokens.all()[0].id)
    visitor.app.extensions["backpack_viewer"].connection.clear_cache()
    visitor.get("/")
    assert visitor.heading == "Not signed in"
    assert "`backpack login`" in visitor.alert
    assert box.token not in visitor.response.text


@pytest.mark.parametrize("path", ["/pages/7", "/nowhere", "/pages/0", f"/pages/{10**30}"])
def test_what_is_not_there(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 404
    assert visitor.heading.lower() == "not found"
    assert visitor.links == {}


def test_a_write_whose_response_was_lost_may_have_happened(
    visitor: Visitor, box: Sandbox, lisbon: str
) -> None:
    box.faults.drop_after_write(path="**/notes/create")
    action = f"{lisbon}/notes"
    assert visitor.send(action, title="Lunch", body="Sardines").status_code == 502
    assert visitor.heading == "It may have been saved"
    assert visitor.alert == "Look at the page before you repeat it."
    assert visitor.links == {"Back to the page": lisbon}
    assert visitor.document.xpath("//main//form") == [], "it cannot be repeated by mistake"
    assert "Sardines" in visitor.document.text_content()
    connection = Connection(box.url, token=box.token)
    assert Page.get(title="Lisbon", using=connection).notes["Lunch"].body == "Sardines"


def test_a_write_that_was_refused_can_be_sent_again(
    visitor: Visitor, box: Sandbox, lisbon: str
) -> None:
    box.faults.status(422, path="**/notes/create", times=1)
    action = f"{lisbon}/notes"
    assert visitor.send(action, title="Lunch", body="Sardines").status_code == 400
    assert visitor.heading == "Backpack has refused this"
    assert visitor.send(action).status_code == 200
    connection = Connection(box.url, token=box.token)
    assert [note.title for note in Page.get(title="Lisbon", using=connection).notes].count(
        "Lunch"
    ) == 1


def test_a_defect_shows_nothing_of_itself(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("inner workings")

    monkeypatch.setattr(Page, "all", fail)
    assert visitor.get("/").status_code == 500
    assert visitor.heading == "Something went wrong"
    assert "inner workings" not in visitor.response.text
    assert "inner workings" in caplog.text


def test_a_defect_after_a_write_keeps_what_was_written(
    visitor: Visitor, lisbon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("inner workings")

    monkeypatch.setattr(Page, "find", fail)
    assert visitor.send(f"{lisbon}/notes", body="Sardines").status_code == 500
    assert visitor.heading == "It may have been saved"
    assert "Sardines" in visitor.document.text_content()


def test_a_form_that_is_too_large(visitor: Visitor, lisbon: str) -> None:
    assert visitor.send(f"{lisbon}/notes", body="x" * 600_000).status_code == 413
    assert visitor.heading == "Request Entity Too Large"


def test_a_damaged_archive(archive_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "backup"
    shutil.copytree(archive_folder, copy)
    reader = Visitor(create_app(Archive(copy)))
    for path in (copy / "packs").glob("*.gz"):
        path.write_bytes(b"changed")
    assert reader.get("/").status_code == 500
    assert reader.heading == "The archive is damaged"
    assert reader.alert == "Run `backpack archive verify`."


def test_a_page_whose_contents_an_archive_lacks(box: Sandbox, tmp_path: Path) -> None:
    connection = Connection(box.url, token=box.token)
    page = Page.get(title="Lisbon", using=connection)
    box.faults.status(403, path="/users/*/export.xml")
    box.faults.status(403, path=f"/ws/page/{page.id}")
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    reader = Visitor(create_app(archive))
    reader.get("/")
    assert reader.get(reader.links["Lisbon"]).status_code == 404
    assert reader.heading == "Not in this archive"
    assert reader.get("/tags").status_code == 200
    assert reader.get("/search?term=lisbon").status_code == 200
    assert "Lisbon" in reader.links
