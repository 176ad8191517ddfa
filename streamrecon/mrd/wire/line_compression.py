"""Unpacks compressed lines: NHLBI's fixed point, and ZFP where its package is installed."""

from __future__ import annotations

import struct
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError

_HEAD = struct.Struct("<QfB")  # numbers, scale, bits
_MAX_BITS = 32
_zfpy = import_module("zfpy") if find_spec("zfpy") else None


def unpack_nhlbi(packed: memoryview, channels: int, samples: int) -> NDArray[np.complex64]:
    """Samples [C, X] from NHLBI's packing.

    Two's-complement integers of 1 to 32 bits, least significant bit first and without gaps;
    the number is integer / scale. Vectorised: about ten passes over the samples.

    Raises
    ------
    ProtocolError
        If the packing's own header contradicts the line's.
    """
    if len(packed) < _HEAD.size:
        raise ProtocolError(f"compressed line: found {len(packed)} bytes, needed {_HEAD.size}")
    numbers, scale, bits = _HEAD.unpack_from(packed)
    if numbers != 2 * channels * samples:
        raise ProtocolError(
            f"compressed line: found {numbers} numbers, needed {2 * channels * samples}"
        )
    if not 1 <= bits <= _MAX_BITS or not 0 < scale < np.inf:
        raise ProtocolError(
            f"compressed line: found {bits} bits and scale {scale}, needed 1 to {_MAX_BITS} bits"
            " and a positive scale"
        )
    size = _HEAD.size + -(-bits * numbers // 8)
    if len(packed) != size:
        raise ProtocolError(f"compressed line: found {len(packed)} bytes, needed {size}")
    integers = _integers(packed[_HEAD.size :], numbers, bits)
    values = (integers / np.float32(scale)).astype(np.float32)
    return values.view(np.complex64).reshape(channels, samples)


def _integers(packed: memoryview, numbers: int, bits: int) -> NDArray[np.int64]:
    # Every integer lies within the 8 bytes from its first: 7 bits of offset and 32 of its own.
    padded = np.zeros(len(packed) + 8, np.uint8)
    padded[: len(packed)] = packed
    windows: NDArray[np.uint64] = np.ndarray(
        (len(packed) + 1,), np.dtype("<u8"), padded.data, strides=(1,)
    )
    first = np.arange(numbers, dtype=np.uint64) * np.uint64(bits)
    raw = windows[(first >> np.uint64(3)).astype(np.intp)] >> (first & np.uint64(7))
    sign = np.int64(1 << (bits - 1))
    low = (raw & np.uint64((1 << bits) - 1)).astype(np.int64)
    return (low ^ sign) - sign


def unpack_zfp(packed: memoryview, channels: int, samples: int) -> NDArray[np.complex64]:
    """Samples [C, X] from a ZFP stream with its full header.

    Raises
    ------
    ProtocolError
        If ``zfpy`` is not installed, or the stream is not of this line.
    """
    if _zfpy is None:
        raise ProtocolError(
            "compressed line: found ZFP (flag 53), needed the optional package zfpy"
            " (pip install streamrecon[zfp]), or a client that sends without -T"
        )
    try:
        values = np.asarray(_zfpy.decompress_numpy(bytes(packed)), np.float32)
    except (ValueError, TypeError) as e:
        raise ProtocolError(f"compressed line: not readable as ZFP: {e}") from e
    if values.size != 2 * channels * samples:
        raise ProtocolError(
            f"compressed line: found {values.size} numbers, needed {2 * channels * samples}"
        )
    return np.ascontiguousarray(values).reshape(-1).view(np.complex64).reshape(channels, samples)
