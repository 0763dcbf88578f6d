"""The audit log records each write, and behaves as a plugin should."""

import json
from pathlib import Path

import pytest
from backpack_audit import AuditLog
from backpack_audit.command import audit
from click.testing import CliRunner

from backpack_orm import OutcomeUnknown, Page
from backpack_orm.integrations.testkit import PluginTests


class TestPlugin(PluginTests):
    def plugin(self, connection, folder):
        return AuditLog(folder / "audit.jsonl", connection)

    def output(self, folder):
        path = folder / "audit.jsonl"
        return path.read_text("utf-8") if path.exists() else ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def entries(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_writes_are_recorded(path, backpack):
    with AuditLog(path, backpack, "nora"):
        page = Page.create(title="Lisbon")
        page.update(title="Lisboa")
        page.destroy()
    found = entries(path)
    assert [each["action"] for each in found] == ["created", "saved", "destroyed"]
    assert {each["id"] for each in found} == {page.id}
    assert found[1]["fields"] == ["title"]


def test_a_write_whose_outcome_is_unknown_is_recorded(path, backpack, backpack_faults):
    backpack_faults.drop_after_write(times=1)
    with AuditLog(path, backpack), pytest.raises(OutcomeUnknown):
        Page.create(title="Lisbon")
    (found,) = entries(path)
    assert (found["action"], found["call"]) == ("unknown", "POST /ws/pages/new")


def test_the_command_shows_the_last_writes(path, backpack):
    with AuditLog(path, backpack, "nora"):
        page = Page.create(title="Lisbon")
        page.update(title="Lisboa")
    shown = CliRunner().invoke(audit, [str(path), "--last", "1"]).output
    assert shown.endswith(f"nora  saved  Page {page.id}  title\n")
