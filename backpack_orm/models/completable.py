"""Records that can be completed and moved: items, in a list or on a page itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.signals import send_saved
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.endpoint import Endpoint, ws
from backpack_orm.wire.shapes import Record


class Completable(OnPage, Savable, Destroyable):
    """An item of a list or of a page."""

    __slots__ = ()

    _server_updated = ("updated_at",)
    _sent_together = ("content", "completed")
    _times_have_zone = False

    _toggle: ClassVar[Endpoint]
    _move: ClassVar[Endpoint]

    completed: bool

    def complete(self) -> SaveResult:
        """Mark the item as completed, and save its other changes in the same call.

        It is unknown whether the service preserves the content of an item if an update omits the
        content. So this method reads the list first, and sends the stored content too. Makes two
        requests, or one if the item is completed already or its content has changed too. With
        `Connection(partial_updates=True)`, always makes one request and reads nothing.

        Returns:
            A result with the names of the sent fields; false if nothing was sent.

        Raises:
            NotSaved: The item is new.
            NotFound: The item no longer exists.
            BackpackError: A call failed. The item is as before, and `completed` is loaded again if
                the call may have succeeded.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> item.complete().updated, item.complete().updated
        (True, False)
        """
        return self._set_completed(True)

    def reopen(self) -> SaveResult:
        """Mark the item as open again. Makes requests and raises errors as `complete` does.

        >>> item = Page.find_by(title="Lisbon").lists["Packing"].items["Passports"]
        >>> item.reopen().updated, item.completed
        (True, False)
        """
        return self._set_completed(False)

    def toggle(self) -> None:
        """Complete the item if it is open on the service, else reopen it. Makes one request.

        Discards a local change of `completed`, which is loaded when it is read.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].toggle()
        """
        self._check_exists()
        self._ensure_writable("toggle")
        with self._changing("completed", "updated_at"), self._parent._changing("items"):
            self._send(self._toggle)
        send_saved(self, ("completed",))

    def move_higher(self) -> None:
        """Move the item up by one. Makes one request. At the top nothing changes.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_higher()
        """
        self._move_by("move_higher")

    def move_lower(self) -> None:
        """Move the item down by one. Makes one request. At the bottom nothing changes.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_lower()
        """
        self._move_by("move_lower")

    def move_to_top(self) -> None:
        """Move the item to the top of the list. Makes one request.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[1].move_to_top()
        """
        self._move_by("move_to_top")

    def move_to_bottom(self) -> None:
        """Move the item to the bottom of the list. Makes one request.

        Raises:
            OutcomeUnknown: The response was lost.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].move_to_bottom()
        """
        self._move_by("move_to_bottom")

    @classmethod
    def _updater(cls, attributes: Mapping[str, bool]) -> Callable[[Self], SaveResult]:
        if attributes.keys() != {"completed"}:
            return super()._updater(attributes)
        completed = attributes["completed"]
        return lambda item: item._set_completed(completed)

    def _set_completed(self, completed: bool) -> SaveResult:
        self._check_exists()
        self._ensure_writable("complete" if completed else "reopen")
        self._check_changes_allowed()
        before = self.changes.get("completed")
        self.completed = completed  # type: ignore[misc]  # a slot of the models
        try:
            changes = list(self.changes)
            self._validate(changes)
            edited = [name for name in changes if name != "completed"]
            stored = self._verify_texts(None) if edited and self._is_unverified else None
            sent = self._update(self._updates[0], ["completed", *edited], stored)
        except BaseException:
            self._restore("completed", before)
            raise
        if sent:
            send_saved(self, tuple(sent))
        return SaveResult(updated=bool(sent), fields=tuple(sent))

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
        """Send `completed` with the stored content, or nothing if it is stored already."""
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
            self._apply_updated(sent)
        return sent

    def _move_by(self, direction: str) -> None:
        self._check_exists()
        self._ensure_writable(direction)
        with self._parent._changing("items"):
            self._send(self._move, {"direction": direction})
        send_saved(self._parent, ("items",))


def item_calls(path: str) -> tuple[Endpoint, ...]:
    """Return the calls about the items below a path: those that list, create, update, toggle, move
    and destroy them.
    """
    sends, page, text = "item/@completed item/content", "page:{page_id}", "page:{page_id} search"
    return (
        ws(f"{path}/list", reads=page),
        ws(f"{path}/add", sends=sends, writes=text),
        ws(f"{path}/update/{{id}}", sends=sends, writes=text, idempotent=True),
        ws(f"{path}/toggle/{{id}}", writes=page),
        ws(f"{path}/move/{{id}}", sends="direction", writes=page),
        ws(f"{path}/destroy/{{id}}", writes=text, idempotent=True),
    )
