"""Branches that run at once: concurrency, merging, back-pressure, errors, ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
import pytest
from narrowing import as_a
from stream_gadgets import (
    Act,
    Scale,
    Sort,
    Total,
    act,
    at_once,
    branch_threads,
    refuse_from,
    results,
)

from streamrecon.errors import ReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.parallel import Branch, OnError, Parallel
from streamrecon.stream.run.serial import Node, Serial, Step

EMPTY = Serial(())
LONG_S = 30  # a hang, not a wait: nothing here takes a second


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert branch_threads() == []


def numbers(*nodes: Node, items: Iterable[object]) -> list[int]:
    """Results that are all whole numbers."""
    return [as_a(int, made) for made in results(*nodes, items=items)]


def test_two_branches_meet_while_both_work() -> None:
    barrier = threading.Barrier(2, timeout=LONG_S)

    def meet(item: int) -> int:
        barrier.wait()
        return item

    made = numbers(at_once(act(meet), act(meet)), items=(1, 2, 3))

    assert sorted(made) == [1, 1, 2, 2, 3, 3]


def test_each_branch_keeps_its_order() -> None:
    doubled = Step("a", Scale(factor=2))
    negated = act(lambda item: -item)

    made = numbers(at_once(doubled, negated), items=range(1, 100))

    assert [m for m in made if m > 0] == [2 * i for i in range(1, 100)]
    assert [m for m in made if m < 0] == [-i for i in range(1, 100)]


def test_an_item_that_no_branch_accepts_passes_by_once() -> None:
    made = results(at_once(Step("a", Scale()), Step("b", Total())), items=("x", None))

    assert [m for m in made if not isinstance(m, int)] == ["x", None]


def test_an_item_goes_only_to_branches_that_accept_it() -> None:
    made = results(at_once(Step("a", Scale()), Step("b", Sort())), items=(3, "x"))

    assert sorted(made, key=str) == [6, "x"]


def test_an_empty_branch_passes_on_what_another_branch_takes() -> None:
    made = numbers(at_once(Step("a", Scale()), EMPTY), items=(3,))

    assert sorted(made) == [3, 6]


def test_branches_finish_before_what_is_behind_them() -> None:
    made = results(at_once(Step("a", Total()), Step("b", Scale())), Step("c", Total()))

    assert made == [6 + 12]


def test_a_branch_finishes_although_nothing_came() -> None:
    assert results(at_once(Step("a", Total())), items=()) == [0]


def test_what_is_behind_is_entered_by_one_thread_at_a_time() -> None:
    inside = threading.Lock()

    def enter(item: int) -> int:
        assert inside.acquire(blocking=False)
        threading.Event().wait(0.001)  # long enough for the other branch to come
        inside.release()
        return item

    made = results(at_once(EMPTY, act(lambda item: item), EMPTY), act(enter), items=range(20))

    assert len(made) == 60


def test_a_slow_branch_holds_the_feeder_within_the_bytes_of_its_queue() -> None:
    gate, fed = threading.Event(), []
    volume_bytes, room = 1000, 5

    class Volumes(Act):
        accepts: ClassVar = (np.ndarray,)

    def items() -> Iterator[np.ndarray]:
        for i in range(50):
            fed.append(i)
            yield np.zeros(volume_bytes, np.uint8)

    slow = Step("slow", Volumes(act=lambda item: gate.wait(LONG_S)))
    node = at_once(slow, queue_bytes=room * (volume_bytes + 64))
    runner = threading.Thread(target=lambda: Chain(node).run(items(), lambda _: None))

    runner.start()
    held = _settled(fed)
    gate.set()
    runner.join(LONG_S)

    # one in work, `room` in the queue, one in the feeder's hand
    assert held == room + 2
    assert len(fed) == 50


def _settled(grows: list[int]) -> int:
    """Length once it does not grow any more for a while."""
    pause, length = threading.Event(), -1
    while length != len(grows):
        length = len(grows)
        pause.wait(0.2)
    return length


def test_an_error_of_a_branch_ends_the_chain() -> None:
    with pytest.raises(ReconError, match=r"^Act: found 2$"):
        results(at_once(act(refuse_from(2)), Step("b", Scale())), items=range(1000))


def test_a_branch_does_not_finish_a_run_that_has_failed() -> None:
    failed, finished = threading.Event(), []

    class Hold(Act):
        def feed(self, _: object) -> Iterator[object]:
            assert failed.wait(LONG_S)
            yield from ()

        def finish(self) -> Iterator[object]:
            finished.append(True)
            yield from ()

    def items() -> Iterator[int]:
        yield 1
        _settled([])  # the error has come, and the other branch is still at work
        failed.set()

    with pytest.raises(ReconError, match=r"^Act: found 1$"):
        results(at_once(act(refuse_from(1)), Step("b", Hold())), items=items())

    assert finished == []


def test_the_first_of_two_errors_is_the_one_that_is_told() -> None:
    def fail_late(_: int) -> int:
        _settled([])  # the other branch has failed
        raise ReconError("late")

    with pytest.raises(ReconError, match=r"^Early: found 1$"):
        results(at_once(act(fail_late), act(refuse_from(1), "Early")), items=(1,))


def test_an_error_wakes_a_feeder_that_waits_at_the_queue_of_another_branch() -> None:
    failed, fed = threading.Event(), list[int]()

    def fail(_: int) -> int:
        blocked_at.append(_settled(fed))
        failed.set()
        raise ReconError("lost")

    def hold(item: int) -> int:
        assert failed.wait(LONG_S)
        return item

    def items() -> Iterator[int]:
        for i in range(1000):
            fed.append(i)
            yield i

    blocked_at: list[int] = []

    with pytest.raises(ReconError, match=r"^Act: lost$"):
        results(at_once(act(fail), act(hold), queue_bytes=200), items=items())

    assert len(fed) == blocked_at[0]


def test_a_reporting_branch_ends_with_a_warning_and_the_others_go_on() -> None:
    branches = (
        Branch("qsm", act(refuse_from(2), "InvertTkd"), OnError.REPORT),
        Branch("mag", Step("b", Scale(factor=10))),
    )

    made = results(Parallel(branches), items=range(1, 200))

    warning = Notice(Level.WARNING, "branch qsm ended without a result: [recon] InvertTkd: found 2")
    assert made.count(warning) == 1
    assert made.count(1) == 1
    assert [m for m in made if isinstance(m, int) and m >= 10] == [10 * i for i in range(1, 200)]


def test_a_bug_in_a_reporting_branch_tells_its_type_but_not_its_text() -> None:
    def crash(_: int) -> int:
        raise KeyError("Doe^John")

    made = results(at_once(act(crash), on_error=OnError.REPORT))

    text = "branch a ended without a result: [internal] KeyError"
    assert made == [Notice(Level.WARNING, text)]


def test_an_error_behind_the_branches_is_not_taken_for_one_of_theirs() -> None:
    nodes = (at_once(EMPTY, act(lambda i: i), on_error=OnError.REPORT), act(refuse_from(0), "Last"))

    with pytest.raises(ReconError, match=r"^Last: found"):
        results(*nodes)


def test_all_branches_may_end_with_a_report_and_the_rest_goes_on() -> None:
    made = results(
        at_once(act(refuse_from(0)), act(refuse_from(0)), on_error=OnError.REPORT, queue_bytes=1),
        Step("c", Scale()),
        items=(*range(100), "x"),
    )

    assert [m for m in made if not isinstance(m, Notice)] == ["x"]
    assert sum(isinstance(m, Notice) for m in made) == 2


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("number", [0, 7, 399])
def test_an_error_anywhere_in_nested_branches_ends_the_chain(place: int, number: int) -> None:
    steps = [
        act(refuse_from(number) if i == place else (lambda item: item), f"Act{i}") for i in range(6)
    ]
    inner = at_once(steps[2], steps[3], queue_bytes=200)
    outer = at_once(Serial((steps[1], inner)), steps[4], queue_bytes=200)

    with pytest.raises(ReconError, match=f"^Act{place}: found {number}$"):
        results(steps[0], outer, steps[5], items=range(400))


def test_nested_branches_give_every_result() -> None:
    inner = at_once(Step("x", Scale(factor=3)), Step("y", Scale(factor=5)))
    outer = at_once(Serial((inner, Step("z", Scale(factor=7)))), Step("w", Scale(factor=2)))

    made = numbers(outer, items=range(1, 50))

    assert sorted(made) == sorted(f * i for i in range(1, 50) for f in (21, 35, 2))


def test_an_inner_error_may_be_reported_by_the_outer_branch() -> None:
    inner = at_once(act(refuse_from(3), "Inner"), EMPTY)
    outer = Parallel((Branch("o", inner, OnError.REPORT), Branch("p", Step("b", Scale(factor=99)))))

    made = results(outer, items=range(1, 30))

    text = "branch o ended without a result: [recon] Inner: found 3"
    assert made.count(Notice(Level.WARNING, text)) == 1
    assert [m for m in made if isinstance(m, int) and m >= 99] == [99 * i for i in range(1, 30)]


def test_a_client_that_goes_ends_all_branches() -> None:
    def take(item: object) -> None:
        if item == 40:
            raise ConnectionError("gone")

    node = at_once(Step("a", Scale()), at_once(Step("b", Scale()), EMPTY), queue_bytes=200)

    with pytest.raises(ConnectionError, match=r"^gone$"):
        Chain(node).run(range(1000), take)


def test_an_interrupt_among_the_items_joins_the_branches() -> None:
    def items() -> Iterator[int]:
        yield from range(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        results(at_once(Step("a", Scale()), Step("b", Total())), items=items())


def test_a_branch_that_calls_exit_is_not_taken_for_one_that_finished() -> None:
    def leave(_: int) -> int:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        results(at_once(act(leave), Step("b", Scale()), on_error=OnError.REPORT))
