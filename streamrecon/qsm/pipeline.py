"""From echoes to susceptibility in one call, or stage by stage; the presets of quality.

=========== ==================== ============ ================================== ==============
quality     background           inversion    strength                           use it for
=========== ==================== ============ ================================== ==============
fast        PDF on half of grid  TV on half   from the noise; finer parts by TKD a quick look
standard    PDF, with classes    TV           from the noise; magnitude's edges  measurements
best        PDF, with classes    TV           as standard; up to 200 steps       converged TV
consensus   V-SHARP 12 … 1 mm    nlTV, weak   λ 5e-4, β 150 at the last echo     comparison
=========== ==================== ============ ================================== ==============

Consensus is the example of the consensus paper (doi:10.1002/mrm.30006) with its published figures:
one layer eroded, weights that fall to nothing at a misfit of 0.3 rad, the brain as reference, no
ball below a voxel.

`streamrecon.qsm.given_local_field` inverts a local field that is given clean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from streamrecon.machine.memory import give_back_freed
from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level
from streamrecon.qsm.background.coarse_pdf import remove_pdf_at_once
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import LocalField, filled_from_neighbours, remove_pdf
from streamrecon.qsm.background.sharp import (
    remove_ismv,
    remove_resharp,
    remove_vresharp,
    remove_vsharp,
)
from streamrecon.qsm.inversion.class_shades import beside, shades_of_classes
from streamrecon.qsm.inversion.coarse_to_fine import invert_coarse_to_fine
from streamrecon.qsm.inversion.gradient_cost import find_strength
from streamrecon.qsm.inversion.methods import METHODS, Inversion
from streamrecon.qsm.inversion.total_variation import ASKED_TWICE, invert_tv
from streamrecon.qsm.inversion.two_pass import STRONG_PPM, invert_twice
from streamrecon.qsm.inversion.weak_harmonic import invert_weak_harmonic
from streamrecon.qsm.reference import Reference, set_reference
from streamrecon.qsm.solvers import Solution, end_in_words
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField, slab_notice, total_field

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_MOST_MISFIT = 0.3  # of the consensus paper's example: no weight from there on


class Quality(Enum):
    """How much time a map is given."""

    FAST = "fast"
    STANDARD = "standard"
    BEST = "best"
    CONSENSUS = "consensus"


DEFAULT_QUALITY = Quality.STANDARD
"""What a map is given where nobody chooses."""


class Background(Enum):
    """How the field of sources outside the mask is taken off."""

    PRESET = "preset"
    PDF = "pdf"
    RESHARP = "resharp"
    VRESHARP = "v-resharp"
    VSHARP = "v-sharp"
    ISMV = "ismv"
    LBV = "lbv"


_UNWEIGHTED: dict[Background, Callable[[Real, NDArray[np.bool_], Geometry], LocalField]] = {
    Background.RESHARP: remove_resharp,
    Background.VRESHARP: remove_vresharp,
    Background.VSHARP: remove_vsharp,
    Background.ISMV: remove_ismv,
    Background.LBV: remove_lbv,
}

# (fewest, most), tolerance by quality: behind our own removal of background, and of a clean field.
# The standard takes as many steps for all: near a tolerance rounding would choose their number.
_STEPS = {Quality.STANDARD: ((20, 20), 1.5e-2), Quality.BEST: ((60, 200), 5e-4)}
_CLEAN_STEPS = {Quality.STANDARD: ((60, 60), 3e-3), Quality.BEST: ((60, 300), 5e-4)}
_UNSETTLED = 2e-2  # change of χ in a step: at a limit with less, a map says so and no more


def susceptibility(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    quality: Quality = DEFAULT_QUALITY,
    background: Background = Background.PRESET,
    readout_polarity: Sequence[int] = (),
    mask: NDArray[np.bool_] | None = None,
    inversion: Inversion = Inversion.PRESET,
    two_pass: bool = False,
    reference: Reference = Reference.BRAIN,
    region: NDArray[np.bool_] | None = None,
) -> Susceptibility:
    """Susceptibility of combined echoes [E, Z, Y, X]: all stages in one call.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Grid of the echoes, which also says where B0 points.
    quality
        Preset, see the table above.
    background
        Another removal of the background than the preset's.
    readout_polarity
        +1 or -1 per echo where readouts alternate.
    mask
        Brain to use instead of the one found [Z, Y, X].
    inversion
        Another inversion than the preset's.
    two_pass
        Invert once more what strong sources leave of the field, see `invert_twice`.
    reference
        What is set to zero.
    region
        Where ``reference`` is the user's region [Z, Y, X].

    Raises
    ------
    ReconError
        If a stage has nothing to work on; the message names it.
    """
    total = total_field(echoes, te_s, b0_t, geometry, readout_polarity=readout_polarity, mask=mask)
    local = local_field(total, geometry, quality=quality, background=background)
    return invert(
        total, local, geometry, quality=quality, inversion=inversion, two_pass=two_pass,
        reference=reference, region=region,
    )  # fmt: skip


def local_field(
    total: TotalField,
    geometry: Geometry,
    *,
    quality: Quality = DEFAULT_QUALITY,
    background: Background = Background.PRESET,
) -> LocalField:
    """Background off, as the preset wants it or as ``background`` says.

    PDF alone takes the trust in the field into account; the others lose what their modules say of
    the mask. Voxels that are not believed are filled from their neighbours.

    Raises
    ------
    ReconError
        If the mask is empty, or the chosen ball does not fit into it.
    """
    give_back_freed()
    field, mask = total.fit.field_ppm, total.mask
    if background is Background.PRESET and quality is Quality.CONSENSUS:
        found = remove_vsharp(field, binary_erosion(mask), geometry, smallest_mm=1.0)
    elif background in _UNWEIGHTED:
        found = _UNWEIGHTED[background](field, mask, geometry)
    else:
        remove = remove_pdf_at_once if quality is Quality.FAST else remove_pdf
        weight = total.weight_of_background
        found = remove(field, mask, geometry, weight=weight, classes=total.classes)
    return filled_from_neighbours(found, total.weight)


def invert(
    total: TotalField,
    local: LocalField,
    geometry: Geometry,
    *,
    quality: Quality = DEFAULT_QUALITY,
    inversion: Inversion = Inversion.PRESET,
    two_pass: bool = False,
    reference: Reference = Reference.BRAIN,
    region: NDArray[np.bool_] | None = None,
) -> Susceptibility:
    """Susceptibility of a local field, as the preset or ``inversion`` wants it, with its zero.

    Parameters
    ----------
    total, local
        What `total_field` and `local_field` gave on this grid.
    geometry
        Their grid, which also says where B0 points.
    quality, inversion
        The preset, and another inversion than its own.
    two_pass
        Invert once more what strong sources leave, see `streamrecon.qsm.inversion.two_pass`.
    reference, region
        What is set to zero; the region [Z, Y, X] where that is one.

    Raises
    ------
    ReconError
        If the mask is empty, the field is not finite inside it, or the reference has no voxel.
    """
    notices = [*total.notices, local.report(total.mask)]
    choice = (quality, inversion)
    shades = _shades(total, local, geometry, choice)
    rest = local if shades is None else replace(local, field_ppm=beside(local, shades, geometry))
    give_back_freed()
    solved = _solved_twice if two_pass else _solved
    found, method = solved(total, rest, geometry, choice)
    comment = f", {found.comment}" if found.comment else ""
    end = f", {end_in_words(found.above_minimum)}" if found.iterations else ""
    notices.append(f"inversion: {method}, {found.iterations} steps{comment}{end}")
    if not found.converged:
        notices.append(f"inversion: ended at its limit, last change {found.residual:.2g} a step")
    settled = found.converged or found.residual < _UNSETTLED
    converged = local.converged and settled
    chi = found.unknown if shades is None else found.unknown + shades
    referenced = set_reference(
        chi, local.mask, csf=total.csf, region=region, reference=reference, is_brain=total.is_brain
    )
    notices.append(str(referenced))
    slab = slab_notice(local.mask, geometry)
    notices += [slab.text] if slab else []
    thin = (slab.text,) if slab and slab.level is Level.WARNING else ()
    doubts = (*total.doubts, *thin)
    return Susceptibility(referenced, local.mask, total, local, tuple(notices), converged, doubts)


def _shades(
    total: TotalField, local: LocalField, geometry: Geometry, choice: tuple[Quality, Inversion]
) -> Real | None:
    """What classes of tissue lack in the map of a preset of TV; None for others."""
    quality, inversion = choice
    if inversion is not Inversion.PRESET or quality not in _STEPS:
        return None
    strength = find_strength(local.field_ppm, total.fit.sd_ppm, local.mask, geometry)
    return shades_of_classes(
        local, total.classes, geometry, strength=strength.value, weight=total.weight,
        magnitude=total.magnitude,
    )  # fmt: skip


def _solved_twice(
    total: TotalField, local: LocalField, geometry: Geometry, choice: tuple[Quality, Inversion]
) -> tuple[Solution, str]:
    """The same in two passes."""
    methods: list[str] = []

    def solve(field_ppm: Real) -> Solution:
        found, method = _solved(total, replace(local, field_ppm=field_ppm), geometry, choice)
        methods.append(method)
        return found

    found, strong = invert_twice(solve, local.field_ppm, local.mask, geometry)
    return found, f"{methods[0]}, {strong} voxels above {STRONG_PPM:g} ppm in a pass of their own"


def _solved(
    total: TotalField, local: LocalField, geometry: Geometry, choice: tuple[Quality, Inversion]
) -> tuple[Solution, str]:
    """Map of a preset, or of the inversion chosen, without its zero; the method in words."""
    field, mask = local.field_ppm, local.mask
    quality, inversion = choice
    if inversion is not Inversion.PRESET:
        return METHODS[inversion](total, local, geometry), inversion.value
    if quality is Quality.CONSENSUS:
        believed = np.maximum(1 - total.fit.residual_rad / np.float32(_MOST_MISFIT), 0)
        weight = total.weight * believed
        found = invert_weak_harmonic(
            field, mask, geometry, rad_per_ppm=total.rad_per_ppm, weight=weight
        )
        return found, "non-linear TV with weak harmonics"
    strength = find_strength(field, total.fit.sd_ppm, mask, geometry, is_clean=local.is_clean)
    if quality is Quality.FAST:
        chi = invert_coarse_to_fine(
            field, mask, geometry, strength=strength.value, weight=total.weight,
            magnitude=total.magnitude, outside=float(local.is_clean),
            tissues_ppm=local.tissues_ppm,
        )  # fmt: skip
        return Solution(chi, 0, 0.0, converged=True), (
            f"TV on half the grid, not to its end, and TKD, {strength}"
        )
    steps, tolerance = (_CLEAN_STEPS if local.is_clean else _STEPS)[quality]
    found = invert_tv(
        field, mask, geometry, strength=strength.value, weight=total.weight,
        magnitude=total.magnitude, outside=float(local.is_clean),
        iterations=steps, tolerance=tolerance,
    )  # fmt: skip
    twice = f"; asked twice, each at {ASKED_TWICE:g} times that" if local.is_clean else ""
    return found, f"TV of strength {strength}{twice}"
