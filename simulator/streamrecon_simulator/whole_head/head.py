"""A head as a value, and its maps on its own grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Triple
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.whole_head.brain import hull, paint_brain
from streamrecon_simulator.whole_head.dipole import field_of_voxels
from streamrecon_simulator.whole_head.face import paint_head, shell
from streamrecon_simulator.whole_head.grid import Grid, Volume, isotropic_field
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.lesions import paint_lesions
from streamrecon_simulator.whole_head.solids import Place
from streamrecon_simulator.whole_head.textures import Textures, textures
from streamrecon_simulator.whole_head.tissues import BRAIN, SUBSTANCES, Label
from streamrecon_simulator.whole_head.vessels import paint_vessels

_PADDING_MM = 110.0

_BUMP_MM, _BUMP_SPACING_MM = 2.0, 55.0  # standard deviation of the distortion


@dataclass(frozen=True, slots=True)
class WholeHead:
    """A head with scalp, skull, face, air, neck and brain; nothing of it is symmetric.

    Parameters
    ----------
    anatomy
        Seed of shape, size, folds, texture and veins.
    grain_mm
        Edge of the voxels it is made of [mm]; at most two thirds of a scan's voxel gives partial
        volume. One that the scan's cells are a multiple of makes the finest contrast of brightness
        and R2* up to a fifth too weak or a tenth too strong: middles of cells lie all between
        grains or all on them.
    calcification, bleed
        Whether it has those lesions.
    inclusions
        Spheres in the brain, apart from one another; they are no part of its grid, so that they are
        as round as the scan can show. Their places are those of the head that is not turned.
    turn_deg, shift_mm
        How it lies in the scanner: turned about L, then P, then S through the middle of the brain,
        see `rotation`, and moved (L, P, S) after that. The neck turns with it. B0, coils and slab
        stay; shims are set anew.
    """

    anatomy: int = 1
    grain_mm: float = 0.7
    calcification: bool = False
    bleed: bool = False
    inclusions: tuple[Inclusion, ...] = ()
    turn_deg: Triple = (0.0, 0.0, 0.0)
    shift_mm: Triple = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.4 <= self.grain_mm <= 4:
            raise ConfigError(f"grain: found {self.grain_mm} mm, needed 0.4 to 4")
        if self.anatomy < 0:
            raise ConfigError(f"anatomy: found {self.anatomy}, needed 0 or more")

    @property
    def signal(self) -> float:
        """Density of white matter, which the signal-to-noise ratio is counted from."""
        return SUBSTANCES[Label.WHITE].density

    @property
    def b0(self) -> Triple:
        """Direction of B0 in the head that is not turned (z, y, x): along S, P, L."""
        left, posterior, superior = (rotation(*self.turn_deg).T @ (0.0, 0.0, 1.0)).tolist()
        return superior, posterior, left

    @property
    def padding(self) -> tuple[int, int, int]:
        """Grains to the next copy of the head on each axis: the field of a copy is harmonic."""
        return (int(_PADDING_MM / self.grain_mm),) * 3

    @property
    def lying_inclusions(self) -> tuple[Inclusion, ...]:
        """The inclusions where they lie in the scanner."""
        turn = rotation(*self.turn_deg)
        places = [turn @ each.centre_mm + self.shift_mm for each in self.inclusions]
        return tuple(
            replace(each, centre_mm=tuple(place.tolist()))
            for each, place in zip(self.inclusions, places, strict=True)
        )

    def own_places(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the scanner (L, P, S) [3, ...] as places of the head that is not turned."""
        shift = np.reshape(self.shift_mm, (3, *(1,) * (points_mm.ndim - 1)))
        return np.tensordot(rotation(*self.turn_deg).T, points_mm - shift, axes=1)


@dataclass(frozen=True, slots=True, eq=False)
class HeadMaps:
    """Arrays [Z, Y, X] on the head's grid, which turns with it.

    Parameters
    ----------
    grid
        Where they lie.
    labels
        `Label` of each voxel.
    textures
        Density, R2*, χ and fat.
    field_ppm, local_field_ppm
        Relative field of all sources and the shims, and of the sources in the brain alone.
    """

    grid: Grid
    labels: NDArray[np.uint8]
    textures: Textures
    field_ppm: Volume
    local_field_ppm: Volume


def head_maps(head: WholeHead) -> HeadMaps:
    """Make a head without its inclusions; the last one is kept, and the tissue for its turns.

    Notes
    -----
    Four transforms of about twice the grid. At 0.7 mm the grid has 39 million voxels.
    """
    return _head_maps(replace(head, inclusions=(), shift_mm=(0.0, 0.0, 0.0)))


@lru_cache(maxsize=1)
def _head_maps(head: WholeHead) -> HeadMaps:
    grid = Grid(head.grain_mm)
    labels, tissue = _tissue(replace(head, turn_deg=(0.0, 0.0, 0.0)))
    brain = np.isin(labels, BRAIN)
    field_ppm = field_of_voxels(tissue.chi_ppm, padding=head.padding, continued=True, b0=head.b0)
    return HeadMaps(
        grid=grid,
        labels=labels,
        textures=tissue,
        field_ppm=_shimmed(grid, field_ppm, brain),
        local_field_ppm=field_of_voxels(
            np.where(brain, tissue.chi_ppm, 0), padding=head.padding, b0=head.b0
        ),
    )


@lru_cache(maxsize=1)
def _tissue(head: WholeHead) -> tuple[NDArray[np.uint8], Textures]:
    """What does not change with how the head lies."""
    grid = Grid(head.grain_mm)
    labels = anatomy(head, grid)
    return labels, textures(grid, labels, head.anatomy)


def anatomy(head: WholeHead, grid: Grid) -> NDArray[np.uint8]:
    """Label of each voxel [Z, Y, X]."""
    seed = head.anatomy
    at = _distorted(grid, seed)
    form = hull(at)
    surfaces = shell(grid, at, form, seed)
    labels = np.zeros(grid.shape, np.uint8)
    paint_head(labels, grid, at, surfaces, seed)
    paint_brain(labels, grid, at, form, seed)
    paint_vessels(labels, at, surfaces, seed)
    paint_lesions(labels, at, grid, seed, calcification=head.calcification, bleed=head.bleed)
    return labels


def _shimmed(grid: Grid, field_ppm: Volume, brain: NDArray[np.bool_]) -> Volume:
    """The field less what shims to the second order take off the brain: all of it harmonic."""
    left, posterior, superior = (axis / np.float32(100) for axis in grid.axes())
    z, y, x = (index[::97] for index in np.nonzero(brain))
    design = np.stack(_harmonics(left[x], posterior[y], superior[z]), axis=1)
    weights, *_ = np.linalg.lstsq(design, field_ppm[z, y, x], rcond=None)
    shims = _harmonics(left, posterior[:, None], superior[:, None, None])
    for weight, shim in zip(weights, shims, strict=True):
        field_ppm -= np.float32(weight) * shim
    return field_ppm


def _harmonics(left: Volume, posterior: Volume, superior: Volume) -> list[Volume]:
    """What shims make, to the second order."""
    one = np.ones_like(left)
    across, along = left**2 - posterior**2, 2 * superior**2 - left**2 - posterior**2
    first = [one, left, posterior, superior]
    return [*first, left * posterior, left * superior, posterior * superior, across, along]


def _distorted(grid: Grid, seed: int) -> Place:
    """Where each voxel lies in the undistorted head: size, a turned and bent axis, bumps."""
    random = np.random.default_rng((seed, 1))
    size = random.normal(1.0, 0.025, 3)
    skew = random.normal(0.0, 0.035, 2)
    left, posterior, superior = (
        axis.reshape([-1 if n == place else 1 for n in range(3)])
        for place, axis in zip((2, 1, 0), grid.axes(), strict=True)
    )
    moved = [
        np.float32(_BUMP_MM) * isotropic_field(grid, (seed, number), _BUMP_SPACING_MM)
        + axis / np.float32(scale)
        for number, axis, scale in zip((2, 3, 4), (left, posterior, superior), size, strict=True)
    ]
    moved[0] += np.float32(skew[0]) * posterior + np.float32(skew[1]) * superior
    return Place(moved[0], moved[1], moved[2])
