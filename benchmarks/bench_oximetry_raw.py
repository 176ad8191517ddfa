"""How well saturation is read from raw lines: painted veins in a whole head, through the chain.

Bent veins, each with a neighbour, are painted as in `bench_oximetry.py` and multiplied into the
images of a textured head with veins of its own; the lines of those images, with the noise of the
scan, go through `gre_readings`. What the chain masks, removes, inverts, finds and traces is what
the fit gets. A segment counts for a vein that its middle follows within a voxel. Blood's signal and
decay, saturation and haematocrit differ from vein to vein; the haematocrit is given.

What is not in it: vein and tissue share no voxel of the texture, and ends of veins fade out.

    python benchmarks/bench_oximetry_raw.py [--heads 2] [--veins 10] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bench_oximetry import (
    COARSE,
    DEOXYGENATED,
    FINE,
    OXYGENATED,
    good,
    growth,
    number,
    outside_magic,
    print_row,
)
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.phantoms.bent_vessels import BentVessel, echoes_of, paint
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import BRAIN, Label
from streamrecon_simulator.whole_head.voxel_means import voxel_means

from streamrecon.analysis.chain_maps import vein_scan_of
from streamrecon.analysis.oxygen.blood import Blood
from streamrecon.analysis.oxygen.oximetry import VeinOxygen
from streamrecon.analysis.oxygen.scan_oxygen import ScanOxygen, oxygen_of_veins
from streamrecon.analysis.oxygen.vein_segments import VeinSegment
from streamrecon.errors import DataError
from streamrecon.fourier import fft, ifft
from streamrecon.output.readings import of_chain
from streamrecon.output.readings.chain_scan import ChainScan
from streamrecon.output.readings.of_chain import MadeReading
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

Real = NDArray[np.float64]

VOXEL_MM = 1.25
TE_S = (0.005, 0.010, 0.015, 0.020, 0.025)
TISSUE_R2STAR = 20.0
CUBE = 27  # voxels about the middle of a vein, in which it is painted; odd, as there
FADE = 4  # voxels over which it fades out at the cube's faces
HALF_MM = 12.0  # of a vein on either side of its middle that has to lie in the brain
CLEAR_MM, APART_MM = 5.0, 10.0  # from veins of the head, and from one another


@dataclass(frozen=True)
class Vein:
    """A painted vein: the voxel of its cube's middle, what it is filled with, its neighbour."""

    voxel: tuple[int, int, int]
    vessels: tuple[BentVessel, BentVessel]
    saturation: float
    haematocrit: float

    def path_mm(self) -> Real:
        """Points along it, from the voxel (0, 0, 0)."""
        return self.vessels[0].path_mm(HALF_MM, 121) + np.array(self.voxel) * VOXEL_MM


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--veins", type=int, default=10, help="in each head (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows: list[tuple[float, ...]] = []
    painted, followed = 0, 0
    classes: Counter[str] = Counter()
    for head in range(asked.heads):
        rng = np.random.default_rng((asked.seed, head))
        scene = scene_of(11 + asked.seed + head, snr=float(rng.uniform(20, 50)))
        veins = veins_in(scene, rng, asked.veins)
        found = read(with_veins(simulate(scene), veins))
        painted += len(veins)
        for vein in veins:
            matched = list(segments_on(vein, found))
            followed += bool(matched)
            classes.update(oxygen.quality.value for oxygen, _ in matched)
            rows += [row_of(vein, oxygen) for oxygen, _ in matched]
        print(
            f"head {head}: {len(found.segments)} segments, {len(rows)} on painted veins", flush=True
        )
    print(
        f"{followed} of {painted} painted veins were traced; classes of their segments: {classes}"
    )
    table = np.array(rows).reshape(-1, 5)
    fitted = table[np.isfinite(table[:, 1])]
    print_row("all segments with a fit", fitted)
    print_row("0.75 to 1 voxel", fitted[fitted[:, 2] < 1])
    print_row("from 1 voxel on", fitted[fitted[:, 2] >= 1])
    print_row("classed good", table[table[:, 4] == good()])


def scene_of(anatomy: int, *, snr: float) -> Scene:
    """A head in voxels of 1.25 mm, its own veins in it."""
    return Scene(
        f"head {anatomy}",
        phantom=WholeHead(anatomy, grain_mm=1.25),
        matrix=(64, 160, 136),
        voxel_mm=(VOXEL_MM,) * 3,
        oversampling=(1.0, 1.0, 1.0),
        centre_lps_mm=(0.0, -4.0, 14.0),
        te_s=TE_S,
        tr_s=max(TE_S) + 0.01,
        n_coils=1,
        snr=snr,
        supersampling=1,
    )


def veins_in(scene: Scene, rng: np.random.Generator, count: int) -> list[Vein]:
    """Veins in the brain of a scene, apart from its own ones and from one another."""
    assert isinstance(scene.phantom, WholeHead)
    labels = voxel_means(scene.phantom, scene.geometry).labels
    veins = np.isin(labels, (Label.VEIN, Label.SINUS))
    clear_mm = np.asarray(distance_transform_edt(~veins)) * VOXEL_MM
    inside = np.asarray(distance_transform_edt(np.isin(labels, BRAIN))) * VOXEL_MM
    places = np.argwhere(inside > HALF_MM)
    chosen: list[Vein] = []
    for _ in range(4000):
        voxel = tuple(int(n) for n in places[rng.integers(len(places))])
        vein = _vein(scene, rng, (voxel[0], voxel[1], voxel[2]))
        at = np.round(vein.path_mm() / VOXEL_MM).astype(int)
        edges = np.array(voxel) - CUBE // 2
        if (edges < 0).any() or (edges + CUBE > labels.shape).any():
            continue
        if clear_mm[tuple(at.T)].min() < CLEAR_MM or inside[tuple(at.T)].min() < 2 * VOXEL_MM:
            continue
        others = [other.path_mm() for other in chosen]
        if all(_nearest_mm(path, vein.path_mm()).min() > APART_MM for path in others):
            chosen.append(vein)
        if len(chosen) == count:
            break
    return chosen


def _vein(scene: Scene, rng: np.random.Generator, voxel: tuple[int, int, int]) -> Vein:
    saturation, haematocrit = rng.uniform(0.4, 0.8), rng.uniform(0.35, 0.5)
    b0 = np.array(scene.geometry.b0_axis())
    angle = np.radians(outside_magic(rng))
    direction = b0 * np.cos(angle) + _across(b0, rng) * np.sin(angle)
    first = BentVessel(
        middle_mm=rng.uniform(-0.5, 0.5, 3),
        direction=direction,
        towards=_across(direction, rng),
        bend_mm=rng.uniform(25, 80),
        radius_mm=rng.uniform(0.78, 1.6) * VOXEL_MM,
        chi_ppm=haematocrit * (DEOXYGENATED * (1 - saturation) + OXYGENATED),
        blood=rng.uniform(0.7, 1.1),
        r2star=(16 + 181 * (1 - saturation) ** 2) * rng.uniform(0.8, 1.2),
    )
    return Vein(voxel, (first, _neighbour(first, rng)), saturation, haematocrit)


def _neighbour(first: BentVessel, rng: np.random.Generator) -> BentVessel:
    """A straight one that comes no nearer than three voxels to the first."""
    gap_mm, radius = 6.0, rng.uniform(0.5, 1.2)
    while True:
        aside = _across(first.direction, rng)
        direction = rng.standard_normal(3)
        other = BentVessel(
            middle_mm=first.middle_mm + gap_mm * aside,
            direction=direction / np.linalg.norm(direction),
            towards=aside, bend_mm=np.inf, radius_mm=radius,
            chi_ppm=rng.uniform(0.3, 0.7), blood=0.9, r2star=40.0,
        )  # fmt: skip
        apart = _nearest_mm(first.path_mm(25, 80), other.path_mm(25, 80)).min()
        if apart > first.radius_mm + radius + 3 * VOXEL_MM:
            return other
        gap_mm += 0.2


def _nearest_mm(path: Real, places: Real) -> Real:
    """From each place to the nearest point of a path."""
    return np.asarray(cKDTree(path).query(places)[0], np.float64)


def _across(direction: Real, rng: np.random.Generator) -> Real:
    vector = np.cross(direction, rng.standard_normal(3))
    return np.asarray(vector / np.linalg.norm(vector))


def with_veins(simulation: Simulation, veins: list[Vein]) -> Simulation:
    """The scan with veins painted into its images."""
    scene = simulation.scene
    images = ifft(simulation.kspace, (-3, -2, -1))
    b0 = np.array(scene.geometry.b0_axis())
    ramp = np.clip(np.minimum(np.arange(CUBE), np.arange(CUBE)[::-1]) / FADE, 0, 1)
    fade = ramp[:, None, None] * ramp[:, None] * ramp
    decay = np.exp(-TISSUE_R2STAR * np.array(TE_S))[:, None, None, None]
    for vein in veins:
        coarse, fine = (_painted(scene, vein, cells, b0) for cells in (COARSE, FINE))
        echoes = fine + growth() * (fine - coarse)
        factor = 1 + fade * (echoes / decay - 1)
        if scene.phase_sign < 0:
            factor = factor.conj()
        box = tuple(slice(n - CUBE // 2, n + CUBE // 2 + 1) for n in vein.voxel)
        images[(slice(None), slice(None), *box)] *= factor[:, None]
    kspace = fft(images, (-3, -2, -1)).astype(np.complex64)
    return replace(simulation, kspace=kspace)


def _painted(scene: Scene, vein: Vein, cells: int, b0: Real) -> NDArray[np.complex128]:
    """Echoes of a vein and its neighbour in a cube."""
    painted = [
        paint(vessel, voxels=CUBE, fine=cells, voxel_mm=scene.voxel_mm, b0=b0)
        for vessel in vein.vessels
    ]
    return echoes_of(
        vein.vessels, painted, TE_S,
        voxels=CUBE, b0_t=scene.b0_t, tissue_r2star=TISSUE_R2STAR,
    )  # fmt: skip


def read(simulation: Simulation) -> ScanOxygen:
    """All veins that the chain's maps have."""
    kept: list[ChainScan] = []

    def keep(scan: ChainScan, _: float) -> MadeReading:
        kept.append(scan)
        raise DataError("read behind the chain")

    readers: Mapping[str, of_chain.Reader] = of_chain.READERS
    assert isinstance(readers, dict)
    readers["oximetry"] = keep
    chain = build_chain(
        (Path(__file__).parents[1] / "config" / "gre_readings.xml").read_bytes(),
        REGISTRY,
        Context(),
        overrides={"MakeReadings.readings": "oximetry"},
    )
    chain.run(simulation.messages(), lambda _: None)
    (scan,) = kept
    lines, veins = scan.traced
    return oxygen_of_veins(vein_scan_of(scan.maps), lines, veins, scan.maps.chi.chi_ppm)


def segments_on(vein: Vein, found: ScanOxygen) -> Iterator[tuple[VeinOxygen, VeinSegment]]:
    """Those whose middle follows the vein."""
    path = vein.path_mm()
    for oxygen, segment in zip(found.veins, found.segments, strict=True):
        steps = np.linspace(-segment.half_mm, segment.half_mm, 9)
        away = _nearest_mm(path, segment.place_mm(steps))
        if np.median(away) < VOXEL_MM and away.max() < 2 * VOXEL_MM:
            yield oxygen, segment


def row_of(vein: Vein, oxygen: VeinOxygen) -> tuple[float, ...]:
    """True and found saturation, true radius in voxels, deviation stated, class."""
    blood = Blood(haematocrit=vein.haematocrit)
    return (
        vein.saturation,
        blood.saturation_of(oxygen.chi_ppm),
        vein.vessels[0].radius_mm / VOXEL_MM,
        blood.saturation_sd(oxygen.chi_sd_ppm),
        number(oxygen.quality),
    )


if __name__ == "__main__":
    main()
