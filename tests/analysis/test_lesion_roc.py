"""Areas under ROC curves of lesions that come several from a patient."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from streamrecon.analysis.studies.clustered_auc import draws_of_patients, patient_pairs
from streamrecon.analysis.studies.grouped_scores import (
    Model,
    grouped_scores,
    labels_at_random,
    leaky_scores,
)
from streamrecon.analysis.studies.lesion_roc import calibration_of
from streamrecon.cli import main

Cohort = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]
TRUE_AUC = float(norm.cdf(1 / np.hypot(0.7, 0.3) / np.sqrt(2)))  # 0.823, equal variances


def cohort(random: np.random.Generator, patients: int = 60) -> Cohort:
    """Magnitude that says nothing, χ that is 1 apart with scatter of lesions and of patients."""
    owners = np.repeat(np.arange(patients), random.integers(1, 12, patients))
    positive = random.random(len(owners)) < 0.5
    chi = positive + random.normal(0, 0.7, len(owners)) + random.normal(0, 0.3, patients)[owners]
    magnitude = random.normal(size=(len(owners), 2)) + random.normal(size=(patients, 2))[owners]
    return magnitude, chi[:, None], positive, owners


def plain_auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """By its definition, pair by pair."""
    pairs = [
        (one > other) + 0.5 * (one == other)
        for one in scores[positive]
        for other in scores[~positive]
    ]
    return float(np.mean(pairs))


def test_a_draw_of_patients_is_the_area_of_their_lesions_that_often() -> None:
    random = np.random.default_rng(1)
    owners, positive = np.repeat(np.arange(5), 4), random.random(20) < 0.4
    scores = random.integers(0, 6, 20).astype(float)  # with ties
    times = np.array([2, 0, 1, 1, 3])

    pairs = patient_pairs(scores[None], positive, owners)

    often = np.repeat(np.arange(20), times[owners])
    assert pairs.auc == pytest.approx(plain_auc(scores, positive))
    drawn = pairs.of_draws(times[None].astype(float))[0]
    assert drawn == pytest.approx(plain_auc(scores[often], positive[often]))


def test_both_ways_to_a_standard_deviation_agree() -> None:
    _, chi, positive, owners = cohort(np.random.default_rng(2))
    pairs = patient_pairs(chi.T, positive, owners)

    drawn = pairs.of_draws(draws_of_patients(60, 4000, np.random.default_rng(3)))

    assert pairs.clustered_sd() == pytest.approx(float(np.std(drawn)), rel=0.1)


def test_the_area_is_that_of_two_normal_distributions() -> None:
    found = []
    for seed in range(5):
        magnitude, chi, positive, owners = cohort(np.random.default_rng(seed))
        scores = grouped_scores(
            np.hstack([magnitude, chi]), positive, owners, model=Model.LOGISTIC, repeats=2, seed=1
        )
        found.append(patient_pairs(scores, positive, owners).auc)

    # 0.02 is what 360 lesions scatter; benchmarks/bench_studies.py has 20 and 100 cohorts
    assert np.mean(np.abs(np.array(found) - TRUE_AUC)) < 0.03


def test_a_feature_that_knows_the_patient_alone_is_worth_nothing() -> None:
    random = np.random.default_rng(4)
    owners = np.repeat(np.arange(40), 6)
    positive = np.repeat(random.random(40) < 0.5, 6)
    whose = random.normal(size=40)[owners][:, None]  # the same for all lesions of one
    model, patients = Model.FOREST, owners

    fair = grouped_scores(whose, positive, patients, model=model, repeats=1, seed=1)
    leaky = leaky_scores(whose, positive, model=model, repeats=1, seed=1)

    assert patient_pairs(leaky, positive, patients).auc > 0.95
    assert patient_pairs(fair, positive, patients).auc == pytest.approx(0.5, abs=0.2)


def test_labels_at_random_are_as_many_and_mean_nothing() -> None:
    _, chi, positive, owners = cohort(np.random.default_rng(5))

    dealt = list(islice(labels_at_random(positive, owners, np.random.default_rng(6)), 50))

    assert {int(labels.sum()) for labels in dealt} == {int(positive.sum())}
    areas = [patient_pairs(chi.T, labels, owners).auc for labels in dealt]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("times", [1.0, 2.0])
def test_probabilities_that_are_too_sure_have_a_slope_below_one(times: float) -> None:
    random = np.random.default_rng(7)
    odds = random.normal(size=20_000)
    positive = random.random(20_000) < 1 / (1 + np.exp(-odds))

    found = calibration_of((1 / (1 + np.exp(-times * odds)))[None], positive)

    assert found.slope == pytest.approx(1 / times, abs=0.05)
    assert found.intercept == pytest.approx(0.0, abs=0.05)


def write_table(path: Path) -> Path:
    magnitude, chi, positive, owners = cohort(np.random.default_rng(8), patients=32)
    rows = ["patient\tclass\tr2_star\tmoment"]
    rows += [
        f"P{owner}\t{'bleed' if flag else 'calcification'}\t{r2:.4f}\t{moment:.4f}"
        for owner, flag, (r2, _), (moment,) in zip(owners, positive, magnitude, chi, strict=True)
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def words(table: Path, output: Path, group: str) -> list[str]:
    features = ["--magnitude", "r2_star", "--susceptibility", "moment"]
    chosen = ["--group", group, "--positive", "bleed", *features, "-o", str(output)]
    return ["analyze", "lesion-roc", str(table), *chosen]


@pytest.mark.slow
def test_the_command_tells_the_gain_and_warns_of_leaky_folds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(tmp_path / "cohort.tsv")

    assert main(words(table, tmp_path / "out", "patient")) == 0

    assert "which is no result" in capsys.readouterr().err
    lines = (tmp_path / "out" / "analysis.tsv").read_text(encoding="utf-8").splitlines()
    number = {tuple(line.split("\t")[2:4]): float(line.split("\t")[4]) for line in lines[1:]}
    assert number["with susceptibility", "auc"] == pytest.approx(TRUE_AUC, abs=0.08)
    assert number["gain", "gain_low"] > 0.1  # the magnitude says nothing
    assert number["labels at random", "mean_auc"] == pytest.approx(0.5, abs=0.03)
    assert number["labels at random", "p"] < 0.02
    assert (tmp_path / "out" / "lesion-roc_curves.png").is_file()
    assert len((tmp_path / "out" / "lesion-roc_probabilities.tsv").read_text().splitlines()) > 100


def test_a_table_without_patients_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(tmp_path / "cohort.tsv")

    assert main(words(table, tmp_path / "out", "subject")) == 2

    assert "needed subject" in capsys.readouterr().err
