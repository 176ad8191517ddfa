"""Decodes lines of MRD 2 out of the generated reader's buffer, in a flat loop.

The generated reader makes some thirty objects of a line, in four times the time; here a header is
packed at once as version 1 has it, and the samples are read to their place. The order of the fields
is that of the schema, whose hash `stream` compares first.
"""

# ruff: noqa: SLF001  (the buffer is the generated reader's, which gives no other way to it)

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.version2.package import Record
from streamrecon.mrd.wire.layout import ACQUISITION
from streamrecon.mrd.wire.messages import Acquisitions, Limits

_ROOM = 4096  # bytes of a header, at most: 1,024 channels, and two hundred beside
_ONE, _OPTIONAL = -1, 0  # else a list of so many
_FIRST = (_ONE, *[_OPTIONAL] * 9, 8, _ONE, _OPTIONAL, _OPTIONAL, 3)
"""Flags, nine counters and those of the user, uid, scan counter, time stamp, physiology."""
_SECOND = (_OPTIONAL,) * 4
"""Discarded before and after, centre, encoding space."""
_HEADER = struct.Struct("<HQIII3IHHH128s5Hf60s17H8i32s")
_FLOAT = struct.Struct("<f")
_VECTORS_BYTES = 60
_MASK_BYTES = 128
_RUN_LINES, _RUN_BYTES = 256, 16 << 20  # of one message, as a block of version 1 holds


class Setup(NamedTuple):
    """What stands behind a line's counters, as version 1 has it; most lines of a scan share it."""

    discards_and_centre: list[int]
    mask: bytes
    sample_time_us: float
    vectors: bytes
    user_int: list[int]
    user_float: bytes
    shape: tuple[int, int]


class Head(NamedTuple):
    """What stands before the samples: flags, counters and times in the schema's order, the rest."""

    first: list[int]
    setup: Setup


class LineRun:
    """Lines of one shape, until a message is made of them.

    Parameters
    ----------
    stream
        Input of the generated reader.
    """

    def __init__(self, stream: Record) -> None:
        self._stream = stream
        self._header = bytearray()
        self._samples = np.empty((0, 0), np.uint8)
        self._shape = (0, 0)
        self._paths: list[NDArray[np.float32]] = []
        self._count = 0

    def fits(self, head: Head) -> bool:
        """Whether the line has the shape of those here, and there is room for it."""
        return self._count < len(self._samples) and head.setup.shape == self._shape

    def take(self, head: Head) -> None:
        """Read the samples of a line that fits, or begin with it.

        Raises
        ------
        ProtocolError
            If a number does not fit into the bits that version 1 has for it.
        """
        if not self._count:
            self._begin(head.setup.shape)
        row = self._count
        _read_into(self._stream, memoryview(self._samples[row]))
        path = _path(self._stream)
        if path is not None:
            self._paths.append(path)
        if len(self._paths) not in {0, row + 1} or (
            self._paths[-1:]
            and (self._paths[-1].shape != (head.setup.shape[1], self._paths[0].shape[1]))
        ):
            raise ProtocolError("trajectory: found another one within lines of one shape")
        self._pack(row, head, 0 if path is None else path.shape[1])
        self._count += 1

    def give(self) -> list[Acquisitions]:
        """The lines as a message; none where there are none."""
        if not self._count:
            return []
        n, (n_channels, n_samples) = self._count, self._shape
        header = np.frombuffer(self._header, ACQUISITION, n)
        data = self._samples[:n].view(np.complex64).reshape(n, n_channels, n_samples)
        path = np.stack(self._paths) if self._paths else np.zeros((n, n_samples, 0), np.float32)
        self._count, self._paths = 0, []
        return [Acquisitions(header, data, path)]

    def _begin(self, shape: tuple[int, int]) -> None:
        size = 8 * shape[0] * shape[1]
        rows = max(1, min(_RUN_LINES, _RUN_BYTES // max(size, 1)))
        self._header = bytearray(rows * _HEADER.size)
        self._samples, self._shape = np.empty((rows, size), np.uint8), shape

    def _pack(self, row: int, head: Head, dimensions: int) -> None:
        flags, *others = head.first
        counters, (uid, scan, time, *physiology) = others[:17], others[17:]
        setup = head.setup
        n_channels, n_samples = setup.shape
        try:
            _HEADER.pack_into(
                self._header, row * _HEADER.size, 1, flags, uid, scan, time, *physiology,
                n_samples, n_channels, n_channels, setup.mask, *setup.discards_and_centre,
                dimensions, setup.sample_time_us, setup.vectors, *counters, *setup.user_int,
                setup.user_float,
            )  # fmt: skip
        except struct.error as e:
            raise ProtocolError(f"line: found a number beyond those of MRD 1: {e}") from e


def mask_of(order: Sequence[int]) -> bytes:
    r"""Bits of the channels; none where they are simply counted, as most writers leave it.

    >>> mask_of([0, 1, 2]) == bytes(128), mask_of([0, 9])[:2]
    (True, b'\x01\x02')
    """
    bits = 0
    if list(order) != list(range(len(order))):
        for channel in order:
            bits |= 1 << channel if channel < 8 * _MASK_BYTES else 0
    return bits.to_bytes(_MASK_BYTES, "little")


class LineHeads:
    """Reads lines up to their samples; what is as in the line before is not read once more.

    Parameters
    ----------
    stream
        Input of the generated reader.
    """

    def __init__(self, stream: Record) -> None:
        self._stream = stream
        self._limits = Limits()
        self._bytes = b""
        self._setup: Setup | None = None

    def read(self) -> Head:
        """Everything of a line up to its samples.

        Raises
        ------
        EOFError
            If the stream ends within it.
        ProtocolError
            If it claims more than the limits allow.
        """
        stream = self._stream
        _fill(stream)
        buffer = stream._buffer
        first, at = _numbers(buffer, stream._offset, _FIRST)
        end = at + len(self._bytes)
        if self._setup is not None and buffer[at:end] == self._bytes:
            setup = self._setup
        else:
            setup, end = _read_setup(buffer, at)
        if end > stream._last_read_count:
            raise EOFError
        n_channels, n_samples = setup.shape
        self._limits.check(n_channels, "channels", "line: channels")
        self._limits.check(8 * n_channels * n_samples, "line_bytes", "line: bytes")
        self._bytes, self._setup = bytes(buffer[at:end]), setup
        stream._offset = end
        return Head(first, setup)


def _read_setup(buffer: bytearray, at: int) -> tuple[Setup, int]:
    order, at = _list(buffer, at)
    second, at = _numbers(buffer, at, _SECOND)
    sample_time_us = 0.0
    at += 1
    if buffer[at - 1]:
        (sample_time_us,) = _FLOAT.unpack_from(buffer, at)
        at += _FLOAT.size
    vectors, at = bytes(buffer[at : at + _VECTORS_BYTES]), at + _VECTORS_BYTES
    user_int, at = _list(buffer, at)
    n_floats, at = _number(buffer, at)
    user_float, at = bytes(buffer[at : at + 4 * n_floats]), at + 4 * n_floats
    n_channels, at = _number(buffer, at)
    n_samples, at = _number(buffer, at)
    signed = [(value >> 1) ^ -(value & 1) for value in user_int[:8]]
    signed += [0] * (8 - len(signed))
    floats = user_float[:32].ljust(32, b"\0")
    setup = Setup(second, mask_of(order), sample_time_us, vectors, signed, floats,
                  (n_channels, n_samples))  # fmt: skip
    return setup, at


def _numbers(buffer: bytearray, at: int, plan: Sequence[int]) -> tuple[list[int], int]:
    found: list[int] = []
    for kind in plan:
        if kind > 0:
            values, at = _list(buffer, at)
            found += values[:kind] if len(values) >= kind else values + [0] * (kind - len(values))
            continue
        if kind == _OPTIONAL:
            at += 1
            if not buffer[at - 1]:
                found.append(0)
                continue
        value = buffer[at]
        at += 1
        if value > 127:
            value, at = _number(buffer, at - 1)
        found.append(value)
    return found, at


def _list(buffer: bytearray, at: int) -> tuple[list[int], int]:
    count, at = _number(buffer, at)
    if count > _ROOM // 4:
        raise ProtocolError(f"line: found a list of {count}, needed at most {_ROOM // 4}")
    chunk = buffer[at : at + count]
    if not chunk or max(chunk) < 128:  # each of one byte
        return list(chunk), at + count
    values = []
    for _ in range(count):
        value, at = _number(buffer, at)
        values.append(value)
    return values, at


def _number(buffer: bytearray, at: int) -> tuple[int, int]:
    """An unsigned number, seven bits a byte, and where the next one begins."""
    value = shift = 0
    while True:
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ProtocolError("line: found a number of more than 64 bits")


def _path(stream: Record) -> NDArray[np.float32] | None:
    """Trajectory of a line [X, D]; none of a Cartesian one."""
    dimensions, n_samples = stream.read_unsigned_varint(), stream.read_unsigned_varint()
    if not dimensions * n_samples:
        return None
    Limits().check(4 * dimensions * n_samples, "line_bytes", "line: bytes of the trajectory")
    path = np.empty(4 * dimensions * n_samples, np.uint8)
    _read_into(stream, memoryview(path.data))
    return np.ascontiguousarray(path.view(np.float32).reshape(dimensions, n_samples).T)


def _fill(stream: Record) -> None:
    """Have a header's room in the buffer, or all that still comes."""
    rest = stream._last_read_count - stream._offset
    if rest < _ROOM:
        stream._buffer[:rest] = bytes(stream._view[stream._offset : stream._last_read_count])
        stream._last_read_count = rest + stream._stream.readinto(stream._view[rest:])
        stream._offset = 0


def _read_into(stream: Record, target: memoryview) -> None:
    """Fill ``target`` from the buffer, then from the source."""
    have = min(len(target), stream._last_read_count - stream._offset)
    target[:have] = stream._view[stream._offset : stream._offset + have]
    stream._offset += have
    if have < len(target) and stream._stream.readinto(target[have:]) < len(target) - have:
        raise EOFError
