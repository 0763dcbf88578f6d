"""Creating records once, though responses are lost and processes are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from backpack_orm.archive.restoring.journal import RestoreJournal
from backpack_orm.errors import ArchiveError, OutcomeUnknown


def create_once(
    journal: RestoreJournal,
    step: str,
    *,
    siblings: Set[int],
    equal: Callable[[], Iterable[int]],
    create: Callable[[], int],
) -> int:
    """Return the id of the record of a step: of the one that exists, or of one that is created.

    If an earlier attempt may have created it, the records beside it are read. Exactly one new
    record with equal content is adopted. With none, the record is created. Makes no request if
    the journal knows the id.

    Args:
        journal: What was done before.
        step: Identifies the record, such as `note:301`.
        siblings: Ids of the records beside which it is created.
        equal: Reads the records anew, and returns the ids of those with equal content.
        create: Sends the request, and returns the id of the new record.

    Raises:
        ArchiveError: Several new records have equal content.
        OutcomeUnknown: The response was lost, and there is no new record: the request may still be
            under way.
    """
    known = journal.outcome(step)
    if known is not None:
        return known
    before = journal.unfinished(step)
    if before is not None:
        adopted = _adopted(journal, step, before, equal)
        if adopted is not None:
            return adopted
    journal.begin(step, siblings)
    try:
        created = create()
    except OutcomeUnknown:
        adopted = _adopted(journal, step, siblings, equal)
        if adopted is None:
            raise
        return adopted
    journal.finish(step, created)
    return created


def _adopted(
    journal: RestoreJournal, step: str, before: Set[int], equal: Callable[[], Iterable[int]]
) -> int | None:
    """Return the id of the only new record with equal content; None if there is none."""
    new = sorted(set(equal()) - before)
    if len(new) > 1:
        raise ArchiveError(
            f"the response to the creation of {step} was lost, and {len(new)} new records look "
            f"like it ({', '.join(map(str, new))}): destroy all but one, and restore again"
        )
    if not new:
        return None
    journal.finish(step, new[0])
    return new[0]
