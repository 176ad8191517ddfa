"""Work that threads share: all of it once, calls within calls, many callers, and its errors."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from streamrecon.machine.threads import at_once, budget, meanwhile, set_budget


@pytest.fixture(params=[1, 2, 5], ids=lambda n: f"{n} threads")
def threads_allowed(request: pytest.FixtureRequest) -> Iterator[int]:
    before = budget()
    set_budget(request.param)
    yield request.param
    set_budget(before)


def squares_of(count: int) -> list[int]:
    found = [-1] * count

    def work(which: range) -> None:
        for n in which:
            assert found[n] == -1
            found[n] = n * n

    at_once(work, count)
    return found


@pytest.mark.parametrize("count", [0, 1, 4, 1001])
def test_every_piece_is_done_once(threads_allowed: int, count: int) -> None:
    assert squares_of(count) == [n * n for n in range(count)]


def test_pieces_may_share_their_own_work(threads_allowed: int) -> None:
    """With as many callers as there are threads none may wait for a thread to become free."""
    inner: list[list[int]] = []

    at_once(lambda which: inner.extend(squares_of(50 + n) for n in which), 8)

    assert sorted(map(len, inner)) == list(range(50, 58))


def test_many_callers_do_not_wait_for_each_other(threads_allowed: int) -> None:
    """All begin before any goes on: each must get through with the processors it finds."""
    together = threading.Barrier(6, timeout=30)

    def call(count: int) -> int:
        together.wait()
        return sum(squares_of(count))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(call, range(100, 106)))

    assert found == [sum(n * n for n in range(count)) for count in range(100, 106)]


@pytest.mark.parametrize("wrong", [0, 9], ids=["the first piece", "the last piece"])
def test_an_error_of_any_thread_is_its_callers(threads_allowed: int, wrong: int) -> None:
    """An ``IndexError`` of the work is no sign that nothing is left to do."""

    def work(which: range) -> None:
        if wrong in which:
            raise IndexError(f"piece {wrong}")

    with pytest.raises(IndexError, match=f"piece {wrong}"):
        at_once(work, 10)
    assert squares_of(10)[9] == 81


def test_no_thread_still_works_when_the_call_has_ended(threads_allowed: int) -> None:
    busy, begun = threading.Event(), threading.Event()

    def work(which: range) -> None:
        if 0 in which:  # which fails while another piece is being done
            begun.wait(5 if threads_allowed > 1 else 0)
            raise ValueError
        busy.set()
        begun.set()
        threading.Event().wait(0.2)
        busy.clear()

    with pytest.raises(ValueError):
        at_once(work, 2)
    assert not busy.is_set()


def test_what_was_begun_meanwhile_is_done_once_and_its_error_comes_where_it_is_asked_for(
    threads_allowed: int,
) -> None:
    begun = []

    def fails() -> None:
        begun.append("once")
        raise IndexError("late")

    asked = meanwhile(fails)
    assert squares_of(10)[9] == 81

    with pytest.raises(IndexError, match="late"):
        asked()
    assert begun == ["once"]


class Volume(list[int]):
    """What can be seen to be gone."""


def test_work_that_is_done_lets_go_of_its_arrays_while_all_threads_are_busy(
    threads_allowed: int,
) -> None:
    free = threading.Event()
    busy = [meanwhile(lambda: free.wait(30)) for _ in range(threads_allowed - 1)]
    gone = []

    def use() -> None:
        volume = Volume(range(100))
        gone.append(weakref.ref(volume))

        def work(which: range) -> None:
            assert [volume[n] for n in which] == list(which)

        at_once(work, 100)
        assert meanwhile(lambda: len(volume))() == 100

    use()
    gc.collect()
    found = [reference() for reference in gone]
    free.set()

    assert [each() for each in busy] == [True] * len(busy)
    assert found == [None]


def test_more_may_be_begun_than_there_are_threads_and_share_its_own_work(
    threads_allowed: int,
) -> None:
    def nested(count: int) -> list[int]:
        inner = meanwhile(lambda: squares_of(count))
        return squares_of(count) + inner()

    asked = [meanwhile(partial(nested, n)) for n in range(40, 52)]

    assert [len(each()) for each in reversed(asked)] == [2 * n for n in range(51, 39, -1)]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of a process with threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that are copies of their parent")
def test_a_copy_of_the_process_has_threads_of_its_own() -> None:
    squares_of(100)  # the parent has some
    child = os.fork()
    if child == 0:
        os._exit(0 if squares_of(100)[99] == 9801 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
