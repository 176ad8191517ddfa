"""Decodes the fields of message bodies, as generators over a peer's bytes.

A generator yields how many bytes it needs next and is sent a view of exactly those. So a body
reads from top to bottom like its specification, whatever the pieces in which the bytes arrive.
A length is checked before the bytes behind it are asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.images.meta import read_meta
from streamrecon.mrd.wire.messages import Limits, Meta

T = TypeVar("T")
Reading = Generator[int, memoryview, T]
"""Yields needs in bytes, is sent views, returns a value."""

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_MAX_AXES = 16


def u32() -> Reading[int]:
    """One u32."""
    return int(_U32.unpack((yield 4))[0])


def u64() -> Reading[int]:
    """One u64."""
    return int(_U64.unpack((yield 8))[0])


def counted(
    length: Callable[[], Reading[int]], limits: Limits, limit: str, what: str
) -> Reading[memoryview]:
    """Bytes behind their length."""
    n = yield from length()
    limits.check(n, limit, f"{what}: length in bytes")
    return (yield n)


def until_nul(data: bytes | memoryview) -> bytes:
    """Bytes before the first NUL: both dialects' end of a text.

    >>> until_nul(b"a.xml" + bytes(3))
    b'a.xml'
    """
    return bytes(data).split(b"\0", 1)[0]


def decoded(data: bytes | memoryview, what: str) -> str:
    """Text before the first NUL, which must be UTF-8."""
    try:
        return until_nul(data).decode()
    except UnicodeDecodeError as e:
        raise ProtocolError(f"{what}: not UTF-8 at byte {e.start}") from e


def meta(limits: Limits, what: str) -> Reading[Meta]:
    """Meta XML behind a u64 length."""
    return read_meta((yield from counted(u64, limits, "meta_bytes", f"{what} meta")))


def array(dtype: DTypeLike, limits: Limits, what: str) -> Reading[NDArray[np.generic]]:
    """An hoNDArray: axes, sizes, elements with the first axis fastest."""
    kind: np.dtype[np.generic] = np.dtype(dtype)
    axes = yield from u64()
    if axes > _MAX_AXES:
        raise ProtocolError(f"{what}: found {axes} axes, needed at most {_MAX_AXES}")
    sizes = tuple(np.frombuffer((yield 8 * axes), "<u8").tolist())
    elements = prod(sizes) if sizes else 0  # an array without axes is Gadgetron's empty array
    # Zeros left out: NumPy refuses to make an empty array with axes that are too long.
    limits.check(prod(n or 1 for n in sizes) * kind.itemsize, "array_bytes", f"{what}: bytes")
    data = np.frombuffer((yield elements * kind.itemsize), kind)
    return data.reshape(sizes or (0,), order="F")


def optional(present: Callable[[], Reading[T]], what: str) -> Reading[T | None]:
    """A flag byte, and the value if the flag is set."""
    flag = (yield 1)[0]
    if flag > 1:
        raise ProtocolError(f"{what}: found flag {flag}, needed 0 or 1")
    return (yield from present()) if flag else None


def vector(item: Callable[[], Reading[T]], limits: Limits, what: str) -> Reading[tuple[T, ...]]:
    """A u64 count, then the items."""
    n = yield from u64()
    limits.check(n, "items", f"{what}: count")
    found = []
    for _ in range(n):
        found.append((yield from item()))  # noqa: PERF401  (a comprehension cannot yield)
    return tuple(found)
