"""Which connection is current, however blocks and generators are entered and left."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backpack_orm.connection import Connection, connect, context, current, using
from backpack_orm.errors import NotConnected, ValidationError
from tests.connection.conftest import TOKEN
from tests.seeds import examples

NAMES = ("home", "work", "club")


class Counted(Connection):
    """A connection that counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1
        super().close()


def named(name: str) -> Counted:
    return Counted(name, token=TOKEN)


@pytest.fixture
def home() -> Counted:
    return named("home")


@pytest.fixture
def work() -> Counted:
    return named("work")


@pytest.fixture
def default() -> Connection:
    return connect("default", token=TOKEN)


# --- blocks in any order ----------------------------------------------------------------------


def holding(connection: Connection) -> Generator[Connection]:
    """A generator with a block in it, as people write them."""
    with using(connection):
        while True:
            yield current()


def entering(connection: Connection) -> Iterator[Connection]:
    with connection:
        while True:
            yield current()


@pytest.mark.parametrize("kind", [holding, entering])
def test_generators_that_are_left_in_the_order_they_were_begun(
    kind: Any, home: Counted, work: Counted, default: Connection
) -> None:
    first, second = kind(home), kind(work)
    assert (next(first), next(second)) == (home, work)
    first.close()
    assert current() is work
    second.close()
    assert current() is default


@pytest.mark.parametrize("kind", [holding, entering])
def test_blocks_of_one_connection_are_distinguished(
    kind: Any, home: Counted, work: Counted, default: Connection
) -> None:
    first, second, third = kind(home), kind(work), kind(home)
    next(first), next(second), next(third)
    third.close()
    assert current() is work
    third = kind(home)
    next(third)
    first.close()
    assert current() is home
    third.close()
    assert current() is work


def test_a_block_is_left_in_a_thread_without_an_error(home: Counted, default: Connection) -> None:
    generator = holding(home)
    next(generator)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(generator.close).result()
        assert pool.submit(current).result() is default
    assert current() is default


def test_a_task_goes_on_with_the_block_that_it_was_made_in(
    home: Counted, default: Connection
) -> None:
    async def main() -> Connection:
        left = asyncio.Event()

        async def work() -> Connection:
            await left.wait()
            return current()

        with using(home):
            task = asyncio.create_task(work())
        left.set()
        return await task

    assert asyncio.run(main()) is home


def test_an_asynchronous_generator_that_is_never_finished_leaves_nothing(
    home: Counted, default: Connection
) -> None:
    async def pages() -> AsyncGenerator[Connection]:
        with using(home):
            while True:
                yield current()

    async def main() -> Connection:
        async for connection in pages():
            assert connection is home
            break
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)  # the loop closes it in a task of its own
        return current()

    assert asyncio.run(main()) is default


def test_an_error_goes_through_a_block_that_is_left_elsewhere(
    home: Counted, default: Connection
) -> None:
    def fails() -> Generator[None]:
        with using(home):
            yield
            raise KeyError("mine")

    generator = fails()
    copy_context().run(next, generator)
    with pytest.raises(KeyError, match="mine"):
        next(generator)
    assert current() is default


@pytest.mark.parametrize("allocations", [0, 80], ids=["early", "at the end of a block"])
def test_blocks_that_the_garbage_collector_leaves_are_left_for_good(
    allocations: int, home: Counted, work: Counted, default: Connection
) -> None:
    """It does so at any allocation, also in the middle of another block's beginning or end.

    In Python 3.11, also while a context variable is set.
    """

    def blocks(threshold: int) -> None:
        gc.disable()
        gc.collect()
        with using(home):
            cycle: list[object] = [entering(work), entering(work)]
            cycle.append(cycle)
            assert [next(each) for each in cycle[:2]] == [work, work]  # type: ignore[call-overload]
            del cycle
            gc.set_threshold(threshold)
            kept = [object.__new__(Kept) for _ in range(allocations)]
            gc.enable()
            for _ in range(0 if allocations else 9):
                with home, using(work):
                    assert current() is work
        gc.collect()
        assert current() is default
        assert len(kept) == allocations

    thresholds = gc.get_threshold()
    try:
        for threshold in range(1, 60 + 2 * allocations):
            Context().run(blocks, threshold)
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()


class Kept:
    """An object that the garbage collector counts."""


# --- with Connection(…) -----------------------------------------------------------------------


def test_a_connection_is_current_in_its_block(home: Counted, default: Connection) -> None:
    with home as given:
        assert current() is given is home
    assert current() is default


def test_it_is_closed_at_the_end_of_the_outermost_block(home: Counted) -> None:
    with home:
        with home:
            assert current() is home
        assert home.closed == 0
        assert current() is home
    assert home.closed == 1


def test_it_is_closed_after_an_error(home: Counted) -> None:
    with pytest.raises(KeyError), home:
        raise KeyError("oops")
    assert home.closed == 1
    with pytest.raises(NotConnected):
        current()


def test_using_closes_nothing(home: Counted) -> None:
    with using(home):
        pass
    assert home.closed == 0


def test_an_exit_stack_enters_and_leaves_it(
    home: Counted, work: Counted, default: Connection
) -> None:
    with ExitStack() as stack:
        stack.enter_context(home)
        stack.enter_context(work)
        stack.enter_context(home)
        assert current() is home
    assert current() is default
    assert (home.closed, work.closed) == (1, 1)


def test_threads_that_share_it_close_it_once(home: Counted) -> None:
    meeting = threading.Barrier(16, timeout=30)

    def work(_: int) -> Connection:
        with home:
            meeting.wait()
            found = current()
            meeting.wait()
        return found

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == [home] * 16
    assert home.closed == 1


# --- bind -------------------------------------------------------------------------------------


def test_a_bound_generator_gives_the_loop_its_own_connection_back(
    home: Counted, default: Connection
) -> None:
    seen = [(inside, current()) for inside in home.bind(current() for _ in range(3))]
    assert seen == [(home, default)] * 3


def test_a_bound_generator_keeps_its_blocks_to_itself(
    home: Counted, work: Counted, default: Connection
) -> None:
    def pages() -> Generator[Connection]:
        with using(work):
            yield current()
            yield current()
        yield current()

    bound = home.bind(pages())
    assert [(next(bound), current()) for _ in range(3)] == [
        (work, default),
        (work, default),
        (home, default),
    ]


def test_a_bound_generator_is_sent_to_and_returns(home: Counted, default: Connection) -> None:
    def echo() -> Generator[tuple[Connection, str], str, str]:
        said = yield current(), ""
        while said != "end":
            said = yield current(), said
        return f"{said} {current().account.split('.')[0]}"

    bound = home.bind(echo())
    assert next(bound) == (home, "")
    assert bound.send("a") == (home, "a")
    with pytest.raises(StopIteration) as stop:
        bound.send("end")
    assert stop.value.value == "end home"
    assert current() is default


def test_an_error_is_thrown_into_a_bound_generator(home: Counted, default: Connection) -> None:
    def careful() -> Generator[object, None, None]:
        while True:
            try:
                yield None
            except KeyError as error:
                yield error.args[0], current()

    bound = home.bind(careful())
    next(bound)
    assert bound.throw(KeyError("oops")) == ("oops", home)
    with pytest.raises(ValueError, match="mine"):
        bound.throw(ValueError("mine"))
    assert current() is default


def test_a_bound_generator_is_closed_with_its_connection_current(
    home: Counted, default: Connection
) -> None:
    ended = []

    def pages() -> Generator[None]:
        try:
            yield
        finally:
            ended.append(current())

    bound = home.bind(pages())
    next(bound)
    del bound
    gc.collect()
    assert ended == [home]
    assert current() is default


def test_a_block_of_the_caller_may_be_left_in_a_bound_generator(
    home: Counted, work: Counted, default: Connection
) -> None:
    stack = ExitStack()
    stack.enter_context(using(work))

    def pages() -> Generator[Connection]:
        stack.close()
        yield current()

    assert list(home.bind(pages())) == [home]
    assert current() is default


def test_a_bound_generator_has_context_variables_of_its_own(home: Counted) -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("before")

    def values() -> Generator[str]:
        yield variable.get()
        variable.set("inside")
        yield variable.get()

    bound = home.bind(values())
    variable.set("after")
    assert (list(bound), variable.get()) == (["before", "inside"], "after")


def test_tasks_of_a_bound_asynchronous_generator_begin_with_its_connection(
    home: Counted, default: Connection
) -> None:
    async def pages() -> AsyncGenerator[Connection]:
        async def work() -> Connection:
            await asyncio.sleep(0)
            return current()

        yield await asyncio.wait_for(asyncio.create_task(work()), 10)

    async def main() -> list[tuple[Connection, Connection]]:
        return [(inside, current()) async for inside in home.bind(pages())]

    assert asyncio.run(main()) == [(home, default)]


def test_a_bound_asynchronous_generator_gives_the_loop_its_own_connection_back(
    home: Counted, work: Counted, default: Connection
) -> None:
    async def pages() -> AsyncGenerator[Connection]:
        yield current()
        with using(work):
            await asyncio.sleep(0)
            yield current()
            yield current()
        yield current()

    async def main() -> list[tuple[Connection, Connection]]:
        return [(inside, current()) async for inside in home.bind(pages())]

    seen = [(home, default), (work, default), (work, default), (home, default)]
    assert asyncio.run(main()) == seen


def test_a_bound_asynchronous_generator_takes_what_is_sent_and_thrown(
    home: Counted, default: Connection
) -> None:
    ended = []

    async def echo() -> Any:
        said = None
        try:
            while True:
                try:
                    said = yield current(), said
                except KeyError:
                    said = "an error"
        finally:
            ended.append(current())

    async def main() -> Any:
        bound = home.bind(echo())
        assert await anext(bound) == (home, None)
        assert await bound.asend("a") == (home, "a")
        assert await bound.athrow(KeyError("oops")) == (home, "an error")
        await bound.aclose()
        return current()

    assert asyncio.run(main()) is default
    assert ended == [home]


@pytest.mark.parametrize("given", [holding, [1, 2], iter([1]), None, "acme"])
def test_only_a_generator_is_bound(given: Any, home: Counted) -> None:
    with pytest.raises(ValidationError, match="call the generator function first"):
        home.bind(given)


# --- map --------------------------------------------------------------------------------------


def test_map_takes_the_connection_into_threads_and_gives_results_in_order(
    home: Counted, default: Connection
) -> None:
    seen = list(home.map(lambda number: (number, current()), range(20)))
    assert seen == [(number, home) for number in range(20)]
    assert current() is default


def test_map_takes_the_context_of_its_caller_along(home: Counted) -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("before")
    results = home.map(lambda _: variable.get(), range(3))
    variable.set("after")
    assert list(results) == ["before"] * 3


def test_map_leaves_nothing_of_one_call_to_the_next(home: Counted, work: Counted) -> None:
    def enter(_: int) -> Connection:
        before = current()
        using(work).__enter__()
        return before

    assert list(home.map(enter, range(20), workers=1)) == [home] * 20


def test_map_calls_nothing_before_it_is_asked(home: Counted) -> None:
    made: list[int] = []
    results = home.map(made.append, range(100), workers=2)
    assert isinstance(results, Generator)
    assert made == []
    next(results)
    results.close()
    assert len(made) <= 4


def test_map_raises_the_first_error_in_its_turn_and_stops(home: Counted) -> None:
    made: list[int] = []

    def fail(number: int) -> int:
        made.append(number)
        if number == 3:
            raise ValueError(number)
        return number

    results = home.map(fail, iter(range(1000)), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)
    assert len(made) <= 3 + 2 * 2


def test_map_uses_the_given_number_of_threads(home: Counted) -> None:
    meeting = threading.Barrier(11, timeout=30)
    assert list(home.map(lambda _: meeting.wait() >= 0, range(11), workers=11)) == [True] * 11


@pytest.mark.parametrize("workers", [0, -1, 1.5, "8", None, True])
def test_map_takes_a_number_of_threads(workers: Any, home: Counted) -> None:
    with pytest.raises(ValidationError, match="workers takes a number of threads"):
        home.map(abs, [1], workers=workers)


def test_where_users_sign_in_an_unpickled_connection_is_replaced_by_the_current_one_alone() -> None:
    one, two = (Connection("acme", token=TOKEN) for _ in range(2))  # of two users of one account
    with context.restored():
        default = connect("acme", token=TOKEN)
        pickled = pickle.dumps(one)
        assert pickle.loads(pickled) is default
        context.let_users_sign_in()
        copy = pickle.loads(pickled)
        assert copy not in (one, two, default)
        assert copy.resolved() is copy
        with context.inside(two):
            assert copy.resolved() is two
        with context.inside(one), context.inside(context.Missing.UNKNOWN):
            assert copy.resolved() is copy


# --- any order at all, against a model --------------------------------------------------------


@define(eq=False)
class Block:
    """What the model knows of a block: its connection, and the context that entered it."""

    connection: Connection
    place: Task | Bound
    leave: Callable[[], object]


@define(eq=False)
class Task:
    """A context, as a task or a thread has one, and the blocks that are open in it."""

    context: Context
    blocks: list[Block]


@define(eq=False)
class Bound:
    """A bound generator, which does what it is sent, and the blocks that are open inside."""

    connection: Connection
    step: Callable[[Callable[[], object]], Connection]
    blocks: list[Block] = field(factory=list)


def doing() -> Generator[Connection, Callable[[], object], None]:
    act: Callable[[], object] | None = None
    while True:
        if act is not None:
            act()
        act = yield current()


async def doing_asynchronously() -> Any:
    act = None
    while True:
        if act is not None:
            act()
        act = yield current()


def awaited(coroutine: Any) -> Any:
    """The result of what awaits nothing in turn."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it awaits something")


connections = st.integers(0, len(NAMES) - 1)
some = st.integers(0, 10**6)


class Interleavings(RuleBasedStateMachine):
    """Blocks, generators and tasks in any order; each task knows what has to be current in it."""

    @initialize()
    def begin(self) -> None:
        context._default = None
        self.default = connect("default", token=TOKEN)
        self.connections = [named(name) for name in NAMES]
        self.tasks = [Task(Context(), [])]
        self.bounds: list[Bound] = []
        self.open: list[Block] = []
        self.abandoned: set[Block] = set()
        self.entered = dict.fromkeys(self.connections, 0)
        self.closed = dict.fromkeys(self.connections, 0)

    def teardown(self) -> None:
        context._default = None

    def expected(self, *blocks: Block) -> Connection:
        alive = [block.connection for block in blocks if block not in self.abandoned]
        return alive[-1] if alive else self.default

    def run_in(self, task: Task, act: Callable[[], Any], in_thread: bool) -> Any:
        if not in_thread:
            return task.context.run(act)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(task.context.run, act).result()

    def note_left(self, block: Block, place: Task | Bound) -> None:
        self.open.remove(block)
        if block in place.blocks:
            place.blocks.remove(block)
        if block.place is not place:
            self.abandoned.add(block)

    def make_block(self, connection: Counted, place: Task | Bound, with_it: bool) -> Block:
        if with_it:
            generator = entering(connection)
            next(generator)
            self.entered[connection] += 1
            return Block(connection, place, lambda: self.leave_generator(connection, generator))
        manager = using(connection)
        manager.__enter__()
        return Block(connection, place, lambda: manager.__exit__(None, None, None))

    def leave_generator(self, connection: Counted, generator: Any) -> None:
        generator.close()
        self.entered[connection] -= 1
        if not self.entered[connection]:
            self.closed[connection] += 1

    @rule(of=some)
    def start_a_task(self, of: int) -> None:
        parent = self.tasks[of % len(self.tasks)]
        self.tasks.append(Task(parent.context.copy(), list(parent.blocks)))

    @rule(of=some, which=connections, with_it=st.booleans(), in_thread=st.booleans())
    def enter(self, of: int, which: int, with_it: bool, in_thread: bool) -> None:
        task, connection = self.tasks[of % len(self.tasks)], self.connections[which]
        block = self.run_in(task, lambda: self.make_block(connection, task, with_it), in_thread)
        task.blocks.append(block)
        self.open.append(block)

    @precondition(lambda self: self.open)
    @rule(of=some, which=some, in_thread=st.booleans())
    def leave(self, of: int, which: int, in_thread: bool) -> None:
        task, block = self.tasks[of % len(self.tasks)], self.open[which % len(self.open)]
        self.run_in(task, block.leave, in_thread)
        self.note_left(block, task)

    @rule(which=connections, is_async=st.booleans())
    def bind(self, which: int, is_async: bool) -> None:
        connection = self.connections[which]
        if is_async:
            asynchronous = connection.bind(doing_asynchronously())
            copy_context().run(awaited, anext(asynchronous))
            self.bounds.append(Bound(connection, lambda act: awaited(asynchronous.asend(act))))
        else:
            generator = connection.bind(doing())
            next(generator)
            self.bounds.append(Bound(connection, generator.send))

    @precondition(lambda self: self.bounds)
    @rule(of=some, by=some, which=connections, with_it=st.booleans(), in_thread=st.booleans())
    def enter_in_a_generator(
        self, of: int, by: int, which: int, with_it: bool, in_thread: bool
    ) -> None:
        task, bound = self.tasks[of % len(self.tasks)], self.bounds[by % len(self.bounds)]
        connection = self.connections[which]
        made: list[Block] = []

        def act() -> None:
            made.append(self.make_block(connection, bound, with_it))

        assert self.run_in(task, lambda: bound.step(act), in_thread) is connection
        bound.blocks += made
        self.open += made

    @precondition(lambda self: self.bounds and self.open)
    @rule(of=some, by=some, which=some, in_thread=st.booleans())
    def leave_in_a_generator(self, of: int, by: int, which: int, in_thread: bool) -> None:
        task, bound = self.tasks[of % len(self.tasks)], self.bounds[by % len(self.bounds)]
        block = self.open[which % len(self.open)]
        found = self.run_in(task, lambda: bound.step(block.leave), in_thread)
        self.note_left(block, bound)
        base = Block(bound.connection, bound, lambda: None)
        assert found is self.expected(base, *bound.blocks)

    @precondition(lambda self: self.bounds)
    @rule(of=some, by=some, in_thread=st.booleans())
    def go_on_in_a_generator(self, of: int, by: int, in_thread: bool) -> None:
        task, bound = self.tasks[of % len(self.tasks)], self.bounds[by % len(self.bounds)]
        found = self.run_in(task, lambda: bound.step(lambda: None), in_thread)
        base = Block(bound.connection, bound, lambda: None)
        assert found is self.expected(base, *bound.blocks)

    @rule(of=some, which=connections)
    def map(self, of: int, which: int) -> None:
        task, connection = self.tasks[of % len(self.tasks)], self.connections[which]
        results = task.context.run(lambda: list(connection.map(lambda _: current(), [1, 2])))
        assert results == [connection] * 2

    @invariant()
    def each_task_has_its_own(self) -> None:
        for task in getattr(self, "tasks", ()):
            assert task.context.run(current) is self.expected(*task.blocks)

    @invariant()
    def each_is_closed_at_the_end_of_its_outermost_block(self) -> None:
        for connection in getattr(self, "connections", ()):
            assert connection.closed == self.closed[connection]


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(examples(150), stateful_step_count=40)
