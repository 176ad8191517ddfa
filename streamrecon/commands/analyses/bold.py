"""`streamrecon analyze bold`: veins of a gradient-echo scan in a BOLD series, and without them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.bold.confounds import TASK_LIMIT, Confounds, vein_confounds
from streamrecon.analysis.bold.partial_veins import vein_fraction, without_veins
from streamrecon.analysis.bold.phase_regression import PhaseRegression, regress_phase
from streamrecon.analysis.bold.task import expected_responses, task_model
from streamrecon.analysis.positions.registration import register
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import writable
from streamrecon.commands.study_inputs.analysed_folder import Analysed, attempted, report_analysed
from streamrecon.commands.study_inputs.bold_series import (
    Series,
    as_lps,
    read_events,
    read_map,
    read_phase,
    read_series,
    write_series,
)
from streamrecon.commands.study_inputs.fibre_files import rigid_ras
from streamrecon.errors import ConfigError
from streamrecon.output.nifti import write_nifti
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import Figure, Outline, outlined_planes
from streamrecon.output.readings.map_folder import hash_of_voxels
from streamrecon.output.readings.report_model import ScanRow
from streamrecon.storage.atomic_file import whole

KIND = "bold"
_ACTIVE_T = 3.1
_METHOD = (
    "vein fractions by one interpolation; Deming regression of magnitude on phase where both go "
    "together, which takes the response of tissue too where a voxel has both"
)
_DOIS = ("10.1002/mrm.10041", "10.1016/j.neuroimage.2020.117631")
_RED = (255, 90, 60)
Flags = NDArray[np.bool_]
Responses = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Brain, and how much of each voxel is vein [Z, Y, X]; which voxels are veins, which kept."""

    brain: Flags
    fraction: NDArray[np.float32]
    veins: Flags
    kept: Flags


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Veins of a gradient-echo scan in the voxels of a BOLD series: mask, fractions, confounds, "
        "and the series without what its phase foretells. For research use."
    )
    parser.add_argument("--bold", type=there, required=True, metavar="FILE", help="4-D NIfTI")
    parser.add_argument("--phase", type=there, metavar="FILE", help="its phase, likewise")
    parser.add_argument(
        "--vein", type=there, required=True, metavar="FILE", help="vein mask or probability, NIfTI"
    )
    parser.add_argument("--events", type=there, required=True, metavar="FILE", help="BIDS table")
    parser.add_argument("--tr", type=float, metavar="S", help="between volumes (JSON, header)")
    parser.add_argument(
        "--to-bold", type=there, metavar="FILE",
        help="4 x 4 matrix (RAS mm) from the gradient-echo scan to the BOLD series (no motion)",
    )  # fmt: skip
    parser.add_argument(
        "--magnitude", type=there, metavar="FILE",
        help="magnitude of the gradient-echo scan, to be registered in place of --to-bold",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=float, default=0.3, metavar="PART", help="of a vein voxel (%(default)s)"
    )
    parser.add_argument(
        "--distance", type=float, default=0.0, metavar="MM",
        help="from vein voxels that is left out too (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--components", type=int, default=5, metavar="N", help="(%(default)s)")
    parser.add_argument("--orthogonal", action="store_true", help="take the task off the confounds")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the veins, write what belongs to them, tell the series before and after."""
    if options.to_bold is not None and options.magnitude is not None:
        raise ConfigError("--to-bold and --magnitude: found both, needed one")
    writable(options.output)
    bold = read_series(options.bold, options.tr)
    analysed = attempted(KIND, lambda: _analysed(options, bold))
    scan = ScanRow(
        name=bold.name, shape=bold.geometry.shape, voxel_mm=bold.geometry.voxel_mm,
        b0_axis=bold.geometry.b0_axis(), b0_t=None, te_s=(),
    )  # fmt: skip
    sources = {bold.name: hash_of_voxels(bold.values)}
    return report_analysed(analysed, options.output, scan, sources)


def _analysed(options: argparse.Namespace, bold: Series) -> Analysed:
    responses = expected_responses(read_events(options.events), len(bold.values), bold.tr_s)
    places = _places(options, bold)
    confounds = vein_confounds(
        bold.values[:, places.veins], responses,
        components=options.components, orthogonal=options.orthogonal,
    )  # fmt: skip
    phase = None if options.phase is None else read_phase(options.phase, bold)
    found = None if phase is None else regress_phase(
        bold.values[:, places.brain], phase[:, places.brain], bold.tr_s
    )  # fmt: skip
    files = [*_maps(options.output, bold, places), *_table(options.output, bold, confounds)]
    if found is not None:
        files += _corrected(options.output, bold, places, found)
    values = (*_before_and_after(bold, places, responses, found), *_parts(confounds))
    reading = _reading(options, bold.tr_s, confounds, values)
    return Analysed(reading=reading, figures=[_figure(bold, places)], files=files)


def _places(options: argparse.Namespace, bold: Series) -> _Places:
    veins, grid = read_map(options.vein)
    probability = np.where(veins > 0, np.float32(1), 0) if veins.max() > 1 else veins
    fraction = vein_fraction(probability, grid, bold.geometry, _motion(options, bold))
    brain = bold.brain
    inside = np.asarray(brain & (fraction >= options.threshold), np.bool_)
    kept = brain & without_veins(inside, bold.geometry, options.distance)
    return _Places(brain, fraction, inside, np.asarray(kept, np.bool_))


def _motion(options: argparse.Namespace, bold: Series) -> NDArray[np.float64]:
    """From a place in the BOLD series to that in the gradient-echo scan [4, 4, LPS mm]."""
    if options.magnitude is None:
        return as_lps(np.linalg.inv(rigid_ras(options.to_bold)))
    magnitude, grid = read_map(options.magnitude)
    mean = bold.values.mean(axis=0)
    return register(mean, bold.brain, bold.geometry, magnitude, grid).matrix


def _maps(output: Path, bold: Series, places: _Places) -> Iterator[str]:
    for name, values in (
        ("desc-veins_probseg", places.fraction),
        ("desc-veins_mask", places.veins.astype(np.uint8)),
        ("desc-withoutveins_mask", places.kept.astype(np.uint8)),
    ):
        write_nifti(output / f"{bold.name}_{name}.nii.gz", values, bold.geometry)
        yield f"{bold.name}_{name}.nii.gz"


def _table(output: Path, bold: Series, confounds: Confounds) -> list[str]:
    """Confounds as BIDS has them, and what they have in common with the task."""
    stem = f"{bold.name}_desc-veins_timeseries"
    names = list(confounds.courses)
    rows = np.stack(list(confounds.courses.values()), axis=1)
    lines = ["\t".join(names), *("\t".join(f"{n:.6g}" for n in row) for row in rows)]
    facts = {
        name: {"TaskR2": confounds.task_part[name], "VIF": confounds.inflation(name)}
        for name in names
    }
    texts = {".tsv": "\n".join(lines) + "\n", ".json": json.dumps(facts, indent=2) + "\n"}
    for ending, text in texts.items():
        with whole(output / f"{stem}{ending}") as scratch:
            scratch.write_text(text, encoding="utf-8")
    return [f"{stem}{ending}" for ending in texts]


def _corrected(output: Path, bold: Series, places: _Places, found: PhaseRegression) -> list[str]:
    values = bold.values.copy()
    values[:, places.brain] = found.corrected
    part = np.zeros(bold.geometry.shape, np.float32)
    part[places.brain] = found.vein_part
    names = [f"{bold.name}_desc-phaseregressed_bold.nii.gz", f"{bold.name}_desc-phase_r2.nii.gz"]
    write_series(output / names[0], values, bold)
    write_nifti(output / names[1], part, bold.geometry)
    return names


def _reading(
    options: argparse.Namespace, tr_s: float, confounds: Confounds, values: tuple[Value, ...]
) -> Reading:
    reasons = tuple(
        f"{name}: {part:.0%} of it goes with the task, whose response its regression would take"
        for name, part in confounds.task_part.items()
        if part > TASK_LIMIT
    )
    return Reading(
        kind=KIND, outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN, method=_METHOD,
        values=values, reasons=reasons, dois=_DOIS,
        parameters={"threshold": options.threshold, "distance_mm": options.distance,
                    "tr_s": tr_s, "orthogonal": options.orthogonal},
    )  # fmt: skip


def _parts(confounds: Confounds) -> Iterator[Value]:
    for name, part in confounds.task_part.items():
        yield Value(subject=name, name="task_r2", number=part, unit="1")
        yield Value(subject=name, name="vif", number=confounds.inflation(name), unit="1")


def _before_and_after(
    bold: Series, places: _Places, responses: Responses, found: PhaseRegression | None
) -> Iterator[Value]:
    """Effects and active voxels of veins and of the rest, as found and corrected."""
    series = {"before": bold.values[:, places.brain]}
    if found is not None:
        series["after"] = found.corrected.astype(np.float32)
    veins, kept = places.veins[places.brain], places.kept[places.brain]
    for when, each in series.items():
        model = task_model(each, responses)
        for where, voxels in (("veins", veins), ("without veins", kept)):
            subject = f"{where} {when}"
            count = int(voxels.sum())
            spread = np.maximum(each[:, voxels].std(axis=0), 1e-30)
            steady = float(np.median(each[:, voxels].mean(axis=0) / spread)) if count else 0.0
            effect = float(model.effect_percent[voxels].mean()) if count else 0.0
            active = float((np.abs(model.t[voxels]) > _ACTIVE_T).sum())
            for name, number, unit in (
                ("effect", effect, "%"), ("active", active, ""), ("tsnr", steady, "1"),
            ):  # fmt: skip
                yield Value(subject=subject, name=name, number=number, unit=unit, voxels=count)


def _figure(bold: Series, places: _Places) -> Figure:
    """Cuts where most veins are: the middle of a series need not have one."""
    mean = bold.values.mean(axis=0)
    others = ((1, 2), (0, 2), (0, 1))
    z, y, x = (int(places.veins.sum(axis=axes).argmax()) for axes in others)
    picture = outlined_planes(
        mean, bold.geometry, Window(0.0, float(np.percentile(mean, 99.5))),
        (Outline(places.veins, _RED),), voxel=(z, y, x) if places.veins.any() else None,
    )  # fmt: skip
    caption = (
        f"Mean of the series, edges of voxels that are vein in red ({int(places.veins.sum())} of "
        f"{int(places.brain.sum())} of the brain); axial, coronal, sagittal, where most are."
    )
    return Figure("veins", caption, picture)
