"""Data files of this, older and newer versions, of other programs, and damaged ones."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox, database, migrations, schema
from backpack_orm.sandbox.maintenance import check
from backpack_orm.sandbox.models import Base, User
from tests.sandbox.conftest import Client

FILES = Path(__file__).parent / "files"
OLD_TOKEN = "0f3c5d7e9b1a2c4e6f8091a3b5c7d9e1f2a4b6c8"
SECOND_OLD_TOKEN = "5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7"
GUESSABLE_FEED = "251628d91bac0452267521d9e859ab2746e4e6d2"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of this version, with the demonstration."""
    path = tmp_path / "data.db"
    Sandbox(seed="demo", data=str(path), token=OLD_TOKEN).close()
    return path


def refusal(path: Path) -> str:
    """Return the error for a file, which must not be changed."""
    before = path.read_bytes()
    with pytest.raises(OSError, match="cannot store data in") as caught:
        Sandbox(data=str(path), seed="empty")
    assert path.read_bytes() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_migration_script_is_a_known_revision() -> None:
    known = [script.revision for script in migrations.scripts().walk_revisions()]
    assert tuple(reversed(known)) == schema.REVISIONS


def test_a_new_file_is_readable_by_its_owner_only(data: Path, tmp_path: Path) -> None:
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {"data.db": 0o600}
    with closing(sqlite3.connect(data)) as file:
        assert file.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert file.execute("PRAGMA user_version").fetchone() == (int(schema.HEAD),)
        assert file.execute("SELECT * FROM alembic_version").fetchone() == (schema.HEAD,)


def test_a_file_that_others_can_read_causes_a_warning(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data.chmod(0o644)
    Sandbox(data=str(data)).close()
    assert f"{data} can be read by other users of this machine" in caplog.text


class TestMigrating:
    def test_everything_is_migrated(self, old: Path, as_user: Callable[..., Client]) -> None:
        with Sandbox(data=str(old)) as box:
            client = as_user(OLD_TOKEN, box.url)
            pages = client.ws("pages/all")
            assert 'title="Lisbon"' in pages
            assert 'title="Written over HTTP"' in pages
            assert client.ws("page/40000004").count("<item ") == 12
            assert "Lisbon" in client.ws("pages/search", "<term>BAKER</term>")
            assert "Choir" in client.ws("pages/search", "<term>AUTUMN 🎶</term>")
            assert client.rest("GET", "/journal_entries.xml").text.count("<journal-entry>") == 100
            second = as_user(SECOND_OLD_TOKEN, box.url)
            assert "<pages></pages>" in second.ws("pages/all")
        assert check(old) == []

    def test_the_schema_is_that_of_a_new_file(self, old: Path, data: Path) -> None:
        Sandbox(data=str(old)).close()
        with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(data)) as other:
            assert schema.describe(one) == schema.describe(other)

    def test_a_page_stays_shared_for_any_letter_case_of_the_address(
        self, old: Path, as_user: Callable[..., Client]
    ) -> None:
        with closing(sqlite3.connect(old)) as file, file:
            file.execute(
                "INSERT INTO friends (page_key, email_address) "
                "SELECT key, 'SAM@X.example' FROM pages WHERE id = 40000004"
            )
        with Sandbox(data=str(old)) as box:
            sam = as_user(box.add_user("Sam", email_address="sam@x.example"), box.url)
            assert "Lisbon" in sam.ws("pages/all")

    def test_gaps_in_the_positions_are_closed(self, old: Path) -> None:
        with closing(sqlite3.connect(old)) as file, file:
            file.execute("UPDATE widgets SET position = 10 * position")
        Sandbox(data=str(old)).close()
        assert check(old) == []

    def test_the_old_file_is_preserved(self, old: Path, caplog: pytest.LogCaptureFixture) -> None:
        before = old.read_bytes()
        Sandbox(data=str(old)).close()
        preserved = old.with_name("old.db.schema-0001")
        assert preserved.read_bytes() == before
        assert (mode(old), mode(preserved)) == (0o600, 0o600)
        assert f"was upgraded from schema 0001 to {schema.HEAD}" in caplog.text
        assert sorted(path.name for path in old.parent.iterdir()) == ["old.db", preserved.name]

    def test_the_old_file_is_preserved_by_a_file_system_without_hard_links(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def link(source: object, target: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
        Sandbox(data=str(old)).close()
        preserved = old.with_name("old.db.schema-0001")
        assert OLD_TOKEN.encode() in preserved.read_bytes()  # which the new version stores no more
        assert mode(preserved) == 0o600

    def test_no_token_is_left_in_clear_text(self, old: Path) -> None:
        assert OLD_TOKEN.encode() in old.read_bytes()
        Sandbox(data=str(old)).close()
        assert OLD_TOKEN.encode() not in old.read_bytes()

    def test_tokens_that_are_too_short_are_revoked_with_a_warning(
        self, old: Path, caplog: pytest.LogCaptureFixture, as_user: Callable[..., Client]
    ) -> None:
        with Sandbox(data=str(old)) as box:
            as_user("let-me-in", box.url).ws("pages/all", status=302)
        assert "the token of Owner in the account weak was revoked" in caplog.text

    def test_feeds_that_could_be_guessed_get_new_tokens(self, old: Path, api: Client) -> None:
        guessable = GUESSABLE_FEED
        with closing(sqlite3.connect(old)) as file:
            assert (guessable,) in file.execute("SELECT token FROM calendars").fetchall()
        with Sandbox(data=str(old)) as box:
            api.url = box.url
            assert api.send("GET", f"/{guessable}.ics").status_code == 404

    @pytest.mark.parametrize("step", ["upgrade", "integrity_faults", "replace"])
    def test_a_failure_leaves_the_file_unchanged(
        self, old: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("No space left on device")

        where = {"upgrade": migrations, "integrity_faults": schema, "replace": os}[step]
        monkeypatch.setattr(where, step, fail)
        assert "could not be upgraded" in refusal(old)
        monkeypatch.undo()
        assert not old.with_name("old.db.migrating").exists()
        Sandbox(data=str(old)).close()

    def test_a_file_that_another_process_writes_to_is_not_replaced(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schema, "LOCK_TIMEOUT", 0.1)
        with closing(sqlite3.connect(old, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OSError, match="could not be upgraded.*locked"):
                Sandbox(data=str(old))

    @pytest.mark.network
    def test_two_servers_that_start_at_once_upgrade_it_once(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upgrade, second = migrations.upgrade, []

        def start_another_one_meanwhile(copy: Any) -> None:
            monkeypatch.setattr(migrations, "upgrade", upgrade)
            second.append(threading.Thread(target=lambda: Sandbox(data=str(old)).close()))
            second[0].start()
            second[0].join(0.5)  # on its own it would take the old version for the current one
            upgrade(copy)

        monkeypatch.setattr(migrations, "upgrade", start_another_one_meanwhile)
        with Sandbox(data=str(old)) as box:
            made = box.tokens.create(label="made by the first")
            second[0].join()
            assert made
        with Sandbox(data=str(old)) as box:
            assert "made by the first" in [token.label for token in box.tokens.all()]
        assert [path.name for path in old.parent.glob("*.schema-*")] == ["old.db.schema-0001"]

    @pytest.fixture
    def reader(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
        """Another process that is reading when a file is switched to WAL mode."""
        write_ahead = database.SqliteDatabase._write_ahead

        def while_other_reads(self: database.SqliteDatabase, data: str) -> None:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM pages").fetchone()
            write_ahead(self, data)

        monkeypatch.setattr(database.SqliteDatabase, "_write_ahead", while_other_reads)
        with closing(sqlite3.connect(data, isolation_level=None, check_same_thread=False)) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            yield other

    def test_a_file_that_another_process_reads_is_opened_afterwards(
        self, data: Path, reader: Any
    ) -> None:
        timer = threading.Timer(0.5, reader.execute, ["ROLLBACK"])
        timer.start()
        Sandbox(data=str(data)).close()
        timer.join()
        with closing(sqlite3.connect(data)) as file:
            assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_a_file_that_another_process_reads_for_too_long_is_refused(
        self, data: Path, reader: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
        with pytest.raises(OSError, match="cannot store data in .*: another process has locked it"):
            Sandbox(data=str(data))

    def test_users_with_the_same_address_get_unique_addresses(
        self, old: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(sqlite3.connect(old)) as file, file:
            file.execute("UPDATE users SET email_address = 'Sam@x.example'")
            accounts = file.execute("SELECT account_key FROM users ORDER BY key").fetchall()
        Sandbox(data=str(old)).close()
        with closing(sqlite3.connect(old)) as file:
            stored = file.execute("SELECT account_key, email_address FROM users").fetchall()
        assert len(set(stored)) == len(stored) == len(accounts)
        assert "Sam@x.example" in {address for _, address in stored}
        assert "now has the address Sam.2@x.example" in caplog.text

    def test_files_left_by_a_crash_are_ignored(self, old: Path) -> None:
        old.with_name("old.db.migrating").write_bytes(b"half of it")
        Sandbox(data=str(old)).close()
        assert check(old) == []


class TestRefusing:
    def test_a_newer_version(self, data: Path) -> None:
        with closing(sqlite3.connect(data)) as file:
            file.execute("UPDATE alembic_version SET version_num = '9999'")
            file.commit()
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert "written by a newer version of backpack_orm (schema 9999" in refusal(data)

    @pytest.mark.parametrize(
        "pragma", ["user_version = 1", "application_id = 7", "user_version = 0"]
    )
    def test_a_database_of_another_program(self, tmp_path: Path, pragma: str) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE pages (title TEXT)")
            other.execute(f"PRAGMA {pragma}")
        assert "a database of another program" in refusal(path)

    def test_text(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("Dear diary,\n" * 1000)
        assert "damaged, or no SQLite database" in refusal(path)

    def test_a_damaged_file(self, data: Path) -> None:
        with data.open("r+b") as file:
            file.seek(4096 * 3)
            file.write(b"\xff" * 4096 * 8)
        assert "damaged" in refusal(data)

    def test_half_a_file(self, data: Path) -> None:
        with data.open("r+b") as file:
            file.truncate(data.stat().st_size // 2)
        assert "damaged" in refusal(data)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="is not a regular file"):
            Sandbox(data=str(tmp_path))

    def test_an_empty_file_is_filled(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch(0o600)
        Sandbox(data=str(path), seed="empty").close()
        assert check(path) == []


def test_tokens_are_stored_as_hashes_only(data: Path) -> None:
    assert OLD_TOKEN.encode() not in data.read_bytes()
    assert "token" not in Base.metadata.tables[User.__tablename__].columns
