"""How many bytes a message holds, for the queues that are bounded by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np

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
