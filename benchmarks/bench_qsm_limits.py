"""Where susceptibility could go wrong: tilt, thin slabs, padding, a calcification, memory.

    bench_qsm_limits.py PHANTOMS [--only tilt|slab|padding|calcification|passes|memory]

PHANTOMS are the folders that scripts/make_phantoms.sh makes with head_phantom.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _geometries import Known, whole_head_of_2_mm
from bench_qsm import NOISELESS_STRENGTH, REGIONS, Phantom, chi_score, head, load, row
from scipy.ndimage import distance_transform_edt

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.pipeline import Quality, susceptibility

BEYOND_MM = 10.0
NEAR_MM = (3.0, 15.0)
NUCLEI = 6  # regions up to here are deep nuclei
FEWEST_VOXELS = 50
SLABS_MM = (1.4, 3, 6, 8, 11, 14, 20, 30, 40, 60, 90, 180)
_ONE_MAP = Path(__file__).with_name("_one_map.py")
SHAPES = ((128, 128, 128, 4), (256, 256, 256, 5))


def supersampled_field(p: Phantom) -> np.ndarray:
    """Field of χ inside the mask made on half the voxel, averaged over voxels [Z, Y, X, ppm].

    The phantom's own field takes the bare dipole on its grid, which rings where B0 is oblique.
    """
    fine = np.where(p.mask, p.chi, 0)
    for axis in range(3):
        fine = fine.repeat(2, axis)
    dz, dy, dx = p.grid.voxel_mm
    half = (dz / 2, dy / 2, dx / 2)
    field = field_from_chi(fine, Geometry(fine.shape, half, p.grid.axes_lps), padding=1.5)
    blocks = [size for n in p.mask.shape for size in (n, 2)]
    return np.asarray(field.reshape(blocks).mean((1, 3, 5), dtype=np.float32))


def tilt(folder: Path) -> None:
    """The same head at several angles to B0."""
    head("B0 tilted against the slab, p3x", "degrees", "method", "slope", "regions ppb", "NRMSE %")
    for degrees in (0, 30, 45):
        p = load(folder / ("p3x" if degrees == 0 else f"p3x_t{degrees}"))
        everywhere = np.ones_like(p.mask)
        fields = {"the phantom's field": p.local, "supersampled field": supersampled_field(p)}
        maps = {
            f"{label}, {name}": solve(field, everywhere, p.grid) * p.mask
            for name, field in fields.items()
            for label, solve in (("TKD", invert_tkd), ("TV", _noiseless_tv))
        }
        found = susceptibility(p.echoes, p.te_s, p.b0_t, p.grid, mask=p.mask)
        for label, chi in (maps | {"whole pipeline": found.map.chi_ppm}).items():
            nrmse, _, slope, regions, _ = chi_score(chi, p)
            row(degrees, label, slope, regions, nrmse)


def _noiseless_tv(field: np.ndarray, mask: np.ndarray, grid: Geometry) -> np.ndarray:
    return invert_tv(field, mask, grid, strength=NOISELESS_STRENGTH).unknown


def slab(folder: Path) -> None:
    """The middle of two heads alone, cut across the third axis of the patient."""
    head("Thin slabs, whole pipeline", "data", "thickness mm", "quality", "slope", "regions ppb")
    p = load(folder / "p3x")
    regions = {str(n): p.regions == n for n in REGIONS}
    egg = Known("p3x", p.grid, p.b0_t, p.te_s, p.echoes, p.mask, p.chi, p.local, regions)
    for known in (egg, whole_head_of_2_mm(41)):
        _slabs_of(known)


def _slabs_of(known: Known) -> None:
    deep = np.any([*known.regions.values()][:NUCLEI], axis=0) & known.brain
    middle = round(float(np.mean(np.nonzero(deep)[0])))
    thick = known.grid.voxel_mm[0]
    for thickness_mm in SLABS_MM:
        count = max(1, round(thickness_mm / thick))
        part = slice(max(middle - count // 2, 0), middle - count // 2 + count)
        brain, chi = known.brain[part], known.chi[part]
        grid = Geometry(brain.shape, known.grid.voxel_mm, known.grid.axes_lps)
        inside = [region[part] & brain for region in known.regions.values()]
        seen = [here for here in inside if here.sum() > FEWEST_VOXELS]
        for quality in (Quality.FAST, Quality.STANDARD):
            found = susceptibility(
                np.ascontiguousarray(known.echoes[:, part]), known.te_s, known.b0_t, grid,
                quality=quality, mask=brain,
            ).map.chi_ppm  # fmt: skip
            truth, value = (np.array([each[here].mean() for here in seen]) for each in (chi, found))
            slope = float(np.polyfit(truth, value, 1)[0])
            error = (value - value.mean()) - (truth - truth.mean())
            rms = 1e3 * float(np.sqrt((error**2).mean()))
            row(known.name, len(brain) * thick, quality.value, slope, rms)


def padding(folder: Path) -> None:
    """What comes round the edges, against four times the room."""
    p = load(folder / "p3x")
    inner = np.where(p.mask, p.chi, 0)
    truth = field_from_chi(inner, p.grid, padding=4.0)
    spread = float(truth[p.mask].std())
    head("Room around the grid, p3x", "room", "largest error, % of the field's sd", "rms")
    for room in (1.0, 1.25, 1.5, 2.0):
        error = (field_from_chi(inner, p.grid, padding=room) - truth)[p.mask]
        error -= error.mean()  # D(0) = 0: the mean depends on the room alone
        row(room, 100 * float(abs(error).max()) / spread, 100 * float(error.std()) / spread)


def calcification(folder: Path) -> None:
    """How far -3 ppm moves what is not near it: the same head and noise with it and without."""
    ill, well = load(folder / "p3m"), load(folder / "p3m0")
    spot = ill.chi - well.chi < -0.5
    away = distance_transform_edt(~spot, sampling=ill.grid.voxel_mm) > BEYOND_MM
    head(
        f"Regions moved by a calcification of {ill.chi.min():.2g} ppm, farther than "
        f"{BEYOND_MM:g} mm from it",
        "quality", "largest of all ppb", "region", "rms ppb",
    )  # fmt: skip
    for quality in (Quality.FAST, Quality.STANDARD, Quality.BEST):
        maps = [
            susceptibility(p.echoes, p.te_s, p.b0_t, p.grid, quality=quality, mask=p.mask)
            for p in (ill, well)
        ]
        where = away & maps[0].mask & maps[1].mask
        change = (maps[0].map.chi_ppm - maps[1].map.chi_ppm) - (ill.chi - well.chi)
        moved = {r: 1e3 * change[where & (ill.regions == r)].mean() for r in REGIONS}
        moved = {r: m - np.mean([*moved.values()]) for r, m in moved.items()}
        worst = max(moved, key=lambda r: abs(moved[r]))
        row(
            quality.value, float(moved[worst]), worst,
            float(np.sqrt(np.mean(np.square([*moved.values()])))),
        )  # fmt: skip


def passes(folder: Path) -> None:
    """What a second pass mends near the calcification."""
    p = load(folder / "p3m")
    spot = p.chi < -1
    away = distance_transform_edt(~spot, sampling=p.grid.voxel_mm)
    near = p.mask & (away > NEAR_MM[0]) & (away < NEAR_MM[1])
    head(
        "A calcification in one pass and in two, p3m",
        "passes", "NRMSE %", "slope", "regions ppb", "error 3-15 mm from it ppb",
        "its mean ppm", "true ppm",
    )  # fmt: skip
    for count, two_pass in ((1, False), (2, True)):
        found = susceptibility(
            p.echoes, p.te_s, p.b0_t, p.grid, mask=p.mask, two_pass=two_pass
        ).map.chi_ppm
        nrmse, _, slope, regions, _ = chi_score(found, p)
        error = 1e3 * float((found - p.chi)[near].std())
        row(
            count,
            nrmse,
            slope,
            regions,
            error,
            float(found[spot].mean()),
            float(p.chi[spot].mean()),
        )


def memory() -> None:
    """Peak of a process that makes one map, and its time."""
    head(
        "One map in a process of its own",
        "echoes", "quality", "seconds", "of the next map", "its CPU", "peak GB",
    )  # fmt: skip
    for shape in SHAPES:
        for quality in (Quality.FAST, Quality.STANDARD):
            words = [sys.executable, str(_ONE_MAP), *map(str, shape), quality.value]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            row("x".join(map(str, shape)), quality.value, *map(float, done.stdout.split()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    sections: dict[str, Callable[[], None]] = {
        "tilt": lambda: tilt(chosen.phantoms),
        "slab": lambda: slab(chosen.phantoms),
        "padding": lambda: padding(chosen.phantoms),
        "calcification": lambda: calcification(chosen.phantoms),
        "passes": lambda: passes(chosen.phantoms),
        "memory": memory,
    }
    parser.add_argument("--only", choices=sections)
    chosen: argparse.Namespace = parser.parse_args()
    for name, section in sections.items():
        if chosen.only in (None, name):
            section()


if __name__ == "__main__":
    main()
