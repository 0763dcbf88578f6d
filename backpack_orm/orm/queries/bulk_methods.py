"""Methods of collections that write all of their records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from backpack_orm.orm.operations.bulk import BulkResult, OnError
    from backpack_orm.orm.operations.progress import Progress
    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.writing.save_result import SaveResult

M_co = TypeVar("M_co", bound="Model", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

NEEDED = {
    **{name: name for name in ("update", "destroy", "complete", "reopen", "copy_to", "move_to")},
    "retag": "_retagger",
}
"""The methods of collections, and the attribute of the model that each requires."""


class _Updatable(Protocol[P]):
    """A model, for type checkers, with the arguments of its `update`."""

    def update(self, *args: P.args, **attributes: P.kwargs) -> SaveResult: ...


class _Destroyable(Protocol):
    def destroy(self) -> dict[str, Any]: ...


class _Completable(Protocol):
    def complete(self) -> SaveResult: ...
    def reopen(self) -> SaveResult: ...


class _Taggable(Protocol[T_contra]):
    @classmethod
    def _retagger(
        cls, pages: Any, add: Iterable[T_contra], remove: Iterable[T_contra]
    ) -> Callable[[Any], SaveResult]: ...


class BulkMethods(Generic[M_co]):
    """Methods that write all records of a collection, several at the same time.

    All of them take `on_error` and `progress`. `on_error="stop"` raises the first error once the
    calls under way are finished, and starts no others. `"continue"` attempts every record.
    `progress=True` shows progress on standard error; a function is called in your thread after each
    record with what is done, the number of finished records, and the total. What is wrong with the
    arguments, or with a record that is new or destroyed, is raised before anything is written.

    An error that stops the operation has a `BulkResult` as `error.result`, and so has the
    `KeyboardInterrupt` after Ctrl-C; see `BulkResult.of`.

    >>> result = Page.all()[:3].update(title="Later", on_error="continue")
    >>> len(result.succeeded), len(result.failed)
    (3, 0)
    """

    __slots__ = ()

    _model: type[M_co]

    if TYPE_CHECKING:

        def _all(self) -> list[M_co]: ...
        def _loaded(self) -> list[M_co]: ...

    def update(
        self: Iterable[_Updatable[P]],
        on_error: OnError = "stop",
        progress: bool | Progress = False,
        *args: P.args,
        **attributes: P.kwargs,
    ) -> BulkResult[M_co, SaveResult]:
        """Set attributes of all records, and save each record that changes.

        Makes the same requests as `update` of each record. If only `completed` is set, makes those
        of `complete`.

        Args:
            on_error: `"stop"` or `"continue"`.
            progress: True to show progress, or a function.
            **attributes: As for `update` of a record.

        Raises:
            TypeError: An attribute is misspelled, or the records cannot be updated.
            ValidationError: A value cannot be sent. Nothing was written.
            BackpackError: A call failed; its `result` says what was done.

        >>> notes = Page.find_by(title="Lisbon").notes
        >>> notes.update(title="Lisbon")
        BulkResult(2 succeeded, 3 requests)
        """
        return cast("BulkMethods[M_co]", self)._update_all(args, attributes, on_error, progress)

    def destroy(
        self: Iterable[_Destroyable],
        *,
        on_error: OnError = "stop",
        progress: bool | Progress = False,
    ) -> BulkResult[M_co, dict[str, Any]]:
        """Destroy all records with all that they contain. It cannot be undone.

        Makes the same requests as `destroy` of each record.

        Args:
            on_error: `"stop"` or `"continue"`.
            progress: True to show progress, or a function.

        Returns:
            A result whose `values` suffice to create the records again, see `destroy` of a record.

        Raises:
            TypeError: The records cannot be destroyed.
            BackpackError: A call failed; its `result` says what was done.

        >>> packing = Page.find_by(title="Lisbon").lists["Packing"]
        >>> result = packing.items.where(completed=True).destroy()
        >>> result
        BulkResult(3 succeeded, 3 requests)
        >>> result.values[0]["content"]
        'Passports'
        """
        own = cast("BulkMethods[M_co]", self)
        call = own._model_with("destroy")._destroyer()
        return own._each("destroy", "destroying", call, on_error, progress)

    def complete(
        self: Iterable[_Completable],
        *,
        on_error: OnError = "stop",
        progress: bool | Progress = False,
    ) -> BulkResult[M_co, SaveResult]:
        """Mark all items as completed.

        Makes one request to read each item right before it is written, and one for each item that
        is open. See `Item.complete`.

        Args:
            on_error: `"stop"` or `"continue"`.
            progress: True to show progress, or a function.

        Raises:
            TypeError: The records are not items.
            BackpackError: A call failed; its `result` says what was done.

        >>> Page.find_by(title="Lisbon").lists["Packing"].items.complete()
        BulkResult(8 succeeded, 13 requests)
        """
        own = cast("BulkMethods[M_co]", self)
        call = own._model_with("complete")._updater({"completed": True})
        return own._each("complete", "completing", call, on_error, progress)

    def reopen(
        self: Iterable[_Completable],
        *,
        on_error: OnError = "stop",
        progress: bool | Progress = False,
    ) -> BulkResult[M_co, SaveResult]:
        """Mark all items as open again. Makes requests and raises errors as `complete` does.

        >>> Page.find_by(title="Lisbon").lists["Packing"].items.reopen()
        BulkResult(8 succeeded, 11 requests)
        """
        own = cast("BulkMethods[M_co]", self)
        call = own._model_with("reopen")._updater({"completed": False})
        return own._each("reopen", "reopening", call, on_error, progress)

    def retag(
        self: Iterable[_Taggable[T]],
        *,
        add: Iterable[T] = (),
        remove: Iterable[T] = (),
        on_error: OnError = "stop",
        progress: bool | Progress = False,
    ) -> BulkResult[M_co, SaveResult]:
        """Add tags to all pages, and remove others.

        Makes one request to read the tags of all pages, and two for each page whose tags change,
        which are read right before they are written. All tags are read from the export of the
        user, whose id takes one more request if it is not cached. Reads a single page by itself;
        so too each page of which the export may have escaped a text twice, and every page if it
        contains no tags at all.

        Args:
            add: Tags or their names.
            remove: Tags or their names, which a page need not have.
            on_error: `"stop"` or `"continue"`.
            progress: True to show progress, or a function.

        Raises:
            TypeError: The records are not pages.
            ValidationError: A tag cannot be sent. Nothing was written.
            BackpackError: A call failed; its `result` says what was done.

        >>> pages = Page.where(tags__name="Travel")
        >>> pages.retag(add=["Journeys"], remove=["Travel"]).is_complete
        True
        """
        own = cast("BulkMethods[M_co]", self)
        call = own._model_with("retag")._retagger(self, add, remove)
        return own._each("retag", "retagging", call, on_error, progress)

    def _update_all(
        self,
        positional: tuple[Any, ...],
        attributes: dict[str, Any],
        on_error: OnError,
        progress: bool | Progress,
    ) -> BulkResult[M_co, SaveResult]:
        model = self._model_with("update")
        model._check_settable(positional, attributes)
        loaded = self._loaded()
        model._check_values(attributes, loaded[0]._source if loaded else None)
        return self._each("update", "updating", model._updater(attributes), on_error, progress)

    def _each(
        self,
        method: str,
        doing: str,
        call: Callable[[M_co], R],
        on_error: OnError,
        progress: bool | Progress,
    ) -> BulkResult[M_co, R]:
        """Make a call for each record, after a look whether all of them can be written."""
        from backpack_orm.orm.operations.bulk import run  # which most programs never use

        def records() -> Iterator[M_co]:
            for record in self._all():
                record._check_exists()
                record._ensure_writable(method)
                yield record

        what = f"{doing} {self._model._container.replace('_', ' ')}"
        return run(
            what,
            call,
            records(),
            on_error=on_error,
            progress=progress,
            shared=_root_id,
            is_repeatable=method != "destroy",
        )

    def _model_with(self, method: str) -> Any:
        """Return the model.

        Raises:
            TypeError: The API has no call for the method.
        """
        if not hasattr(self._model, NEEDED[method]):
            raise TypeError(f"the API has no call to {method} {self._model.__name__} records")
        return self._model


def _root_id(record: Model) -> int:
    """Return the id of the outermost object that a record changes: its page, for most records."""
    root: Any = record
    while hasattr(root._source, "_source"):
        root = root._source
    return id(root)
