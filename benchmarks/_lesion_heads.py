"""Heads with spheres of known moment, as raw k-space through the whole chain to maps."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.tissues import BRAIN, Label
from streamrecon_simulator.write import write_scan

from streamrecon.cli import main as streamrecon

DIAMETERS_MM = (1.5, 2.0, 3.0, 4.0, 5.0)
STEPS_PPM = (-1.5, -1.0, -0.6, -0.3, 0.3, 0.6, 1.0, 1.5)
TE_S = (0.005, 0.010, 0.015, 0.020, 0.025)
_APART_MM, _FROM_EDGE_MM, _FROM_VEIN_MM = 14.0, 6.0, 2.0
_WHOLE = (Label.WHITE, Label.GREY)
_WANTED = (
    "FieldImages.local_field=true",
    "FieldImages.b0_sd=true",
    "MakeReadings.readings=",
)


def spheres_of(count: int, heads: int) -> list[list[tuple[float, float]]]:
    """Diameter and step of every sphere, dealt out to the heads."""
    kinds = list(product(DIAMETERS_MM, STEPS_PPM))
    dealt = [kinds[n * 17 % len(kinds)] for n in range(count)]  # 17 is prime to 40: all in turn
    return [dealt[head::heads] for head in range(heads)]


def scene_of(
    anatomy: int,
    spheres: list[tuple[float, float]],
    *,
    planes: int = 64,
    grain_mm: float = 0.75,
    te_s: tuple[float, ...] = TE_S,
    tilt_deg: tuple[float, float] = (0.0, 0.0),
    slice_mm: float = 1.0,
    b0_t: float = 3.0,
) -> Scene:
    """A slab of voxels 1 mm wide through a head whose spheres lie in white and grey matter."""
    empty = WholeHead(anatomy, grain_mm=grain_mm)
    scene = Scene(
        f"head {anatomy} with {len(spheres)} spheres",
        phantom=empty,
        matrix=(planes, 196, 164),
        voxel_mm=(slice_mm, 1.0, 1.0),
        oversampling=(1.0, 1.0, 1.0),
        centre_lps_mm=(0.0, -4.0, 14.0),
        te_s=te_s,
        tr_s=max(te_s) + 0.01,
        b0_t=b0_t,
        n_coils=1,
        snr=50.0,
        supersampling=2,
        tilt_deg=tilt_deg,
        seed=100 + anatomy,
    )
    inclusions = _placed(empty, scene, spheres)
    return replace(scene, phantom=replace(empty, inclusions=inclusions))


def _placed(
    head: WholeHead, scene: Scene, spheres: list[tuple[float, float]]
) -> tuple[Inclusion, ...]:
    """Each sphere at a random place in tissue, off the edge, off veins and off the others."""
    maps = head_maps(head)
    grain = head.grain_mm
    brain = np.isin(maps.labels, BRAIN)
    free = distance_transform_edt(brain, grain) > _FROM_EDGE_MM
    free &= np.isin(maps.labels, _WHOLE)
    from_vein = distance_transform_edt(maps.labels != Label.VEIN, grain)
    left, posterior, superior = maps.grid.axes()
    at = np.argwhere(free)
    place = np.stack([left[at[:, 2]], posterior[at[:, 1]], superior[at[:, 0]]], axis=1)
    inverse = np.linalg.inv(scene.geometry.affine_lps())
    index = place @ inverse[:3, :3].T + inverse[:3, 3]
    margin = 8
    inside = ((index > margin) & (index < np.array(scene.matrix) - 1 - margin)).all(axis=1)
    at, place = at[inside], place[inside]
    depth = from_vein[tuple(at.T)]
    random = np.random.default_rng((scene.seed, 5))
    chosen: list[Inclusion] = []
    for diameter_mm, step_ppm in sorted(spheres, reverse=True):
        away = depth > diameter_mm / 2 + _FROM_VEIN_MM
        for other in chosen:
            away &= np.linalg.norm(place - other.centre_mm, axis=1) > _APART_MM
        number = random.choice(np.flatnonzero(away))
        within = random.uniform(-grain / 2, grain / 2, 3)
        x, y, z = (float(mm) for mm in place[number] + within)
        chosen.append(Inclusion((x, y, z), diameter_mm, step_ppm))
    return tuple(chosen)


def maps_of(scene: Scene, folder: Path, *, chain: str) -> Path:
    """Simulate raw lines, send them through the chain, and give the folder of maps."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "scan.h5"
    write_scan(simulate(scene), raw)
    values = [word for each in _WANTED for word in ("--set", each)]
    output = ["--format", "nifti", "-o", str(folder)]
    status = streamrecon(["replay", str(raw), "--config", chain, *values, *output])
    if status:
        raise SystemExit(f"{folder}: the chain failed")
    raw.unlink()
    return folder / "scan"
