"""Images, fields and maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.model.quantities import Quantity
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
    """

    data: NDArray[np.complex64]
    scan: Scan
    repetition: int = 0


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


@dataclass(frozen=True, slots=True, eq=False)
class FieldMap:
    """The total field of one volume, and what later stages must know of it.

    All arrays are [Z, Y, X] on the grid of the scan.

    Parameters
    ----------
    field_ppm
        Total field where the echoes were fitted, 0 elsewhere [ppm of B0].
    sd_ppm
        Standard deviation that noise gives it [ppm]; infinite where there is no signal.
    residual_rad
        Misfit of the echoes [rad]; 0 below three echoes.
    offset_rad
        Phase at TE = 0 that is left after the smooth one was taken off [rad].
    noise
        Standard deviation of the real part of the echoes, in their unit.
    mask
        Voxels of which susceptibility is to be found.
    weight
        Trust in the field, 1 at the median; 0 where it is not believed.
    magnitude
        Root of the sum of squares of the echoes.
    csf
        Ventricles, as far as found.
    quality
        Trust in the unwrapping, 0 … 1.
    rad_per_ppm
        Phase that 1 ppm makes at the last echo [rad/ppm].
    scan
        The scan they belong to.
    repetition
        Number of the volume, from 0.
    remarks
        What was done and what was lost, each a short sentence.
    """

    field_ppm: NDArray[np.float32]
    sd_ppm: NDArray[np.float32]
    residual_rad: NDArray[np.float32]
    offset_rad: NDArray[np.float32]
    noise: float
    mask: NDArray[np.bool_]
    weight: NDArray[np.float32]
    magnitude: NDArray[np.float32]
    csf: NDArray[np.bool_]
    quality: NDArray[np.float32]
    rad_per_ppm: float
    scan: Scan
    repetition: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LocalField:
    """Field of the sources inside the mask.

    Parameters
    ----------
    field_ppm
        [Z, Y, X, ppm of B0], 0 outside ``mask``.
    mask
        Voxels kept [Z, Y, X]; some methods lose a rim.
    total
        The field that it was made of.
    preset
        How much time the map is given: a word of the chain file's ``quality``.
    method
        How the background was removed.
    is_preview
        Whether that of a better map of the same volume follows.
    iterations
        Steps taken; 0 for closed forms.
    converged
        Whether they met their tolerance.
    """

    field_ppm: NDArray[np.float32]
    mask: NDArray[np.bool_]
    total: FieldMap
    preset: str
    method: str
    is_preview: bool = False
    iterations: int = 0
    converged: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class ChiMap:
    """Susceptibility, for whoever makes something of it; the image of it is a `Volume`.

    Parameters
    ----------
    chi_ppm
        [Z, Y, X, ppm], 0 outside ``mask``; its zero is named in the remarks.
    mask
        Where it is known [Z, Y, X].
    local
        The field that it was made of, and all that led there.
    remarks
        Preset, zero, strength, what did not converge: each a short sentence.
    """

    chi_ppm: NDArray[np.float32]
    mask: NDArray[np.bool_]
    local: LocalField
    remarks: tuple[str, ...] = ()

    @property
    def scan(self) -> Scan:
        """The scan it belongs to."""
        return self.local.total.scan

    @property
    def repetition(self) -> int:
        """Number of the volume, from 0."""
        return self.local.total.repetition

    @property
    def is_preview(self) -> bool:
        """Whether a better map of the same volume follows."""
        return self.local.is_preview


Pixels = NDArray[np.float32] | NDArray[np.complex64] | NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A finished image: what the console, the archive or a file is given.

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

    def __post_init__(self) -> None:
        if self.values.shape != self.geometry.shape:
            raise ReconError(
                f"{self.quantity.label}: found {self.values.shape} voxels, "
                f"needed {self.geometry.shape}"
            )
