"""What can be ticked off and moved about: items, in a list or on a page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.saving import Savable, SaveResult
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.parse import MISSING, Record


class Completable(OnPage, Savable, Destroyable):
    """An item, wherever it stands."""

    __slots__ = ()

    _rewritten = ("updated_at",)

    _toggle: ClassVar[Endpoint]
    _move: ClassVar[Endpoint]

    completed: bool

    def complete(self) -> SaveResult:
        """Mark the item as completed, and save its other changes with that.

        Nobody knows whether the service keeps the content of an item that is updated without it.
        So the list is read right before, and the content sent along as it is stored then. Makes
        two requests, or one if the item is completed already or its content has changed too; with
        `Connection(partial_updates=True)` always one, without reading anything.

        Returns:
            What was sent; false if nothing had to be.

        Raises:
            NotSaved: The item is new.
            NotFound: The item is gone.
            BackpackError: A call failed. The item is as it was before, and `completed` is read
                again if the call may have succeeded.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> item.complete().updated, item.complete().updated
        (True, False)
        """
        return self._set_completed(True)

    def reopen(self) -> SaveResult:
        """Mark the item as open again; requests and errors as for `complete`.

        >>> item = Page.find_by(title="Lisbon").lists["Packing"].items["Passports"]
        >>> item.reopen().updated, item.completed
        (True, False)
        """
        return self._set_completed(False)

    def toggle(self) -> None:
        """Tick it off if it is open on the service, else take the tick away; one request.

        What it is then is loaded when it is asked for. An edit of `completed` is given up.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].toggle()
        """
        self._refuse_new("toggle")
        self._refuse_destroyed()
        self._ensure_writable("toggle")
        with self._changing("completed", "updated_at"), self._parent._changing("items"):
            self._send(self._toggle)

    def move_higher(self) -> None:
        """Move it up by one place; one request. At the top nothing happens.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_higher()
        """
        self._move_by("move_higher")

    def move_lower(self) -> None:
        """Move it down by one place; one request. At the bottom nothing happens.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_lower()
        """
        self._move_by("move_lower")

    def move_to_top(self) -> None:
        """Move it to the top of the list; one request.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_to_top()
        """
        self._move_by("move_to_top")

    def move_to_bottom(self) -> None:
        """Move it to the bottom of the list; one request.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_to_bottom()
        """
        self._move_by("move_to_bottom")

    def _set_completed(self, completed: bool) -> SaveResult:
        self._refuse_new("complete")
        self._refuse_destroyed()
        self._ensure_writable("complete" if completed else "reopen")
        self._refuse_read_only()
        before = self.changes.get("completed")
        self.completed = completed  # type: ignore[misc]  # a slot of the models
        try:
            changes = list(self.changes)
            self._validate(changes)
            edited = [name for name in changes if name != "completed"]
            sent = self._update(self._updates[0], ["completed", *edited], None)
        except BaseException:
            self._restore_completed(before)
            raise
        return SaveResult(updated=bool(sent), fields=tuple(sent))

    def _restore_completed(self, edit: tuple[bool, bool] | None) -> None:
        """Give `completed` the value of an earlier edit, else the last one received."""
        stored = self._snapshot("completed")
        if edit is not None:
            self.completed = edit[1]  # type: ignore[misc]  # a slot of the models
        elif stored is MISSING:
            self._unset("completed")
        else:
            self.completed = stored  # type: ignore[misc]  # a slot of the models

    def _update(
        self, endpoint: Endpoint, changed: Sequence[str], fresh: Record | None
    ) -> list[str]:
        if "completed" not in changed:
            return super()._update(endpoint, changed, fresh)
        if "content" not in changed and not self.connection.partial_updates:
            return self._update_completed(endpoint, fresh or self._fetch(fresh=True))
        with self._parent._changing("items"):
            return super()._update(endpoint, changed, fresh)

    def _update_completed(self, endpoint: Endpoint, stored: Record) -> list[str]:
        """Send `completed` with the content as it is stored; nothing if it is so already."""
        sent = []
        if stored[self._position("completed")] != self.completed:
            content = stored[self._position("content")]
            payload = self._payload(["completed"]) | {
                "content": self._table.fields["content"].serialize(type(self), content)
            }
            with self._parent._changing("items"):
                self._send_update(endpoint, payload)
            sent.append("completed")
        self._merge(stored)
        if sent:
            self._take_updated(sent)
        return sent

    def _move_by(self, direction: str) -> None:
        self._refuse_new("move")
        self._refuse_destroyed()
        self._ensure_writable(direction)
        with self._parent._changing("items"):
            self._send(self._move, {"direction": direction})
