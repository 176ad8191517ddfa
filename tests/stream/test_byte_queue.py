"""A queue bounded in bytes, and the sizes it counts with."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest

from streamrecon.stream.run.byte_queue import ByteQueue, size_of

LONG_S = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """A message with two arrays and more."""

    data: np.ndarray
    rest: tuple[object, ...] = ()


def test_items_come_in_order_until_closed() -> None:
    queue: ByteQueue[int] = ByteQueue(1000, measure=lambda _: 1)
    for i in range(5):
        queue.put(i)
    queue.close()

    assert list(queue) == [0, 1, 2, 3, 4]
    assert queue.held_bytes == 0


def test_an_item_larger_than_the_queue_is_let_in_alone() -> None:
    queue: ByteQueue[int] = ByteQueue(10, measure=lambda size: size)

    assert queue.put(1000)
    assert queue.held_bytes == 1000


def test_put_waits_for_room_and_goes_on_with_it() -> None:
    queue: ByteQueue[int] = ByteQueue(10, measure=lambda size: size)
    queue.put(6)
    second = threading.Thread(target=lambda: queue.put(5))

    second.start()
    second.join(0.1)
    waits = second.is_alive()
    first = next(iter(queue))
    second.join(LONG_S)

    assert waits
    assert first == 6
    assert not second.is_alive()
    assert queue.held_bytes == 5


@pytest.mark.parametrize("size", [5, 50])
def test_abort_wakes_who_waits_to_put_and_tells_it(size: int) -> None:
    queue: ByteQueue[int] = ByteQueue(10, measure=lambda size: size)
    queue.put(6)
    answers: list[bool] = []
    putting = threading.Thread(target=lambda: answers.append(queue.put(size)))

    putting.start()
    queue.abort()
    putting.join(LONG_S)

    assert answers == [False]
    assert list(queue) == []
    assert queue.held_bytes == 0


def test_abort_wakes_who_waits_to_take() -> None:
    queue: ByteQueue[int] = ByteQueue(10)
    taking = threading.Thread(target=lambda: list(queue))

    taking.start()
    queue.abort()
    taking.join(LONG_S)

    assert not taking.is_alive()


def test_what_was_put_before_close_is_still_given_out() -> None:
    queue: ByteQueue[str] = ByteQueue(1000)
    queue.put("last")
    queue.close()

    assert list(queue) == ["last"]


@pytest.mark.parametrize(
    ("item", "held"),
    [
        (np.zeros((3, 5), np.complex64), 120),
        (np.zeros(2, [("a", "u2"), ("b", "f4")])[0], 6),
        (Pair(np.zeros(7, np.float32), (np.zeros(3, np.uint8), b"four")), 28 + 3 + 4),
        ({"k": (np.zeros(9, np.int16),)}, 1 + 18),
        (memoryview(bytes(11)), 11),
        (object(), 0),
        (Pair, 0),
    ],
    ids=["array", "record", "dataclass", "mapping", "view", "object", "class"],
)
def test_the_bytes_of_arrays_and_buffers_are_counted_wherever_they_are(
    item: object, held: int
) -> None:
    found = size_of(item)

    overhead = 64
    assert held <= found <= held + 6 * overhead
    assert (found - held) % overhead == 0
