"""Everything around the brain: skull, scalp, face, cavities of air, neck, and what bridges them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.whole_head.brain import Hull
from streamrecon_simulator.whole_head.grid import Grid, Volume, isotropic_field
from streamrecon_simulator.whole_head.solids import (
    Ball,
    Place,
    Rod,
    Solid,
    both_sides,
    fill,
    join,
    meet,
)
from streamrecon_simulator.whole_head.tissues import Label

_FACE = Ball((0.0, -52.0, -62.0), (60.0, 56.0, 66.0), 2.3)
_CHEEKS = Ball((0.0, -62.0, -36.0), (60.0, 40.0, 34.0), 2.4)
_JAW = Ball((0.0, -58.0, -100.0), (50.0, 48.0, 30.0), 2.3)
_NOSE = Rod((0.0, -98.0, -28.0), (0.0, -110.0, -60.0), (6.0, 11.0))
_BEHIND_EAR = Ball((50.0, 26.0, -46.0), (21.0, 24.0, 26.0))
_NECK = Ball((0.0, 18.0, -160.0), (60.0, 62.0, 400.0))
_SOFT = (Label.MUSCLE, Label.FAT)
_OUTSIDE_BRAIN = (Label.MUSCLE, Label.FAT, Label.BONE, Label.MARROW, Label.SKIN)

_BONES: tuple[Solid, ...] = (
    Ball((0.0, -66.0, -57.0), (44.0, 36.0, 24.0), 2.5),  # maxilla around nose and sinuses
    Ball((11.0, -86.0, -8.0), (15.0, 8.0, 16.0), 2.5),  # frontal bone around its sinus
    Ball((52.0, 27.0, -47.0), (13.0, 17.0, 17.0)),  # mastoid
    Ball((24.0, 5.0, -36.0), (24.0, 10.0, 7.0)),  # petrous pyramid
    Ball((0.0, -24.0, -33.0), (17.0, 17.0, 14.0)),  # sphenoid
    Rod((47.0, -28.0, -62.0), (43.0, -40.0, -105.0), (5.0, 6.0)),  # ramus of the mandible
    Rod((43.0, -40.0, -105.0), (22.0, -86.0, -110.0), (7.5, 7.5)),
    Rod((22.0, -86.0, -110.0), (0.0, -93.0, -110.0), (7.5, 7.5)),
    Rod((54.0, -70.0, -38.0), (66.0, -20.0, -40.0), (5.0, 3.0)),  # zygomatic arch
)
_MARROWS: tuple[Solid, ...] = (
    Rod((43.0, -42.0, -106.0), (22.0, -85.0, -110.0), (4.0, 4.0)),
    Rod((22.0, -85.0, -110.0), (0.0, -92.0, -110.0), (4.0, 4.0)),
    Ball((0.0, -8.0, -38.0), (7.0, 9.0, 9.0)),  # clivus
    Ball((20.0, 3.0, -37.0), (12.0, 5.0, 3.5)),
)
_TEETH: tuple[Solid, ...] = (
    Rod((24.0, -72.0, -90.0), (14.0, -90.0, -90.0), (5.5, 5.0)),
    Rod((14.0, -90.0, -90.0), (0.0, -95.0, -90.0), (5.0, 5.0)),
    Rod((26.0, -60.0, -90.0), (24.0, -72.0, -90.0), (5.5, 5.5)),
)
_CELLS: tuple[Solid, ...] = (
    Ball((52.0, 27.0, -47.0), (10.0, 14.0, 14.0)),  # mastoid
    Ball((8.0, -58.0, -24.0), (6.0, 20.0, 8.0), 3.0),  # ethmoid
)
_AIR: tuple[Solid, ...] = (
    Ball((29.0, -70.0, -54.0), (13.0, 16.0, 16.0), 2.5),  # maxillary sinus
    Ball((8.0, -26.0, -31.0), (7.0, 12.0, 10.0), 2.5),  # sphenoid sinus
    Ball((11.0, -87.0, -8.0), (10.0, 4.0, 11.0), 2.5),  # frontal sinus
    Rod((48.0, 4.0, -38.0), (90.0, 8.0, -38.0), (2.5, 4.0)),  # ear canal
    Rod((7.0, -107.0, -62.0), (6.0, -90.0, -58.0), (4.0, 3.5)),  # nostril
)
_NASAL = Ball((6.5, -66.0, -50.0), (5.0, 30.0, 21.0), 2.5)
_THROAT: tuple[Solid, ...] = (
    Rod((0.0, -38.0, -54.0), (0.0, -26.0, -66.0), (8.0, 9.0)),
    Rod((0.0, -24.0, -62.0), (0.0, -22.0, -112.0), (7.0, 6.5)),
    Rod((0.0, -22.0, -112.0), (0.0, -22.0, -240.0), (7.0, 9.0)),
    Ball((0.0, -62.0, -71.0), (19.0, 26.0, 2.2)),  # above the tongue
)
_RECTI = (
    (40.0, -82.0, -30.0),
    (22.0, -82.0, -30.0),
    (31.0, -82.0, -21.0),
    (31.0, -82.0, -39.0),
)
_APEX = (16.0, -42.0, -25.0)
_ORBIT: tuple[tuple[Label, Solid], ...] = (
    (Label.FAT, Ball((31.0, -76.0, -31.0), (19.0, 22.0, 18.0))),
    (Label.FAT, Rod((29.0, -64.0, -30.0), (14.0, -38.0, -24.0), (13.0, 3.0))),
    *((Label.MUSCLE, Rod(start, _APEX, (2.0, 1.6))) for start in _RECTI),
    (Label.NERVE, Rod((31.0, -76.0, -30.0), (14.0, -38.0, -23.0), (2.0, 2.0))),
    (Label.MUCOSA, Ball((32.0, -86.0, -30.0), (13.0, 13.0, 13.0))),  # sclera
    (Label.EYE, Ball((32.0, -86.0, -30.0), (11.8, 11.8, 11.8))),
    (Label.LENS, Ball((32.0, -94.5, -30.0), (4.2, 2.2, 4.2))),
)
_LID = Ball((32.0, -103.0, -30.0), (14.0, 4.5, 13.0))


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """Depths of the skull's two surfaces and of the skin [mm]."""

    inner: Volume
    outer: Volume
    skin: Volume


def shell(grid: Grid, at: Place, form: Hull, seed: int) -> Shell:
    """Skull and outline of the head; all of them follow the brain with random distances."""
    thick = isotropic_field(grid, (seed, 20), 28.0)
    base = np.clip((at.superior + 8) / -14, 0, 1)  # 1 at the base of the skull
    inner = form.cavity - 2.6 - 0.6 * thick
    canal = Rod((0.0, 27.0, -60.0), (0.0, 37.0, -230.0), (11.0, 9.5)).depth(at)
    outer = inner - np.maximum(6.5 + 1.6 * thick - 2.5 * base, 2.2)
    inner = join(inner, canal, 6.0)
    scalp = isotropic_field(grid, (seed, 21), 24.0)
    temple = np.exp(-(((at.posterior + 18) / 32) ** 2) - ((at.superior + 14) / 34) ** 2)
    skin = outer - np.maximum(5.0 + 1.3 * scalp, 3.0) - 8 * temple * (np.abs(at.left) > 40)
    for solid, rounding in ((_FACE, 14.0), (_CHEEKS, 14.0), (_JAW, 14.0), (_NOSE, 8.0)):
        skin = join(skin, solid.depth(at), rounding)
    for mastoid in both_sides(_BEHIND_EAR):
        skin = join(skin, mastoid.depth(at), 10.0)
    neck = meet(_NECK.depth(at), at.superior + 55, 30.0)
    return Shell(inner, outer, join(skin, neck, 24.0))


def paint_head(
    labels: NDArray[np.uint8], grid: Grid, at: Place, surfaces: Shell, seed: int
) -> None:
    """Write everything but the brain itself into the empty labels."""
    fine = isotropic_field(grid, (seed, 22), 3.0)
    sheets = isotropic_field(grid, (seed, 24), 10.0)
    _paint_soft(labels, at, surfaces, sheets, isotropic_field(grid, (seed, 23), 18.0))
    del sheets
    _paint_bones(labels, at, surfaces, fine)
    _paint_neck(labels, at, fine)
    _paint_tongue(labels, at, fine)
    _paint_air(labels, at, surfaces, fine)
    _paint_orbits(labels, at, surfaces)
    labels[surfaces.skin >= 0] = Label.AIR
    labels[surfaces.inner < 0] = Label.FLUID


def _paint_soft(
    labels: NDArray[np.uint8], at: Place, surfaces: Shell, sheets: Volume, slow: Volume
) -> None:
    """Skin, the fat beneath it, and muscle with sheets of fat."""
    skin = surfaces.skin
    face = np.clip((at.superior + 20) / -40, 0, 1)
    fat = 5.5 + 4 * face + 2.0 * slow
    temporal = (np.abs(at.left) > 40) & (at.superior < 25) & (skin < -5.0 - 0.8 * slow)
    labels[skin < 0] = Label.SKIN
    labels[skin < -1.8] = Label.FAT
    muscle = (skin < -fat) | temporal
    labels[muscle & ~((np.abs(sheets) < 0.11) & (at.superior < -45))] = Label.MUSCLE


def _paint_bones(labels: NDArray[np.uint8], at: Place, surfaces: Shell, fine: Volume) -> None:
    inner, outer = surfaces.inner, surfaces.outer
    skull = outer < 0
    labels[skull] = Label.BONE
    diploe = (inner > 1.6 + 0.3 * fine) & (outer < -1.5 + 0.3 * fine) & (at.superior > -20)
    labels[diploe] = Label.MARROW
    for solids, label in ((_BONES, Label.BONE), (_TEETH, Label.BONE), (_MARROWS, Label.MARROW)):
        for solid in solids:
            for side in both_sides(solid):
                fill(labels, at, side, label, ripple_mm=fine, only=_OUTSIDE_BRAIN)


def _paint_neck(labels: NDArray[np.uint8], at: Place, fine: Volume) -> None:
    """A spine of vertebrae and discs, and the layers of fat between muscles of the neck."""
    for number in range(8):
        middle = -82.0 - 17.0 * number
        body = Ball((0.0, 13.0, middle), (13.5, 11.0, 7.2), 3.5)
        fill(labels, at, body, Label.BONE, only=_SOFT)
        marrow = Ball((0.0, 13.0, middle), (11.8, 9.5, 5.8), 3.5)
        fill(labels, at, marrow, Label.MARROW, only=(Label.BONE,))
        fill(labels, at, Ball((0.0, 13.0, middle - 8.5), (11.0, 9.0, 1.6), 2.5), Label.DISC)
        for arch in both_sides(Rod((14.0, 28.0, middle), (0.0, 62.0, middle - 6), (6.0, 3.5))):
            fill(labels, at, arch, Label.BONE, ripple_mm=fine, only=_SOFT)
        for process in both_sides(Rod((10.0, 20.0, middle), (24.0, 26.0, middle), (5.0, 4.0))):
            fill(labels, at, process, Label.MARROW, only=_SOFT)


def _paint_tongue(labels: NDArray[np.uint8], at: Place, fine: Volume) -> None:
    mouth = (*_SOFT, Label.BONE)
    fill(labels, at, Ball((0.0, -60.0, -84.0), (22.0, 33.0, 14.0)), Label.TONGUE, only=mouth)
    root = Ball((0.0, -46.0, -98.0), (20.0, 18.0, 18.0))
    fill(labels, at, root, Label.TONGUE, ripple_mm=fine, only=mouth)


def _paint_air(labels: NDArray[np.uint8], at: Place, surfaces: Shell, fine: Volume) -> None:
    """Cavities, lined by mucosa; cells are broken up by thin walls."""
    buried = (surfaces.inner < 1.6) | (surfaces.skin > -2.5)  # inner table, skin
    openings = (at.posterior < -80) & (at.superior < -50) | (np.abs(at.left) > 50)
    kept = buried & ~(openings & (surfaces.inner > 1.6))  # but for nostrils, mouth and ears
    before = labels[kept]
    for solid in _AIR:
        for side in both_sides(solid):
            fill(labels, at, side, Label.MUCOSA, ripple_mm=1.2 + 0.8 * fine)
            fill(labels, at, side, Label.CAVITY, ripple_mm=fine - 0.6)
    for solid in (*_THROAT, *both_sides(_NASAL)):
        fill(labels, at, solid, Label.MUCOSA, ripple_mm=np.full_like(fine, 2.0))
    for solid in (*_THROAT, *both_sides(_NASAL)):
        fill(labels, at, solid, Label.CAVITY, ripple_mm=2.2 * fine - 1.0)
    for solid in _CELLS:
        for side in both_sides(solid):
            fill(labels, at, side, Label.CAVITY, ripple_mm=np.where(np.abs(fine) > 0.3, 0, -99))
    labels[kept] = before


def _paint_orbits(labels: NDArray[np.uint8], at: Place, surfaces: Shell) -> None:
    """Fat, muscles, eye and nerve; only a thin plate of bone parts them from the brain."""
    kept = surfaces.inner < 1.4
    before = labels[kept]
    for label, solid in _ORBIT:
        for side in both_sides(solid):
            fill(labels, at, side, label)
    for lid in both_sides(_LID):
        fill(labels, at, lid, Label.SKIN, only=(Label.FAT,))
    labels[kept] = before
