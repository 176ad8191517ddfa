"""`streamrecon analyze lesion-roc`: how well lesions are told apart, and what χ adds to it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.studies.cross_validation import Model
from streamrecon.analysis.studies.roc import LesionRoc, RocSettings, Scored, lesion_roc
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import writable
from streamrecon.commands.study_inputs.analysed_folder import Analysed, attempted, report_analysed
from streamrecon.commands.study_inputs.cohort_table import REPORT, CohortTable, read_table
from streamrecon.console import warn
from streamrecon.errors import ConfigError
from streamrecon.output.readings.drawings.figures import Figure
from streamrecon.output.readings.drawings.roc_plot import Curve, roc_plot
from streamrecon.storage.atomic_file import whole

KIND = "lesion-roc"
_PROBABILITIES = "lesion-roc_probabilities.tsv"
_MAGNITUDE, _SUSCEPTIBILITY = "r2_star,early_void,late_void", "moment,mean_chi,extreme_chi"
_METHOD = (
    "folds of whole patients, everything fitted inside them; area of the scores outside, interval "
    "by draws of patients"
)
_DOIS = ("10.2307/2533958", "10.1148/radiology.143.1.7063747")
_FEW_PATIENTS = 30
_LEAK = 0.05  # of the area with labels at random from a half
_GREY, _RED = (110, 110, 110), (200, 40, 40)


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "How well two classes of lesions are told apart by features of the magnitude, and with "
        "those of susceptibility. Lesions of one patient are never on both sides. For research use."
    )
    parser.add_argument(
        "table", type=there, metavar="TABLE",
        help="TSV or CSV, a line a lesion: patient, class and features; or with the columns report"
        " (its analysis.json) and lesion (its number), features are those of `analyze lesions`",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the report"
    )
    parser.add_argument(
        "--group", required=True, metavar="COLUMN", help="column that says whose a lesion is"
    )
    parser.add_argument(
        "--class", dest="class_column", default="class", metavar="COLUMN",
        help="column of the two classes (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--positive", required=True, metavar="WORD", help="which of them is to be found"
    )
    parser.add_argument(
        "--magnitude", default=_MAGNITUDE, metavar="COLUMNS", help="its features (%(default)s)"
    )
    parser.add_argument(
        "--susceptibility", default=_SUSCEPTIBILITY, metavar="COLUMNS", help="(%(default)s)"
    )
    parser.add_argument(
        "--model", choices=[model.value for model in Model], default=Model.LOGISTIC.value,
        help="what is fitted (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Judge, tell, and warn of the figure that leaks."""
    output, table = writable(options.output), read_table(options.table)
    patients, names = table.groups(options.group)
    analysed = attempted(KIND, lambda: _analysed(options, table, patients))
    return report_analysed(analysed, output, table.row(len(names)), table.sources())


def _analysed(
    options: argparse.Namespace, table: CohortTable, patients: NDArray[np.intp]
) -> Analysed:
    positive = _positive(table, options.class_column, options.positive)
    one, other = (
        _features(table, words.split(",")) for words in (options.magnitude, options.susceptibility)
    )
    settings = RocSettings(model=Model(options.model))
    found = lesion_roc(one, other, positive, patients, settings)
    _write(options.output / _PROBABILITIES, found, table, options)
    warn(
        f"{KIND}: folds that ignore patients would give an area of {found.leaky_auc:.3f}, which is "
        "no result: lesions of one patient are on both sides"
    )
    return Analysed(
        reading=_reading(found, int(patients.max()) + 1, settings),
        figures=[_figure(found, positive)],
        files=[_PROBABILITIES],
    )


def _positive(table: CohortTable, column: str, word: str) -> NDArray[np.bool_]:
    texts = table.texts(column)
    kinds = sorted(set(texts))
    if len(kinds) != 2 or word not in kinds:
        raise ConfigError(
            f"{column}: found {', '.join(kinds)}, needed two classes, one of them {word}"
        )
    return np.array([text == word for text in texts])


def _features(table: CohortTable, names: Sequence[str]) -> NDArray[np.float64]:
    """Features [N, F] from columns, or from the reports that the lines name."""
    if REPORT not in table.columns:
        return np.stack([table.numbers(name) for name in names], axis=1)
    lesions = table.texts("lesion")
    found = np.full((len(lesions), len(names)), np.nan)
    for line, lesion in enumerate(lesions):
        subject = f"lesion {lesion.removeprefix('lesion').strip()}"
        rows = {v.name: v.number for v in table.reading(line, "lesions").values
                if v.subject == subject}  # fmt: skip
        if not rows:
            raise ConfigError(f"{table.path.name}: line {line + 2}: its report has no {subject}")
        found[line] = [np.nan if rows.get(name) is None else rows[name] for name in names]
    return found


def _reading(found: LesionRoc, patients: int, settings: RocSettings) -> Reading:
    reasons = tuple(_doubts(found, patients))
    return Reading(
        kind=KIND,
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=_METHOD,
        values=tuple(_values(found)),
        reasons=reasons,
        parameters={
            "model": settings.model.value, "repeats": settings.repeats, "draws": settings.draws,
            "permutations": settings.permutations, "seed": settings.seed,
        },
        dois=_DOIS,
    )  # fmt: skip


def _values(found: LesionRoc) -> Iterator[Value]:
    for subject, scored in (("magnitude", found.magnitude), ("with susceptibility", found.both)):
        low, high = scored.interval
        yield Value(subject=subject, name="auc", number=scored.auc, unit="1",
                    sigma=scored.clustered_sd)  # fmt: skip
        yield Value(subject=subject, name="auc_low", number=low, unit="1")
        yield Value(subject=subject, name="auc_high", number=high, unit="1")
    numbers_of = {
        "gain": (found.gain, *found.gain_interval),
        "labels at random": (found.permuted_auc, found.permuted_p),
        "calibration": (
            found.calibration.slope, found.calibration.intercept, found.calibration.brier,
        ),
        "folds of lesions": (found.leaky_auc,),
    }  # fmt: skip
    names = {
        "gain": ("auc_gain", "gain_low", "gain_high"),
        "labels at random": ("mean_auc", "p"),
        "calibration": ("slope", "intercept", "brier"),
        "folds of lesions": ("leaky_auc",),
    }
    for subject, numbers in numbers_of.items():
        flags = ("no result: patients are on both sides",) if "folds" in subject else ()
        for name, number in zip(names[subject], numbers, strict=True):
            yield Value(subject=subject, name=name, number=number, unit="1", flags=flags)


def _doubts(found: LesionRoc, patients: int) -> Iterator[str]:
    if patients < _FEW_PATIENTS:
        yield f"{patients} patients, fewer than {_FEW_PATIENTS}: intervals by draws are too narrow"
    if abs(found.permuted_auc - 0.5) > _LEAK:
        yield f"labels at random give an area of {found.permuted_auc:.2f}, needed 0.5: it leaks"
    low, high = found.both.interval
    if low <= 0.5 <= high:
        yield "the classes are told apart no better than by chance"


def _figure(found: LesionRoc, positive: NDArray[np.bool_]) -> Figure:
    curves = [
        Curve(_curve(scored, positive), colour, f"{name}: {scored.auc:.3f}")
        for name, scored, colour in (
            ("magnitude", found.magnitude, _GREY),
            ("with susceptibility", found.both, _RED),
        )
    ]
    bins = [(probability, true) for probability, true, _ in found.calibration.bins]
    line = Curve(bins, _RED, f"slope {found.calibration.slope:.2f}", dots=True)
    caption = "ROC curves of lesions of patients that were not seen; calibration"
    return Figure("curves", caption, roc_plot(curves, line))


def _curve(scored: Scored, positive: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Parts of both classes above each score, all repeats pooled."""
    scores = scored.probabilities.ravel()
    labels = np.tile(positive, len(scored.probabilities))[np.argsort(-scores, kind="stable")]
    true, false = np.cumsum(labels) / labels.sum(), np.cumsum(~labels) / (~labels).sum()
    every = max(1, len(labels) // 500)
    return [(0.0, 0.0), *zip(false[::every].tolist(), true[::every].tolist(), strict=True), (1, 1)]


def _write(path: Path, found: LesionRoc, table: CohortTable, options: argparse.Namespace) -> None:
    """Mean probability of each lesion, so that others can draw their own curves."""
    columns = [table.texts(options.group), table.texts(options.class_column)]
    numbers = [each.probabilities.mean(axis=0) for each in (found.magnitude, found.both)]
    lines = [
        "\t".join((patient, kind, f"{one:.4f}", f"{two:.4f}"))
        for patient, kind, one, two in zip(*columns, *numbers, strict=True)
    ]
    head = f"{options.group}\t{options.class_column}\tmagnitude\twith_susceptibility"
    with whole(path) as scratch:
        scratch.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
