"""The pieces that a message's bytes are made of."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.layout import WAVEFORM
from streamrecon.mrd.wire.messages import Waveform

Piece = bytes | memoryview
T = TypeVar("T")


def raw(data: NDArray[np.generic]) -> memoryview:
    """Memory of ``data`` in C order: a view where it lies so, else a copy."""
    flat = np.ascontiguousarray(data).reshape(-1)
    return flat.view(np.uint8).data


def u64(n: int) -> bytes:
    """One u64."""
    return struct.pack("<Q", n)


def counted64(data: bytes) -> bytes:
    """Bytes behind their u64 length."""
    return u64(len(data)) + data


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
    yield u64(len(items))
    for item in items:
        yield from pieces(item)


def waveform_pieces(waveform: Waveform) -> Iterator[Piece]:
    """A waveform's header and samples, as a message's body and inside composites."""
    yield waveform_head(waveform).tobytes()
    yield raw(waveform.data.astype("<u4", copy=False))


def waveform_head(waveform: Waveform) -> NDArray[np.void]:
    """Header [1] with the shape of the data, padding zeroed."""
    head = np.zeros(1, WAVEFORM)
    head[0] = waveform.head
    head["channels"], head["number_of_samples"] = waveform.data.shape
    return head
