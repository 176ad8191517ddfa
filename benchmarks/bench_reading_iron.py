"""Iron and its change, measured from simulated raw k-space through the chain ``gre_qsm``.

A ball of tissue with ventricles, a sinus of air and the nuclei of one side and the other, as balls
of the volumes and susceptibilities that nuclei have; closed-form fields, 1.5 mm, SNR 60, four
echoes, 4 coils. Every visit has a pose of its own (up to 5° about a random axis, and 3 mm) and
noise of its own; B0 and the coils stay where they are. The regions of the first visit are known,
those of the others come from the registration of the product.

Printed: means of one visit against truth; how far visits without a change differ and how many of
their pairs are flagged; a fall of both pallida by 12 ppb; and noise of means against the σ told.
With ``--without-decay`` nuclei have the density and the decay of the tissue around them: what the
signal's weight at their borders does is the difference. ``--seed`` chooses other poses and noise.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from streamrecon_simulator import Scene, simulate
from streamrecon_simulator.phantoms.phantom import AIR, TISSUE, Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Shape, Sphere, Tube, contains
from streamrecon_simulator.truth import voxel_centres

from streamrecon.analysis.deep_nuclei.change import CHANGED, Interval, Visit, read_change
from streamrecon.analysis.deep_nuclei.iron import IronMaps, IronSettings, Regions, read_iron
from streamrecon.analysis.deep_nuclei.moved_regions import cores_in_both, read_moved
from streamrecon.analysis.positions.registration import Motion, register, registration_image
from streamrecon.analysis.reading import Value
from streamrecon.api import reconstruct
from streamrecon.machine.threads import set_budget
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity

NUCLEI = {  # centre of the left one (L, P, S) [mm], radius [mm], χ [ppm] against tissue, R2* [1/s]
    "pallidum": ((20.0, -2.0, 3.0), 6.5, 0.1437, 58.0),
    "putamen": ((33.0, -12.0, 6.0), 8.0, 0.0471, 36.0),
    "caudate": ((13.0, -27.0, 14.0), 7.0, 0.0527, 32.0),
    "thalamus": ((12.0, 15.0, 8.0), 9.0, 0.0509, 28.0),
    "red nucleus": ((6.0, 12.0, -10.0), 4.2, 0.1109, 48.0),
    "substantia nigra": ((13.0, 4.0, -14.0), 4.9, 0.1224, 52.0),
    "dentate nucleus": ((14.0, 33.0, -24.0), 6.0, 0.1684, 46.0),
}
CSF = Tissue(1.0, 3.0, 0.0)
SCENE = Scene(
    "nuclei",
    matrix=(88, 88, 88),
    voxel_mm=(1.5, 1.5, 1.5),
    oversampling=(1.0, 1.0, 1.0),
    n_coils=4,
    supersampling=2,
    snr=60.0,
)


@dataclass(frozen=True)
class Pose:
    """How the head lies."""

    rotation: np.ndarray
    shift_mm: np.ndarray

    def __call__(self, place: Sequence[float]) -> tuple[float, float, float]:
        """Where a place of the head is in the magnet."""
        left, posterior, superior = (self.rotation @ np.array(place) + self.shift_mm).tolist()
        return left, posterior, superior


SETTINGS = IronSettings(reference="CSF")
STRAIGHT = Pose(np.eye(3), np.zeros(3))


def pose(seed: int) -> Pose:
    """A turn of 2.5 to 5° about any axis, and 1.5 to 3 mm to anywhere."""
    random = np.random.default_rng(seed)
    axis, shift = (v / np.linalg.norm(v) for v in random.standard_normal((2, 3)))
    angle = np.radians(random.uniform(2.5, 5.0))
    cross = np.cross(np.eye(3), -axis)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Pose(turn, shift * random.uniform(1.5, 3.0))


def balls(at: Pose) -> dict[str, Sphere]:
    """The nuclei of both sides."""
    return {
        f"{side} {name}": Sphere(at((sign * place[0], *place[1:])), radius)
        for name, (place, radius, _, _) in NUCLEI.items()
        for side, sign in (("left", 1), ("right", -1))
    }


def ventricles(at: Pose) -> dict[str, Tube]:
    """One on each side."""
    return {
        f"{side} ventricle": Tube(at((sign * 7.0, -10.0, 27.0)), at((sign * 13.0, 22.0, 27.0)), 4.5)
        for side, sign in (("left", 1), ("right", -1))
    }


def head(at: Pose, *, fall_ppm: float = 0.0, decays: bool = True) -> Phantom:
    """The head in a pose; both pallida may have lost some of their iron."""
    parts = [Part(Sphere(at((0.0, 0.0, 0.0)), 60.0), TISSUE)]
    parts += [Part(tube, CSF) for tube in ventricles(at).values()]
    for name, ball in balls(at).items():
        _, _, chi_ppm, rate = NUCLEI[name.split(" ", 1)[1]]
        lost = fall_ppm if "pallidum" in name else 0.0
        tissue = Tissue(0.72, rate, chi_ppm - lost)
        parts.append(Part(ball, tissue if decays else replace(TISSUE, chi_ppm=chi_ppm - lost)))
    parts.append(Part(Sphere(at((0.0, -44.0, -22.0)), 8.0), AIR))
    return Phantom(tuple(parts), background_ppm=(0.0, 0.2, -0.3, 0.4, 1.0))


def labels(at: Pose) -> tuple[np.ndarray, dict[int, str]]:
    """True regions of a pose."""
    points = voxel_centres(SCENE.geometry)
    numbers, names = np.zeros(SCENE.matrix, np.int32), {}
    shapes: dict[str, Shape] = {**balls(at), **ventricles(at)}
    for number, (name, shape) in enumerate(shapes.items(), start=1):
        numbers[contains(shape, points)], names[number] = number, name
    return numbers, names


@dataclass(frozen=True)
class Scan:
    """What the chain made of a visit."""

    chi: np.ndarray
    sd: np.ndarray
    mask: np.ndarray
    magnitude: np.ndarray

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray, Geometry]:
        """What is registered: image, mask, grid."""
        image = registration_image(self.magnitude, self.chi, self.mask, SCENE.geometry)
        return image, self.mask, SCENE.geometry


def scans(
    at: Pose, seeds: Sequence[int], *, fall_ppm: float = 0.0, decays: bool = True
) -> list[Scan]:
    """One pose, measured several times."""
    simulated = simulate(replace(SCENE, phantom=head(at, fall_ppm=fall_ppm, decays=decays)))
    found = []
    for seed in seeds:
        scan = replace(simulated, scene=replace(simulated.scene, seed=seed))
        made = reconstruct(scan.messages(), "gre_qsm", uncertainty=True)
        of = {volume.quantity: volume.values for volume in reversed(made)}
        chi = of[Quantity.CHI]
        found.append(Scan(chi, of[Quantity.CHI_SD], chi != 0, of[Quantity.MAGNITUDE]))
    return found


def maps_of(scan: Scan, regions: Regions) -> IronMaps:
    """What is read of it."""
    return IronMaps(
        chi_ppm=scan.chi,
        mask=scan.mask,
        voxel_mm=SCENE.voxel_mm,
        chi_sd_ppm=scan.sd,
        csf=np.any([flags for name, flags in regions if "ventricle" in name], axis=0),
    )


def named(numbers: np.ndarray, names: dict[int, str]) -> Regions:
    """Regions by name."""
    return [(name, numbers == number) for number, name in names.items()]


def values_of(scan: Scan, numbers: np.ndarray, names: dict[int, str]) -> Sequence[Value]:
    """Its iron reading."""
    regions = named(numbers, names)
    return read_iron(maps_of(scan, regions), regions, SETTINGS).values


def moved_values(
    scan: Scan, numbers: np.ndarray, names: dict[int, str], motion: Motion | None
) -> Sequence[Value]:
    """Its iron reading in the regions of the first visit, moved; the first visit itself at rest."""
    grid = SCENE.geometry
    still = Motion(np.eye(4), 1.0)
    whole, cores = (
        cores_in_both(numbers, grid, motion or still, grid, erode_mm=erode_mm)[1]
        for erode_mm in (0.0, SETTINGS.erode_mm)
    )
    regions = named(cores, names)
    return read_moved(maps_of(scan, regions), named(whole, names), regions, SETTINGS).values


def number(values: Sequence[Value], subject: str, name: str, reference: str = "CSF") -> float:
    """One number of a reading."""
    wanted = (subject, name, reference)
    return next(v.number for v in values if (v.subject, v.name, v.reference) == wanted)


def print_truth(values: Sequence[Value], cores: Sequence[Value]) -> None:
    """Means of the first visit."""
    print("\n| nucleus | χ [ppb] | robust mean | that of the core | whole mean | its worst error |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (_, _, chi_ppm, _) in NUCLEI.items():
        those = (values, "robust"), (cores, "robust"), (values, "whole")
        found = [
            [number(rows, f"{side} {name}", f"{kind}_mean_chi") for side in ("left", "right")]
            for rows, kind in those
        ]
        worst = max((mean - 1e3 * chi_ppm for mean in found[-1]), key=abs)
        means = " | ".join(f"{left:.1f}, {right:.1f}" for left, right in found)
        off = f"{worst:+.1f} ppb, {abs(worst) / chi_ppm / 10:.1f} %"
        print(f"| {name} | {1e3 * chi_ppm:.1f} | {means} | {off} |", flush=True)


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=10, help="poses (10)")
    parser.add_argument("--pairs", type=int, default=40, help="pairs without a change (40)")
    parser.add_argument("--falls", type=int, default=4, help="visits with a change (4)")
    parser.add_argument("--draws", type=int, default=6, help="noise draws of the first pose (6)")
    parser.add_argument("--seed", type=int, default=0, help="of poses and noise (0)")
    parser.add_argument("--without-decay", action="store_true", help="nuclei of tissue's signal")
    given = parser.parse_args()
    set_budget(1)
    seed, decays = 1000 * given.seed, not given.without_decay
    numbers, names = labels(STRAIGHT)
    first, *again = scans(STRAIGHT, range(seed, seed + given.draws), decays=decays)
    whole = values_of(first, numbers, names)
    visits = [moved_values(first, numbers, names, None)]
    print_truth(whole, visits[0])
    if again:
        _print_noise([whole, *(values_of(scan, numbers, names) for scan in again)])
    for n in range(seed + 1, seed + given.visits):
        (scan,) = scans(pose(n), [100 + n], decays=decays)
        visits.append(moved_values(scan, numbers, names, register(*first.seen, *scan.seen[::2])))
    if len(visits) > 1:
        _print_null(visits, given.pairs)
    falls = []
    for n in range(seed, seed + given.falls):
        (scan,) = scans(pose(50 + n), [200 + n], fall_ppm=0.012, decays=decays)
        motion = register(*first.seen, *scan.seen[::2])
        print(f"visit with a fall, likeness {motion.likeness:.2f}", flush=True)
        falls.append(moved_values(scan, numbers, names, motion))
    if falls:
        _print_falls(visits, falls)


def _print_falls(visits: Sequence[Sequence[Value]], falls: Sequence[Sequence[Value]]) -> None:
    """Every visit before a fall with every one after it."""
    pairs = list(itertools.product(visits, falls))
    rows = [v for one, other in pairs for v in _change(one, other) if v.name == "change_chi"]
    print(f"\n| fall of 12 ppb, {len(pairs)} pairs | mean [ppb] | SD | within 3 ppb | flagged |")
    print("| --- | --- | --- | --- | --- |")
    for name in ("left pallidum", "right pallidum"):
        those = [v for v in rows if v.subject == name]
        changes = np.array([v.number for v in those])
        near, flagged = (
            int((abs(changes + 12) <= 3).sum()),
            sum(v.quality == CHANGED for v in those),
        )
        print(f"| {name} | {changes.mean():+.1f} | {changes.std():.1f} | {near} | {flagged} |")


def _change(before: Sequence[Value], after: Sequence[Value]) -> Sequence[Value]:
    first, second = (Visit(values=values, made={}) for values in (before, after))
    return read_change(first, second, Interval(same_site=True), "CSF").values


def _print_null(visits: Sequence[Sequence[Value]], pairs: int) -> None:
    """Pairs without a change."""
    chosen = list(itertools.combinations(visits, 2))[:pairs]
    rows = [v for one, other in chosen for v in _change(one, other) if v.name == "change_chi"]
    print(f"\n| {len(chosen)} pairs without a change | SD of it [ppb] | largest | flagged |")
    print("| --- | --- | --- | --- |")
    for name in balls(STRAIGHT):
        those = [v for v in rows if v.subject == name]
        changes = np.array([v.number for v in those])
        flagged = sum(v.quality == CHANGED for v in those)
        print(
            f"| {name} | {changes.std():.2f} | {np.abs(changes).max():.1f} | {flagged} |",
            flush=True,
        )


def _print_noise(draws: Sequence[Sequence[Value]]) -> None:
    """How means scatter by noise alone, and the σ that is told."""
    print(
        f"\n| {len(draws)} noise draws, region | SD of its mean [ppb], σ told | of its whole mean |"
    )
    print("| --- | --- | --- |")
    kinds = ("mean_chi", "whole_mean_chi")
    ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
    for name in balls(STRAIGHT):
        cells = []
        for kind in kinds:
            scatter = np.std([number(values, name, kind) for values in draws], ddof=1)
            those = (v for v in draws[0] if (v.subject, v.name) == (name, kind))
            sigma = next(v.sigma for v in those if v.reference == "CSF") or np.nan
            ratios[kind].append(float(scatter / sigma))
            cells.append(f"{scatter:.2f}, {sigma:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")
    squares = [f"{np.sqrt(np.mean(np.square(ratios[kind]))):.2f}" for kind in kinds]
    print(f"| root mean square of SD / σ | {' | '.join(squares)} |", flush=True)


if __name__ == "__main__":
    main()
