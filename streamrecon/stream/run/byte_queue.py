"""A queue between two threads, bounded in the bytes that its items hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from threading import Condition
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

_OVERHEAD_BYTES = 64
"""What an object costs beside its arrays; keeps a flood of empty messages bounded too."""


def size_of(item: object) -> int:
    """Bytes that an item keeps alive: its arrays, buffers and texts, and those of its parts.

    Arrays are counted at their own size, also where they are views of a larger buffer, and twice
    where they are named twice. Dataclasses, mappings, tuples and lists are looked into.

    Examples
    --------
    >>> import numpy as np
    >>> size_of(np.zeros(1000, np.float32)) - size_of(np.zeros(0, np.float32))
    4000
    """
    if isinstance(item, (np.ndarray, np.generic)):
        return _OVERHEAD_BYTES + item.nbytes
    if isinstance(item, (bytes, bytearray, memoryview, str)):
        return _OVERHEAD_BYTES + len(item)
    if isinstance(item, Mapping):
        return _OVERHEAD_BYTES + sum(size_of(k) + size_of(v) for k, v in item.items())
    if isinstance(item, (tuple, list)):
        return _OVERHEAD_BYTES + sum(map(size_of, item))
    if is_dataclass(item) and not isinstance(item, type):
        return _OVERHEAD_BYTES + sum(size_of(getattr(item, f.name)) for f in fields(item))
    return _OVERHEAD_BYTES


class ByteQueue(Generic[T]):
    """Items in order from those who `put` to the one who iterates; a full queue makes `put` wait.

    An item larger than the limit is let in when the queue is empty: the bound is
    ``max(limit_bytes, largest item)``.

    Parameters
    ----------
    limit_bytes
        Sum of sizes above which `put` waits.
    measure
        Size of an item [bytes].
    """

    def __init__(self, limit_bytes: int, *, measure: Callable[[T], int] = size_of) -> None:
        self._limit_bytes = limit_bytes
        self._measure = measure
        self._items: deque[tuple[T, int]] = deque()
        self._held_bytes = 0
        self._closed = False
        self._aborted = False
        self._changed = Condition()

    @property
    def held_bytes(self) -> int:
        """Sum of the sizes of the items that wait."""
        with self._changed:
            return self._held_bytes

    @property
    def aborted(self) -> bool:
        """Whether the queue was given up."""
        with self._changed:
            return self._aborted

    def put(self, item: T) -> bool:
        """Add an item, waiting while the queue is full.

        Returns
        -------
        bool
            ``False`` if the queue was aborted: the item is dropped, and so would be all others.
        """
        size = self._measure(item)
        with self._changed:
            self._changed.wait_for(lambda: self._aborted or self._has_room_for(size))
            if self._aborted:
                return False
            self._items.append((item, size))
            self._held_bytes += size
            self._changed.notify_all()
            return True

    def _has_room_for(self, size: int) -> bool:
        return not self._items or self._held_bytes + size <= self._limit_bytes

    def __iter__(self) -> Iterator[T]:
        """Items as they come, until the queue is closed and empty, or aborted.

        The iterator keeps nothing that it has given out.
        """
        while taken := self._take():
            yield taken.pop()

    def _take(self) -> list[T]:
        """The next item alone in a list; an empty one at the end."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed or self._aborted)
            if self._aborted or not self._items:
                return []
            item, size = self._items.popleft()
            self._held_bytes -= size
            self._changed.notify_all()
            return [item]

    def close(self) -> None:
        """Nothing more will be put; what waits is still given out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Drop what waits; whoever waits at either end goes on."""
        with self._changed:
            self._aborted = True
            self._items.clear()
            self._held_bytes = 0
            self._changed.notify_all()
