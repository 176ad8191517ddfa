"""Images that flow through a chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class Echoes:
    """One complex image per echo, coils combined.

    Parameters
    ----------
    data
        Complex images [E, Z, Y, X], complex64. The scanner's phase sign is already removed:
        φ = +2π·γ̄·ΔB·TE.
    scan
        The scan they belong to.
    repetition
        Number of the volume, from 0.
    noise
        Standard deviation of the real part where it is known, as behind whitening: [Z, Y, X], or 1
        in place of an axis along which it stays; ``None`` where only the images tell.
    """

    data: NDArray[np.complex64]
    scan: Scan
    repetition: int = 0
    noise: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Regions that somebody drew [Z, Y, X], ahead of the echoes they belong to.

    Parameters
    ----------
    brain
        Used instead of the one that would be found.
    reference
        Where the mean susceptibility is to be zero.
    """

    brain: NDArray[np.bool_] | None = None
    reference: NDArray[np.bool_] | None = None


Pixels = NDArray[np.float32] | NDArray[np.complex64] | NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A finished image: what the console, the archive or a file is given.

    Every value is a finite number: what is none becomes 0 in a copy, is counted, and the comments
    say so; where all are, nothing is copied.

    Parameters
    ----------
    values
        [Z, Y, X], float32, or complex64 for `Quantity.COMPLEX`; integers only with ``rescale``.
    geometry
        Grid of ``values``.
    quantity
        What the numbers are.
    scan
        The scan they were made from.
    echo
        Index of the echo from 0, or ``None`` for a map made of all echoes.
    repetition
        Number of the volume, from 0.
    comments
        What a reader must know, each a short sentence: an assumed sign, missing lines.
    rescale
        (slope, intercept): the quantity is slope · value + intercept; ``None`` where the values
        are the quantity.
    slab_mm
        Thickness that one slice shows, where it is not that of the grid: a projection's slab.
    n_undefined
        Voxels that were no finite numbers; counted here.

    Raises
    ------
    ReconError
        If ``values`` do not fit the grid.
    """

    values: Pixels
    geometry: Geometry
    quantity: Quantity
    scan: Scan
    echo: int | None = None
    repetition: int = 0
    comments: tuple[str, ...] = ()
    rescale: tuple[float, float] | None = None
    slab_mm: float | None = None
    n_undefined: int = 0

    def __post_init__(self) -> None:
        if self.values.shape != self.geometry.shape:
            raise ReconError(
                f"{self.quantity.label}: found {self.values.shape} voxels, "
                f"needed {self.geometry.shape}"
            )
        if not _is_finite(self.values):
            self._put_zeros()

    def _put_zeros(self) -> None:
        finite = np.isfinite(self.values)
        count = self.values.size - int(np.count_nonzero(finite))
        text = f"{count} of {self.values.size} voxels were no finite numbers, and are 0"
        object.__setattr__(self, "values", np.where(finite, self.values, 0))
        object.__setattr__(self, "comments", (*self.comments, text))
        object.__setattr__(self, "n_undefined", count)

    def in_unit(self) -> NDArray[np.float32] | NDArray[np.float64] | NDArray[np.complex64]:
        """The quantity itself, in its unit: what a stage computes with, never bare ``values``."""
        if np.iscomplexobj(self.values):
            return np.asarray(self.values, np.complex64)
        if self.rescale is None:
            return np.asarray(self.values, np.float32)
        slope, intercept = self.rescale
        return np.asarray(self.values * np.float64(slope) + intercept, np.float64)


def _is_finite(values: Pixels) -> bool:
    """Whether all values are; their sum, which needs no memory, tells that of nearly all images."""
    if values.dtype.kind not in "fc":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def volume_of(
    scan: Scan, quantity: Quantity, values: Pixels, repetition: int, *comments: str
) -> Volume:
    """An image of all echoes on the scan's own grid; the scan's comments lead its own."""
    all_comments = (*scan.comments, *comments)
    return Volume(
        values, scan.geometry, quantity, scan, repetition=repetition, comments=all_comments
    )
