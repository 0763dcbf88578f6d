"""Signals: functions that are called once a write of a record is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpack_orm.connection.hooks import Hook
    from backpack_orm.orm.records.model import Model

_hooks: dict[tuple[str, type], Hook[Any]] = {}
_send: ContextVar[Callable[[str, tuple[Any, ...]], object] | None] = ContextVar(
    "backpack_orm_signals", default=None
)
"""What is done with signals in this context; None: they are sent at once."""


def hook_of(name: str, cls: type) -> Hook[Any]:
    """Return the functions that are called with a signal of a class.

    >>> hook_of("saved", Page) is Page.saved
    True
    """
    found = _hooks.get((name, cls))
    if found is None:
        from backpack_orm.connection.hooks import Hook  # most programs never need it

        found = _hooks.setdefault((name, cls), Hook())
    return found


def send_created(record: Model) -> None:
    """Report that a record was created, except for what `send_saved` adds."""
    if _hooks:
        _report("created", record)


def send_saved(record: Model, fields: tuple[str, ...] = (), *, created: bool = False) -> None:
    """Report that a record was created or updated.

    Args:
        record: The record.
        fields: Names of the attributes that were changed.
        created: Whether it is new.
    """
    if _hooks:
        _report("saved", record, fields, created)


def send_destroyed(record: Model) -> None:
    """Report that a record was destroyed."""
    if _hooks:
        _report("destroyed", record)


def _report(name: str, *values: Any) -> None:
    send = _send.get()
    if send is None:
        _call(name, values)
    else:
        send(name, values)


def _call(name: str, values: tuple[Any, ...]) -> None:
    """Call the functions of the class of a record, and then those of its base classes."""
    from backpack_orm.orm.signals.events import EVENTS  # most programs never need it

    event = EVENTS[name](*values)
    for cls in type(values[0]).__mro__:
        hook = _hooks.get((name, cls))
        if hook is not None:
            hook.send(event)


@contextmanager
def deferred() -> Iterator[None]:
    """Send the signals of a block at its end, in order, also if it fails.

    >>> titles = []
    >>> function = Page.created(lambda event: titles.append(event.record.title))
    >>> with deferred():
    ...     page = Page.create(title="Porto")
    ...     titles
    []
    >>> titles, Page.created.remove(function)
    (['Porto'], None)
    """
    if not _hooks:
        yield
        return
    held: list[tuple[str, tuple[Any, ...]]] = []
    before = _send.set(lambda *signal: held.append(signal))
    try:
        yield
    finally:
        _send.reset(before)
        for name, values in held:
            _report(name, *values)


@contextmanager
def muted() -> Iterator[None]:
    """Send no signals in a block: what it writes is not what the user has asked for.

    >>> function = Page.created(print)
    >>> with muted():
    ...     page = Page.create(title="Porto")
    >>> Page.created.remove(function)
    """
    before = _send.set(lambda *signal: None)
    try:
        yield
    finally:
        _send.reset(before)
