"""Which connection is current: the default, blocks, generators and threads that set another one."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token, copy_context
from functools import partial
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from attrs import define, field

from backpack_orm.connection.parallel import in_order
from backpack_orm.errors import NotConnected, ValidationError

if TYPE_CHECKING:
    from typing import Self

    from backpack_orm.connection import Connection

S = TypeVar("S")
T = TypeVar("T")
Yielded = TypeVar("Yielded")
Sent = TypeVar("Sent")
Returned = TypeVar("Returned")


@define(eq=False, repr=False)
class _Entry:
    """One block, or one generator, that makes a connection current.

    Attributes:
        frame: Identifies the frame of a `with` statement, to find the entry of its block.
        token: What the context variable gave when the entry was pushed.
        is_abandoned: Whether the block was left where the stack that holds its entry cannot be
            reached, such as in another context. That stack has to skip the entry.
    """

    connection: Usable
    frame: int | None = None
    token: Token[tuple[_Entry, ...]] | None = field(default=None, init=False)
    is_abandoned: bool = field(default=False, init=False)


# An immutable value: tasks and threads that copy the context share nothing that can change.
_stack: ContextVar[tuple[_Entry, ...]] = ContextVar("backpack_orm_connections", default=())
_default: Usable | None = None


def set_default(connection: Usable) -> None:
    """Make a connection the one that is current outside all blocks, in all threads."""
    global _default
    _default = connection


def candidates() -> Iterator[Usable]:
    """Yield the connections in force, the current one first."""
    for entry in reversed(_stack.get()):
        if not entry.is_abandoned:
            yield entry.connection
    if _default is not None:
        yield _default


def _push(connection: Usable, frame: int | None = None) -> _Entry:
    entry = _Entry(connection, frame)
    alive = (other for other in _stack.get() if not other.is_abandoned)
    entry.token = _stack.set((*alive, entry))
    return entry


def _remove(entry: _Entry) -> None:
    """Take an entry out of the stack, wherever in the stack it is and whoever calls."""
    stack = _stack.get()
    entry.is_abandoned = entry not in stack  # a bound generator has it aside
    assert entry.token is not None
    try:
        _stack.reset(entry.token)
    except ValueError:  # this is another context than the one it was pushed in
        entry.is_abandoned = True
    _stack.set(tuple(other for other in stack if other is not entry))


class Usable:
    """The base of `Connection`: what can be made current."""

    _blocks: list[_Entry]
    _blocks_lock: Lock

    def _reset_blocks(self) -> None:
        """Begin without blocks; in a forked process, with those that it is inside of itself."""
        here = _stack.get()
        self._blocks = [entry for entry in getattr(self, "_blocks", ()) if entry in here]
        self._blocks_lock = Lock()

    def close(self) -> None:
        """Release what it holds; called at the end of the outermost block."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        entry = _push(self, id(sys._getframe(1)))
        with self._blocks_lock:
            self._blocks.append(entry)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._blocks_lock:
            entry = self._block_in(id(sys._getframe(1)))
            if entry is not None:
                self._blocks.remove(entry)
            is_outermost = not self._blocks
        if entry is not None:
            _remove(entry)
        if is_outermost:
            self.close()

    def _block_in(self, frame: int) -> _Entry | None:
        """Return the entry of the block that ends in a frame.

        `__exit__` is not told which block it belongs to, and generators may leave the blocks of one
        connection in any order. The frame tells; an ExitStack enters and leaves in frames of its
        own, so that for it the innermost block has to do.
        """
        innermost = [entry for entry in reversed(_stack.get()) if entry in self._blocks]
        in_frame = [entry for entry in reversed(self._blocks) if entry.frame == frame]
        return next(iter([*in_frame, *innermost, *reversed(self._blocks)]), None)

    @overload
    def bind(
        self, generator: Generator[Yielded, Sent, Returned]
    ) -> Generator[Yielded, Sent, Returned]: ...
    @overload
    def bind(self, generator: AsyncGenerator[Yielded, Sent]) -> AsyncGenerator[Yielded, Sent]: ...
    def bind(self, generator: Any) -> Any:
        """Return a generator that runs with this connection current, and only while it runs.

        A `with using(…)` inside a generator is still in force in the loop that the generator feeds:
        a `yield` does not leave the block. A bound generator gives each `yield` back with the
        caller's own connection current; blocks that are open inside of it go on at its next step.

        Args:
            generator: A generator or an asynchronous generator.

        Returns:
            A generator of the same kind, which passes on what is sent, thrown and returned.

        Raises:
            ValidationError: `generator` is not a generator.

        >>> def titles():
        ...     for page in Page.all():
        ...         yield page.title
        >>> with Sandbox(seed="empty") as box:
        ...     list(Connection(box.url, token=box.token).bind(titles()))
        []
        """
        if isinstance(generator, AsyncGenerator):
            return _bound_async(_OwnEntries(self), generator)
        if isinstance(generator, Generator):
            return _bound(_OwnEntries(self), generator)
        raise ValidationError(
            f"bind() takes a generator, not {type(generator).__name__}: "
            "call the generator function first, as in connection.bind(pages())"
        )

    def map(self, function: Callable[[S], T], things: Iterable[S], workers: int = 8) -> Iterator[T]:
        """Call a function for each of many things in threads, with this connection current there.

        Threads begin with a copy of the caller's context variables, taken when `map` is called.
        Results come in the order of the things; nothing is called before the first is asked for.
        When a call fails, its error is raised in its turn, and calls that have not begun are not
        made.

        Args:
            function: What is called; several threads call it at the same time.
            things: What it is called with, one at a time.
            workers: The number of threads. More than 8 rarely help: the service takes twenty
                requests a second.

        Raises:
            ValidationError: `workers` is not a number above 0.

        >>> with Sandbox(seed="empty") as box:
        ...     work = Connection(box.url, token=box.token)
        ...     list(work.map(lambda title: Page.create(title=title).title, ["Lisbon", "Porto"]))
        ['Lisbon', 'Porto']
        """
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise ValidationError(f"workers takes a number of threads, 1 or more, not {workers!r}")
        context = copy_context()
        context.run(_push, self)

        def call(thing: S) -> T:
            return context.copy().run(function, thing)

        return in_order(call, things, workers=workers)


class _OwnEntries:
    """The entries of a bound generator: on the stack while it runs, aside while it does not."""

    def __init__(self, connection: Usable) -> None:
        self._own: tuple[_Entry, ...] = (_Entry(connection),)

    def __enter__(self) -> None:
        self._callers = _stack.get()
        self._token = _stack.set((*self._callers, *self._own))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stack = _stack.get()
        try:
            _stack.reset(self._token)
        except ValueError:  # the step was broken off in another context than it was begun in
            for entry in self._own:
                entry.is_abandoned = True
            return
        self._own = tuple(entry for entry in stack if entry not in self._callers)
        _stack.set(tuple(entry for entry in stack if entry in self._callers))


def _bound(
    entries: _OwnEntries, generator: Generator[Yielded, Sent, Returned]
) -> Generator[Yielded, Sent, Returned]:
    step: Callable[[], Yielded] = partial(next, generator)
    while True:
        try:
            with entries:
                value = step()
        except StopIteration as stop:
            returned: Returned = stop.value
            return returned
        try:
            sent = yield value
        except GeneratorExit:
            with entries:
                generator.close()
            raise
        except BaseException as error:
            step = partial(generator.throw, error)
        else:
            step = partial(generator.send, sent)


async def _bound_async(
    entries: _OwnEntries, generator: AsyncGenerator[Yielded, Sent]
) -> AsyncGenerator[Yielded, Sent]:
    step: Callable[[], Awaitable[Yielded]] = generator.__anext__
    while True:
        try:
            with entries:
                value = await step()
        except StopAsyncIteration:
            return
        try:
            sent = yield value
        except GeneratorExit:
            with entries:
                await generator.aclose()
            raise
        except BaseException as error:
            step = partial(generator.athrow, error)
        else:
            step = partial(generator.asend, sent)


@contextmanager
def using(connection: Connection) -> Iterator[Connection]:
    """Make a connection current inside a `with` block, in this thread or task only.

    Blocks may be left in any order: each takes back what it has set itself. A block inside a
    generator is in force in the caller's loop too, from one `yield` to the next; use
    `connection.bind(generator)` there. The connection is not closed at the end.

    Raises:
        ValidationError: `connection` is not a connection.

    >>> home = Connection("home", token="0123456789abcdef")
    >>> with using(home) as connection:
    ...     connection is current()
    True
    """
    entry = _push(ensure_connection(connection))
    try:
        yield connection
    finally:
        _remove(entry)


def current() -> Connection:
    """Return the current connection: that of the innermost block, else that of the last `connect`.

    Raises:
        NotConnected: There is neither.
    """
    for connection in candidates():
        return connection  # type: ignore[return-value]  # there is no other subclass
    raise NotConnected(
        'not connected: call connect("your-account", token="…") first, or pass using=Connection(…)'
    )


def connection_for(using: Connection | None) -> Connection:
    """Return the connection given as a `using=` argument, or the current one for None.

    Raises:
        ValidationError: `using` is not a connection.
        NotConnected: It is None, and no connection is current.

    >>> home = Connection("home", token="0123456789abcdef")
    >>> connection_for(home) is home
    True
    """
    return current() if using is None else ensure_connection(using)


def ensure_connection(using: Connection) -> Connection:
    """Return a `using=` argument unchanged if it is a connection.

    Raises:
        ValidationError: It is not a connection.
    """
    if isinstance(using, Usable):
        return using
    raise ValidationError(  # without the value: it may be a token
        f"using= takes a Connection, not {type(using).__name__}: "
        'pass using=Connection("your-account", token="…")'
    )
