"""Archives: backing up, monitoring, comparing, converting, importing and restoring."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

import backpack_orm.archive as archive_room
from backpack_orm import Connection, Page, User
from backpack_orm.archive import Archive
from backpack_orm.archive.last_sync import note_sync
from backpack_orm.archive.storage import LocalStorage
from backpack_orm.cli.commands.archive.opening import in_words
from backpack_orm.cli.program import program
from backpack_orm.cli.state import State
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKPACK_ARCHIVE", raising=False)


@pytest.fixture(scope="module")
def connection(shared_box: Sandbox) -> Connection:
    return Connection(shared_box.url, token=shared_box.token)


@pytest.fixture(scope="module")
def original(
    shared_box: Sandbox, connection: Connection, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An archive with two snapshots: the second has a note more, and another title of a list."""
    folder = tmp_path_factory.mktemp("archives") / "backup"
    moments = iter([NOW - timedelta(days=3), NOW - timedelta(hours=30)])
    moment = [next(moments)]
    archive = Archive(folder, clock=lambda: moment[0])
    archive.sync(connection)
    moment[0] = next(moments)
    page = Page.get(title="Lisbon", using=connection)
    page.notes.create(title="Tram tickets")
    page.notes[0].body += "\nAnd a bakery"
    page.notes[0].save()
    archive.sync(connection)
    return folder


@pytest.fixture
def backup(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the archive, which the environment names."""
    folder = tmp_path / "backup"
    shutil.copytree(original, folder)
    monkeypatch.setenv("BACKPACK_ARCHIVE", str(folder))
    return folder


@pytest.fixture(scope="module")
def export(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved export, of the year 2009 by the time of its file."""
    path = tmp_path_factory.mktemp("exports") / "export.xml"
    User.me(using=connection).export().save(path)
    os.utime(path, (1_237_000_000, 1_237_000_000))
    return path


# --- syncing ------------------------------------------------------------------------------------


def test_a_sync_says_what_it_has_stored_and_where(run: Runner, home: Path) -> None:
    first = run("archive", "sync")
    folder = home / "data" / "backpack_orm" / "archives" / "127.0.0.1"
    assert first.code == 0
    assert first.stderr.startswith(f"Stored snapshot 1 in {folder}: added 1")
    assert first.lines[0][:2] == ["1", "true"]
    second = run("archive", "sync", "-o", "json")
    assert second.data["is_new"] is False
    assert second.data["refused"] == []
    assert second.data["gaps"] == ["sharing", "linked pages", "files", "writeboards"]
    assert second.summary == f"Nothing has changed since snapshot 1 in {folder}."


def test_an_incomplete_sync_ends_with_10_unless_gaps_are_allowed(
    run: Runner, backup: Path, shared_box: Sandbox
) -> None:
    shared_box.faults.status(403, path="/calendars.xml")
    try:
        found = run("archive", "sync", "-o", "json")
        assert found.code == 10
        assert found.data["refused"] == ["calendars", "events"]
        assert "Warning: the backup lacks calendars: " in found.stderr
        assert "; snapshot 2 has it\n" in found.stderr
        assert run("archive", "sync", "--allow-gaps").code == 0
    finally:
        shared_box.faults.clear()
    assert run("archive", "sync").code == 0


def test_an_interrupted_sync_says_how_to_go_on(
    run: Runner, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backpack_orm.archive.collecting.Collector.collect", interrupt)
    found = run("archive", "sync", "-o", "json")
    assert found.code == 130
    assert found.error["code"] == "interrupted"
    assert found.error["hint"] == f"{backup} is valid: run `backpack archive sync` again to go on."


@pytest.mark.parametrize(
    ("setting", "place"), [("archive = 'mine'", "mine"), ("archive = '~/mine'", "home/mine")]
)
def test_the_profile_names_the_archive(
    setting: str, place: str, offline: Runner, home: Path, original: Path, tmp_path: Path
) -> None:
    (home / "config.toml").write_text(f"[profiles.default]\n{setting}\n")
    found = offline("archive", "status")
    assert found.code == 2
    path = place if place == "mine" else f"{tmp_path}/{place}"
    assert found.stderr.startswith(f"Error: there is no archive in {path} yet\n")


# --- monitoring ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "code"), [("36h", 0), ("2d", 0), ("29h", 10), ("90m", 10)])
def test_monitoring_fails_if_the_last_complete_sync_is_too_old(
    age: str, code: int, offline: Runner, backup: Path
) -> None:
    found = offline("archive", "status", "--max-age", age, "-o", "json")
    assert found.code == code
    assert found.data["is_fresh"] is (code == 0)
    assert found.data["age_hours"] == 30.0
    assert found.data["snapshots"] == 2
    assert ("Warning: the last complete sync of " in found.stderr) is (code == 10)


def test_a_sync_in_the_future_is_not_recent(offline: Runner, backup: Path) -> None:
    future = datetime(2051, 5, 14, tzinfo=UTC)
    note_sync(LocalStorage(backup), future, future, "unchanged", is_complete=True, newest=1)
    assert offline("archive", "status", "--max-age", "36h").code == 10


def test_monitoring_fails_if_there_was_no_complete_sync(
    offline: Runner, export: Path, backup: Path
) -> None:
    assert offline("archive", "import", str(export), "-a", "old").code == 0
    found = offline("archive", "status", "-a", "old", "--max-age", "4w")
    assert found.code == 10
    assert found.stderr == "Warning: no sync of old has been complete\n"
    (backup / "last-sync.json").unlink()
    assert offline("archive", "status", "--max-age", "4w").code == 10
    assert offline("archive", "status").code == 0


@pytest.mark.parametrize("age", ["36", "h", "-1h", "1.5h", "36 h", ""])
def test_an_age_has_a_unit(age: str, offline: Runner) -> None:
    found = offline("archive", "status", "--max-age", age)
    assert found.code == 1
    assert "is no age" in found.stderr


def test_a_damaged_archive_is_named_and_ends_with_10(offline: Runner, backup: Path) -> None:
    assert offline("archive", "verify").code == 0
    path = max(backup.glob("packs/*.gz"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1])
    found = offline("archive", "verify", "-o", "json")
    assert found.code == 10
    assert found.data["is_valid"] is False
    assert any(f"packs/{path.name}: " in problem for problem in found.data["problems"])
    shown = offline("archive", "verify", "-o", "table").stdout
    assert path.stem in shown
    assert re.search(r"has \d+\s+problems?:", shown)


def test_a_rehearsal_says_what_it_compared(offline: Runner, backup: Path) -> None:
    found = offline("archive", "verify", "--rehearse", "-o", "table")
    assert found.code == 0
    assert "restored into a sandbox, and the copy is equal." in " ".join(found.stdout.split())
    assert "Not compared: ids: " in found.stdout


# --- looking back -------------------------------------------------------------------------------


def test_snapshots_are_listed_with_their_gaps(offline: Runner, backup: Path) -> None:
    lines = offline("archive", "snapshots").lines
    assert [line[0] for line in lines] == ["1", "2"]
    assert lines[1][1] == (NOW - timedelta(hours=30)).isoformat()
    assert "linked pages" in lines[0][2]


def test_a_difference_names_what_was_added_and_changed(offline: Runner, backup: Path) -> None:
    found = offline("archive", "diff")
    assert [line[1:5] for line in found.lines] == [
        ["changed", "page", "Lisbon", "Lisbon"],
        ["changed", "note", "Where we sleep", "Lisbon"],
        ["added", "note", "Tram tickets", "Lisbon"],
    ]
    shown = offline("archive", "diff", "1", "2", "-o", "table").stdout
    assert "  + note 40000368: Tram tickets\n" in shown
    assert "      +And a bakery\n" in shown
    assert "    belongings: + Note 40000368\n" in shown
    same = offline("archive", "diff", "2", "2", "-o", "table")
    assert same.stderr == "Nothing differs between the snapshots 2 and 2.\n"
    day = (NOW - timedelta(days=3)).date().isoformat()
    assert offline("archive", "diff", day).stdout == found.stdout


def test_snapshots_that_do_not_exist_are_refused(offline: Runner, backup: Path) -> None:
    for arguments, told in {
        ("7",): "has no snapshot 7",
        ("1", "1970-01-01"): "has no snapshot from 1970-01-01",
        ("nonsense",): "a time or a date is needed",
    }.items():
        found = offline("archive", "diff", *arguments)
        assert found.code in (1, 2)
        assert told in found.stderr


def test_the_first_snapshot_has_none_before_it(offline: Runner, backup: Path) -> None:
    offline("archive", "prune", "--keep-last", "1", "--yes")
    found = offline("archive", "diff")
    assert (found.code, found.stdout) == (2, "")
    assert "there is no snapshot before 2" in found.stderr


def test_the_history_of_a_record_shows_its_versions(offline: Runner, backup: Path) -> None:
    versions = offline("archive", "history", "note", "40000008", "-o", "json").data
    assert [version["what"] for version in versions] == ["added", "changed"]
    assert versions[1]["values"]["body"].endswith("And a bakery")
    shown = offline("archive", "history", "note", "40000008", "-o", "table").stdout
    assert "+And a bakery\n" in shown
    assert offline("archive", "history", "page", "lisb").lines[0][2] == "added"


def test_a_record_without_history_is_not_found(offline: Runner, backup: Path) -> None:
    for words in (("note", "7"), ("page", "Atlantis")):
        assert offline("archive", "history", *words).code == 2
    found = offline("archive", "history", "note", "Tram")
    assert found.code == 1
    assert found.stderr == "Error: 'Tram' is no id of a note: ids are numbers\n"


# --- pruning ------------------------------------------------------------------------------------


def test_pruning_says_what_would_be_lost_and_removes_nothing_unasked(
    offline: Runner, backup: Path
) -> None:
    dry = offline("archive", "prune", "--keep-last", "1", "--dry-run", "-o", "json")
    assert [each["number"] for each in dry.data] == [1]
    assert json.loads(dry.stdout)["summary"] == (
        "1 of 2 snapshots would be removed, and with them: 1 note, 1 page."
    )
    refused = offline("archive", "prune", "--keep-last", "1")
    assert refused.code == 1
    assert "Remove 1 of 2 snapshots from " in refused.stderr
    assert len(offline("archive", "snapshots").lines) == 2
    assert offline("archive", "prune", "--keep-last", "1", "-y").lines[0][0] == "1"
    assert [line[0] for line in offline("archive", "snapshots").lines] == ["2"]


def test_pruning_needs_a_rule_and_does_nothing_if_all_are_kept(
    offline: Runner, backup: Path
) -> None:
    assert "no rule says" in offline("archive", "prune").stderr
    found = offline("archive", "prune", "--keep-daily", "30", "-o", "table")
    assert found.code == 0
    assert found.stderr == "0 of 2 snapshots would be removed, and with them: nothing.\n"


# --- converting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "proof"),
    [
        ("markdown", "pages/Lisbon.md"),
        ("csv", "items.csv"),
        ("jsonl", "items.jsonl"),
        ("parquet", "items.parquet"),
        ("sqlite", ""),
        ("ics", ""),
    ],
)
def test_an_archive_is_exported(
    format: str, proof: str, offline: Runner, backup: Path, tmp_path: Path
) -> None:
    if format == "parquet":
        pytest.importorskip("pyarrow")
    target = tmp_path / "out"
    found = offline("archive", "export", format, str(target))
    assert found.code == 0
    assert found.lines == [[str(target), format, "2"]]
    assert (target / proof if proof else target).stat().st_size > 100


def test_an_earlier_snapshot_can_be_exported(offline: Runner, backup: Path, tmp_path: Path) -> None:
    counts = []
    for number in ("1", "2"):
        path = tmp_path / f"{number}.db"
        assert offline("archive", "export", "sqlite", str(path), "--snapshot", number).code == 0
        with closing(sqlite3.connect(path)) as database:
            counts += database.execute("SELECT count(*) FROM notes").fetchone()
    assert counts[1] == counts[0] + 1


def test_options_of_other_formats_are_refused(
    offline: Runner, backup: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "out")
    assert "--excel is for csv" in offline("archive", "export", "ics", target, "--excel").stderr
    assert (
        "--files is for markdown"
        in offline("archive", "export", "csv", target, "--files", ".").stderr
    )
    assert offline("archive", "export", "csv", target, "--excel").code == 0
    with open(tmp_path / "out" / "lists.csv", encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == ["id", "page_id", "page_title", "name"]


def test_a_database_that_cannot_be_written_is_named(
    offline: Runner, backup: Path, tmp_path: Path
) -> None:
    target = tmp_path.joinpath(*["too long for SQLite"] * 30, "notes.db")
    found = offline("archive", "export", "sqlite", str(target))
    assert (found.code, found.stdout) == (1, "")
    message = " ".join(found.stderr.split())
    assert f"{target} cannot be written: unable to open database file" in message
    assert not target.exists()


def test_edited_files_are_not_replaced(offline: Runner, backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "notes"
    offline("archive", "export", "markdown", str(target))
    (target / "pages" / "Lisbon.md").write_text("mine")
    found = offline("archive", "export", "markdown", str(target))
    assert found.code == 1
    assert (target / "pages" / "Lisbon.md").read_text() == "mine"


# --- somebody who only has an old export --------------------------------------------------------


def test_an_old_export_becomes_a_site_without_an_account(
    offline: Runner, export: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    for name in ("BACKPACK_URL", "BACKPACK_TOKEN", "BACKPACK_ARCHIVE"):
        monkeypatch.delenv(name, raising=False)
    imported = offline("archive", "import", str(export), "-o", "table")
    assert (imported.code, imported.stdout) == (0, "")
    assert f"{export}, taken on 2009-03-14, the time of the file: added 1" in imported.stderr
    assert "`backpack archive site` makes a web site of it" in imported.stderr
    assert "`backpack archive todos` lists the open items" in imported.stderr
    assert "`backpack archive search TERM` searches" in imported.stderr
    only = "exports contain pages and reminders only"
    assert (
        f"\n  me, users, statuses, bookmarks, calendars, events, journal: {only}\n"
        in imported.stderr
    )
    made = offline("archive", "site")
    start = home / "backpack-site" / "index.html"
    assert made.lines[0][0] == str(start)
    assert "Lisbon" in start.read_text("utf-8")
    assert "Where we sleep" in (home / "backpack-site/pages/Lisbon.html").read_text("utf-8")
    assert offline("archive", "snapshots").lines[0][1].startswith("2009-03-14")


def test_a_site_never_replaces_that_of_another_archive(
    offline: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, title in (("acme", "Lisbon"), ("home", "Oslo")):
        page = f"<pages><page id='71' title='{title}'><tags/></page></pages>"
        (tmp_path / f"{name}.xml").write_text(page)
        offline("archive", "import", f"{name}.xml", "--archive", name)
    assert offline("archive", "site", "--archive", "acme").code == 0
    refused = offline("archive", "site", "--archive", "home")
    assert (refused.code, refused.stdout) == (1, "")
    assert "contains the web site of another archive" in refused.stderr
    assert "name another folder after the command, or delete this one" in refused.stderr
    assert Path("backpack-site/pages/Lisbon.html").exists()
    assert offline("archive", "site", "home-site", "--archive", "home").code == 0


def test_what_only_one_page_lacks_stands_out_from_what_every_export_lacks(
    offline: Runner, tmp_path: Path
) -> None:
    note = "<belonging id='9'><widget type='Note' id='302'/></belonging>"
    export = tmp_path / "a.xml"
    export.write_text(
        f"<pages><page id='71' title='Lisbon'><belongings>{note}</belongings></page>"
        "<page id='72' title='Porto'/></pages>"
    )
    imported = offline("archive", "import", str(export), "-a", "old", "-o", "table")
    lacks, _, rest = imported.stderr.partition("Warning: the page 'Lisbon' (71) is incomplete. ")
    assert "scopes of pages" in lacks
    assert "page 71" not in lacks
    assert rest.startswith("Not in the archive: notes, lists or files (the page names 1 that ")
    status = offline("archive", "status", "-a", "old", "-o", "json")
    assert status.data["incomplete_pages"] == [71]
    assert "'Lisbon' (71) is incomplete" in offline("archive", "status", "-a", "old").stderr
    assert "'Lisbon' (71) is incomplete" in offline("archive", "todos", "-a", "old", "-q").stderr


def test_not_all_of_many_incomplete_pages_are_named(offline: Runner, tmp_path: Path) -> None:
    note = "<belongings><belonging id='9'><widget type='Note' id='302'/></belonging></belongings>"
    pages = "".join(f"<page id='{id}' title='Page {id}'>{note}</page>" for id in range(1, 13))
    (tmp_path / "a.xml").write_text(f"<pages>{pages}</pages>")
    found = offline("archive", "import", str(tmp_path / "a.xml"), "-a", "old", "-o", "table").stderr
    assert found.count("is incomplete") == 10
    assert "Warning: 2 more are incomplete; `backpack archive site` shows which\n" in found


@pytest.mark.parametrize("term", ["BAKER", "Groceries", "Your reservation", "shoes"])
def test_an_archive_is_searched_as_the_account(
    term: str, run: Runner, offline: Runner, export: Path
) -> None:
    offline("archive", "import", str(export), "-a", "old")
    found = offline("archive", "search", term, "-a", "old", "-o", "json").data
    assert found
    assert found == run("search", term, "-o", "json").data


def test_an_archive_lists_the_open_items_of_the_account(
    run: Runner, offline: Runner, export: Path
) -> None:
    offline("archive", "import", str(export), "-a", "old")
    assert offline("archive", "todos", "-a", "old").lines == run("todos").lines
    assert offline("archive", "todos", "-a", "none").code == 2


def test_several_exports_are_imported_from_the_oldest_on(
    offline: Runner, export: Path, tmp_path: Path
) -> None:
    older, newer = tmp_path / "a.xml", tmp_path / "b.xml"
    newer.write_bytes(b"<pages><page id='71' title='Oslo'><tags/></page></pages>")
    older.write_bytes(b"<pages><page id='71' title='Lisbon'><tags/></page></pages>")
    os.utime(older, (1_100_000_000, 1_100_000_000))
    found = offline("archive", "import", str(newer), str(older), "-a", "old", "-o", "json").data
    assert [(each["snapshot"], each["file"]) for each in found] == [
        (1, str(older)),
        (2, str(newer)),
    ]
    assert {"reminders", "journal"} < set(found[1]["gaps"])
    history = offline("archive", "history", "page", "71", "-a", "old").lines
    assert [line[2] for line in history] == ["added", "changed"]


def test_files_that_are_no_exports_are_refused(offline: Runner, tmp_path: Path) -> None:
    path = tmp_path / "photo.xml"
    path.write_bytes(b"GIF89a")
    found = offline("archive", "import", str(path))
    assert found.code == 1
    assert found.stderr.startswith(f"Error: {path} cannot be read: it is no well-formed XML")
    assert "Hint: Look for a complete copy: XML that begins with <user>" in found.stderr
    path.write_bytes(b"<user id='4'><pages><page id='71'")
    cut = offline("archive", "import", str(path), "-o", "json")
    assert json.loads(cut.stderr)["error"].endswith(
        "it ends too early, after 33 bytes: the rest is missing"
    )
    assert "No such file" in offline("archive", "import", "missing.xml").stderr
    two = offline("archive", "import", str(path), str(path), "--taken-at", "2009-03-14")
    assert "--taken-at is for a single file" in two.stderr


# --- restoring ----------------------------------------------------------------------------------


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, home: Path, network: None) -> Iterator[Sandbox]:
    """Another account, which the environment names."""
    with Sandbox(seed="empty") as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        yield box


def test_a_restore_shows_its_plan_and_asks(offline: Runner, backup: Path, empty: Sandbox) -> None:
    dry = offline("archive", "restore", "--page", "Lisbon", "--dry-run")
    assert dry.code == 0
    assert "pages: Lisbon\n" in dry.stdout
    assert re.search(r"requests: about \d+, \d+ seconds?", dry.stdout)
    assert "they are restored with --reminders only" in dry.stdout
    plan = offline("archive", "restore", "--dry-run", "-o", "json").data
    assert plan["requests"] > 200
    assert plan["minutes"] > 0
    refused = offline("archive", "restore", "--page", "Lisbon")
    assert refused.code == 1
    assert f"Restore 1 page into {empty.url}?" in refused.stderr
    assert offline("page", "list").stdout == ""

    done = offline("archive", "restore", "--page", "Lisbon", "--yes", "-o", "json")
    assert done.code == 0
    assert len(done.data["ids"]["note"]) == 3
    assert [line[1] for line in offline("page", "list").lines] == ["Lisbon"]

    again = offline("archive", "restore", "--page", "Lisbon", "--yes")
    assert again.code == 0
    assert len(offline("page", "list").lines) == 1


def test_a_restore_into_the_same_account_has_to_be_wanted(run: Runner, backup: Path) -> None:
    found = run("archive", "restore", "--dry-run")
    assert found.code == 1
    assert "use --into-source if you want them there" in found.stderr
    found = run("archive", "restore", "--dry-run", "--into-source", "-o", "json")
    assert "use --journal with its file, or --again to create all pages" in found.error["error"]
    assert found.error["hint"] == ""


def test_an_interrupted_restore_goes_on(
    offline: Runner,
    backup: Path,
    empty: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("archive", "restore", "--tag", "Travel", "--yes", "-o", "json")
    with monkeypatch.context() as patch:
        patch.setattr("backpack_orm.archive.restoring.run._Restore._fill", _interrupt)
        found = offline(*command)
    assert found.code == 130
    hint = found.error["hint"]
    assert re.match(r"\d of \d pages? created; run the same command again to go on", hint)
    done = offline(*command)
    assert done.code == 0
    pages = [line[1] for line in offline("page", "list").lines]
    assert len(pages) == len(set(pages)) == len(done.data["ids"]["page"])


def _interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_no_message_of_the_library_about_python_is_left() -> None:
    python = re.compile(r"[a-z]+=True|call sync\(\)|\b(?:pages|journal|again)=")
    found = [text for text in _texts_of(Path(archive_room.__path__[0])) if python.search(text)]
    assert len(found) > 4
    for text in found:
        assert not python.search(in_words(text)), text


def _texts_of(folder: Path) -> Iterator[str]:
    """Yield the texts in the code of a room, without docstrings."""
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        nodes = list(ast.walk(tree))
        docstrings = {id(each.value) for each in nodes if isinstance(each, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                )
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in docstrings
            ):
                yield node.value


def test_an_answer_of_no_restores_nothing(
    backup: Path, empty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(State, "is_interactive", True)
    result = CliRunner().invoke(
        program,
        ["archive", "restore", "--page", "Lisbon"],
        input="n\n",
        obj=State(now=lambda: NOW),
    )
    assert result.exit_code == 130
    assert "requests: about " in result.stderr
    pages = CliRunner().invoke(program, ["page", "list"], obj=State(now=lambda: NOW))
    assert pages.stdout == ""
