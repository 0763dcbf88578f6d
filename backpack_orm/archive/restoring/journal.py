"""The journal of a restore: what was intended and what came of it, to continue without doubles."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import frozen

from backpack_orm.errors import ArchiveError, DamagedArchive

_SCHEMA = """
CREATE TABLE about (scope TEXT NOT NULL);
CREATE TABLE steps (
    step TEXT PRIMARY KEY,
    ids_before TEXT NOT NULL,
    target_id INTEGER
);
"""


@frozen
class Scope:
    """What a journal is about: one snapshot, restored into one account as one user.

    Attributes:
        archive: UUID of the archive.
        snapshot: Number of the snapshot.
        host: Host name of the target account, with the port if it has one.
        user_id: Id of the user on the target.
    """

    archive: str
    snapshot: int
    host: str
    user_id: int

    def __str__(self) -> str:
        return json.dumps([self.archive, self.snapshot, self.host, self.user_id])

    @property
    def file_name(self) -> str:
        """The name of its journal in a folder with several.

        >>> Scope("8f3a", 42, "acme.backpackit.com", 7).file_name
        'acme.backpackit.com-42-e5ace337.sqlite3'
        """
        digest = hashlib.sha256(str(self).encode()).hexdigest()[:8]
        return f"{self.host.replace(':', '-')}-{self.snapshot}-{digest}.sqlite3"


class RestoreJournal:
    """A SQLite file with one row for each record to create.

    A row is written to disk before the request is sent, and completed when the id of the new record
    is known. One process at a time can use the file.

    Args:
        path: The file; it is created if there is none.
        scope: What it is about.

    Raises:
        ArchiveError: Another process uses the file, it is about something else, or it cannot be
            written, also when a step is recorded.
        DamagedArchive: The file is not a journal.
        OSError: The folder of the file cannot be created.
    """

    def __init__(self, path: Path, scope: Scope) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise ArchiveError(f"{path} cannot be used as a journal: {error}") from error
        try:
            self._open(scope)
        except BaseException:
            self._database.close()
            raise

    def _open(self, scope: Scope) -> None:
        run = self._database.execute
        try:
            run("PRAGMA locking_mode = EXCLUSIVE")
            run("PRAGMA synchronous = FULL")
            run("BEGIN IMMEDIATE")
            if not run("SELECT name FROM sqlite_master").fetchall():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    run(statement)
                run("INSERT INTO about VALUES (?)", [str(scope)])
            ((found,),) = run("SELECT scope FROM about").fetchall()
            run("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ArchiveError(
                    f"another process is restoring with {self.path}: wait until it has ended"
                ) from None
            raise ArchiveError(f"{self.path} cannot be used as a journal: {error}") from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise DamagedArchive(
                f"{self.path} is not a journal, or is damaged: {error}. Without it, a restore "
                "cannot tell what it has created; pass another journal= and again=True"
            ) from error
        if found != str(scope):
            raise ArchiveError(
                f"{self.path} is the journal of another restore: pass another journal="
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    @property
    def is_new(self) -> bool:
        """Whether no step was begun."""
        return self._execute("SELECT 1 FROM steps LIMIT 1").fetchone() is None

    def begin(self, step: str, ids_before: Iterable[int]) -> None:
        """Record that a request is about to be sent, on disk when this returns.

        Args:
            step: Identifies the record, such as `note:301`.
            ids_before: Ids of the records beside which it will be created.
        """
        self._execute(
            "INSERT OR REPLACE INTO steps VALUES (?, ?, NULL)",
            [step, json.dumps(sorted(ids_before))],
        )

    def finish(self, step: str, target_id: int) -> None:
        """Record the id of the new record."""
        self._execute(
            "UPDATE steps SET target_id = ?, ids_before = '[]' WHERE step = ?", [target_id, step]
        )

    def outcome(self, step: str) -> int | None:
        """Return the id of the new record; None if it is not known to exist."""
        row = self._row(step)
        return row[1] if row else None

    def unfinished(self, step: str) -> set[int] | None:
        """Return the ids before a step whose outcome is unknown; None for any other step."""
        row = self._row(step)
        return set(json.loads(row[0])) if row and row[1] is None else None

    def ambiguous(self, step: str, ids: Sequence[int]) -> ArchiveError:
        """Return the error for a step of which several new records may be the result."""
        return ArchiveError(
            f"the response to the creation of {step} was lost, and {len(ids)} new records look "
            f"like it ({', '.join(map(str, ids))}): destroy all but one, and restore again"
        )

    def outcomes(self, kind: str) -> dict[int, int]:
        """Return the new ids of all finished steps of a kind, by the source's ids."""
        rows = self._execute(
            "SELECT step, target_id FROM steps WHERE step LIKE ? AND target_id IS NOT NULL",
            [f"{kind}:%"],
        )
        return {int(step.partition(":")[2]): id for step, id in rows}

    def _row(self, step: str) -> tuple[str, int | None] | None:
        row: tuple[str, int | None] | None = self._execute(
            "SELECT ids_before, target_id FROM steps WHERE step = ?", [step]
        ).fetchone()
        return row

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise ArchiveError(
                f"{self.path} cannot be written: {error}. Make it writable, and restore again with "
                "the same journal: what was created since is found and adopted"
            ) from error
        except sqlite3.DatabaseError as error:
            raise DamagedArchive(f"{self.path} is damaged: {error}") from error
