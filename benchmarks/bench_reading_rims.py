"""Rims, measured from simulated raw k-space through the chain ``gre_full``.

Balls of tissue with eight lesions each and three veins, painted on points of half a millimetre
(cubes of uniform χ, averaged field), measured with 1 mm voxels, four echoes, 4 coils and SNR 60.
Lesions are ellipsoids of 3.5 to 6 mm, ±25 %: with a rim of 30 to 60 ppb and 1 to 1.5 mm, with half
a rim, without one, and raised all through. Their masks are the true ones, or grown by a voxel on
every second lesion.

Printed: class of each kind, area under the curve of the score (rims against all else, and against
all but half rims), and mean coverage.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation
from streamrecon_simulator import Scene, Simulation
from streamrecon_simulator.lines.encode import encode
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Properties, Tissue
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.whole_head.dipole import field_of_voxels

from streamrecon.analysis.lesion.rim_reading import RimMaps, read_rims
from streamrecon.api import reconstruct
from streamrecon.machine.threads import set_budget
from streamrecon.model.outputs.quantities import Quantity

N, FINE = 80, 2
KINDS = ("rim", "half rim", "none", "raised")
TISSUE = Tissue(0.8, 20.0, -0.02)
SCENE = Scene(
    "rims",
    phantom=Phantom((Part(Sphere((0.0, 0.0, 0.0), 36.0), TISSUE),)),
    matrix=(N, N, N),
    voxel_mm=(1.0, 1.0, 1.0),
    oversampling=(1.0, 1.0, 1.0),
    te_s=(0.005, 0.011, 0.017, 0.023),
    n_coils=4,
    supersampling=FINE,
    snr=60.0,
)


@dataclass(frozen=True)
class Lesion:
    """Where and what."""

    kind: str
    centre: np.ndarray
    semi_mm: np.ndarray
    rim_ppm: float
    rim_mm: float
    towards: np.ndarray


def lesions(seed: int) -> list[Lesion]:
    """Eight lesions, two of each kind, none near another."""
    random = np.random.default_rng(seed)
    corners = np.array([[z, y, x] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
    found = []
    for kind, corner in zip(KINDS * 2, random.permutation(corners), strict=True):
        side = random.standard_normal(3)
        found.append(
            Lesion(
                kind=kind,
                centre=corner * 14.0 + random.uniform(-1.5, 1.5, 3),
                semi_mm=random.uniform(3.5, 6.0) * random.uniform(0.75, 1.25, 3),
                rim_ppm=random.uniform(0.03, 0.06),
                rim_mm=random.uniform(1.0, 1.5),
                towards=side / np.linalg.norm(side),
            )
        )
    return found


def grid(per_voxel: int) -> np.ndarray:
    """Places of the points (z, y, x) [3, Z, Y, X, mm]."""
    along = (np.arange(N * per_voxel) - N * per_voxel // 2) / per_voxel
    return np.stack(np.meshgrid(along, along, along, indexing="ij")).astype(np.float32)


def inside(lesion: Lesion, at: np.ndarray, shrunk_mm: float = 0.0) -> np.ndarray:
    """Points of the lesion, less a layer."""
    ends = (lesion.semi_mm - shrunk_mm).reshape(3, 1, 1, 1)
    return np.asarray((((at - lesion.centre.reshape(3, 1, 1, 1)) / ends) ** 2).sum(axis=0) <= 1)


def paint(found: list[Lesion], seed: int) -> Properties:
    """The head on its fine grid, in the transform's own order."""
    at, random = grid(FINE), np.random.default_rng((seed, 1))
    head = (at**2).sum(axis=0) < 36.0**2
    chi = np.where(head, np.float32(TISSUE.chi_ppm), 0)
    rate = np.where(head, np.float32(TISSUE.r2_star_hz), 0)
    for lesion in found:
        whole, core = inside(lesion, at), inside(lesion, at, lesion.rim_mm)
        chi[whole], rate[whole] = -0.005, 15.0
        border = whole & ~core
        away = at - lesion.centre.reshape(3, 1, 1, 1)
        if lesion.kind == "half rim":
            border &= np.tensordot(lesion.towards, away, axes=1) > 0
        if lesion.kind in {"rim", "half rim"}:
            chi[border], rate[border] = -0.005 + lesion.rim_ppm, 25.0
        if lesion.kind == "raised":
            chi[whole] = -0.005 + lesion.rim_ppm
    for _ in range(3):
        middle, along = random.uniform(-20, 20, 3), random.standard_normal(3)
        along /= np.linalg.norm(along)
        away = at - middle.reshape(3, 1, 1, 1)
        beside = (away**2).sum(axis=0) - np.tensordot(along, away, axes=1) ** 2
        vein = head & (beside < random.uniform(0.6, 1.0) ** 2)
        chi[vein], rate[vein] = 0.30, 45.0
    field = field_of_voxels(chi.astype(np.float32), padding=(N // 2,) * 3)
    maps = (np.where(head, np.float32(TISSUE.density), 0), rate, chi, field, np.zeros_like(field))
    return Properties(*(np.fft.ifftshift(each.astype(np.float32)) for each in maps))


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a rim scores above what is none."""
    above = score[positive][:, None] - score[~positive][None, :]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def rows(seed: int) -> list[tuple[str, str, float, float]]:
    """Kind, class, score and coverage of each lesion of a head."""
    found = lesions(seed)
    lines = line_order(SCENE)
    kspace = encode(SCENE, paint(found, seed))
    level = SCENE.phantom.signal / SCENE.snr
    scan = Simulation(SCENE, kspace, lines, level)
    more: dict[str, Any] = {"InvertField.uncertainty": True, "FindVeins.anywhere": True}
    made = reconstruct(scan.messages(), "gre_full", **more)
    of: dict[Quantity, Any] = {volume.quantity: volume.values for volume in reversed(made)}
    at, chi = grid(1), of[Quantity.CHI]
    told = []
    for number, lesion in enumerate(found):
        mask = inside(lesion, at)
        mask = binary_dilation(mask) if number % 2 else mask
        result = read_rims(
            RimMaps(
                chi_ppm=chi,
                mask=chi != 0,
                voxel_mm=SCENE.voxel_mm,
                lesions=mask,
                veins=of[Quantity.VEINS] > 0,
                chi_sd_ppm=of[Quantity.CHI_SD],
            )
        )
        told += [(lesion.kind, r.kind.value, r.score, r.coverage) for r in result.rims.values()]
    return told


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=8, help="of eight lesions each (8)")
    given = parser.parse_args()
    set_budget(1)
    told = []
    for seed in range(given.heads):
        told += rows(seed)
        print(f"head {seed + 1}: {len(told)} lesions so far", flush=True)
    kinds = np.array([kind for kind, *_ in told])
    score = np.array([score for _, _, score, _ in told])
    print("\n| lesion | number | rim | uncertain | no rim | mean coverage |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in KINDS:
        those = [row for row in told if row[0] == kind]
        counts = [sum(row[1] == each for row in those) for each in ("rim", "uncertain", "no rim")]
        mean = np.nanmean([row[3] for row in those])
        cells = " | ".join(map(str, counts))
        print(f"| {kind} | {len(those)} | {cells} | {mean:.2f} |")
    plain = kinds != "half rim"
    print(f"\nAUC, half rims among what is none: {auc(score, kinds == 'rim'):.3f}")
    print(f"AUC, half rims left out: {auc(score[plain], (kinds == 'rim')[plain]):.3f}")


if __name__ == "__main__":
    main()
