"""Where the field is to be trusted: a brain or another object, and no voxel that lies.

No network and no atlas: a surface grows in the head until it meets a wall. Where what it holds is
no brain, the object is the largest piece that holds together when thin bridges are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_fill_holes,
    distance_transform_edt,
    label,
    maximum_filter,
    minimum_filter,
    uniform_filter,
)

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import correct_bias_field, signal_mask
from streamrecon.qsm.brain_recognition import recognise_brain
from streamrecon.qsm.brain_surface import block_means, brain_surfaces

_BRIDGE_MM = 7.0  # thickness below which a connection is cut
_VESSEL_MM = 4.0  # width of what is incoherent within the object and still belongs to it
_CAVITY_MM = 8.0  # radius of a ball without signal that is air; lesions are smaller, veins thinner
_CAVITY_GRID_MM = 2.5
_NO_SIGNAL = 0.2  # of the middle brightness
_END_MM = 6.0  # planes up to here from a cut end may be dimmed
_DIM, _STILL_THERE = 0.8, 0.4  # median and lower quartile of a plane over the next, where tissue is
_LEAST_TISSUE = 0.02  # of a plane, to compare it
_BINS = 256


@dataclass(frozen=True, slots=True, eq=False)
class FoundMask:
    """What was found in the images.

    Parameters
    ----------
    mask
        Voxels of the brain, or of the object where it is none [Z, Y, X].
    is_brain
        Whether it was recognised as a brain.
    report
        Sentence that says what it is, and why.
    """

    mask: NDArray[np.bool_]
    is_brain: bool
    report: str


def find_mask(
    magnitude: NDArray[np.floating],
    quality: NDArray[np.floating],
    geometry: Geometry,
    *,
    head: NDArray[np.bool_] | None = None,
) -> FoundMask:
    """The brain where there is one, else the object.

    The brain is what one of `brain_surfaces` encloses in the magnitude without shading, weighted
    by the quality of the phase: muscle, marrow and fat are less coherent than the brain, and bone
    is not at all. Fluid around the brain is left out as far as it is darker or less coherent than
    the cortex; the clefts under the tentorium and around the stem are left in, for they are
    narrower than the surface bends. Slices at a cut end that are dimmed count as bright as the
    next. Dark veins and lesions inside stay in; what has no signal and holds a ball of 8 mm is air,
    and is left out. About a second, and 20 box filters of the volume; up to two seconds more where
    there is no brain.

    Parameters
    ----------
    magnitude
        Of all echoes together [Z, Y, X].
    quality
        That of `unwrap_by_template` or `unwrap_individually`, 0 … 1 [Z, Y, X].
    geometry
        Their grid.
    head
        Voxels with signal, as `signal_mask` finds them, where that was done already [Z, Y, X].

    Raises
    ------
    ReconError
        If there is no signal, or nothing is left.
    """
    head = signal_mask(magnitude) if head is None else head
    if not head.any():
        raise ReconError("brain: found no signal above the noise")
    even = correct_bias_field(magnitude, head, geometry)
    against = []
    for surface in brain_surfaces(_with_sound_ends(even * quality, head, geometry), geometry):
        verdict = recognise_brain(surface, even, geometry)
        if verdict.is_brain:
            brain = _without_cavities(surface.inside, even, geometry)
            volume_ml = brain.sum() * np.prod(geometry.voxel_mm) / 1000
            report = f"mask: a brain of {volume_ml:.0f} ml, {verdict.reason}"
            return FoundMask(brain, True, report)
        against.append(verdict.reason)
    reason = against[0] if against else "no tissue with a surface in the field of view"
    found = object_mask(magnitude, quality, geometry)
    return FoundMask(
        found, False, f"mask: no brain recognised ({reason}); the largest piece of the object"
    )


def _with_sound_ends(
    brightness: NDArray[np.floating], head: NDArray[np.bool_], geometry: Geometry
) -> NDArray[np.float32]:
    """The brightness, where planes at cut ends are dimmed as bright as in the next inner one.

    There the pulse's profile and what folds over from the other end take signal and coherence
    away, and the surface would take it for a wall. A plane is dimmed if most of the tissue of the
    next is darker in it, but still there: where the head itself ends it is not.
    """
    sound = np.array(brightness, np.float32)
    tissue = 0.6 * float(np.median(sound[head]))
    for axis, side in enumerate(geometry.voxel_mm):
        planes = np.moveaxis(sound, axis, 0)
        count = min(max(1, round(_END_MM / side)), len(planes) // 4)
        for ordered in (planes, planes[::-1]):
            for at in range(count - 1, -1, -1):
                there = ordered[at + 1] > tissue
                if there.mean() < _LEAST_TISSUE:
                    continue
                ratio = ordered[at][there] / ordered[at + 1][there]
                if np.median(ratio) < _DIM and np.quantile(ratio, 0.25) > _STILL_THERE:
                    ordered[at] /= np.median(ratio)
    return sound


def _without_cavities(
    brain: NDArray[np.bool_], even: NDArray[np.floating], geometry: Geometry
) -> NDArray[np.bool_]:
    """The brain without what a ball of air fills, as a sinus or what an operation left."""
    dark = _NO_SIGNAL * float(np.median(even[brain]))
    blocks = [max(1, round(_CAVITY_GRID_MM / side)) for side in geometry.voxel_mm]
    step = [block * side for block, side in zip(blocks, geometry.voxel_mm, strict=True)]
    air = block_means(np.asarray(even, np.float32), blocks) < dark
    air &= block_means(brain.astype(np.float32), blocks) > 0
    core = distance_transform_edt(air, sampling=step) > _CAVITY_MM
    if not core.any():
        return brain
    cavity = distance_transform_edt(~core, sampling=step) <= _CAVITY_MM + max(step)
    for axis, block in enumerate(blocks):
        cavity = cavity.repeat(block, axis)
    here = tuple(slice(n) for n in brain.shape)
    return np.asarray(brain & ~(cavity[here] & (even < 2 * dark)), np.bool_)


def object_mask(
    magnitude: NDArray[np.floating], quality: NDArray[np.floating], geometry: Geometry
) -> NDArray[np.bool_]:
    """The largest solid piece [Z, Y, X] with signal and coherent phase; thin bridges are cut.

    What is incoherent but has signal and is narrower than 4 mm, or three voxels, is filled, so that
    strong veins stay in, also where the field of view cuts them; beyond its edge everything goes on
    as at it. About fifteen box filters. It ends about one voxel inside the object's surface, where
    voxels are shared with what is beside.

    Parameters
    ----------
    magnitude
        Without shading [Z, Y, X].
    quality
        Coherence of the phase, 0 … 1 [Z, Y, X].
    geometry
        Their grid.

    Raises
    ------
    ReconError
        If nothing is left.
    """
    coherent = signal_mask(magnitude)
    if not coherent.any():
        raise ReconError("mask: found no signal above the noise")
    coherent &= quality > _otsu(quality[coherent])
    size = [_odd(_BRIDGE_MM / voxel) for voxel in geometry.voxel_mm]
    core = _box(coherent, size) > 0.7
    core = _largest(core if core.any() else coherent)
    near = core
    for _ in range(2):
        near = _box(near, size) > 0.2
    gap = [max(3, _odd(_VESSEL_MM / voxel)) for voxel in geometry.voxel_mm]
    vessels = minimum_filter(maximum_filter(coherent, gap), gap)
    vessels &= magnitude > _NO_SIGNAL * np.median(magnitude[core])
    solid = np.asarray(binary_fill_holes((coherent | vessels) & near), np.bool_)
    if not solid.any():
        raise ReconError("mask: nothing is left after the bridges are cut")
    return _largest(solid)


def trusted_voxels(
    mask: NDArray[np.bool_],
    residual_rad: NDArray[np.floating],
    sd_ppm: NDArray[np.floating],
    *,
    most_residual_rad: float = 0.3,
    most_sd: float = 5.0,
) -> tuple[NDArray[np.bool_], str]:
    """Voxels of a mask whose field is believed [Z, Y, X], and how many are not, in words.

    Parameters
    ----------
    mask
        Solid mask [Z, Y, X].
    residual_rad
        Misfit of the echoes [Z, Y, X, rad].
    sd_ppm
        Predicted standard deviation of the field [Z, Y, X, ppm].
    most_residual_rad
        Largest misfit believed [rad].
    most_sd
        Largest standard deviation believed, in medians.

    Raises
    ------
    ReconError
        If the mask is empty, or fewer than one of its voxels in ten are believed.
    """
    if not mask.any():
        raise ReconError("mask: found no voxel in it, needed some whose phase is known")
    misfit = mask & ~(residual_rad <= most_residual_rad)
    noisy = mask & ~(sd_ppm <= most_sd * np.median(sd_ppm[mask]))
    trusted = mask & ~misfit & ~noisy
    if trusted.sum() < 0.1 * mask.sum():
        raise ReconError(
            f"mask: {int(trusted.sum())} of {int(mask.sum())} voxels are believed, needed a tenth: "
            f"{int(misfit.sum())} misfit, {int(noisy.sum())} too noisy"
        )
    report = (
        f"mask: {int(mask.sum())} voxels; "
        f"{int(misfit.sum())} without weight for misfit, {int((noisy & ~misfit).sum())} for noise"
    )
    return trusted, report


def _otsu(values: NDArray[np.floating]) -> float:
    count, edges = np.histogram(values, bins=_BINS, range=(0, 1))
    centre = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(count)
    above = below[-1] - below
    sum_below = np.cumsum(count * centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sum_below / below - (sum_below[-1] - sum_below) / above
    between = np.nan_to_num(below * above * gap**2)
    threshold = float(edges[1 + int(np.argmax(between))])
    # in one class alone Otsu cuts through the middle
    return min(threshold, 0.7 * float(np.quantile(values, 0.9)))


def _box(mask: NDArray[np.bool_], size: list[int]) -> NDArray[np.float32]:
    return np.asarray(uniform_filter(mask.astype(np.float32), size, mode="nearest"))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax(), np.bool_)


def _odd(width: float) -> int:
    return 2 * int(width / 2) + 1
