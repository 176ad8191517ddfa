"""A DICOM series is one stack of slices for each counter, whatever a chain makes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from dicom_scans import GRIDS, IDS, scan_of, session_of, volume_of
from pydicom.dataset import Dataset

from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity

SCAN = scan_of(GRIDS["oblique"])


def preview(shape: tuple[int, int, int], voxel_mm: tuple[float, float, float]) -> Volume:
    grid = Geometry(shape, voxel_mm, SCAN.geometry.axes_lps, SCAN.geometry.centre_lps_mm)
    return Volume(np.full(shape, 0.1, np.float32), grid, Quantity.CHI_PREVIEW, SCAN)


def by_series(volumes: list[Volume], run: Run) -> dict[str, list[Dataset]]:
    dicom = DicomScan(IDS, run)
    series = defaultdict(list)
    for volume in volumes:
        for image in dicom.images(volume).datasets:
            series[str(image.SeriesInstanceUID)].append(image)
    return series


EVERYTHING = [
    *session_of(SCAN),
    preview((2, 4, 5), (8.0, 6.0, 5.0)),
    preview((4, 8, 10), (4.0, 3.0, 2.5)),
    preview((4, 8, 10), (4.0, 3.0, 2.0)),
    volume_of(SCAN, Quantity.SWI),  # a second time
]


@pytest.mark.parametrize(
    "run", [Run("a"), Run("b", has_echo_series=True), Run("c", is_upright=True)]
)
def test_no_series_mixes_sizes_spacings_or_types_nor_has_a_number_twice(run: Run) -> None:
    series = by_series(EVERYTHING, run)

    for images in series.values():
        for keyword in ("Rows", "Columns", "PixelSpacing", "SpacingBetweenSlices",
                        "PixelRepresentation", "SeriesNumber", "SeriesDescription"):  # fmt: skip
            assert len({str(image[keyword].value) for image in images}) == 1, keyword
        assert len({image.InstanceNumber for image in images}) == len(images)
    numbers = [images[0].SeriesNumber for images in series.values()]
    assert len(set(numbers)) == len(series)
    uids = [image.SOPInstanceUID for images in series.values() for image in images]
    assert len(set(uids)) == len(uids)


def test_what_a_kind_has_beside_its_first_grid_is_numbered_behind_it() -> None:
    series = by_series(EVERYTHING[-4:], Run())

    assert [int(images[0].SeriesNumber) for images in series.values()] == [512, 512100, 512200, 504]


def test_by_option_every_series_is_one_stack_of_slices() -> None:
    series = by_series(session_of(SCAN), Run(has_echo_series=True))

    n_slices = SCAN.geometry.shape[0]
    assert {len(images) for images in series.values()} == {n_slices}
    for images in series.values():
        images.sort(key=lambda image: image.InstanceNumber)
        places = np.array([image.ImagePositionPatient for image in images], float)
        steps = np.diff(places, axis=0)
        assert np.allclose(steps, steps[0], atol=1e-6)
        assert np.isclose(np.linalg.norm(steps[0]), SCAN.geometry.voxel_mm[0])
    echoes = [i[0] for i in series.values() if i[0].get("EchoNumbers")]
    assert [(int(i.SeriesNumber), int(i.EchoNumbers)) for i in echoes] == [
        (501001, 1), (502001, 1), (501002, 2), (502002, 2),
    ]  # fmt: skip


def test_a_number_that_dicom_cannot_hold_stays_short() -> None:
    origin = replace(IDS.visit.origin, number="99999")
    ids = replace(IDS, visit=replace(IDS.visit, origin=origin))
    dicom = DicomScan(ids, Run(has_echo_series=True))

    images = dicom.images(volume_of(SCAN, Quantity.MAGNITUDE, echo=1))

    assert images.series_number == 9_999_901
