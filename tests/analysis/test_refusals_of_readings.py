"""What a reading cannot be made of is refused, with what was found and what was needed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from streamrecon.analysis.deep_nuclei.change import Interval, Visit, read_change
from streamrecon.analysis.deep_nuclei.region_statistics import region_statistics
from streamrecon.analysis.lesion.rim_reading import RimMaps, read_rims
from streamrecon.analysis.oxygen.blood import Blood
from streamrecon.analysis.oxygen.oximetry_reading import reading_of_oxygen
from streamrecon.analysis.oxygen.susceptometry import vessel_chi
from streamrecon.analysis.oxygen.vein_echoes import VeinScan
from streamrecon.analysis.quality.quality_maps import QualityMaps, measures_of
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.studies import iron_course
from streamrecon.analysis.studies.libraries import library
from streamrecon.errors import ConfigError, ReconError, StreamReconError
from streamrecon.model.geometry import Geometry

GRID = Geometry((9, 14, 11), (1.5, 0.8, 1.1), np.eye(3)[::-1])
NOWHERE, EVERYWHERE = np.zeros(GRID.shape, bool), np.ones(GRID.shape, bool)
HOLED = np.zeros(GRID.shape, np.float32)
HOLED[4, 5, 6] = np.nan


def echoes(count: int) -> np.ndarray:
    return np.ones((count, *GRID.shape), np.complex64)


def quality_of_nothing() -> object:
    return measures_of(
        QualityMaps(
            chi_ppm=HOLED, mask=NOWHERE, geometry=GRID, echoes=echoes(3), has_phase=True,
            te_s=(0.004, 0.008, 0.012), b0_t=3.0,
        )
    )  # fmt: skip


def veins_of(n_echoes: int, n_times: int) -> VeinScan:
    return VeinScan(
        echoes=echoes(n_echoes), te_s=np.linspace(0.004, 0.02, n_times).tolist(), b0_t=3.0,
        trusted=EVERYWHERE, geometry=GRID, resolution_mm=GRID.voxel_mm,
    )  # fmt: skip


CASES: list[tuple[Callable[[], object], type[StreamReconError], str]] = [
    (lambda: Blood(haematocrit=0.9), ReconError, "haematocrit: found 0.9"),
    (lambda: Blood(haematocrit=0.42, arterial=0.2), ReconError, "arterial saturation: found 0.2"),
    (lambda: Blood(haematocrit=0.42, deoxygenated_ppm=0.0), ReconError, "found 0 ppm, needed > 0"),
    (lambda: veins_of(4, 3), ReconError, "found 4 echoes and 3 echo times"),
    (lambda: veins_of(2, 2), ReconError, "found 2 echoes, needed 3"),
    (lambda: vessel_chi(HOLED, NOWHERE, EVERYWHERE, GRID), ReconError, "an empty vessel"),
    (
        lambda: region_statistics(HOLED, EVERYWHERE, GRID.voxel_mm, alike_mm3=60.0, erode_mm=0.0),
        ReconError,
        "region: the map is not finite there",
    ),
    (quality_of_nothing, ReconError, "quality: the mask is empty"),
    (lambda: library("sklearn.of_another_year"), ConfigError, r"streamrecon\[studies\]"),
]


@pytest.mark.parametrize(("make", "error", "said"), CASES, ids=[said for *_, said in CASES])
def test_what_cannot_be_is_refused(
    make: Callable[[], object], error: type[StreamReconError], said: str
) -> None:
    with pytest.raises(error, match=said):
        make()


def test_a_model_that_no_way_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(**_: object) -> None:
        raise np.linalg.LinAlgError("singular")

    models = SimpleNamespace(MixedLM=lambda *_, **__: SimpleNamespace(fit=fit))
    monkeypatch.setattr(iron_course, "library", lambda _: models)
    patients = np.repeat(np.arange(8), 2)

    with pytest.raises(ReconError, match="found no fit to 16 visits"):
        iron_course.fit_course(np.ones(16), np.tile([0.0, 1.0], 8), patients)


def no_visit_in_common() -> Reading:
    old, new = (
        Value(subject=name, name="robust_mean_chi", number=1.0, unit="ppb", reference="CSF")
        for name in ("left putamen", "left pallidum")
    )
    before, after = (Visit(values=[each], made={}) for each in (old, new))
    return read_change(before, after, Interval(same_site=True), "CSF")


def no_lesion() -> Reading:
    chi = np.zeros(GRID.shape, np.float32)
    maps = RimMaps(
        chi_ppm=chi, mask=EVERYWHERE, voxel_mm=(1.0, 0.8, 1.1), lesions=NOWHERE, veins=NOWHERE,
        chi_sd_ppm=chi,
    )  # fmt: skip
    return read_rims(maps).reading


def no_vein() -> Reading:
    return reading_of_oxygen((), Blood(haematocrit=0.42), assumed=False)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (no_visit_in_common, "no region has χ against the reference CSF in both visits"),
        (no_lesion, "no lesion was found in the mask"),
        (no_vein, "no vein of 0 is good"),
    ],
)
def test_a_reading_of_nothing_has_no_value_and_its_reason(
    read: Callable[[], Reading], said: str
) -> None:
    reading = read()

    assert reading.outcome is Outcome.REFUSED
    assert reading.values == ()
    assert any(said in reason for reason in reading.reasons)
