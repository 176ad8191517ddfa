"""Images, fields and maps, and the quantities they can hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
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
class FieldMap:
    """Total field [Z, Y, X, ppm of B0], where it is trusted, and how well the echoes fit [rad]."""

    field_ppm: NDArray[np.float32]
    mask: NDArray[np.bool_]
    residual_rad: NDArray[np.float32]
    scan: Scan
    repetition: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class LocalField:
    """Field of the sources inside the (eroded) mask [Z, Y, X, ppm of B0]."""

    field_ppm: NDArray[np.float32]
    mask: NDArray[np.bool_]
    scan: Scan
    repetition: int = 0


Pixels = NDArray[np.float32] | NDArray[np.complex64] | NDArray[np.integer]


class _Facts(NamedTuple):
    label: str  # stable word on the wire and in file names
    unit: str  # as read by a person
    ucum: str  # as read by a machine (UCUM)


class Quantity(Enum):
    """What the numbers of a volume are."""

    MAGNITUDE = _Facts("magnitude", "", "1")
    PHASE = _Facts("phase", "rad", "rad")
    REAL = _Facts("real", "", "1")
    IMAGINARY = _Facts("imaginary", "", "1")
    COMPLEX = _Facts("complex", "", "{complex}")
    FIELD = _Facts("field", "ppm", "[ppm]")
    LOCAL_FIELD = _Facts("local_field", "ppm", "[ppm]")
    CHI = _Facts("chi", "ppm", "[ppm] ")
    R2_STAR = _Facts("r2star", "1/s", "/s")
    T2_STAR = _Facts("t2star", "s", "s")
    SWI = _Facts("swi", "", "1")
    MIP = _Facts("minip", "", "1")
    TSWI = _Facts("tswi", "", "1")

    @property
    def label(self) -> str:
        """Stable word for the wire and for file names."""
        return self.value.label

    @property
    def unit(self) -> str:
        """Unit as read by a person; empty where the scale is arbitrary."""
        return self.value.unit

    @property
    def ucum(self) -> str:
        """Unit as read by a machine (UCUM)."""
        return self.value.ucum.strip()


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
