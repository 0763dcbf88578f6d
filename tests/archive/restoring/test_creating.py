"""Creating once: whatever happens, there is exactly one record for each step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backpack_orm import BackpackError, InvalidResponse, Item, OutcomeUnknown, Rejected
from backpack_orm.archive.restoring.journal import RestoreJournal, Scope
from backpack_orm.connection.connection import unconnected
from backpack_orm.errors import ArchiveError, DamagedArchive
from backpack_orm.orm.copying.creating import Steps, StepsInMemory, create_once

SCOPE = Scope("8f3a", 42, "new.backpackit.com", 7)


class Service:
    """Records with ids and contents, and failures on demand."""

    def __init__(self, **existing: str) -> None:
        self.records = {int(id[1:]): content for id, content in existing.items()}

    def create(
        self, content: str, *, is_processed: bool = True, error: Exception | None = None
    ) -> int:
        id = max(self.records, default=0) + 1
        if is_processed:
            self.records[id] = content
        if error:
            raise error
        return id

    def equal(self, content: str) -> list[Item]:
        place = unconnected("a test", "", "it needs none")
        found = (id for id, each in self.records.items() if each == content)
        return [Item._stub(id, place) for id in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[RestoreJournal]:
    with RestoreJournal(path, SCOPE) as journal:
        yield journal


@pytest.fixture(params=["in a file", "in memory"])
def steps(request: pytest.FixtureRequest) -> Steps:
    if request.param == "in memory":
        return StepsInMemory()
    found: RestoreJournal = request.getfixturevalue("journal")
    return found


def milk(service: Service, steps: Steps, **failure: object) -> int:
    return create_once(
        steps,
        "item:501",
        siblings=set(service.records),
        equal=lambda: service.equal("Milk"),
        create=lambda: service.create("Milk", **failure),  # type: ignore[arg-type]
    )


def test_a_second_call_creates_nothing(steps: Steps) -> None:
    service = Service()
    assert milk(service, steps) == milk(service, steps) == 1
    assert service.records == {1: "Milk"}


LOST = [OutcomeUnknown("lost"), InvalidResponse("HTML")]
LOST[1].may_have_happened = True


@pytest.mark.parametrize("error", LOST, ids=["no response", "another response"])
def test_a_record_whose_response_was_lost_is_adopted(steps: Steps, error: Exception) -> None:
    service = Service(_5="Milk")
    assert milk(service, steps, error=error) == 6
    assert steps.outcome("item:501") == 6
    assert service.records == {5: "Milk", 6: "Milk"}


def test_a_record_of_an_interrupted_request_is_adopted(steps: Steps) -> None:
    service = Service(_5="Milk")
    with pytest.raises(KeyboardInterrupt):
        milk(service, steps, error=KeyboardInterrupt())
    assert milk(service, steps) == 6
    assert service.records == {5: "Milk", 6: "Milk"}


def test_a_record_of_a_killed_process_is_adopted(path: Path) -> None:
    service = Service(_5="Milk")
    with RestoreJournal(path, SCOPE) as journal:
        journal.begin("item:501", service.records)
        service.create("Milk")  # and here the process is killed
    with RestoreJournal(path, SCOPE) as journal:
        assert milk(service, journal) == 6
    assert service.records == {5: "Milk", 6: "Milk"}


def test_a_process_that_was_killed_before_the_request_creates_it_later(path: Path) -> None:
    service = Service(_5="Milk")
    with RestoreJournal(path, SCOPE) as journal:
        journal.begin("item:501", service.records)
    with RestoreJournal(path, SCOPE) as journal:
        assert milk(service, journal) == 6


def test_a_lost_request_is_not_repeated_in_the_same_run(steps: Steps) -> None:
    service = Service()
    with pytest.raises(OutcomeUnknown):
        milk(service, steps, is_processed=False, error=OutcomeUnknown("lost"))
    assert steps.outcome("item:501") is None
    assert milk(service, steps) == 1


def test_a_refused_request_can_be_repeated(steps: Steps) -> None:
    service = Service()
    with pytest.raises(Rejected):
        milk(service, steps, is_processed=False, error=Rejected("no"))
    assert milk(service, steps) == 1


def test_two_candidates_stop_with_an_error(steps: Steps) -> None:
    service = Service()
    steps.begin("item:501", set())
    service.create("Milk")
    service.create("Milk")
    with pytest.raises(BackpackError, match=r"item:501 was lost, and 2 new records .*1, 2.*") as e:
        milk(service, steps)
    assert isinstance(e.value, ArchiveError | OutcomeUnknown)
    assert len(service.records) == 2


def test_records_that_were_there_before_are_never_adopted(steps: Steps) -> None:
    service = Service(_5="Milk", _6="Milk")
    with pytest.raises(OutcomeUnknown):
        milk(service, steps, is_processed=False, error=OutcomeUnknown("lost"))
    assert service.records == {5: "Milk", 6: "Milk"}


def test_a_forgotten_step_creates_its_record_again() -> None:
    service, steps = Service(), StepsInMemory()
    milk(service, steps)
    steps.forget("item:501")
    assert milk(service, steps) == 2


# --- the journal ------------------------------------------------------------------------------


def test_an_intent_is_on_disk_before_the_request(path: Path) -> None:
    with RestoreJournal(path, SCOPE) as journal:
        journal.begin("note:301", [3, 1])
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())  # as a killed process leaves it
    with RestoreJournal(copy, SCOPE) as journal:
        assert journal.unfinished("note:301") == {1, 3}


def test_outcomes_are_listed_by_type(journal: RestoreJournal) -> None:
    for step, id in (("note:301", 9), ("note:302", 10), ("item:301", 11)):
        journal.begin(step, [])
        journal.finish(step, id)
    journal.begin("note:303", [])
    assert journal.outcomes("note") == {301: 9, 302: 10}
    assert not journal.is_new


def test_two_processes_cannot_use_a_journal_at_once(journal: RestoreJournal, path: Path) -> None:
    journal.begin("note:301", [])
    with pytest.raises(ArchiveError, match="another process is restoring"):
        RestoreJournal(path, SCOPE)


def test_the_journal_of_another_restore_is_refused(path: Path) -> None:
    with RestoreJournal(path, SCOPE):
        pass
    for other in (
        Scope("other", 42, "new.backpackit.com", 7),
        Scope("8f3a", 43, "new.backpackit.com", 7),
        Scope("8f3a", 42, "old.backpackit.com", 7),
        Scope("8f3a", 42, "new.backpackit.com", 8),
    ):
        with pytest.raises(ArchiveError, match="journal of another restore"):
            RestoreJournal(path, other)


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_a_damaged_journal_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DamagedArchive, match="again=True"):
        RestoreJournal(path, SCOPE)


def test_another_database_is_refused_and_stays(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE recipes (name)")
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="cannot be used as a journal"):
        RestoreJournal(path, SCOPE)
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be used as a journal"):
        RestoreJournal(tmp_path, SCOPE)


def test_a_full_disk_stops_before_the_request(journal: RestoreJournal) -> None:
    service = Service()
    ((pages,),) = journal._database.execute("PRAGMA page_count").fetchall()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ArchiveError, match=r"disk is full.*restore again with the same journal"):
        create_once(
            journal,
            "item:501",
            siblings=range(100_000),  # type: ignore[arg-type]
            equal=list,
            create=lambda: service.create("Milk"),
        )
    assert not service.records


def test_what_is_finished_takes_no_space_for_its_siblings(
    path: Path, journal: RestoreJournal
) -> None:
    for number in range(20):
        journal.begin(f"item:{number}", range(10_000))
        journal.finish(f"item:{number}", number)
    assert path.stat().st_size < 300_000
