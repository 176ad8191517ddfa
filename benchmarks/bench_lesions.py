"""How well bleeds and calcifications are found and told apart, from raw k-space.

    python benchmarks/bench_lesions.py FOLDER [--first N] [--heads 6] [--spheres 117] [--planes 64]

Spheres of both signs, 1.5 to 5 mm across and 0.3 to 1.5 ppm, in white and grey matter of simulated
heads with folds, nuclei and veins; raw lines go through `streamrecon replay --config gre_full`, the
maps through `streamrecon analyze lesions`. One head more has no sphere. What is in FOLDER already
is not made again. Some minutes a head.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _lesion_heads import DIAMETERS_MM, TE_S, maps_of, scene_of, spheres_of
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import Inclusion

from streamrecon.cli import main as streamrecon

_NEAR_MM = 2.5
_SIZED_MM = 2.0  # from there on the moment is judged


@dataclass(frozen=True)
class Found:
    """A row of the report."""

    kind: str
    moment: float
    sigma: float
    place: tuple[float, float, float]


@dataclass(frozen=True)
class Pair:
    """A sphere, and what was found of it."""

    true: Inclusion
    found: Found | None


def main() -> None:
    """Make what is missing, read it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--spheres", type=int, default=117)
    parser.add_argument("--planes", type=int, default=64)
    parser.add_argument("--grain", type=float, default=1.0)
    parser.add_argument("--first", type=int, default=1, metavar="N", help="anatomy of the first")
    parser.add_argument("--only", type=int, metavar="N", help="this anatomy alone")
    parser.add_argument("--te-ms", type=float, nargs="+", default=[1e3 * te for te in TE_S])
    parser.add_argument("--config", default="gre_full", help="chain by name, or a file")
    options = parser.parse_args()
    pairs: list[Pair] = []
    for number, spheres in enumerate(
        spheres_of(options.spheres, options.heads), start=options.first
    ):
        if options.only not in {None, number}:
            continue
        folder = options.folder / f"head-{number}"
        true = _made(number, spheres, folder, options)
        own, false = matched(true, list(found_in(folder)))
        pairs += own
        told = ", ".join(f"{each.kind} {each.moment:+.2f}" for each in false) or "none"
        print(
            f"head {number}: {sum(p.found is not None for p in own)} of {len(own)}; false: {told}"
        )
    if options.only is None:
        empty = options.folder / "empty"
        _made(options.first + options.heads, [], empty, options)
        nothing = [each for each in found_in(empty) if each.kind != "vessel"]
        print(f"head without spheres: {len(nothing)} found")
    for line in summary(pairs):
        print(line)


def _made(
    number: int, spheres: list[tuple[float, float]], folder: Path, options: argparse.Namespace
) -> list[Inclusion]:
    """The maps and readings of a head, made if they are not there; its spheres."""
    truth = folder / "truth.json"
    if not truth.exists():
        scene = scene_of(
            number,
            spheres,
            planes=options.planes,
            grain_mm=options.grain,
            te_s=tuple(te / 1e3 for te in options.te_ms),
        )
        maps_of(scene, folder, chain=options.config)
        assert isinstance(scene.phantom, WholeHead)
        text = json.dumps([asdict(each) for each in scene.phantom.inclusions])
        truth.write_text(text, encoding="utf-8")
    return read_again(folder)


def read_again(folder: Path) -> list[Inclusion]:
    """Read the maps that are there; the spheres that are in them."""
    streamrecon(["analyze", "lesions", str(folder / "scan"), "-o", str(folder / "readings")])
    truth = (folder / "truth.json").read_text(encoding="utf-8")
    return [Inclusion(**each) for each in json.loads(truth)]


def found_in(folder: Path) -> Iterator[Found]:
    """Lesions of the report."""
    report = json.loads((folder / "readings/analysis.json").read_text(encoding="utf-8"))
    by_lesion: dict[str, dict[str, dict[str, Any]]] = {}
    for value in report["readings"][0]["values"]:
        by_lesion.setdefault(value["subject"], {})[value["name"]] = value
    for values in by_lesion.values():
        if "moment" in values:
            moment = values["moment"]
            x, y, z = (values[name]["number"] for name in ("left", "posterior", "superior"))
            yield Found(moment["quality"], moment["number"], moment["sigma"], (x, y, z))


def matched(true: list[Inclusion], found: list[Found]) -> tuple[list[Pair], list[Found]]:
    """Every sphere with the nearest find; and what is near none and no vessel."""
    left = list(found)
    pairs = []
    for sphere in true:
        away = [np.linalg.norm(np.subtract(each.place, sphere.centre_mm)) for each in left]
        nearest = int(np.argmin(away)) if away else -1
        is_near = bool(away) and away[nearest] < _NEAR_MM
        pairs.append(Pair(sphere, left.pop(nearest) if is_near else None))
    return pairs, [each for each in left if each.kind != "vessel"]


def summary(pairs: list[Pair]) -> Iterator[str]:
    """The table of the documentation."""
    yield "| diameter | spheres | found | class right | indeterminate | moment / true (10-90 %) |"
    yield "|---|---|---|---|---|---|"
    for diameter in DIAMETERS_MM:
        yield _row(f"{diameter:g} mm", [p for p in pairs if p.true.diameter_mm == diameter])
    yield _row("all", pairs)
    sized = [p for p in pairs if p.found and p.true.diameter_mm >= _SIZED_MM]
    ratio = np.array([p.found.moment / p.true.moment_ppm_mm3 for p in sized if p.found])
    pull = np.array(
        [(p.found.moment - p.true.moment_ppm_mm3) / p.found.sigma for p in pairs if p.found]
    )
    within = np.mean(np.abs(ratio - 1) <= 0.25)
    yield f"from 2 mm: median {np.median(ratio):.3f}, within ±25 %: {within:.1%} of {ratio.size}"
    yield f"within the told sigma: {np.mean(np.abs(pull) < 1):.0%}"


def _row(name: str, pairs: list[Pair]) -> str:
    found = [p for p in pairs if p.found]
    right = sum(p.found.kind == _kind(p.true) for p in found if p.found)
    unsure = sum(p.found.kind == "indeterminate" for p in found if p.found)
    ratio = [p.found.moment / p.true.moment_ppm_mm3 for p in found if p.found]
    low, middle, high = np.percentile(ratio, [10, 50, 90]) if ratio else (np.nan,) * 3
    return (
        f"| {name} | {len(pairs)} | {len(found)} | {right} | {unsure} | "
        f"{middle:.2f} ({low:.2f}-{high:.2f}) |"
    )


def _kind(true: Inclusion) -> str:
    return "bleed" if true.step_ppm > 0 else "calcification"


if __name__ == "__main__":
    main()
