r"""How χ of a region goes with the years, over all patients of a cohort.

.. math:: \chi_{pv} = a + b\,t_{pv} + c\,T_p + d\,T_p t_{pv} + e\,A_p + u_p + w_p t_{pv} + \epsilon

with patient p, visit v, treatment T and age A; u and w belong to a patient. The slopes w are in the
model where patients have three visits or more: with two they cannot be told from noise, and the
noise then holds them. Left out where they are, intervals of b and d would be too narrow.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from streamrecon.analysis.studies.libraries import library
from streamrecon.errors import ReconError

Vector = NDArray[np.float64]
Numbers = NDArray[np.intp]

FEWEST_PATIENTS = 5
_OWN_SLOPES_FROM = 3  # visits of the patient in the middle
_WAYS = ("lbfgs", "bfgs", "powell")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A slope [ppb/a], its 95 % interval and its standard deviation."""

    number: float
    interval: tuple[float, float]
    sigma: float


@dataclass(frozen=True, slots=True)
class Course:
    """What the model says of a region.

    Parameters
    ----------
    slope
        Of patients without the treatment, or of all where there is none.
    by_treatment
        What the treatment adds to it; ``None`` where all or no patients have it.
    patients, visits
        How many.
    own_slopes
        Whether patients have slopes of their own in the model.
    sd_patients_ppb, sd_visits_ppb
        Between patients, and what is left between the visits of one.
    """

    slope: Estimate
    by_treatment: Estimate | None
    patients: int
    visits: int
    own_slopes: bool
    sd_patients_ppb: float
    sd_visits_ppb: float


def fit_course(
    chi_ppb: Vector,
    years: Vector,
    patients: Numbers,
    *,
    treated: NDArray[np.floating] | None = None,
    age: NDArray[np.floating] | None = None,
) -> Course:
    """Fit the model by restricted likelihood; intervals by Student's t with the visits' freedom.

    Visits that are missing must be so for no reason that has to do with iron.

    Parameters
    ----------
    chi_ppb, years
        Value and time of each visit [N].
    patients
        Whose it is [N].
    treated
        1 for visits of patients on the treatment, 0 for others [N].
    age
        Of the patient at the first visit [N].

    Raises
    ------
    ConfigError
        If statsmodels is not installed.
    ReconError
        If there are too few patients with two visits, or no fit is found.

    References
    ----------
    Laird and Ware (1982) Biometrics 38:963. doi:10.2307/2529876
    """
    counts = np.unique(patients, return_counts=True)[1]
    if (counts > 1).sum() < FEWEST_PATIENTS:
        raise ReconError(
            f"course: found {(counts > 1).sum()} patients with two visits, needed {FEWEST_PATIENTS}"
        )
    own_slopes = bool(np.median(counts) >= _OWN_SLOPES_FROM)
    fixed = _fixed(years, treated, age)
    found = _fitted(chi_ppb, fixed, years, patients, own_slopes=own_slopes)
    slopes = 2 if "treated_years" in fixed else 1
    units = len(counts) if own_slopes else len(chi_ppb) - len(counts)
    width = float(student.ppf(0.975, max(1, units - slopes)))

    def estimate(name: str) -> Estimate:
        at = list(fixed).index(name)
        number, sigma = float(found.fe_params[at]), float(found.bse_fe[at])
        return Estimate(number, (number - width * sigma, number + width * sigma), sigma)

    return Course(
        slope=estimate("years"),
        by_treatment=estimate("treated_years") if "treated_years" in fixed else None,
        patients=len(counts),
        visits=len(chi_ppb),
        own_slopes=own_slopes,
        sd_patients_ppb=float(np.sqrt(found.cov_re[0, 0])),
        sd_visits_ppb=float(np.sqrt(found.scale)),
    )


def _fixed(
    years: Vector, treated: NDArray[np.floating] | None, age: NDArray[np.floating] | None
) -> dict[str, Vector]:
    """Columns of the fixed effects, by name; those that are alike for everybody are left out."""
    columns = {"one": np.ones_like(years), "years": years}
    if treated is not None and np.ptp(treated):
        given = np.asarray(treated, np.float64)
        columns |= {"treated": given, "treated_years": given * years}
    if age is not None and np.ptp(age):
        columns["age"] = np.asarray(age - age.mean(), np.float64)
    return columns


def _fitted(
    chi_ppb: Vector,
    fixed: dict[str, Vector],
    years: Vector,
    patients: Numbers,
    *,
    own_slopes: bool,
) -> Any:  # noqa: ANN401  (has no stubs)
    models = library("statsmodels.regression.mixed_linear_model")
    of_patients = np.stack([np.ones_like(years), years], axis=1) if own_slopes else None
    columns = np.stack(list(fixed.values()), axis=1)
    model = models.MixedLM(chi_ppb, columns, groups=patients, exog_re=of_patients)
    for way in _WAYS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a variance of 0 is a fit as well
            try:
                found = model.fit(reml=True, method=way)
            except np.linalg.LinAlgError:
                continue
        if found.converged and np.isfinite(found.bse_fe).all():
            return found
    raise ReconError(f"course: found no fit to {len(chi_ppb)} visits by {', '.join(_WAYS)}")
