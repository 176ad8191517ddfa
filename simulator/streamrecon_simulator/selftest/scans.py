"""The scans of a selftest: one head, two orientations, two grids."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import Inclusion

BLEED = Inclusion((34.0, -22.0, 28.0), 8.0, 0.8)
STONE = Inclusion((-36.0, 24.0, 26.0), 8.0, -0.8)
RIM = Inclusion((30.0, 40.0, 22.0), 13.0, 0.1, density=0.7, r2_star_hz=23.0)
CORE = Inclusion(RIM.centre_mm, 7.5, -RIM.step_ppm, density=0.7, r2_star_hz=23.0)
MIXTURE = Inclusion((-32.0, -32.0, 20.0), 12.0, 0.0, density=0.7, r2_star_hz=55.0)
"""As much of either sign: nothing for χ, all of it for R2*."""

_PHANTOM = WholeHead(6, grain_mm=1.2, inclusions=(BLEED, STONE, RIM, CORE, MIXTURE))
_HEAD = replace(
    SCENES["whole-head"],
    summary="selftest",
    phantom=_PHANTOM,
    centre_lps_mm=(0.0, -4.0, 18.0),
    te_s=(0.004, 0.010, 0.016, 0.022),
    n_coils=4,
    snr=60.0,
    supersampling=2,
)
_GRIDS = {
    "wide": replace(_HEAD, matrix=(56, 120, 104), voxel_mm=(2.4, 1.75, 1.7)),
    "tall": replace(_HEAD, matrix=(64, 112, 100), voxel_mm=(2.1, 1.9, 1.75)),
}
_TILTS = {"axial": (0.0, 0.0), "oblique": (18.0, -9.0)}
_SMALL = replace(
    _HEAD, phantom=replace(_PHANTOM, grain_mm=1.7), matrix=(50, 84, 70), voxel_mm=(2.6, 2.5, 2.4),
    n_coils=1, supersampling=1,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TestScan:
    """One scan and its name in the report."""

    __test__ = False  # no class of tests

    name: str
    scene: Scene


def scans(*, small: bool = False) -> tuple[TestScan, ...]:
    """The four scans; or one on a coarse grid, to see that the way is open.

    >>> [scan.name for scan in scans(small=True)]
    ['small']
    """
    if small:
        return (TestScan("small", _SMALL),)
    return tuple(
        TestScan(f"{grid} {tilt}", replace(scene, tilt_deg=degrees, seed=seed))
        for seed, (grid, scene) in enumerate(_GRIDS.items(), start=1)
        for tilt, degrees in _TILTS.items()
    )
