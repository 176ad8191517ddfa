"""Checks the sign of a susceptibility map by what is known of every head.

Phase data cannot tell: the other sign of the phase gives the same map with the other sign. Two
things can. Iron in deep grey matter makes χ and R2* large at the same place; and the blood in veins
is paramagnetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.errors import ReconError
from streamrecon.maps.veins import SCALES_MM, Flags, Real, ridge_score, surroundings
from streamrecon.model.geometry import Geometry

_BOX_MM = 60.0  # side of the box about the middle of the mask that holds deep grey matter
_FASTEST = 0.05  # fraction of its voxels with the largest R2*
_RIM_MM = 6.0  # at the border of the mask, where bone and air, not iron, make R2* large
_FEWEST = 50  # voxels on which a sign may rest
_DECIDED_IRON = 0.5  # standard deviations
_DECIDED_VEINS = 0.3
_WEAKEST_PPM = 0.08  # of a vein that has a say
_BRIGHTEST_PPM = 0.3  # one calcification must not outweigh the veins
_MOST_LINES = 0.03  # of the mask; veins fill 0.1 to 1 %, what bone and air leave of the field 5 %


class Verdict(Enum):
    """What the map says of its own sign."""

    AGREES = "agrees"
    UNDECIDED = "undecided"
    DISAGREES = "disagrees"
    NO_BRAIN = "not asked, no brain was recognised"


@dataclass(frozen=True, slots=True)
class PhaseSignCheck:
    """The verdict, and the two scores behind it: positive where χ has the right sign.

    Parameters
    ----------
    verdict
        Agrees or disagrees if one of the scores is decided and the other does not contradict.
    iron
        χ of the voxels with the largest R2* above that of the others around, in their standard
        deviations; decided beyond ±0.5. ``None`` where there are too few, or no R2*. Voxels within
        6 mm of the border of the mask are not asked.
    veins
        Σh³ / Σ|h|³ of the height h of lines of either sign, −1 … 1; decided beyond ±0.3. ``None``
        where there are too few, or more than veins fill: such are artefacts.
    """

    verdict: Verdict
    iron: float | None
    veins: float | None

    @property
    def vote(self) -> int:
        """+1 where the map agrees, -1 where it contradicts, 0 undecided or not asked."""
        return {Verdict.AGREES: 1, Verdict.DISAGREES: -1}.get(self.verdict, 0)

    def __str__(self) -> str:
        """The verdict in words: a person reads it at the console."""
        if self.verdict is Verdict.NO_BRAIN:
            return str(self.verdict.value)
        iron = "not seen" if self.iron is None else f"{self.iron:+.1f}"
        veins = "not seen" if self.veins is None else f"{self.veins:+.2f}"
        return f"{self.verdict.value} (deep grey matter {iron}, veins {veins})"


def check_phase_sign(
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
    *,
    is_brain: bool = True,
    r2_star_per_s: NDArray[np.floating] | None = None,
) -> PhaseSignCheck:
    """Look for iron and veins in a susceptibility map of a brain.

    A map of 2 mm voxels is enough. A head without deep grey matter and veins in the field of view
    stays undecided. Bodies and phantoms are not asked: bowel, fat and bottles have lines and spots
    of either sign. Wrong where neither rule holds: calcified basal ganglia, contrast agents that
    change the sign of nothing but drown both.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    mask
        Where it is known.
    geometry
        Their grid.
    is_brain
        Whether the mask is a brain, see `streamrecon.qsm.mask.find_mask`.
    r2_star_per_s
        R2* [Z, Y, X, 1/s], where there are several echoes.

    Raises
    ------
    ReconError
        If the mask is empty.
    """
    if not mask.any():
        raise ReconError("phase sign: the mask is empty")
    if not is_brain:
        return PhaseSignCheck(Verdict.NO_BRAIN, None, None)
    chi = np.where(mask, chi_ppm, 0).astype(np.float32)
    iron = None if r2_star_per_s is None else _iron(chi, mask, geometry, r2_star_per_s)
    veins = _veins(chi, mask, geometry)
    return PhaseSignCheck(_verdict(iron, veins), iron, veins)


def _iron(
    chi: Real, mask: Flags, geometry: Geometry, r2_star: NDArray[np.floating]
) -> float | None:
    deep = _core(mask, geometry) & _box(mask, geometry)
    if deep.sum() < _FEWEST / _FASTEST:
        return None
    fastest = deep & (r2_star >= np.quantile(r2_star[deep], 1 - _FASTEST))
    if fastest.sum() < _FEWEST:
        return None
    middle, spread = _middle_and_spread(chi[deep & ~fastest])
    return (float(np.median(chi[fastest])) - middle) / max(spread, 1e-6)


def _middle_and_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Median and robust standard deviation."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def _core(mask: Flags, geometry: Geometry) -> Flags:
    """The mask without its rim; a face of the grid is none."""
    away = distance_transform_edt(mask, geometry.voxel_mm) if not mask.all() else np.inf
    return np.asarray(mask & (away > _RIM_MM))


def _box(mask: Flags, geometry: Geometry) -> Flags:
    """A cube about the centre of the mask."""
    box = np.zeros_like(mask)
    centre = [float(index.mean()) for index in np.nonzero(mask)]
    half = [_BOX_MM / 2 / mm for mm in geometry.voxel_mm]
    box[
        tuple(
            slice(max(0, math.ceil(at - h)), math.floor(at + h) + 1)
            for at, h in zip(centre, half, strict=True)
        )
    ] = True
    return box


def _veins(
    chi: Real, mask: Flags, geometry: Geometry, scales_mm: Sequence[float] = SCALES_MM
) -> float | None:
    lines = np.zeros_like(mask)
    for sign in (1, -1):
        lines |= (
            ridge_score(sign * chi, mask, geometry, scales_mm=scales_mm, contrast_ppm=_WEAKEST_PPM)
            >= 1
        )
    if not _FEWEST <= lines.sum() <= _MOST_LINES * mask.sum():
        return None
    height = (chi - surroundings(chi, mask & ~lines, geometry.voxel_mm))[lines]
    cube = np.clip(height, -_BRIGHTEST_PPM, _BRIGHTEST_PPM).astype(np.float64) ** 3
    return float(cube.sum() / np.abs(cube).sum())


def _verdict(iron: float | None, veins: float | None) -> Verdict:
    votes = {
        math.copysign(1, score)
        for score, decided in ((iron, _DECIDED_IRON), (veins, _DECIDED_VEINS))
        if score is not None and abs(score) > decided
    }
    if len(votes) != 1:
        return Verdict.UNDECIDED
    return Verdict.AGREES if votes == {1} else Verdict.DISAGREES


def contrast_of_ball(
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
    *,
    centre_lps_mm: Sequence[float],
    radius_mm: float,
) -> tuple[float, float]:
    """Susceptibility of a ball above its surroundings, and their spread [ppm].

    The ball is taken without its outer fifth, the surroundings are the shell to twice its radius:
    means of the one, median and robust standard deviation of the other.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    mask
        Where it is known.
    geometry
        Their grid.
    centre_lps_mm
        Middle of the ball (L, P, S) [mm].
    radius_mm
        Its radius.

    Raises
    ------
    ReconError
        If the mask has no voxel in the ball or around it.
    """
    index = np.stack(np.meshgrid(*map(np.arange, mask.shape), indexing="ij"))
    affine = geometry.affine_lps()
    place = np.tensordot(affine[:3, :3], index, 1) + affine[:3, 3, None, None, None]
    distance = np.linalg.norm(place - np.reshape(centre_lps_mm, (3, 1, 1, 1)), axis=0) / radius_mm
    inside, around = mask & (distance < 0.8), mask & (distance > 1.2) & (distance < 2)
    if not (inside.any() and around.any()):
        raise ReconError(f"phase sign: found no voxels of a ball of {radius_mm} mm there")
    middle, spread = _middle_and_spread(chi_ppm[around])
    return float(chi_ppm[inside].mean()) - middle, spread


def lopsidedness(chi_ppm: NDArray[np.floating], mask: Flags) -> float:
    """Which sign of χ the stronger objects have: Σh³ / Σ|h|³ about the median, -1 … 1."""
    height = chi_ppm[mask].astype(np.float64)
    cube = (height - np.median(height)) ** 3
    return float(cube.sum() / max(np.abs(cube).sum(), np.finfo(np.float64).tiny))
