"""Reuses receive buffers as soon as no array refers to them.

A block that was just read is in the cache and has its pages; a new one costs a page fault for
every 4 kB, which is as much as parsing.
"""

from __future__ import annotations

import mmap

BLOCK_BYTES = 1 << 22
"""Some long lines, so that carrying a tail over costs little; few enough to stay in the cache."""
_KEPT = 3  # one being filled, one at work, one in between: more would leave the cache


class Blocks:
    """Gives blocks of memory, each to one user at a time.

    Examples
    --------
    >>> blocks = Blocks()
    >>> first = blocks.take(100)
    >>> view = memoryview(first)[5:6]
    >>> blocks.take(100) is first
    False
    >>> view.release()
    >>> blocks.take(100) is first
    True
    """

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def take(self, size: int) -> bytearray | mmap.mmap:
        """A block of at least ``size`` bytes of which nobody holds a view.

        One for a long message takes memory page by page, as its bytes come: what a peer claims
        costs addresses only.

        Raises
        ------
        MemoryError
            If there are not even these.
        """
        if size > BLOCK_BYTES:
            try:
                return mmap.mmap(-1, size)  # for one message: not worth keeping
            except OSError as e:
                raise MemoryError(f"{size} bytes") from e
        for block in self._kept:
            if is_free(block):
                return block
        block = bytearray(BLOCK_BYTES)  # zeroed by the system, page by page, as bytes come
        self._kept = [*self._kept, block][-_KEPT:]
        return block


def is_free(block: bytearray) -> bool:
    """Whether nobody holds a view of ``block``.

    Python refuses to resize what is viewed; a resize by one byte and back moves nothing.
    """
    try:
        block.append(block.pop())
    except BufferError:
        return False
    return True
