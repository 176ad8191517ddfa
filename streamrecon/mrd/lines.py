"""Runs of acquisition lines of one shape, found and read all at once."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.compression import unpack_nhlbi, unpack_zfp
from streamrecon.mrd.fields import Reading, counted, u32
from streamrecon.mrd.ids import Id
from streamrecon.mrd.layout import ACQUISITION, COMPRESSION_NHLBI, COMPRESSION_ZFP
from streamrecon.mrd.limits import Limits
from streamrecon.mrd.messages import Acquisitions

COMPRESSED = COMPRESSION_NHLBI | COMPRESSION_ZFP
PREFIX_BYTES = 2 + ACQUISITION.itemsize
"""Id and header: what must be there before the size of a line is known."""

_FLAGS = struct.Struct("<2xQ")
_SHAPE = struct.Struct("<HHH")  # samples, available channels, active channels
_DIMENSIONS = struct.Struct("<H")


class Shape(NamedTuple):
    """What a line's size follows from."""

    channels: int
    samples: int
    dimensions: int
    compressed: bool

    @property
    def bytes(self) -> int:
        """Size of an uncompressed line on the wire, id and header included."""
        return PREFIX_BYTES + self.samples * (8 * self.channels + 4 * self.dimensions)


def shape_of(block: memoryview, start: int, limits: Limits) -> Shape:
    """Shape of the line whose id is at ``start``; `PREFIX_BYTES` must be there.

    Raises
    ------
    ProtocolError
        If a limit is exceeded.
    """
    (flags,) = _FLAGS.unpack_from(block, start + 2)
    samples, _, channels = _SHAPE.unpack_from(block, start + 2 + 34)
    (dimensions,) = _DIMENSIONS.unpack_from(block, start + 2 + 176)
    limits.check(channels, "channels", "line: channels")
    shape = Shape(channels, samples, dimensions, bool(flags & COMPRESSED))
    limits.check(shape.bytes, "line_bytes", "line: bytes")
    return shape


def leading_run(block: memoryview, shape: Shape) -> tuple[Acquisitions, int]:
    """Lines of ``shape`` at the start of ``block`` as views into it, and their bytes.

    The first line is known to be whole and of this shape. One pass over five fields of each
    header; the samples are not touched.
    """
    record = line_dtype(shape.channels, shape.samples, shape.dimensions)
    lines = np.frombuffer(block, record, count=len(block) // record.itemsize)
    if len(lines) > 1:
        lines = lines[: _count_alike(lines, shape)]
    run = Acquisitions(lines["head"], lines["data"], lines["trajectory"])
    return run, len(lines) * record.itemsize


def _count_alike(lines: NDArray[np.void], shape: Shape) -> int:
    head = lines["head"]
    alike = (
        (lines["id"] == Id.ACQUISITION)
        & (head["number_of_samples"] == shape.samples)
        & (head["active_channels"] == shape.channels)
        & (head["trajectory_dimensions"] == shape.dimensions)
        & (head["flags"] & np.uint64(COMPRESSED) == 0)
    )
    return len(lines) if alike.all() else int(alike.argmin())


def cuts(head: NDArray[np.void]) -> NDArray[np.intp]:
    """Indices at which neighbouring lines differ in shape, for `numpy.split`."""
    names = ("active_channels", "number_of_samples", "trajectory_dimensions")
    shapes = np.stack([head[name] for name in names])
    found: NDArray[np.intp] = np.flatnonzero((shapes[:, 1:] != shapes[:, :-1]).any(axis=0)) + 1
    return found


@lru_cache(maxsize=256)
def line_dtype(channels: int, samples: int, dimensions: int) -> np.dtype[np.void]:
    """An uncompressed line on the wire, id included."""
    return np.dtype(
        [
            ("id", "<u2"),
            ("head", ACQUISITION),
            ("trajectory", "<f4", (samples, dimensions)),
            ("data", "<c8", (channels, samples)),
        ]
    )


def compressed_line(shape: Shape, limits: Limits) -> Reading[Acquisitions]:
    """A compressed line behind its id; it leaves as an ordinary one, without the flag."""
    head = np.frombuffer((yield ACQUISITION.itemsize), ACQUISITION).copy()
    trajectory = np.frombuffer((yield 4 * shape.samples * shape.dimensions), "<f4")
    packed = yield from counted(u32, limits, "line_bytes", "compressed line")
    zfp = bool(int(head["flags"][0]) & COMPRESSION_ZFP)
    data = (unpack_zfp if zfp else unpack_nhlbi)(packed, shape.channels, shape.samples)
    head["flags"] &= np.uint64(~COMPRESSED & 0xFFFF_FFFF_FFFF_FFFF)
    return Acquisitions(head, data[None], trajectory.reshape(1, shape.samples, shape.dimensions))
