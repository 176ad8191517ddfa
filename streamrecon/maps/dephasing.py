r"""Models the signal loss by a field that varies within a voxel.

A linear field of slope :math:`g` along an axis of length :math:`d` turns the two ends of a voxel
against each other by :math:`x = g\,d\,TE` cycles. How much signal is lost depends on how the axis
was resolved:

- a *box*, as the profile of a slice: :math:`|\operatorname{sinc}(x)|`;
- a *Fourier-encoded* axis: the echo moves in k-space by :math:`g\,TE`. Nothing is lost until it
  leaves the sampled window at :math:`x = 1/2`, and then all of it.

Publications mostly take the sinc for every axis; on encoded axes it explains a loss that is not
there, and R2* comes out too small.

References
----------
Fernández-Seara and Wehrli (2000) Magn Reson Med 44:358.
doi:10.1002/1522-2594(200009)44:3<358::AID-MRM3>3.0.CO;2-O
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.maps._decay_kernels import field_slopes
from streamrecon.model.geometry import Geometry, Triple

Real = NDArray[np.float32]


class Profile(Enum):
    """What is taken to be lost where the field varies within a voxel."""

    AUTO = "auto"
    """A slice is a box; an encoded axis loses nothing until its echo leaves k-space."""
    BOX = "box"
    """The 3-D sinc of the literature."""
    OFF = "off"
    """Nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Dephasing:
    """Slope of the field in every voxel, and how the voxel is cut out.

    Parameters
    ----------
    slopes_hz_per_mm
        Along z, y, x [3, Z, Y, X, Hz/mm].
    length_mm
        Length of a voxel along (z, y, x) [mm]; the thickness of a slice, not their distance.
    is_box
        Whether the axis (z, y, x) is a box; Fourier-encoded otherwise.
    """

    slopes_hz_per_mm: Real
    length_mm: Triple
    is_box: tuple[bool, bool, bool]

    def extent(self) -> NDArray[np.float64]:
        """Length and kind of each axis [3, 2], as the compiled loops take them."""
        return np.array([self.length_mm, self.is_box], np.float64).T.copy()

    def factor(self, te_s: float) -> Real:
        """Fraction of the signal that is kept at ``te_s`` [Z, Y, X], 0 … 1.

        >>> slope = np.full((3, 1, 1, 1), 10, np.float32) * np.array([1, 0, 0])[:, None, None, None]
        >>> slab = Dephasing(slope.astype(np.float32), (2.0, 1.0, 1.0), (True, False, False))
        >>> round(float(slab.factor(0.025)[0, 0, 0]), 4) == round(2 / np.pi, 4)
        True
        """
        fraction = np.ones(self.slopes_hz_per_mm.shape[1:], np.float32)
        for slope, length, is_box in zip(
            self.slopes_hz_per_mm, self.length_mm, self.is_box, strict=True
        ):
            turns = np.abs(slope) * np.float32(length * te_s)
            fraction *= np.abs(np.sinc(turns)) if is_box else turns < 0.5
        return fraction


def field_gradient(
    field_hz: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> Real:
    """Slope of the field along z, y, x [3, Z, Y, X, Hz/mm]; 0 outside the mask.

    Least squares over the 3 × 3 × 3 voxels around, as far as they are in the mask: a linear field
    is met exactly, up to the mask's edge. Bends narrower than three voxels are flattened. About
    three FFTs.

    Parameters
    ----------
    field_hz
        Total field without wraps [Z, Y, X, Hz].
    mask
        Where it is known [Z, Y, X].
    geometry
        Their grid.

    Raises
    ------
    ReconError
        If the field is not finite inside the mask.
    """
    field = np.ascontiguousarray(field_hz, np.float32)
    if not np.isfinite(field[mask]).all():
        raise ReconError("gradient: the field is not finite inside the mask")
    slopes = np.zeros((3, *field.shape), np.float32)
    voxel = np.array(geometry.voxel_mm)

    def chunk(slices: range) -> None:
        field_slopes(field, mask, voxel, slices.start, slices.stop, slopes)

    at_once(chunk, len(field))
    return slopes


def dephasing(
    field_hz: Real,
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    profile: Profile,
    slice_mm: float | None,
) -> Dephasing | None:
    """Loss by the gradient of a field, as ``profile`` takes it; ``None`` for `Profile.OFF`.

    Parameters
    ----------
    field_hz
        Field [Z, Y, X, Hz].
    mask
        Where it is known.
    geometry
        Grid of both.
    profile
        Which axes are boxes.
    slice_mm
        Thickness of the slices of a two-dimensional scan [mm]; ``None`` where Z is encoded.
    """
    if profile is Profile.OFF:
        return None
    z_mm, y_mm, x_mm = geometry.voxel_mm
    is_box = profile is Profile.BOX
    length_mm = (z_mm if slice_mm is None else slice_mm, y_mm, x_mm)
    boxes = (slice_mm is not None or is_box, is_box, is_box)
    return Dephasing(field_gradient(field_hz, mask, geometry), length_mm, boxes)
