"""Encodes the fields of message bodies."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Piece = bytes | memoryview
T = TypeVar("T")


def raw(data: NDArray[np.generic]) -> memoryview:
    """Memory of ``data`` in C order: a view where it lies so, else a copy."""
    flat = np.ascontiguousarray(data).reshape(-1)
    return flat.view(np.uint8).data


def packed_u64(n: int) -> bytes:
    """One u64."""
    return struct.pack("<Q", n)


def counted64(data: bytes) -> bytes:
    """Bytes behind their u64 length."""
    return packed_u64(len(data)) + data


def array_pieces(data: NDArray[np.generic]) -> Iterator[Piece]:
    """An hoNDArray: axes, sizes, elements with the first axis fastest."""
    yield struct.pack(f"<Q{data.ndim}Q", data.ndim, *data.shape)
    yield raw(data.T)


def optional_pieces(value: T | None, pieces: Callable[[T], Iterator[Piece]]) -> Iterator[Piece]:
    """A flag byte, and the value if there is one."""
    yield bytes([value is not None])
    if value is not None:
        yield from pieces(value)


def vector_pieces(items: Sequence[T], pieces: Callable[[T], Iterator[Piece]]) -> Iterator[Piece]:
    """A u64 count, then the items."""
    yield packed_u64(len(items))
    for item in items:
        yield from pieces(item)
