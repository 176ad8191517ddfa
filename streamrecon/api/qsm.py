"""Susceptibility (QSM) of arrays, in one call or stage by stage, behind the checks of a front door.

Arrays are [E, Z, Y, X] for echoes and [Z, Y, X] for maps, with their unit in the name. Phase is
wrapped and in radians; ``phase_sign`` is +1 where it grows with the field, -1 where it falls.
Inputs are not modified. Every function raises `ConfigError` for a number and `DataError` for an
array that cannot be meant, and `ReconError` where there is nothing to work on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrecon import input_checks as checks
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.echo_agreement import check_echoes
from streamrecon.phase.field_fit import little_believed
from streamrecon.phase.phase_scaling import RADIANS, complex_echoes
from streamrecon.phase.unwrapping import Unwrapping
from streamrecon.qsm import pipeline
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import DEFAULT_QUALITY, Background, Quality
from streamrecon.qsm.reference import Reference
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField
from streamrecon.qsm.total_field import total_field as field_of_echoes

__all__ = ["invert", "local_field", "susceptibility", "total_field"]

Flags = NDArray[np.bool_]


def susceptibility(
    magnitude: ArrayLike,
    phase_rad: ArrayLike,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    phase_sign: int,
    mask: ArrayLike | None = None,
    quality: Quality | str = DEFAULT_QUALITY,
    background: Background | str = Background.PRESET,
    readout_polarity: Sequence[int] = (),
    unwrapping: Unwrapping | str = Unwrapping.TEMPLATE,
    inversion: Inversion | str = Inversion.PRESET,
    two_pass: bool = False,
    reference: Literal["brain", "csf", "region"] = "brain",
    region: ArrayLike | None = None,
) -> Susceptibility:
    """Susceptibility (QSM) of magnitude and phase: `total_field`, `local_field`, `invert` in one.

    Parameters
    ----------
    magnitude, phase_rad
        [E, Z, Y, X], any unit, and [rad].
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Grid of the arrays; it also says where B0 points.
    phase_sign
        +1 where the phase grows with the field, -1 where it falls.
    mask
        Brain to use instead of the one found [Z, Y, X], bool.
    quality
        ``fast``, ``standard``, ``best`` or ``consensus``.
    background
        Another removal of the outer field than the preset's: ``pdf``, ``v-sharp`` …
    readout_polarity
        +1 or -1 for each echo where readouts alternate.
    unwrapping
        ``template`` (one echo from another) or ``individual``.
    inversion
        Another inversion than the preset's: ``tkd``, ``tv``, ``rts`` …
    two_pass
        Invert once more what strong sources leave of the field.
    reference, region
        What is set to zero: ``brain``, ``csf``, or ``region`` with a mask [Z, Y, X].

    Returns
    -------
    Susceptibility
        ``.map.chi_ppm`` [Z, Y, X, ppm] and ``.mask``, the fields that led to them, ``.notices``.
    """
    total = total_field(
        magnitude, phase_rad, te_s, b0_t, geometry,
        phase_sign=phase_sign, mask=mask, readout_polarity=readout_polarity, unwrapping=unwrapping,
    )  # fmt: skip
    local = local_field(total, geometry, quality=quality, background=background)
    return invert(
        total, local, geometry,
        quality=quality, inversion=inversion, two_pass=two_pass, reference=reference,
        region=region,
    )  # fmt: skip


def total_field(
    magnitude: ArrayLike,
    phase_rad: ArrayLike,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    phase_sign: int,
    mask: ArrayLike | None = None,
    readout_polarity: Sequence[int] = (),
    unwrapping: Unwrapping | str = Unwrapping.TEMPLATE,
) -> TotalField:
    """The field of all sources: offset off, echoes unwrapped and fitted, the mask found.

    Parameters are those of `susceptibility`. The field is ``.fit.field_ppm`` [Z, Y, X, ppm of B0],
    positive where it is above B0.
    """
    given = None if mask is None else checks.mask_of("mask", mask, geometry.shape)
    size, turn = _echo_pair(magnitude, phase_rad, geometry, given)
    times = checks.echo_times_s(te_s, echoes=len(size))
    doubts = check_echoes(size, turn, RADIANS, times)
    echoes = complex_echoes(size, turn, RADIANS, sign=checks.sign_of_phase(phase_sign))
    b0 = checks.field_t(b0_t)
    total = field_of_echoes(
        echoes,
        times,
        b0,
        geometry,
        readout_polarity=readout_polarity,
        mask=given,
        unwrapping=checks.choice(Unwrapping, "unwrapping", unwrapping),
    )
    doubts += tuple(text for text in [little_believed(total.weight, total.mask)] if text)
    return replace(total, notices=(*total.notices, *doubts), doubts=doubts)


def local_field(
    total: TotalField,
    geometry: Geometry,
    *,
    quality: Quality | str = DEFAULT_QUALITY,
    background: Background | str = Background.PRESET,
) -> LocalField:
    """The field of the sources inside the mask, ``.field_ppm`` [Z, Y, X, ppm of B0].

    Parameters are those of `susceptibility`.
    """
    _refuse_other_grid(total, geometry)
    return pipeline.local_field(
        total,
        geometry,
        quality=checks.choice(Quality, "quality", quality),
        background=checks.choice(Background, "background", background),
    )


def invert(
    total: TotalField,
    local: LocalField,
    geometry: Geometry,
    *,
    quality: Quality | str = DEFAULT_QUALITY,
    inversion: Inversion | str = Inversion.PRESET,
    two_pass: bool = False,
    reference: Literal["brain", "csf", "region"] = "brain",
    region: ArrayLike | None = None,
) -> Susceptibility:
    """Susceptibility of a local field, with its zero; parameters are those of `susceptibility`."""
    _refuse_other_grid(total, geometry)
    return pipeline.invert(
        total,
        local,
        geometry,
        quality=checks.choice(Quality, "quality", quality),
        inversion=checks.choice(Inversion, "inversion", inversion),
        two_pass=two_pass,
        reference=_reference(reference, region),
        region=None if region is None else checks.mask_of("region", region, geometry.shape),
    )


def _echo_pair(
    magnitude: ArrayLike, phase_rad: ArrayLike, geometry: Geometry, mask: Flags | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    shape = np.shape(phase_rad)
    if len(shape) != 4 or shape[1:] != geometry.shape:
        raise DataError(f"phase: found {shape}, needed echoes of {geometry.shape}")
    return checks.magnitude_of(magnitude, shape, mask), checks.phase_of(phase_rad, shape, mask)


def _reference(word: str, region: ArrayLike | None) -> Reference:
    known = {each: Reference[each.upper()] for each in ("brain", "csf", "region")}
    if word not in known:
        raise ConfigError(f"reference: found {word!r}, needed one of {', '.join(known)}")
    if (known[word] is Reference.REGION) != (region is not None):
        given = "none" if region is None else "one"
        raise ConfigError(f"region: found {given} with reference={word!r}, needed both or neither")
    return known[word]


def _refuse_other_grid(total: TotalField, geometry: Geometry) -> None:
    if total.mask.shape != geometry.shape:
        raise DataError(f"geometry: found {geometry.shape}, needed {total.mask.shape} of the field")
    if total.geometry is not None and not total.geometry.same_as(geometry):
        raise DataError("geometry: found other axes or voxels than those of the field, needed its")
