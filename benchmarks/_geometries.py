"""Five objects of unlike shape with their truth: egg head, whole head, two slabs, a specimen.

The egg is that of ``textured_head.py`` on twice the voxel along two axes, where its folder is
given; the others are the simulator's, whose fields are a sum over repeated spectra on cubes or
closed forms. Grids are coarse, so that many maps of them can be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from bench_qsm import Phantom as FilePhantom
from bench_qsm import load
from scipy.ndimage import map_coordinates
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.phantom import AIR, Part, Phantom, Tissue, properties_at
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Sphere
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth, voxel_centres
from streamrecon_simulator.whole_head.dipole import field_of_voxels
from streamrecon_simulator.whole_head.grid import FIRST_LPS_MM
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.tissues import BRAIN, Label

from streamrecon.model.geometry import Geometry

GRAIN_MM = WholeHead().grain_mm
FEWEST_VOXELS = 40  # of a region whose mean counts
_NUCLEI = (
    Label.CAUDATE, Label.PUTAMEN, Label.PALLIDUM, Label.THALAMUS, Label.RED_NUCLEUS,
    Label.NIGRA, Label.DENTATE,
)  # fmt: skip
_TISSUES = (Label.WHITE, Label.GREY)
_SNR = 100.0
_WHOLE = replace(
    SCENES["whole-head"], matrix=(90, 120, 96), voxel_mm=(2.0, 2.0, 2.0), snr=_SNR, n_coils=4
)
_FULL = 0.99  # of a voxel
_SAME_PPM = 1e-4
_ROOM_MM = 110.0  # around a head


@dataclass(frozen=True, eq=False)
class Known:
    """An object as it is measured, and its truth, [E, Z, Y, X] and [Z, Y, X].

    ``chi`` is what a map without any error shows: that of heads is cut off in k-space as images
    are, and ``means`` are those over the voxels.
    """

    name: str
    grid: Geometry
    b0_t: float
    te_s: tuple[float, ...]
    echoes: np.ndarray
    brain: np.ndarray
    chi: np.ndarray
    local: np.ndarray
    regions: dict[str, np.ndarray]
    means: np.ndarray | None = None


def geometries(
    phantoms: Path | None, *, anatomy: int = 31, grain_mm: float = GRAIN_MM
) -> Iterator[Known]:
    """All of them, heads of grains of ``grain_mm``; without ``phantoms`` the egg is left out."""
    if phantoms is not None:
        yield egg_head(phantoms / "const")
    yield whole_head("head with neck", _WHOLE, WholeHead(anatomy, grain_mm))
    slab = replace(_WHOLE, matrix=(30, 120, 96), centre_lps_mm=(0.0, -4.0, 8.0))
    yield whole_head("slab of 60 mm", slab, WholeHead(anatomy + 1, grain_mm))
    oblique = replace(slab, tilt_deg=(25.0, -12.0))
    yield whole_head("oblique slab of 60 mm", oblique, WholeHead(anatomy + 2, grain_mm))
    yield specimen()


def whole_head_of_2_mm(anatomy: int = 31) -> Known:
    """The head with neck alone."""
    return whole_head("head with neck", _WHOLE, WholeHead(anatomy))


def egg_head(folder: Path) -> Known:
    """The egg with a value for each tissue, two voxels made one along two axes."""
    names = {1: "caudate", 2: "pallidum", 3: "putamen", 4: "red nucleus", 5: "dentate"}
    names |= {6: "nigra", 7: "thalamus", 8: "white", 9: "grey"}
    p = load(folder)
    return coarse(p, "egg head", [a for a in range(3) if p.grid.voxel_mm[a] < 1], names)


def coarse(p: FilePhantom, name: str, axes: list[int], names: dict[int, str]) -> Known:
    """A phantom of files with two voxels made one along some axes; regions by their labels."""
    brain = _halved(p.mask.astype(np.float64), axes) > _FULL
    z, y, x = (2 * s if a in axes else s for a, s in enumerate(p.grid.voxel_mm))
    return Known(
        name,
        Geometry((brain.shape[0], brain.shape[1], brain.shape[2]), (z, y, x), p.grid.axes_lps),
        p.b0_t,
        p.te_s,
        np.stack([_halved(echo, axes) for echo in p.echoes]).astype(np.complex64),
        brain,
        _halved(p.chi, axes),
        _halved(p.local.astype(np.float64), axes),
        {names[n]: brain & (_halved(1.0 * (p.regions == n), axes) > _FULL) for n in names},
    )


def _halved(values: np.ndarray, axes: list[int]) -> np.ndarray:
    """Means over pairs along some axes."""
    for axis in axes:
        n = values.shape[axis] // 2 * 2
        values = np.moveaxis(values, axis, 0)[:n]
        values = np.moveaxis((values[0::2] + values[1::2]) / 2, 0, axis)
    return values


def whole_head(name: str, scene: Scene, head: WholeHead) -> Known:
    """One head of the simulator through a combination of its coils."""
    scene = replace(scene, phantom=head)
    known = truth(scene)
    labels, brain, chi = known.labels, known.brain, known.band_limited_chi_ppm
    if labels is None or brain is None or chi is None:
        raise SystemExit(f"{name}: no truth of a head")
    return Known(
        name,
        scene.geometry,
        scene.b0_t,
        scene.te_s,
        noisy_images(scene, known, receive(scene)).astype(np.complex64),
        brain,
        chi.astype(np.float64),
        _field_of_what_is_seen(head, scene.geometry),
        {each.name.lower(): brain & (labels == each) for each in (*_NUCLEI, *_TISSUES)},
        known.chi_ppm.astype(np.float64),
    )


def _field_of_what_is_seen(head: WholeHead, grid: Geometry) -> np.ndarray:
    """Field of the brain within a field of view alone: what is beyond a slab is background."""
    maps = head_maps(head)
    left, posterior, superior = maps.grid.axes()
    inverse = np.linalg.inv(grid.affine_lps())
    seen = np.isin(maps.labels, BRAIN)
    for axis, n in enumerate(grid.shape):
        to_s, to_p, to_l = inverse[axis, 2], inverse[axis, 1], inverse[axis, 0]
        index = to_s * superior[:, None, None] + to_p * posterior[:, None] + to_l * left
        index = index + inverse[axis, 3]
        seen &= (index > -0.5) & (index < n - 0.5)
    room = (int(_ROOM_MM / head.grain_mm),) * 3
    field = field_of_voxels(np.where(seen, maps.textures.chi_ppm, 0), padding=room)
    mean = np.zeros(grid.shape, np.float32)
    for points in points_of_voxels(grid):
        at = (points - np.reshape(FIRST_LPS_MM, (3, 1, 1, 1))) / head.grain_mm - 0.5
        mean += map_coordinates(field, at[::-1], order=1, mode="nearest") / np.float32(8)
    return mean


def points_of_voxels(grid: Geometry) -> Iterator[np.ndarray]:
    """Positions (L, P, S) of eight points in every voxel, one after another [3, Z, Y, X]."""
    centres, edges = voxel_centres(grid), grid.affine_lps()[:3, :3]
    for signs in product((-0.25, 0.25), repeat=3):
        yield centres + (edges @ signs)[:, None, None, None]


_CHI_OF_BALLS = {
    (-6.0, 4.0, 2.0): 0.17, (6.5, 3.0, -2.0): 0.12, (-5.0, -6.0, -3.0): 0.07,
    (5.0, -7.0, 3.0): 0.05, (0.0, 9.5, -3.0): 0.15, (0.5, -1.0, 5.5): -0.03,
}  # fmt: skip
_BALL_MM = 2.6
_TISSUE = Tissue(0.8, 25.0, 0.0)
_SPECIMEN = Phantom(
    parts=(
        Part(Ellipsoid((1.0, -2.0, 0.5), (18.0, 24.0, 17.0)), Tissue(0.0, 0.0, -0.4)),
        Part(Ellipsoid((0.0, 0.0, 0.0), (12.0, 15.0, 10.5)), _TISSUE),
        *(
            Part(Sphere(at, _BALL_MM), Tissue(0.75, 35.0, chi)) for at, chi in _CHI_OF_BALLS.items()
        ),
        Part(Sphere((9.0, -12.5, 8.0), 2.5), AIR),
        Part(Sphere((-14.5, 4.0, 0.0), 1.8), AIR),
    ),
    background_ppm=(0.0, 1.5, -2.0, 1.0, 20.0),
)  # fmt: skip


def specimen() -> Known:
    """Tissue of 3 cm in a fluid without signal, two bubbles beside it, oblique."""
    scene = Scene(
        "specimen", phantom=_SPECIMEN, matrix=(36, 56, 45), voxel_mm=(0.7, 0.6, 0.65),
        oversampling=(1.0, 1.0, 1.0), te_s=(0.004, 0.010, 0.016, 0.022), tilt_deg=(18.0, 10.0),
        n_coils=1, snr=_SNR, supersampling=2,
    )  # fmt: skip
    known, grid = truth(scene), scene.geometry
    here = [properties_at(_SPECIMEN, points) for points in points_of_voxels(grid)]
    brain = np.mean([each.density > 0 for each in here], axis=0) > _FULL
    chi = np.mean([each.chi_ppm for each in here], axis=0, dtype=np.float64)
    local = np.zeros(grid.shape)
    for centre, step in _CHI_OF_BALLS.items():
        for points in points_of_voxels(grid):
            local += step / 8 * unit_field(Sphere(centre, _BALL_MM), points)
    kinds = {"tissue": 0.0} | {f"ball {n}": v for n, v in enumerate(_CHI_OF_BALLS.values())}
    return Known(
        "specimen of 3 cm",
        grid,
        scene.b0_t,
        scene.te_s,
        noisy_images(scene, known, receive(scene)).astype(np.complex64),
        brain,
        np.where(brain, chi, 0),
        local,
        {name: brain & (np.abs(chi - value) < _SAME_PPM) for name, value in kinds.items()},
    )
