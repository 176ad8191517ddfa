"""Fields and susceptibility of one volume, on their way through a chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.scan import Scan
from streamrecon.phase.image_noise import in_units_of
from streamrecon.qsm.background.pdf import COARSE_PDF, LocalField
from streamrecon.qsm.pipeline import Quality, local_field
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FieldMap:
    """The total field of one volume.

    Parameters
    ----------
    total
        The field on the grid of the scan, and the trust in it.
    scan
        The scan they belong to.
    repetition
        Number of the volume, from 0.
    """

    total: TotalField
    scan: Scan
    repetition: int = 0

    @property
    def field_hz(self) -> Real:
        """The field [Z, Y, X, Hz]."""
        return self.total.fit.field_ppm * np.float32(hz_per_ppm(self.scan.b0_t))

    @property
    def sd_ppm(self) -> Real:
        """Its standard deviation [Z, Y, X, ppm]; one without bound is 0."""
        sd_ppm = self.total.fit.sd_ppm
        return np.where(np.isfinite(sd_ppm), sd_ppm, np.float32(0))

    @property
    def snr(self) -> Real:
        """Magnitude of all echoes over its noise [Z, Y, X]."""
        size, noise = in_units_of(self.total.magnitude, self.total.fit.noise)
        return np.asarray(size / np.float32(noise), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LocalFieldMap:
    """Field of the sources inside the mask of one volume.

    Parameters
    ----------
    local
        The field, and how the background was removed.
    total
        The field that it was made of.
    quality
        How much time the map is given.
    scan, repetition
        As in `FieldMap`.
    is_preview
        Whether that of a better map of the same volume follows.
    """

    local: LocalField
    total: TotalField
    quality: Quality
    scan: Scan
    repetition: int = 0
    is_preview: bool = False

    @property
    def shown_ppm(self) -> Real:
        """The field as an image [Z, Y, X, ppm], see `shown_local_field`."""
        return shown_local_field(self.local, self.total, self.scan.geometry).field_ppm


@dataclass(frozen=True, slots=True, eq=False)
class ChiMap:
    """Susceptibility of one volume, for whoever makes something of it; its image is a `Volume`.

    Parameters
    ----------
    found
        The map, and all that led there.
    comments
        Preset, zero, strength, what did not converge: each a short sentence.
    quality, scan, repetition, is_preview
        As in `LocalFieldMap`.
    """

    found: Susceptibility
    comments: tuple[str, ...]
    quality: Quality
    scan: Scan
    repetition: int = 0
    is_preview: bool = False

    @property
    def chi_ppm(self) -> Real:
        """Susceptibility [Z, Y, X, ppm], 0 outside `mask`; its zero is named in the comments."""
        return self.found.map.chi_ppm

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where it is known [Z, Y, X]."""
        return self.found.mask


def shown_local_field(local: LocalField, total: TotalField, geometry: Geometry) -> LocalField:
    """The local field for the eye: in place of a coarse PDF's that of one on the scan's own grid.

    What is carried from doubled voxels serves the fast map, and is wrong beside the mask's rim.
    Costs a PDF there, and nothing elsewhere.
    """
    return local_field(total, geometry) if local.method == COARSE_PDF else local
