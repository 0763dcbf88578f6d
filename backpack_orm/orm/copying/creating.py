"""Creating records once, though responses are lost and processes are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING, Protocol

from backpack_orm.errors import BackpackError, OutcomeUnknown
from backpack_orm.orm.signals import send_created, send_saved

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model


class Steps(Protocol):
    """What was intended, and what came of it. Each step creates one record."""

    def outcome(self, step: str) -> int | None:
        """Return the id of the new record; None if it is not known to exist."""

    def unfinished(self, step: str) -> Set[int] | None:
        """Return the ids before a step whose outcome is unknown; None for any other step."""

    def begin(self, step: str, ids_before: Iterable[int]) -> None:
        """Record that a request is about to be sent."""

    def finish(self, step: str, target_id: int) -> None:
        """Record the id of the new record."""

    def ambiguous(self, step: str, ids: Sequence[int]) -> BackpackError:
        """Return the error for a step of which several new records may be the result."""


class StepsInMemory:
    """The steps of an operation of this process.

    >>> steps = StepsInMemory()
    >>> steps.begin("item:501", {3, 4})
    >>> steps.unfinished("item:501"), steps.outcome("item:501")
    (frozenset({3, 4}), None)
    >>> steps.finish("item:501", 5)
    >>> steps.unfinished("item:501"), steps.outcome("item:501")
    (None, 5)
    """

    def __init__(self) -> None:
        self._unfinished: dict[str, frozenset[int]] = {}
        self._outcomes: dict[str, int] = {}

    def outcome(self, step: str) -> int | None:
        """Return the id of the new record; None if it is not known to exist."""
        return self._outcomes.get(step)

    def unfinished(self, step: str) -> Set[int] | None:
        """Return the ids before a step whose outcome is unknown; None for any other step."""
        return self._unfinished.get(step)

    def begin(self, step: str, ids_before: Iterable[int]) -> None:
        """Record that a request is about to be sent."""
        self._unfinished[step] = frozenset(ids_before)

    def finish(self, step: str, target_id: int) -> None:
        """Record the id of the new record."""
        self._outcomes[step] = target_id
        self._unfinished.pop(step, None)

    @property
    def is_pending(self) -> bool:
        """Whether the outcome of a step is unknown."""
        return bool(self._unfinished)

    def forget(self, step: str) -> None:
        """Have a step create its record again."""
        self._outcomes.pop(step, None)
        self._unfinished.pop(step, None)

    def ambiguous(self, step: str, ids: Sequence[int]) -> BackpackError:
        """Return the error for a step of which several new records may be the result."""
        return OutcomeUnknown(
            f"the response to the creation of {step} was lost, and {len(ids)} new records look "
            f"like it ({', '.join(map(str, ids))}): destroy all but one, and resume()"
        )


def create_once(
    steps: Steps,
    step: str,
    *,
    siblings: Set[int],
    equal: Callable[[], Iterable[Model]],
    create: Callable[[], int],
) -> int:
    """Return the id of the record of a step: of the one that exists, or of one that is created.

    If an earlier attempt may have created it, the records beside it are read. Exactly one new
    record with equal content is adopted. With none, the record is created. Makes no request if
    the id is known.

    Args:
        steps: What was done before.
        step: Identifies the record, such as `note:301`.
        siblings: Ids of the records beside which it is created.
        equal: Reads the records anew, and returns those with equal content.
        create: Sends the request, and returns the id of the new record.

    Raises:
        BackpackError: Several new records have equal content, see `Steps.ambiguous`. Or the service
            refused the request. Or the response was lost, and there is no new record: the request
            may still be under way.
    """
    known = steps.outcome(step)
    if known is not None:
        return known
    before = steps.unfinished(step)
    if before is not None:
        adopted = _adopted(steps, step, before, equal)
        if adopted is not None:
            return adopted
    steps.begin(step, siblings)
    try:
        created = create()
    except BackpackError as error:
        adopted = _adopted(steps, step, siblings, equal) if error.may_have_happened else None
        if adopted is None:
            raise
        return adopted
    steps.finish(step, created)
    return created


def _adopted(
    steps: Steps, step: str, before: Set[int], equal: Callable[[], Iterable[Model]]
) -> int | None:
    """Return the id of the only new record with equal content; None if there is none."""
    new = {each._saved_id: each for each in equal() if each._saved_id not in before}
    if len(new) > 1:
        raise steps.ambiguous(step, sorted(new))
    for id, record in new.items():
        steps.finish(step, id)
        send_created(record)
        send_saved(record, created=True)
        return id
    return None
