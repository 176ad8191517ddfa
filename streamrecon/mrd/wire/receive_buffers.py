"""Reuses receive buffers as soon as no array refers to them.

A block that was just read is in the cache and has its pages; a new one costs a page fault for
every 4 kB, which is as much as parsing.
"""

from __future__ import annotations

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

    def take(self, size: int) -> bytearray:
        """A block of at least ``size`` bytes of which nobody holds a view."""
        if size > BLOCK_BYTES:
            return bytearray(size)  # for one long message: not worth keeping
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
