"""Compares the memory that a scan will need with what it may have, before its first line."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from streamrecon.errors import MemoryLimitError
from streamrecon.machine.memory import available_bytes
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.model.memory_use import ScanSize
from streamrecon.model.scan import Encoding, ScanProtocol, of_slab
from streamrecon.qsm.dipole import padded_shape
from streamrecon.recon.kspace.encoding_grid import Grid, grid_of
from streamrecon.units import GIB

_SAMPLE_BYTES = 8  # complex64
_RESIDENT = Path("/proc/self/statm")


def grid_bytes(grid: Grid, *, n_echoes: int, n_channels: int) -> int:
    """The assembled k-space of one volume, as `Assembler` holds it."""
    n_z = grid.z_lines if grid.is_2d else max(grid.z.n_encoded, grid.z.n_image)
    n_y = max(grid.y.n_encoded, grid.y.n_image)
    return _SAMPLE_BYTES * n_echoes * n_channels * n_z * n_y * grid.x.n_image


def scan_size(protocol: ScanProtocol, n_channels: int) -> ScanSize:
    """Size of a scan; of one slab where there are several, since each is a volume.

    Raises
    ------
    HeaderError
        If its fields of view and matrices contradict each other.
    """
    n_slabs = len(protocol.encoding.slice) if protocol.encoding.has_slabs else 1
    if n_slabs > 1:
        protocol = of_slab(protocol, protocol.encoding.slice.minimum)
    grid, n_echoes = grid_of(protocol.encoding), len(protocol.echoes)
    return ScanSize(
        grid_bytes(grid, n_echoes=n_echoes, n_channels=n_channels),
        n_echoes,
        math.prod(grid.image_shape),
        math.prod(_padded_shape(grid.image_shape, protocol.encoding)),
        n_slabs * _n_volumes(protocol.encoding),
    )


def _padded_shape(shape: Shape, encoding: Encoding) -> Shape:
    """Of the grid with room around the image, whichever way that lies; slices touch."""
    fov_mm, n_image = encoding.recon_fov_mm, encoding.recon_shape
    z, y, x = (mm / n for mm, n in zip(fov_mm, n_image, strict=True))
    return padded_shape(Geometry(shape, (z, y, x), np.eye(3)))


def _n_volumes(encoding: Encoding) -> int:
    return len(encoding.repetition) * len(encoding.set) * len(encoding.phase)


def needed_bytes(size: ScanSize, peak: Callable[[ScanSize], int]) -> int:
    """Memory of the process at the peak of a scan: what it has now, and what its chain will hold.

    Where volumes follow one another, one is filled while the one before is worked on.
    """
    filling = size.grid_bytes if size.n_volumes > 1 else 0
    return resident_bytes() + peak(size) + filling


def resident_bytes() -> int:
    """Memory that this process has now."""
    return int(_RESIDENT.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check_fits(needed: int, limit: int, what: str) -> None:
    """Refuse what does not fit.

    Raises
    ------
    MemoryLimitError
        If ``needed`` bytes are more than ``limit``.
    """
    if needed > limit:
        raise MemoryLimitError(
            f"{what} needs about {in_gib(needed)}, needed at most the {in_gib(limit)} that a scan"
            " may have here (setting memory_gib, or the machine's share)"
        )


def check_room_for_volume(before: int, n_open: int, volume_bytes: int, limit: int | None) -> None:
    """Refuse another volume beside those that lines are still missing from.

    Which volumes there are is for the counters of the lines to say, not for the header. ``before``
    is what the process had before the first of them.

    Raises
    ------
    MemoryLimitError
        If together they are more than ``limit`` bytes; ``None`` is the machine's memory.
    """
    if n_open:
        needed = before + (n_open + 1) * volume_bytes
        most = available_bytes() if limit is None else limit
        check_fits(needed, most, f"a scan of {n_open + 1} volumes at once")


def in_gib(size: int) -> str:
    """A size for people.

    >>> in_gib(3 << 29)
    '1.50 GiB'
    """
    return f"{size / GIB:.2f} GiB"
