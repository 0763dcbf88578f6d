"""Methods of collections that copy or move all of their records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from backpack_orm.orm.queries.bulk_methods import M_co

if TYPE_CHECKING:
    from backpack_orm.orm.copying.copy_result import CopyResult
    from backpack_orm.orm.operations.progress import Progress
    from backpack_orm.orm.records.model import Model


class _Copyable(Protocol):
    def copy_to(self, target: Any, /) -> Any: ...


class _Movable(Protocol):
    def move_to(self, target: Any, /) -> Any: ...


class CopyMethods(Generic[M_co]):
    """Methods that copy or move all records of a collection, in order and each once."""

    __slots__ = ()

    _model: type[M_co]

    if TYPE_CHECKING:

        def _all(self) -> list[M_co]: ...

    def copy_to(
        self: Iterable[_Copyable],
        target: Model | int,
        *,
        progress: bool | Progress = False,
        adopt: bool = False,
    ) -> CopyResult[M_co]:
        """Copy all items to a list, or all notes or lists to a page.

        Makes one request for each record, one for each place from which they are copied, and one
        for the target. See `Item.copy_to`, `Note.copy_to` and `List.copy_to` for arguments and
        errors.

        Args:
            target: The list or page, or its id.
            progress: True to show it on standard error, or a function.
            adopt: Use equal records that exist there already instead, each for one record.

        Raises:
            TypeError: The records cannot be copied.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> lists = Page.find_by(title="Lisbon").lists
        >>> lists["Packing"].items.where(completed=True).copy_to(lists["Not to be missed"])
        CopyResult(3 items, 5 requests)
        """
        own = cast("CopyMethods[M_co]", self)
        model = own._movable("copy_to")
        result: CopyResult[M_co] = model._copy_all(own._all(), target, progress, adopt=adopt)
        return result

    def move_to(
        self: Iterable[_Movable],
        target: Model | int,
        *,
        progress: bool | Progress = False,
        adopt: bool = False,
    ) -> CopyResult[M_co]:
        """Move all items to another list, or all notes or lists to another page.

        Copies all records. Then it reads the copies and the originals of eight at a time, proves
        that each copy equals its original, and destroys these originals. Makes two requests for
        each record, one for each place and one for the target, and as many again for each eight
        records. If it is stopped, moving the same records again completes it.

        Args:
            target: The list or page, or its id.
            progress: True to show it on standard error, or a function.
            adopt: Use equal records that exist there already instead, each for one record. It
                continues after the process was killed.

        Raises:
            TypeError: The records cannot be moved.
            ValidationError: A record is there already, or belongs to another account.
            StaleRecord: Somebody has changed or destroyed a copy or an original, and this original
                was not destroyed.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> lists = Page.find_by(title="Lisbon").lists
        >>> lists["Packing"].items.where(completed=True).move_to(lists["Not to be missed"])
        CopyResult(3 items, 3 destroyed, 10 requests)
        """
        own = cast("CopyMethods[M_co]", self)
        model = own._movable("move_to")
        result: CopyResult[M_co] = model._move_all(own._all(), target, progress, adopt=adopt)
        return result

    def _movable(self, method: str) -> Any:
        """Return the model.

        Raises:
            TypeError: Its records cannot be copied.
        """
        if not hasattr(self._model, method):
            raise TypeError(f"{self._model.__name__} records have no {method}()")
        return self._model
