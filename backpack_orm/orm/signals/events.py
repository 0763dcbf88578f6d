"""What functions are called with once a write of a record is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from attrs import frozen

M_co = TypeVar("M_co", covariant=True)


@frozen(eq=False)
class CreatedEvent(Generic[M_co]):
    """A record that was created.

    Attributes:
        record: The record, with its id.

    >>> titles = []
    >>> @Page.created
    ... def remember(event):
    ...     titles.append(event.record.title)
    >>> page = Page.create(title="Porto")
    >>> titles, Page.created.remove(remember)
    (['Porto'], None)
    """

    record: M_co


@frozen(eq=False)
class SavedEvent(Generic[M_co]):
    """A record that was created or updated.

    Attributes:
        record: The record.
        fields: Names of the attributes that were changed, such as `("title",)`; of a new record,
            those that were sent.
        created: Whether it is new.

    >>> @Page.saved
    ... def show(event):
    ...     print(event.fields, event.created)
    >>> page = Page.find_by(title="Lisbon")
    >>> result = page.update(title="Lisboa")
    ('title',) False
    >>> Page.saved.remove(show)
    """

    record: M_co
    fields: tuple[str, ...]
    created: bool


@frozen(eq=False)
class DestroyedEvent(Generic[M_co]):
    """A record that was destroyed.

    Attributes:
        record: The record, with the attributes that were loaded before.

    >>> ids = []
    >>> @Page.destroyed
    ... def remember(event):
    ...     ids.append(event.record.id)
    >>> page = Page.find_by(title="Lisbon")
    >>> gone = page.destroy()
    >>> ids == [page.id], Page.destroyed.remove(remember)
    (True, None)
    """

    record: M_co


EVENTS: Mapping[str, type] = {
    "created": CreatedEvent,
    "saved": SavedEvent,
    "destroyed": DestroyedEvent,
}
