"""The result of a save, and what an exception that stops one says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from backpack_orm.orm.operations.resuming import add_remark, stopped

if TYPE_CHECKING:
    from backpack_orm.orm.writing.saving import Savable


class SaveResult(NamedTuple):
    """Result of a `save()`. False if nothing was sent.

    Attributes:
        created: Whether the record was created.
        updated: Whether an existing record was updated.
        fields: Names of the changed attributes that were sent.

    >>> bool(SaveResult()), bool(SaveResult(updated=True, fields=("title",)))
    (False, True)
    """

    created: bool = False
    updated: bool = False
    fields: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.created or self.updated


def report_saved(
    error: BaseException,
    record: Savable,
    saved: Sequence[str],
    changed: Sequence[str],
    *,
    is_new: bool,
) -> None:
    """Attach to an exception the fields that were saved before it, and how to save the others."""

    def resume() -> SaveResult:
        rest = record.save()
        return SaveResult(is_new, not is_new, (*saved, *rest.fields))

    left = [name for name in changed if name not in saved]
    stopped(error, resume, created=(record,) if is_new else (), is_repeatable=True)
    error.saved = tuple(saved)  # type: ignore[attr-defined]  # an exception has a __dict__
    add_remark(error, f"saved before: {', '.join(saved)}; not saved: {', '.join(left)}")
    add_remark(error, f"the record is {record!r}")
