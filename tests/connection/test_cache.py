"""Cached responses: for how long, under which tags, and requested once."""

from __future__ import annotations

import sys
import threading
import time
import types
import weakref
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from backpack_orm.connection.cache import Cache, _caches
from backpack_orm.connection.deadline import Deadline
from backpack_orm.errors import NotFound


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Responds with the number of the request, and counts."""

    def __init__(self, size: int = 1) -> None:
        self.count = 0
        self.size = size

    def __call__(self) -> tuple[str, int]:
        self.count += 1
        return f"response {self.count}", self.size


class Gate:
    """A service that responds only once it is opened."""

    def __init__(self, outcome: object = "slow response") -> None:
        self.count = 0
        self.arrived = threading.Event()
        self.opened = threading.Event()
        self.outcome = outcome

    def __call__(self) -> tuple[object, int]:
        self.count += 1
        self.arrived.set()
        assert self.opened.wait(10)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome, 1


class Requester(threading.Thread):
    """Makes a request in a thread of its own, and stores the outcome."""

    def __init__(
        self,
        cache: Cache,
        ask: Any,
        fresh: bool = False,
        response_tags: Any = lambda response: (),
    ) -> None:
        super().__init__(daemon=True)
        self.request = (cache, ask, fresh, response_tags)
        self.response: object = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        cache, ask, fresh, response_tags = self.request
        try:
            self.response = cache.fetch("key", lambda: ["tag"], ask, fresh, response_tags)
        except BaseException as error:
            self.error = error

    def outcome(self) -> object:
        self.join(10)
        assert not self.is_alive()
        return self.error or self.response


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache:
    return Cache(60, 100, clock)


@pytest.fixture
def service() -> Service:
    return Service()


def wait_for_waiters(cache: Cache, count: int) -> None:
    """Return once that many threads wait for a response that is on its way."""
    for _ in range(30_000):
        with cache._changed:
            if len(vars(cache._changed)["_waiters"]) == count:
                return
        time.sleep(0.001)  # so that they get their turn
    raise AssertionError("they never waited")


# --- how long ---------------------------------------------------------------------------------


def test_a_response_is_cached(cache: Cache, service: Service) -> None:
    first = cache.fetch("key", lambda: ["tag"], service)
    assert (first, cache.fetch("key", lambda: ["tag"], service)) == ("response 1", "response 1")
    assert service.count == 1


def test_the_very_object_is_given_again(cache: Cache) -> None:
    response = (1, 2)
    assert cache.fetch("key", list, lambda: (response, 1)) is response
    assert cache.fetch("key", list, lambda: ("other", 1)) is response


def test_a_response_is_cached_until_just_before_its_time(
    cache: Cache, service: Service, clock: Clock
) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    clock.now += 59.999
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


def test_a_response_is_forgotten_when_its_time_is_over(
    cache: Cache, service: Service, clock: Clock
) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    clock.now += 60
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


def test_using_a_response_does_not_cache_it_longer(
    cache: Cache, service: Service, clock: Clock
) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    clock.now += 40
    cache.fetch("key", lambda: ["tag"], service)
    clock.now += 40
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


@pytest.mark.parametrize("ttl", [0, 0.0])
def test_without_a_time_nothing_is_cached(ttl: float | int, service: Service) -> None:
    cache = Cache(ttl, 100)
    cache.fetch("key", lambda: ["tag"], service)
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"
    assert len(cache) == 0


def test_other_keys_have_other_responses(cache: Cache, service: Service) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    assert cache.fetch("other", lambda: ["tag"], service) == "response 2"


def test_a_response_of_none_is_a_response(cache: Cache) -> None:
    cache.fetch("key", list, lambda: (None, 1))
    assert cache.fetch("key", list, lambda: ("other", 1)) is None


def test_fresh_asks_in_any_case(cache: Cache, service: Service) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    assert cache.fetch("key", lambda: ["tag"], service, fresh=True) == "response 2"


def test_a_fresh_response_is_cached(cache: Cache, service: Service) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    cache.fetch("key", lambda: ["tag"], service, fresh=True)
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


def test_hits_are_counted_and_questions_are_not(cache: Cache, service: Service) -> None:
    for _ in range(3):
        cache.fetch("key", lambda: ["tag"], service)
    cache.fetch("key", lambda: ["tag"], service, fresh=True)
    assert cache.hits == 2


def test_an_error_is_not_cached(cache: Cache, service: Service) -> None:
    def fail() -> tuple[str, int]:
        raise NotFound("gone")

    with pytest.raises(NotFound, match="gone"):
        cache.fetch("key", lambda: ["tag"], fail)
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


def test_a_fresh_request_that_fails_leaves_what_is_cached(cache: Cache, service: Service) -> None:
    def fail() -> tuple[str, int]:
        raise NotFound("gone")

    cache.fetch("key", lambda: ["tag"], service)
    with pytest.raises(NotFound):
        cache.fetch("key", lambda: ["tag"], fail, fresh=True)
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


# --- tags -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dropped", [["a"], ["b"], ["a", "b"], ["x", "b"]])
def test_a_response_is_dropped_by_any_of_its_tags(
    cache: Cache, service: Service, dropped: list[str]
) -> None:
    cache.fetch("key", lambda: ["a", "b"], service)
    cache.invalidate(dropped)
    assert len(cache) == 0
    assert cache.fetch("key", lambda: ["a", "b"], service) == "response 2"


@pytest.mark.parametrize("dropped", [[], ["c"], ["page:7"]])
def test_a_response_under_other_tags_stays(cache: Cache, service: Service, dropped: Any) -> None:
    cache.fetch("key", lambda: ["a", "b", "page:71"], service)
    cache.invalidate(dropped)
    assert cache.fetch("key", list, service) == "response 1"


def test_a_tag_drops_all_that_is_cached_under_it(cache: Cache, service: Service) -> None:
    for key in "one", "two", "three":
        cache.fetch(key, lambda: ["tag"], service)
    cache.fetch("other", lambda: ["other"], service)
    cache.invalidate(["tag"])
    assert len(cache) == 1


def test_a_tag_can_be_dropped_again_after_new_responses(cache: Cache, service: Service) -> None:
    for _ in range(2):
        cache.fetch("key", lambda: ["tag"], service)
        cache.invalidate(["tag"])
        assert len(cache) == 0


def test_a_tag_that_was_dropped_leaves_no_trace(cache: Cache, service: Service) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    cache.invalidate(["tag"])
    assert cache._keys == {}


@pytest.mark.parametrize(("dropped", "left"), [("tag", 0), ("response 1", 0), ("response 2", 1)])
def test_a_response_is_dropped_by_what_is_in_it_too(
    cache: Cache, service: Service, dropped: str, left: int
) -> None:
    cache.fetch("key", lambda: ["tag"], service, response_tags=lambda response: [response])
    cache.invalidate([dropped])
    assert len(cache) == left


def test_clear_forgets_everything(cache: Cache, service: Service) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    cache.clear()
    assert len(cache) == 0
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


# --- size -------------------------------------------------------------------------------------


def test_a_response_that_just_fits_is_cached(cache: Cache) -> None:
    service = Service(size=100)
    cache.fetch("key", list, service)
    assert cache.fetch("key", list, service) == "response 1"


def test_a_response_larger_than_the_whole_is_given_but_not_cached(cache: Cache) -> None:
    service = Service(size=101)
    assert cache.fetch("key", list, service) == "response 1"
    assert cache.fetch("key", list, service) == "response 2"


def test_the_index_of_tags_does_not_grow_for_ever(clock: Clock) -> None:
    cache = Cache(60, 10, clock)
    for number in range(5000):
        cache.fetch(number, partial(tuple, [f"page:{number}"]), lambda: ("x", 1))
    assert len(cache) == 10
    assert len(cache._keys) <= 1100


def test_what_has_expired_is_dropped_when_the_next_response_is_cached(
    cache: Cache, service: Service, clock: Clock
) -> None:
    for key in "one", "two", "three":
        cache.fetch(key, lambda: ["tag"], service)
        clock.now += 20
    cache.fetch("one", lambda: ["tag"], service)  # which has expired
    assert list(cache._cached) == ["two", "three", "one"]


def test_a_renewed_response_keeps_no_expired_one_behind_it(
    cache: Cache, service: Service, clock: Clock
) -> None:
    cache.fetch("one", list, service)
    cache.fetch("two", list, service)
    clock.now += 30
    cache.fetch("one", list, service, fresh=True)
    clock.now += 30  # the second one expires
    cache.fetch("three", list, service)
    assert list(cache._cached) == ["one", "three"]


def test_a_response_counts_until_it_is_replaced_dropped_or_expired(
    cache: Cache, clock: Clock
) -> None:
    cache.fetch("key", list, Service(size=60))
    cache.fetch("key", list, Service(size=60), fresh=True)
    cache.fetch("other", lambda: ["tag"], Service(size=40))
    assert len(cache) == 2
    cache.invalidate(["tag"])
    cache.fetch("third", list, Service(size=40))
    assert len(cache) == 2
    clock.now += 60
    cache.fetch("last", list, Service(size=100))
    assert list(cache._cached) == ["last"]


def test_the_response_that_expires_first_makes_room(cache: Cache, clock: Clock) -> None:
    for key in "one", "two", "one":
        cache.fetch(key, list, Service(size=40), fresh=True)
        clock.now += 1
    assert cache.get("two")
    cache.fetch("three", list, Service(size=40))
    assert list(cache._cached) == ["one", "three"]


def test_an_interrupt_while_a_response_is_cached_leaves_a_cache_that_works(
    cache: Cache, service: Service, clock: Clock
) -> None:
    cache.fetch("key", lambda: ["tag"], service)
    del vars(cache._cached)["_FIFOCache__order"][
        "key"
    ]  # as if it had ended before the order was known
    cache.invalidate(["tag"])
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


def test_keeping_a_response_looks_through_the_index_only_now_and_then(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[object] = []
    sweep = Cache._sweep
    monkeypatch.setattr(Cache, "_sweep", lambda cache: sweeps.append(sweep(cache)))
    cache = Cache(60, 10_000, clock)
    for number in range(5000):
        cache.fetch(number, partial(tuple, [f"page:{number}"]), lambda: ("x", 1))
    assert len(cache) == 5000
    assert len(sweeps) <= 5


def test_what_was_pushed_out_of_the_index_takes_nothing_alive_along(clock: Clock) -> None:
    cache = Cache(60, 10, clock)
    service = Service()
    for number in range(1500):
        cache.fetch(number, lambda: ["tag"], service)
    cache.invalidate(["tag"])
    assert len(cache) == 0


# --- asked once -------------------------------------------------------------------------------


def test_thirty_threads_ask_once(cache: Cache) -> None:
    gate = Gate()
    requesters = [Requester(cache, gate) for _ in range(30)]
    wait_for_waiters(cache, 29)
    gate.opened.set()
    assert [requester.outcome() for requester in requesters] == ["slow response"] * 30
    assert gate.count == 1
    assert cache.hits == 29


def test_without_a_time_each_thread_asks_for_itself() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def ask() -> tuple[str, int]:
        meeting.wait()
        return "response", 1

    cache = Cache(0, 100)
    requesters = [Requester(cache, ask), Requester(cache, ask)]
    assert [requester.outcome() for requester in requesters] == ["response"] * 2


def test_threads_with_other_questions_do_not_wait(cache: Cache, service: Service) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    assert cache.fetch("other", lambda: ["tag"], service) == "response 1"
    gate.opened.set()
    assert slow.outcome() == "slow response"


def test_a_fresh_request_does_not_wait_for_another(cache: Cache, service: Service) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    assert cache.fetch("key", lambda: ["tag"], service, fresh=True) == "response 1"
    gate.opened.set()
    assert slow.outcome() == "slow response"


def test_a_late_response_does_not_replace_a_fresher_one(cache: Cache, service: Service) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    cache.fetch("key", lambda: ["tag"], service, fresh=True)
    gate.opened.set()
    slow.outcome()
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


def test_newcomers_wait_for_the_fresher_request(cache: Cache) -> None:
    old, fresh = Gate("old"), Gate("fresh")
    first = Requester(cache, old)
    assert old.arrived.wait(10)
    second = Requester(cache, fresh, fresh=True)
    assert fresh.arrived.wait(10)
    newcomer = Requester(cache, Gate("never asked"))
    wait_for_waiters(cache, 1)
    old.opened.set()
    assert first.outcome() == "old"
    fresh.opened.set()
    assert (second.outcome(), newcomer.outcome()) == ("fresh", "fresh")


# --- writes while a request is under way ----------------------------------------------------


def test_a_response_from_before_a_write_is_not_cached(cache: Cache, service: Service) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    cache.invalidate(["tag"])
    gate.opened.set()
    assert slow.outcome() == "slow response"
    assert len(cache) == 0
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


def test_who_asks_after_a_write_does_not_wait_for_a_response_from_before(
    cache: Cache, service: Service
) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    cache.invalidate(["tag"])
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"
    gate.opened.set()
    slow.outcome()
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


def test_who_waited_before_a_write_still_gets_the_response(cache: Cache) -> None:
    gate = Gate()
    requesters = [Requester(cache, gate), Requester(cache, gate)]
    wait_for_waiters(cache, 1)
    cache.invalidate(["tag"])
    gate.opened.set()
    assert [requester.outcome() for requester in requesters] == ["slow response"] * 2


def test_a_response_from_before_a_write_that_it_should_show_is_not_cached(
    cache: Cache, service: Service
) -> None:
    gate = Gate()
    slow = Requester(cache, gate, response_tags=lambda response: [response])
    assert gate.arrived.wait(10)
    cache.invalidate(["slow response"])
    gate.opened.set()
    assert slow.outcome() == "slow response"
    assert len(cache) == 0


def test_who_waits_for_a_response_that_turns_out_to_be_from_before_a_write_asks(
    cache: Cache, service: Service
) -> None:
    gate = Gate()
    slow = Requester(cache, gate, response_tags=lambda response: [response])
    assert gate.arrived.wait(10)
    cache.invalidate(["slow response"])
    newcomers = [
        Requester(cache, service, response_tags=lambda response: [response]) for _ in range(20)
    ]
    wait_for_waiters(cache, 20)
    gate.opened.set()
    assert slow.outcome() == "slow response"
    assert [newcomer.outcome() for newcomer in newcomers] == ["response 1"] * 20
    assert service.count == 1


def test_a_write_elsewhere_leaves_a_response_with_tags_of_its_own_alone(
    cache: Cache, service: Service
) -> None:
    gate = Gate()
    slow = Requester(cache, gate, response_tags=lambda response: [response])
    assert gate.arrived.wait(10)
    cache.invalidate(["other"])
    gate.opened.set()
    slow.outcome()
    assert cache.fetch("key", lambda: ["tag"], service) == "slow response"


def test_a_request_whose_response_has_no_tags_fails(cache: Cache, service: Service) -> None:
    with pytest.raises(KeyError):
        cache.fetch("key", lambda: ["tag"], service, response_tags=lambda response: {}[response])
    assert cache.fetch("key", lambda: ["tag"], service) == "response 2"


def test_a_write_elsewhere_leaves_a_request_alone(cache: Cache, service: Service) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    cache.invalidate(["other"])
    gate.opened.set()
    slow.outcome()
    assert cache.fetch("key", lambda: ["tag"], service) == "slow response"


def test_clear_disowns_requests_under_way(cache: Cache) -> None:
    gate = Gate()
    slow = Requester(cache, gate)
    assert gate.arrived.wait(10)
    cache.clear()
    gate.opened.set()
    slow.outcome()
    assert len(cache) == 0


# --- errors while others wait -----------------------------------------------------------------


def test_all_who_wait_get_the_error(cache: Cache) -> None:
    error = NotFound("gone", verb="POST", path="/ws/page/7", status=404)
    gate = Gate(error)
    requesters = [Requester(cache, gate) for _ in range(5)]
    wait_for_waiters(cache, 4)
    gate.opened.set()
    outcomes = [requester.outcome() for requester in requesters]
    assert [str(outcome) for outcome in outcomes] == [str(error)] * 5
    assert gate.count == 1


def test_each_who_waits_gets_an_error_of_their_own(cache: Cache) -> None:
    gate = Gate(NotFound("gone"))
    requesters = [Requester(cache, gate) for _ in range(5)]
    wait_for_waiters(cache, 4)
    gate.opened.set()
    assert len({id(requester.outcome()) for requester in requesters}) == 5


def test_after_an_error_for_many_the_next_asks_again(cache: Cache, service: Service) -> None:
    gate = Gate(NotFound("gone"))
    requester = Requester(cache, gate)
    gate.opened.set()
    requester.outcome()
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_who_waits_for_an_interrupted_thread_asks_again(cache: Cache, interrupt: Any) -> None:
    gate, next_gate = Gate(interrupt()), Gate("response")
    interrupted = Requester(cache, gate)
    assert gate.arrived.wait(10)
    requesters = [Requester(cache, next_gate) for _ in range(5)]
    wait_for_waiters(cache, 5)
    gate.opened.set()
    next_gate.opened.set()
    assert isinstance(interrupted.outcome(), interrupt)
    assert [requester.outcome() for requester in requesters] == ["response"] * 5
    assert next_gate.count == 1


def test_tags_that_fail_leave_no_thread_waiting(cache: Cache, service: Service) -> None:
    def tags() -> list[str]:
        raise ValueError("no tags")

    with pytest.raises(ValueError, match="no tags"):
        cache.fetch("key", tags, service)
    assert cache.fetch("key", lambda: ["tag"], service) == "response 1"


# --- several caches of one host ---------------------------------------------------------------


def cache_in(cache: Cache, tag: str = "tag") -> None:
    cache.fetch("key", lambda: [tag], lambda: ("old response", 1))


def test_a_write_invalidates_all_caches_of_the_host() -> None:
    mine, theirs = (Cache(60, 1000, host="acme.backpackit.com") for _ in range(2))
    cache_in(mine)
    cache_in(theirs)
    mine.invalidate(["tag"])
    assert (len(mine), len(theirs)) == (0, 0)


def test_a_write_disowns_what_is_on_its_way_to_another_cache_of_the_host(service: Service) -> None:
    mine, theirs = (Cache(60, 1000, host="acme.backpackit.com") for _ in range(2))
    gate = Gate("from before the write")
    requester = Requester(theirs, gate)
    assert gate.arrived.wait(10)
    mine.invalidate(["tag"])
    gate.opened.set()
    requester.join(10)
    assert len(theirs) == 0
    assert theirs.fetch("key", lambda: ["tag"], service) == "response 1"


def test_a_write_leaves_the_caches_of_other_hosts_alone() -> None:
    mine = Cache(60, 1000, host="acme.backpackit.com")
    theirs = Cache(60, 1000, host="home.backpackit.com")
    cache_in(theirs)
    mine.invalidate(["tag"])
    assert len(theirs) == 1


def test_clearing_a_cache_leaves_the_others_of_the_host_alone() -> None:
    mine, theirs = (Cache(60, 1000, host="acme.backpackit.com") for _ in range(2))
    cache_in(theirs)
    mine.clear()
    assert len(theirs) == 1


def test_caches_of_no_host_leave_each_other_alone() -> None:
    mine, theirs = Cache(60, 1000), Cache(60, 1000)
    cache_in(theirs)
    mine.invalidate(["tag"])
    assert len(theirs) == 1


def test_caches_of_one_host_keep_none_of_each_other_alive() -> None:
    mine = Cache(60, 1000, host="acme.backpackit.com")
    theirs = weakref.ref(Cache(60, 1000, host="acme.backpackit.com"))
    assert theirs() is None
    assert mine in _caches


# --- interrupts -------------------------------------------------------------------------------


class Interrupter:
    """Raises KeyboardInterrupt once, as the n-th function that `fetch` calls begins or returns.

    That is where Python handles signals. A C function is not interrupted before it has run: the
    call of a lock's `__exit__` is never skipped by a signal.
    """

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, frame: types.FrameType, event: str, argument: object) -> None:
        if event == "c_call" or "cache.py" not in frame.f_code.co_filename:
            return
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def interrupted_fetch(cache: Cache, service: Service, after: int) -> bool:
    """Whether a fetch has been interrupted, which is after so many steps."""
    sys.setprofile(Interrupter(after))
    try:
        cache.fetch("key", lambda: ["tag"], service, response_tags=lambda response: [response])
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_an_interrupt_at_any_step_leaves_no_thread_waiting() -> None:
    steps = 0
    is_interrupted = True
    while is_interrupted:
        cache, service = Cache(60, 100), Service()
        steps += 1
        is_interrupted = interrupted_fetch(cache, service, steps)
        assert not cache._lock.locked(), steps
        assert not cache._pending, steps
        found = cache.fetch("key", lambda: ["tag"], service, deadline=Deadline(0))
        assert found == f"response {service.count}", steps
    assert steps > 10


@pytest.mark.parametrize("steps", range(1, 40))
def test_an_interrupt_at_any_step_wakes_those_who_wait(steps: Any) -> None:
    cache, service = Cache(60, 100), Service()
    waiting: list[Requester] = []

    def ask() -> tuple[object, int]:
        waiting.append(Requester(cache, service))
        wait_for_waiters(cache, 1)
        sys.setprofile(Interrupter(steps))  # from here on, where others wait
        return "slow response", 1

    try:
        with suppress(KeyboardInterrupt):
            cache.fetch("key", lambda: ["tag"], ask)
    finally:
        sys.setprofile(None)
    assert waiting[0].outcome() in ("slow response", "response 1")
