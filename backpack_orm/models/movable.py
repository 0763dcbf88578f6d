"""Records that can be copied and moved into other lists or pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.copies import CopyResult

if TYPE_CHECKING:
    from backpack_orm.orm.children import Children
    from backpack_orm.orm.progress import Progress


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
        from backpack_orm.orm.copying import Copying  # which most programs never use

        what = f"{cls._resource.__name__}.copy_to"
        return Copying(what, records, cls._target(what, target), progress, adopt=adopt).run()

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
        from backpack_orm.orm.moving import Moving  # which most programs never use

        what = f"{cls._resource.__name__}.move_to"
        return Moving(what, records, cls._target(what, target), progress, adopt=adopt).run()

    @classmethod
    def _target(cls, what: str, target: object) -> Children[Any]:
        """Return the collection of a target.

        Raises:
            ValidationError: The target is no object of the right model.
        """
        type, relation = cls._copied_into
        if getattr(target.__class__, "_record_type", None) != type:
            raise ValidationError(f"{what} takes a {type} object, not {short_repr(target)}")
        children: Children[Any] = getattr(target, relation)
        return children
