"""QSM against truth, as tables: unwrapping, field, background, inversion, the whole, and its cost.

    python benchmarks/bench_qsm.py PHANTOMS [--seeds 5] [--only SECTION]

PHANTOMS holds the folders that ``head_phantom.py`` writes: p3x, p3m, p3n, p3t, and p3x_s1 … for
more seeds, and tex and const of ``textured_head.py``; strengths were chosen on p3x and tex. Metrics
are those of the PyPI package qsm-ci; costs are multiples of one transform of the volume
(complex64, measured plan, out of place, same threads), timed in pairs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _cost import MeasuredPlan
from _one_map import scan
from qsm_ci.qsm_eval import field_metrics, score_arrays
from scipy.ndimage import distance_transform_edt

from streamrecon.machine.threads import budget
from streamrecon.model.geometry import Geometry
from streamrecon.phase.field_fit import fit_field
from streamrecon.phase.phase_offset import phase_without_offset
from streamrecon.phase.unwrap import unwrap_by_template, unwrap_individually
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import remove_pdf
from streamrecon.qsm.background.sharp import (
    remove_ismv,
    remove_resharp,
    remove_vresharp,
    remove_vsharp,
)
from streamrecon.qsm.given_local_field import susceptibility_of_local_field
from streamrecon.qsm.inversion.closed_form import invert_rts, invert_tikhonov, invert_tkd
from streamrecon.qsm.inversion.coarse_to_fine import invert_coarse_to_fine
from streamrecon.qsm.inversion.gradient_cost import strength_from_field
from streamrecon.qsm.inversion.total_variation import invert_robust, invert_tv
from streamrecon.qsm.mask import find_mask
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.qsm.total_field import total_field

GAMMA_BAR_MHZ_PER_T = 42.576  # as the phantom has it
REGIONS = range(1, 10)  # nuclei, thalamus, white and grey matter
SECTIONS = ("speed", "unwrapping", "field", "background", "inversion", "strength", "whole")
CLEAN = ("p3x", "p3m", "tex", "const")  # whose local field is inverted alone
NOISELESS_STRENGTH = 1e-5  # what the rule gives without noise


@dataclass
class Phantom:
    """What one folder holds, as [E, Z, Y, X] and [Z, Y, X]."""

    name: str
    grid: Geometry
    b0_t: float
    te_s: tuple[float, ...]
    phase: np.ndarray
    magnitude: np.ndarray
    mask: np.ndarray
    regions: np.ndarray
    total: np.ndarray
    local: np.ndarray
    chi: np.ndarray
    offset: np.ndarray

    @property
    def echoes(self) -> np.ndarray:
        """Complex images [E, Z, Y, X]."""
        return (self.magnitude * np.exp(1j * self.phase)).astype(np.complex64)


def load(folder: Path) -> Phantom:
    """Arrays of one folder, in our order of axes."""
    meta = [float(word) for word in (folder / "meta.txt").read_text().split()]
    nz, ny, nx = n = [int(size) for size in meta[2::-1]]
    dz, dy, dx = meta[5:2:-1]
    b0_axis = np.array(meta[9:6:-1])
    te_s = tuple(meta[11:])

    def volumes(name: str, kind: type = np.float64) -> np.ndarray:
        return np.fromfile(folder / name, kind).reshape(-1, *n)

    rest = np.linalg.qr(np.column_stack([b0_axis, np.eye(3)[:, 1:]]))[0][:, 1:]
    axes = np.column_stack([rest[:, 1], rest[:, 0], b0_axis])
    grid = Geometry((nz, ny, nx), (dz, dy, dx), axes)
    return Phantom(
        folder.name,
        grid,
        meta[6],
        te_s,
        volumes("phase.f64").astype(np.float32),
        volumes("mag.f64").astype(np.float32),
        volumes("mask.u8", np.uint8)[0] > 0,
        volumes("seg.u8", np.uint8)[0],
        volumes("totalfield.f64")[0],
        volumes("local_true.f64")[0].astype(np.float32),
        volumes("chi_true.f64")[0],
        volumes("po_true.f64")[0],
    )


def chi_score(found: np.ndarray, p: Phantom) -> tuple[float, float, float, float, float]:
    """NRMSE [%], xSIM, slope over regions, their error [ppb] free of a constant, coverage."""
    metrics, _ = score_arrays(found, p.chi, p.mask, "chi", seg=p.regions)
    means = []
    for region in REGIONS:
        here = (p.regions == region) & p.mask & (found != 0)
        means.append((p.chi[here].mean(), found[here].mean()))
    truth, value = np.array(means).T
    slope = np.polyfit(truth, value, 1)[0]
    error = (value - value.mean()) - (truth - truth.mean())
    rms = 1e3 * float(np.sqrt((error**2).mean()))
    return metrics["nrmse"], metrics["xsim"], float(slope), rms, metrics["coverage"]


def row(*cells: object) -> None:
    """One line of a table."""
    shown = [f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells]
    print("| " + " | ".join(shown) + " |", flush=True)


def head(title: str, *columns: str) -> None:
    """Title and first lines of a table."""
    print(f"\n### {title}\n")
    row(*columns)
    row(*["---"] * len(columns))


def clean_phase(p: Phantom) -> np.ndarray:
    """Wrapped phase without its offset."""
    return phase_without_offset(p.echoes, p.te_s, p.grid)[0]


def unwrapping(phantoms: dict[str, Phantom]) -> None:
    """Wrong turns on echoes whose true phase is known."""
    head("Unwrapping: voxels with a wrong number of turns [%]", "data", "method", "echoes 1 …")
    for name in ("p3x", "p3t"):
        p = phantoms[name]
        hz = GAMMA_BAR_MHZ_PER_T * p.b0_t * p.total
        truth = 2 * np.pi * hz * np.array(p.te_s)[:, None, None, None] + p.offset
        for label, source, unwrap in (
            ("spatial", p.phase, unwrap_individually),
            ("template, offset off", clean_phase(p), unwrap_by_template),
        ):
            found = unwrap(source, p.magnitude, p.mask, p.te_s).phase_rad
            if source is not p.phase:
                found = found + p.offset
            turns = (found - truth) / (2 * np.pi)
            wrong = []
            for t in turns:
                whole = np.rint(t - np.median(t[p.mask]))[p.mask]
                wrong.append(f"{100 * np.mean(whole != 0):.3f}")
            row(name, label, " / ".join(wrong))


def field(phantoms: dict[str, Phantom]) -> None:
    """Error of the field, and whether its own prediction of it is right."""
    head(
        "Total field",
        "data", "NRMSE %", "xSIM", "median bias ppb", "sd predicted ppb", "true", "z spread",
    )  # fmt: skip
    for p in phantoms.values():
        fit = total_field(p.echoes, p.te_s, p.b0_t, p.grid, mask=p.mask).fit
        metrics = score_arrays(fit.field_ppm, p.total, p.mask, "field")[0]
        error = (fit.field_ppm - p.total)[p.mask]
        predicted = float(np.sqrt(np.mean(fit.sd_ppm[p.mask] ** 2)))
        spread = float(np.std(error / fit.sd_ppm[p.mask]))
        row(
            p.name, metrics["nrmse"], metrics["xsim"], 1e3 * float(np.median(error)),
            1e3 * predicted, 1e3 * float(error.std()), spread,
        )  # fmt: skip


def background(p: Phantom) -> None:
    """Error of the local field where each method keeps it."""
    head(
        f"Background removal from the true total field, {p.name}",
        "method", "NRMSE % where kept", "5-voxel core", "coverage", "steps",
    )  # fmt: skip
    total = p.total.astype(np.float32)
    core = distance_transform_edt(p.mask) > 5
    for label, remove in (
        ("PDF", remove_pdf),
        ("RESHARP 6 mm", remove_resharp),
        ("RESHARP 12 mm", lambda *a: remove_resharp(*a, radius_mm=12.0)),
        ("V-SHARP 12 mm", remove_vsharp),
        ("RESHARP of variable radius", remove_vresharp),
        ("iSMV 5 mm", remove_ismv),
        ("LBV", remove_lbv),
    ):
        found = remove(total, p.mask, p.grid)
        scores = [
            field_metrics(found.field_ppm, p.local, where)["nrmse"]
            for where in (found.mask, found.mask & core)
        ]
        row(label, *scores, float(found.mask.sum() / p.mask.sum()), found.iterations)


def inversion(phantoms: dict[str, Phantom]) -> None:
    """Scale and error on a field without noise."""
    head(
        "Inversion of the noiseless local field, whole volume",
        "data", "method", "NRMSE %", "xSIM", "slope", "regions ppb",
    )  # fmt: skip
    for name in ("p3x", "p3m"):
        p = phantoms[name]
        everywhere = np.ones_like(p.mask)
        for label, solve in (
            ("TKD 0.2", invert_tkd),
            ("Tikhonov", invert_tikhonov),
            ("RTS", lambda *a: invert_rts(*a).unknown),
            ("TV", lambda *a: invert_tv(*a, strength=NOISELESS_STRENGTH).unknown),
            ("TV, robust", lambda *a: invert_robust(*a, strength=NOISELESS_STRENGTH).unknown),
        ):
            row(name, label, *chi_score(solve(p.local, everywhere, p.grid) * p.mask, p)[:4])


def local_field_alone(phantoms: dict[str, Phantom]) -> None:
    """The true local field in the brain, given to the presets, with the magnitude and without."""
    head(
        "Inversion of the true local field in the mask",
        "data", "quality", "magnitude", "NRMSE %", "xSIM", "slope", "regions ppb", "strength",
    )  # fmt: skip
    for p in phantoms.values():
        image = np.sqrt(np.sum(p.magnitude**2, axis=0))
        for quality in (Quality.FAST, Quality.STANDARD, Quality.BEST):
            for label, magnitude in (("no", None), ("yes", image)):
                if label == "yes" and quality is not Quality.STANDARD:
                    continue
                found = susceptibility_of_local_field(
                    p.local, p.mask, p.grid, quality=quality, magnitude=magnitude
                )
                (told,) = (n for n in found.notices if "ppm·mm" in n)
                score = chi_score(found.map.chi_ppm, p)[:4]
                row(p.name, quality.value, label, *score, told.split("inversion: ")[1])


def strength(phantoms: dict[str, Phantom]) -> None:
    """Whether the strength that the field chooses is near the best."""
    head(
        "Strength from the field itself, against others, by noise that was added",
        "data", "noise ppb", "λ found", "NRMSE % at λ / 4", "λ / 2", "λ", "2 λ", "4 λ",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for p in phantoms.values():
        thrown = rng.standard_normal(p.mask.shape).astype(np.float32)
        for noise_ppb in (0.0, 1.0, 4.0):
            noisy = p.local + np.float32(1e-3 * noise_ppb) * thrown
            found = strength_from_field(noisy, p.mask, p.grid).value
            errors = []
            for share in (0.25, 0.5, 1.0, 2.0, 4.0):
                chi = invert_tv(noisy, p.mask, p.grid, strength=share * found, outside=1.0).unknown
                errors.append(chi_score(np.where(p.mask, chi, 0), p)[0])
            row(p.name, noise_ppb, found, *errors)


def whole(phantoms: dict[str, Phantom]) -> None:
    """Echoes to map, over seeds."""
    head(
        "The whole pipeline",
        "data", "mask", "quality", "NRMSE %", "xSIM", "slope", "regions ppb", "coverage",
    )  # fmt: skip
    seeds: dict[Quality, list[tuple[float, ...]]] = {}
    for p in phantoms.values():
        again = "_s" in p.name
        for quality in Quality if not again else (Quality.FAST, Quality.STANDARD, Quality.BEST):
            for label, mask in (("given", p.mask), ("found", None)):
                if label == "found" and (again or quality is not Quality.STANDARD):
                    continue
                found = susceptibility(p.echoes, p.te_s, p.b0_t, p.grid, quality=quality, mask=mask)
                score = chi_score(found.map.chi_ppm, p)
                row(p.name, label, quality.value, *score)
                if p.name.startswith("p3x") and label == "given":
                    seeds.setdefault(quality, []).append(score)
    for quality, scores in seeds.items():
        mean = [statistics.mean(column) for column in zip(*scores, strict=True)]
        row(f"p3x, mean of {len(scores)} seeds", "given", quality.value, *mean)


def cost_in(unit: Callable[[], object], work: Callable[[], object], pairs: int = 3) -> float:
    """Median of time(work) / time(unit), each pair timed side by side."""

    def seconds(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    work()
    return statistics.median(seconds(work) / seconds(unit) for _ in range(pairs))


def speed() -> None:
    """Every stage against one transform."""
    echoes, te_s, grid = scan((96, 192, 192), 5)
    plan = MeasuredPlan(grid.shape, (0, 1, 2), inverse=False, in_place=False, threads=budget())

    def unit() -> object:
        return [plan.run() for _ in range(8)]

    total = total_field(echoes, te_s, 3.0, grid)
    magnitude, mask = np.abs(echoes), total.mask
    phase = phase_without_offset(echoes, te_s, grid)[0]
    unwrapped = unwrap_by_template(phase, magnitude, mask, te_s)
    local = remove_pdf(total.fit.field_ppm, mask, grid, weight=total.weight)
    head("Cost in transforms of one volume, 192 x 192 x 96, 5 echoes", "stage", "transforms", "aim")
    for label, aim, work in (
        ("phase offset", "-", lambda: phase_without_offset(echoes, te_s, grid)),
        ("unwrap, template", 250, lambda: unwrap_by_template(phase, magnitude, mask, te_s)),
        ("unwrap, spatial", 250, lambda: unwrap_individually(phase, magnitude, mask, te_s)),
        (
            "field fit",
            20,
            lambda: fit_field(unwrapped.phase_rad, magnitude, mask, te_s, 3.0, noise=1.0),
        ),
        ("mask", 60, lambda: find_mask(total.magnitude, total.quality, grid)),
        (
            "background, standard",
            300,
            lambda: remove_pdf(total.fit.field_ppm, mask, grid, weight=total.weight),
        ),
        ("V-SHARP", "-", lambda: remove_vsharp(total.fit.field_ppm, mask, grid)),
        (
            "inversion, fast",
            60,
            lambda: invert_coarse_to_fine(
                local.field_ppm, mask, grid, strength=3e-4, weight=total.weight
            ),
        ),
        (
            "inversion, standard",
            700,
            lambda: invert_tv(
                local.field_ppm, mask, grid, strength=3e-4, weight=total.weight,
                magnitude=total.magnitude,
            ),
        ),
        ("all, standard", "-", lambda: susceptibility(echoes, te_s, 3.0, grid)),
    ):  # fmt: skip
        row(label, 8 * cost_in(unit, work), aim)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=SECTIONS)
    chosen = parser.parse_args()
    wanted = SECTIONS if chosen.only is None else (chosen.only,)
    if "speed" in wanted:
        speed()
    if wanted == ("speed",):
        return
    names = ["p3x", "p3m", "p3n", "p3t", "tex", "const"]
    phantoms = {name: load(chosen.phantoms / name) for name in names}
    if "unwrapping" in wanted:
        unwrapping(phantoms)
    if "field" in wanted:
        field(phantoms)
    if "background" in wanted:
        background(phantoms["p3m"])
        background(phantoms["p3x"])
    if "inversion" in wanted:
        inversion(phantoms)
        local_field_alone({name: phantoms[name] for name in CLEAN})
    if "strength" in wanted:
        strength({name: phantoms[name] for name in CLEAN})
    if "whole" in wanted:
        more = [f"p3x_s{seed}" for seed in range(1, chosen.seeds)]
        del phantoms["p3t"]  # its air touches the brain: no mask is fair to it
        whole(phantoms | {name: load(chosen.phantoms / name) for name in more})


if __name__ == "__main__":
    main()
