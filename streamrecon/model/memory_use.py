"""How the memory of a stage grows with a scan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScanSize:
    """What the memory of a scan follows from.

    Parameters
    ----------
    grid_bytes
        The assembled k-space of one volume, all echoes and channels.
    n_echoes, n_voxels
        Of the image.
    n_padded
        Voxels of the grid with room around the image, on which fields are convolved: two of them
        for each voxel of a head, fifty for one of a thin slab.
    n_volumes
        Repetitions, sets and phases: where there are several, one is filled while the one
        before is worked on.
    """

    grid_bytes: int
    n_echoes: int
    n_voxels: int
    n_padded: int
    n_volumes: int = 1


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory at the peak of a stage, with all that its chain holds there.

    The numbers are measured ones (`benchmarks/bench_memory.py`), not derived.

    Parameters
    ----------
    grids
        Times the assembled k-space.
    echo_voxel_bytes, voxel_bytes, padded_bytes
        For each voxel of each echo, for each voxel, and for each of the grid with room around.
    fixed_bytes
        Whatever the scan: kernels and modules that are loaded.
    """

    grids: float = 0.0
    echo_voxel_bytes: float = 0.0
    voxel_bytes: float = 0.0
    padded_bytes: float = 0.0
    fixed_bytes: float = 0.0

    def bytes_of(self, size: ScanSize) -> int:
        """Bytes for a scan of that size.

        >>> MemoryUse(grids=1, voxel_bytes=100).bytes_of(ScanSize(1000, 3, 50, 200))
        6000
        """
        per_voxel = self.echo_voxel_bytes * size.n_echoes + self.voxel_bytes
        of_grids = self.grids * size.grid_bytes + self.padded_bytes * size.n_padded
        return round(of_grids + per_voxel * size.n_voxels + self.fixed_bytes)


NOTHING = MemoryUse()
"""A stage that holds no more than what is given to it."""
