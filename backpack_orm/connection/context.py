"""The current connection: the default, and blocks, generators and threads that replace it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import Context, ContextVar, Token, copy_context
from enum import Enum
from functools import partial
from types import TracebackType, coroutine
from typing import TYPE_CHECKING, Any, TypeVar, overload

from backpack_orm.connection.forks import after_fork
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


class Missing(Enum):
    """Why a request of a web application has no connection of a user."""

    NOBODY = "nobody is signed in: an outer block or the default applies"
    UNKNOWN = "a user is signed in, whose account is not known: no connection applies"


class _Entry:
    """One block that makes a connection current.

    Attributes:
        connection: The connection. `Missing` in a request without one, and None if outer blocks
            apply, but not the default.
        frame: Identifies the frame of a `with` statement, to find the entry of its block.
        token: Identifies the context that the entry was pushed in.
        is_abandoned: Whether the block was left in another context, which cannot reach the stack
            that contains the entry. That stack skips the entry.
    """

    connection: Usable | Missing | None
    token: Token[None] | None = None
    is_abandoned = False

    def __init__(self, connection: Usable | Missing | None, frame: int | None = None) -> None:
        self.connection = connection
        self.frame = frame


class _LazyEntry(_Entry):
    """A block whose connection is looked up each time."""

    def __init__(self, find: Callable[[], Usable | Missing | None]) -> None:
        self._find = find
        self.frame = None

    @property
    def connection(self) -> Usable | Missing | None:  # type: ignore[override]
        return self._find()


# An immutable value: tasks and threads that copy the context share no mutable state.
_stack: ContextVar[tuple[_Entry, ...]] = ContextVar("backpack_orm_connections", default=())
# Its tokens identify the context of each entry, so the stack itself is never reset.
_pushed: ContextVar[None] = ContextVar("backpack_orm_pushed")
_default: Usable | None = None
_users_sign_in = False


def default() -> Usable | None:
    """Return the connection that is current outside all blocks."""
    return _default


def set_default(connection: Usable | None) -> None:
    """Make a connection current outside all blocks, in all threads."""
    global _default
    _default = connection


def let_users_sign_in() -> None:
    """Use the default only in requests in which nobody is signed in, from now on.

    A thread does not know which request has started it, so it must not use an account of all.
    """
    global _users_sign_in
    _users_sign_in = True


def users_sign_in() -> bool:
    """Return whether connections may be those of users."""
    return _users_sign_in


@contextmanager
def restored() -> Iterator[None]:
    """Restore the default, and where it applies, at the end of a block."""
    global _users_sign_in
    previous, before = _default, _users_sign_in
    try:
        yield
    finally:
        set_default(previous)
        _users_sign_in = before


def candidates() -> Iterator[Usable]:
    """Yield the connections that may be used in place of an unpickled one, the current one first.

    Where users sign in, that is the current one alone: others may be of other users.
    """
    if _users_sign_in:
        with suppress(NotConnected):
            yield current()
        return
    for entry in reversed(_stack.get()):
        if not entry.is_abandoned and isinstance(found := entry.connection, Usable):
            yield found
    if _default is not None:
        yield _default


def _add(entry: _Entry) -> _Entry:
    with _alone():
        entry.token = _pushed.set(None)
        _stack.set((*_stack.get(), entry))
    return entry


def _remove(entry: _Entry) -> None:
    """Remove an entry from any position of the stack."""
    assert entry.token is not None
    with _alone():
        try:
            _pushed.reset(entry.token)
        except ValueError:  # it was pushed in another context
            entry.is_abandoned = True
        _stack.set(tuple(e for e in _stack.get() if e is not entry and not e.is_abandoned))


_lock = threading.RLock()


@after_fork
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


@contextmanager
def _alone() -> Iterator[None]:
    """Collect no garbage in a block: a generator that is finalized there may change the stack too.

    That would be lost and, in Python 3.11, free what a variable still refers to. The lock is for
    threads, none of which may enable the collection for another one.
    """
    with _lock:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()


class Usable:
    """Base class of `Connection`: an object that can be made current."""

    _blocks: list[_Entry]
    _blocks_lock: AbstractContextManager[object]

    def _reset_blocks(self) -> None:
        """Start without blocks; in a forked process, keep the blocks of the thread that forked."""
        here = _stack.get()
        self._blocks = [entry for entry in getattr(self, "_blocks", ()) if entry in here]
        # Reentrant: the garbage collector may leave a block of this thread while it is held.
        self._blocks_lock = threading.RLock()

    def close(self) -> None:
        """Release the resources of the connection; called at the end of the outermost block."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        entry = _add(_Entry(self, id(sys._getframe(1))))
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

        Python does not tell `__exit__` which block ends, and generators may leave the blocks of one
        connection in any order. The frame identifies the block. An ExitStack enters and leaves
        blocks in frames of its own; in this case, the innermost block ends.
        """
        innermost = [entry for entry in reversed(_stack.get()) if entry in self._blocks]
        in_frame = [entry for entry in reversed([*self._blocks]) if entry.frame == frame]
        return next(iter([*in_frame, *innermost, *reversed(self._blocks)]), None)

    def _own_context(self) -> Context:
        """Return a copy of the caller's context variables with this connection current."""
        context = copy_context()
        context.run(_add, _Entry(self))
        return context

    @overload
    def bind(
        self, generator: Generator[Yielded, Sent, Returned]
    ) -> Generator[Yielded, Sent, Returned]: ...
    @overload
    def bind(self, generator: AsyncGenerator[Yielded, Sent]) -> AsyncGenerator[Yielded, Sent]: ...
    def bind(self, generator: Any) -> Any:
        """Return a generator whose code runs with this connection current, and no other code.

        If a generator yields inside `with using(…)`, the caller's code runs inside the block too. A
        bound generator runs in a context of its own instead: a copy of the caller's context
        variables, made when `bind` is called. After each `yield`, the caller's own connection is
        current. At the next step, the blocks of the generator apply again.

        Args:
            generator: A generator or an asynchronous generator.

        Returns:
            A generator of the same kind, which passes on sent and returned values, and thrown
            exceptions.

        Raises:
            ValidationError: `generator` is not a generator.

        >>> def titles():
        ...     for page in Page.all():
        ...         yield page.title
        >>> with Sandbox(seed="empty") as box:
        ...     list(Connection(box.url, token=box.token).bind(titles()))
        []
        """
        if isinstance(generator, AsyncGenerator | Generator):
            return in_context(self._own_context(), generator)
        raise ValidationError(
            f"bind() takes a generator, not {type(generator).__name__}: "
            "call the generator function first, as in connection.bind(pages())"
        )

    def map(
        self, function: Callable[[S], T], arguments: Iterable[S], workers: int = 8
    ) -> Iterator[T]:
        """Call a function once for each argument, in threads, with this connection current.

        Threads start with a copy of the caller's context variables, made when `map` is called.
        Results are in the order of the arguments. No call is made before you request the first
        result. If a call fails, its error is raised in place of its result, and calls that have not
        started are cancelled.

        Args:
            function: The function to call; several threads call it at the same time.
            arguments: The arguments, one for each call.
            workers: The number of threads. More than 8 threads rarely help: the service accepts
                twenty requests per second.

        Raises:
            ValidationError: `workers` is not a number above 0.

        >>> with Sandbox(seed="empty") as box:
        ...     work = Connection(box.url, token=box.token)
        ...     list(work.map(lambda title: Page.create(title=title).title, ["Lisbon", "Porto"]))
        ['Lisbon', 'Porto']
        """
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise ValidationError(f"workers takes a number of threads, 1 or more, not {workers!r}")
        context = self._own_context()

        def call(argument: S) -> T:
            return context.copy().run(function, argument)

        return in_order(call, arguments, workers=workers)


def in_context(context: Context, generator: Any) -> Any:
    """Return a generator, asynchronous or not, whose steps run in a context of its own."""
    is_async = isinstance(generator, AsyncGenerator)
    return (_bound_async if is_async else _bound)(context, generator)


def _bound(
    context: Context, generator: Generator[Yielded, Sent, Returned]
) -> Generator[Yielded, Sent, Returned]:
    """Run each step of a generator in a context of its own."""
    step: Callable[[], Yielded] = partial(next, generator)
    while True:
        try:
            value = context.run(step)
        except StopIteration as stop:
            returned: Returned = stop.value
            return returned
        try:
            sent = yield value
        except GeneratorExit:
            context.run(generator.close)
            raise
        except BaseException as error:
            step = partial(generator.throw, error)
        else:
            step = partial(generator.send, sent)


@coroutine
def _awaited(context: Context, step: Any) -> Generator[Any, Any, Any]:
    return (yield from _bound(context, step.__await__()))


async def _bound_async(
    context: Context, generator: AsyncGenerator[Yielded, Sent]
) -> AsyncGenerator[Yielded, Sent]:
    step: Callable[[], Awaitable[Yielded]] = generator.__anext__
    while True:
        try:
            value = await _awaited(context, step())
        except StopAsyncIteration:
            return
        try:
            sent = yield value
        except GeneratorExit:
            await _awaited(context, generator.aclose())
            raise
        except BaseException as error:
            step = partial(generator.athrow, error)
        else:
            step = partial(generator.asend, sent)


@contextmanager
def using(connection: Connection) -> Iterator[Connection]:
    """Make a connection current inside a `with` block, in this thread or task only.

    Blocks may end in any order: the end of a block affects no other block. If a generator yields
    inside a block, the block applies to the caller's code too; use `connection.bind(generator)`
    there. The end of a block does not close the connection.

    Raises:
        ValidationError: `connection` is not a connection.

    >>> home = Connection("home", token="0123456789abcdef")
    >>> with using(home) as connection:
    ...     connection is current()
    True
    """
    with _applying(_Entry(ensure_connection(connection))):
        yield connection


def inside(found: Usable | Missing) -> AbstractContextManager[None]:
    """Make what is known about the account of a request apply inside a `with` block."""
    return _applying(_Entry(found))


def looking_up(find: Callable[[], Usable | Missing | None]) -> AbstractContextManager[None]:
    """Call a function in a `with` block each time the current connection is needed.

    For its results, see `Missing`; None if outer blocks apply, but not the default.
    """
    return _applying(_LazyEntry(find))


@contextmanager
def _applying(entry: _Entry) -> Iterator[None]:
    _add(entry)
    try:
        yield
    finally:
        _remove(entry)


def current() -> Connection:
    """Return the connection of the innermost block, else that of the last `connect`.

    In a program that has a `SignIn`, the connection of `connect` is current only in requests in
    which nobody is signed in: other code, such as a thread, may run on behalf of a user.

    Raises:
        NotConnected: No block is open, and `connect` was not called or does not apply here.

    >>> with using(Connection("acme", token="0123456789abcdef")):
    ...     current().url
    'https://acme.backpackit.com'
    """
    has_default = not _users_sign_in
    for entry in reversed(_stack.get()):  # not by candidates(): a generator takes twice as long
        if entry.is_abandoned:
            continue
        found = entry.connection
        if isinstance(found, Usable):
            return found  # type: ignore[return-value]  # there is no other subclass
        if found is Missing.UNKNOWN:
            raise NotConnected("a user is signed in, but has not chosen an account: sign in again")
        has_default = has_default or found is Missing.NOBODY
    if not has_default:
        raise NotConnected(
            "not connected: users sign in to this program, and it is not known for whom this code "
            "runs: open `with using(connection):` with the connection of the user, or that of the "
            "program, or pass using=connection"
        )
    if _default is not None:
        return _default  # type: ignore[return-value]
    raise NotConnected(
        'not connected: call connect("your-account", token="…") first, or pass using=Connection(…)'
    )


def connection_for(using: Connection | None) -> Connection:
    """Return the connection passed as `using=`, or the current one for None.

    Raises:
        ValidationError: `using` is not a connection.
        NotConnected: `using` is None, and no connection is current.

    >>> home = Connection("home", token="0123456789abcdef")
    >>> connection_for(home) is home
    True
    """
    if isinstance(using, Usable):  # first, since a cached find should cost little
        return using
    return current() if using is None else ensure_connection(using)


def ensure_connection(using: Connection) -> Connection:
    """Return a `using=` argument unchanged if it is a connection.

    Raises:
        ValidationError: The argument is not a connection.
    """
    if isinstance(using, Usable):
        return using
    raise ValidationError(  # without the value: it may be a token
        f"using= takes a Connection, not {type(using).__name__}: "
        'pass using=Connection("your-account", token="…")'
    )
