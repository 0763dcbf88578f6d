"""Records that can be copied and moved into other lists or pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.schema.registry import registry

if TYPE_CHECKING:
    from backpack_orm.orm.copying.children import Children
    from backpack_orm.orm.operations.progress import Progress


class Movable(OnPage):
    """A record that can be copied and moved."""

    __slots__ = ()

    _copied_into: ClassVar[tuple[str, str]]
    """The model of the records that can contain it, and the relation."""

    @classmethod
    def _copy_all(
        cls,
        records: Iterable[Self],
        target: object,
        progress: bool | Progress = False,
        *,
        adopt: bool = False,
    ) -> CopyResult[Any]:
        """Copy records into a target. See `copy_to` for arguments and errors."""
        from backpack_orm.orm.copying.copier import Copying  # which most programs never use

        what, records = f"{cls._resource.__name__}.copy_to", [*records]
        to = cls._target(what, target, records)
        return Copying(what, records, to, progress, adopt=adopt).run()

    @classmethod
    def _move_all(
        cls,
        records: Iterable[Self],
        target: object,
        progress: bool | Progress = False,
        *,
        adopt: bool = False,
    ) -> CopyResult[Any]:
        """Move records into a target. See `move_to` for arguments and errors."""
        from backpack_orm.orm.copying.moving import Moving  # which most programs never use

        what, records = f"{cls._resource.__name__}.move_to", [*records]
        to = cls._target(what, target, records)
        return Moving(what, records, to, progress, adopt=adopt).run()

    @classmethod
    def _target(cls, what: str, target: object, records: Sequence[Self]) -> Children[Any]:
        """Return the collection of a target, which is found in the account of the records by an id.

        Raises:
            ValidationError: The target is neither an object of the right model nor an id.
            NotFound: There is no such record.
        """
        type, relation = cls._copied_into
        if getattr(target.__class__, "_record_type", None) != type:
            model: Any = registry[type]
            for record in records:
                record._check_exists()
            using = records[0].connection if records else None
            target = model.find(model._check_id(what, target), using=using)
        children: Children[Any] = getattr(target, relation)
        return children
