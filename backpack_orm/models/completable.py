"""What can be ticked off and moved about: items, in a list or on a page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.model import Destroyable, Savable, SaveResult
from backpack_orm.wire.endpoint import Endpoint


class Completable(OnPage, Savable, Destroyable):
    """An item, wherever it stands."""

    __slots__ = ()

    _rewritten = ("updated_at",)

    _toggle: ClassVar[Endpoint]
    _move: ClassVar[Endpoint]

    completed: bool

    def complete(self) -> SaveResult:
        """Tick it off; one request, also when it seems to be done already.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].complete().updated
        True
        """
        return self._set_completed(True)

    def reopen(self) -> SaveResult:
        """Take the tick away; one request, also when it seems to be open already.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].reopen().updated
        True
        """
        return self._set_completed(False)

    def toggle(self) -> None:
        """Tick it off if it is open on the service, else take the tick away; one request.

        What it is then is loaded when it is asked for. An edit of `completed` is given up.

        Raises:
            OutcomeUnknown: The answer was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].toggle()
        """
        self._refuse_new("toggle")
        self._refuse_destroyed()
        try:
            self._send(self._toggle)
        finally:  # also when nobody knows whether it happened
            self._forget("completed", "updated_at")
            self._unset("completed")
            self._unset("updated_at")
            self._parent._forget("items")

    def move_higher(self) -> None:
        """Move it up by one place; one request. At the top nothing happens.

        Raises:
            OutcomeUnknown: The answer was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_higher()
        """
        self._move_by("move_higher")

    def move_lower(self) -> None:
        """Move it down by one place; one request. At the bottom nothing happens.

        Raises:
            OutcomeUnknown: The answer was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_lower()
        """
        self._move_by("move_lower")

    def move_to_top(self) -> None:
        """Move it to the top of the list; one request.

        Raises:
            OutcomeUnknown: The answer was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_to_top()
        """
        self._move_by("move_to_top")

    def move_to_bottom(self) -> None:
        """Move it to the bottom of the list; one request.

        Raises:
            OutcomeUnknown: The answer was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_to_bottom()
        """
        self._move_by("move_to_bottom")

    def _set_completed(self, completed: bool) -> SaveResult:
        self._refuse_new("complete")
        self._refuse_destroyed()
        self._refuse_read_only()
        self.completed = completed  # type: ignore[misc]  # a slot of the models
        changed = [name for name in ("completed", "content") if name in self._validated()]
        self._update(self._updates[0], changed)
        return SaveResult(updated=True, fields=tuple(changed) or ("completed",))

    def _update(self, endpoint: Endpoint, changed: Sequence[str]) -> None:
        super()._update(endpoint, changed)
        if "completed" in changed:
            self._parent._forget("items")

    def _move_by(self, direction: str) -> None:
        self._refuse_new("move")
        self._refuse_destroyed()
        try:
            self._send(self._move, {"direction": direction})
        finally:  # also when nobody knows whether it happened
            self._parent._forget("items")
