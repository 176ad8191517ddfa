"""Fields and susceptibility of one volume, on their way through a chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.phase.image_noise import in_units_of
from streamrecon.qsm.background.pdf import LocalField, shown_local_field
from streamrecon.qsm.pipeline import Quality, Susceptibility
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


def field_image(item: FieldMap | LocalFieldMap, quantity: Quantity) -> Real:
    """The numbers of an image of the field, its trust or its mask, in the quantity's unit.

    A standard deviation without bound is shown as 0.

    Parameters
    ----------
    item
        A field; the local field has an image of its own, ``LOCAL_FIELD``, see `shown_local_field`.
    quantity
        ``FIELD``, ``FIELD_HZ``, ``FIELD_SD``, ``MASK``, ``PHASE_QUALITY``, ``SNR``.
    """
    total, fit = item.total, item.total.fit
    field_ppm = fit.field_ppm
    if isinstance(item, LocalFieldMap):
        grid = item.scan.geometry
        shown = shown_local_field(item.local, field_ppm, total.weight, grid, total.classes)
        field_ppm = shown.field_ppm
    match quantity:
        case Quantity.FIELD_HZ:
            return field_ppm * np.float32(hz_per_ppm(item.scan.b0_t))
        case Quantity.FIELD_SD:
            return np.where(np.isfinite(fit.sd_ppm), fit.sd_ppm, np.float32(0))
        case Quantity.MASK:
            return total.mask.astype(np.float32)
        case Quantity.PHASE_QUALITY:
            return total.quality
        case Quantity.SNR:
            size, noise = in_units_of(total.magnitude, fit.noise)
            return np.asarray(size / np.float32(noise), np.float32)
        case _:
            return field_ppm
