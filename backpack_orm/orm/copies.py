"""Copies and moves of records: what models call, and what they return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from attrs import frozen

from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.rich_display import RichDisplay

if TYPE_CHECKING:
    from backpack_orm.orm.children import Children
    from backpack_orm.orm.model import Model
    from backpack_orm.orm.progress import Progress

M = TypeVar("M", bound="Model")


@frozen(repr=False)
class CopyResult(RichDisplay, Generic[M]):
    """What was copied or moved.

    Attributes:
        records: The new records, in the order of the originals.
        ids: Ids of the copies, by type and id of the originals: `result.ids["note"][301]`. Includes
            the items of copied lists.
        impossible: What could not be taken along, and why.
        destroyed: Ids of the originals that a move has destroyed; those of copies still exist.
        requests: Number of requests.

    >>> page = Page.find_by(title="Lisbon")
    >>> result = page.notes[0].copy_to(Page.find_by(title="The garden"))
    >>> result
    CopyResult(1 note, 3 requests)
    >>> result.record.title, sorted(result.impossible)
    ('Where we sleep', ['ids', 'show_created_at', 'times'])
    """

    records: tuple[M, ...]
    ids: Mapping[str, Mapping[int, int]]
    impossible: Mapping[str, str]
    destroyed: tuple[int, ...] = ()
    requests: int = 0

    @property
    def record(self) -> M:
        """The first new record, which is the only one if a single record was copied.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.notes[0].copy_to(page).record == page.notes[-1]
        True
        """
        return self.records[0]

    def __repr__(self) -> str:
        counts = {type: len(ids) for type, ids in self.ids.items()}
        parts = [f"{n} {type}{'s' * (n != 1)}" for type, n in counts.items()] or ["nothing"]
        if self.destroyed:
            parts.append(f"{len(self.destroyed)} destroyed")
        return f"CopyResult({', '.join(parts)}, {self.requests} requests)"


def copy_all(
    what: str,
    model: type[M],
    records: Iterable[M],
    target: object,
    progress: bool | Progress = False,
    *,
    adopt: bool = False,
) -> CopyResult[M]:
    """Copy records of a model into a target.

    Args:
        what: The call, for messages.
        model: The model of the records.
        records: The records.
        target: The record that is to contain the copies.
        progress: True to show it on standard error, or a function.
        adopt: Whether to use equal records that exist already.
    """
    from backpack_orm.orm.copying import Copying  # which most programs never use

    children = target_of(what, model, target)
    return Copying(what, records, children, progress, adopt=adopt).run()


def move_all(
    what: str,
    model: type[M],
    records: Iterable[M],
    target: object,
    progress: bool | Progress = False,
    *,
    adopt: bool = False,
) -> CopyResult[M]:
    """Move records of a model into a target. Takes the arguments of `copy_all`."""
    from backpack_orm.orm.moving import Moving  # which most programs never use

    children = target_of(what, model, target)
    return Moving(what, records, children, progress, adopt=adopt).run()


def target_of(what: str, model: type[M], target: object) -> Children[M]:
    """Return the collection of a target for records of a model.

    Raises:
        ValidationError: The target is no object of the right model.
    """
    type, relation = cast(Any, model)._copied_into
    if getattr(target.__class__, "_record_type", None) != type:
        raise ValidationError(f"{what} takes a {type} object, not {short_repr(target)}")
    children: Children[M] = getattr(target, relation)
    return children
