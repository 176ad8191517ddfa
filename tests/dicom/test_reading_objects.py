"""Objects of a reading are valid, and other readers find its numbers and places in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkers import complaints, entity_complaints
from dicom_scans import GRIDS, IDS, scan_of, volume_of
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from streamrecon.analysis.reading import (
    Extent,
    Outcome,
    Reading,
    ReadingContent,
    ReadingMap,
    Value,
)
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Images, Run
from streamrecon.dicom.objects.slice_grid import grid_of_slices
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.turned_grid import is_same_voxels, turned_to
from streamrecon.output.readings.dicom import dicom_objects
from streamrecon.output.readings.dicom.dicom_objects import objects_of_reading

readers = pytest.importorskip("object_readers", exc_type=ImportError)

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
PLACES = {"lesion 1": (1, 3, 2), "Left-Pallidum": (2, 0, 5)}
MOMENT = Value(
    subject="lesion 1",
    name="moment",
    number=-12.345678,
    unit="[ppm].mm3",
    sigma=0.5,
    reference="surroundings",
    voxels=9,
    quality="calcification",
    flags=("near the edge",),
)
READING = Reading(
    kind="lesions",
    outcome=Outcome.FLAGGED,
    method="Signed dipole moment of a compact source, fitted to the local field about it.",
    values=(
        MOMENT,
        replace(MOMENT, name="ferritin_equivalent_iron", number=np.nan, sigma=None),
        Value(subject="Left-Pallidum", name="mean_chi", number=143.2, unit="ppb", reference="CSF"),
        Value(subject="whole mask", name="bleed_count", number=2, unit=""),
    ),
    reasons=("1 of 2 places is indeterminate",),
    parameters={"contrast_ppm": 0.12},
    dois=("10.1148/radiol.11110251",),
)


def sources_on(grid: Geometry, **run: Any) -> list[Dataset]:
    """MR images of a susceptibility map."""
    scan = DicomScan(IDS, Run("run", **run))
    return scan.images(volume_of(scan_of(grid), Quantity.CHI)).datasets


def content_on(grid: Geometry, *, page: bool = True) -> ReadingContent:
    extents = []
    for name, what in (("lesion 1", "calcification"), ("Left-Pallidum", "region")):
        voxels = np.zeros(grid.shape, bool)
        voxels[PLACES[name]] = True
        extents.append(Extent.of_mask(name, what, voxels))
    rate = np.random.default_rng(0).uniform(0, 20, grid.shape).astype(np.float32)
    return ReadingContent(
        reading=READING,
        extents=extents,
        maps=[ReadingMap("r2_prime", rate, "1/s"), ReadingMap("chi_positive", rate / 40, "ppm")],
        page=np.full((30, 40, 3), 128, np.uint8) if page else None,
    )


def made_on(grid: Geometry, sources: list[Dataset], run: str = "reading 1") -> list[Images]:
    return objects_of_reading(content_on(grid), sources, grid, run=run, chain="abc123", made=NOW)


def written(objects: list[Images], folder: Path) -> dict[str, list[Path]]:
    """Files by the kind of object."""
    files: dict[str, list[Path]] = {}
    for images in objects:
        for image in images.datasets:
            file = folder / f"{images.output}_{image.InstanceNumber}.dcm"
            file.write_bytes(part10(image))
            files.setdefault(images.output, []).append(file)
    return files


@pytest.mark.parametrize("grid", ["oblique", "left-handed"])
def test_no_object_has_an_error_and_all_agree_on_patient_and_study(
    grid: str, tmp_path: Path
) -> None:
    sources = sources_on(GRIDS[grid])

    files = written(made_on(GRIDS[grid], sources), tmp_path)

    every = [file for group in files.values() for file in group]
    errors = [line for lines in complaints(every).values() for line in lines if "Error" in line]
    assert errors == []
    assert "Error" not in entity_complaints(every)
    assert {name: len(group) for name, group in files.items()} == {
        "Seg": 1, "ReadingMap": 2, "ReadingPage": 1, "Report": 1
    }  # fmt: skip
    for file in every:
        found = dcmread(file)
        assert found.StudyInstanceUID == IDS.study_uid
        assert found.PatientID == "PID-7"
        assert found.ContentQualification == "RESEARCH"
    assert dcmread(files["Seg"][0]).FrameOfReferenceUID == IDS.frame_of_reference_uid


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("grid", ["even", "oblique", "left-handed", "mirrored", "sagittal"])
def test_a_segment_lies_where_its_voxel_lies(grid: str, reader: str, tmp_path: Path) -> None:
    geometry = GRIDS[grid]
    sources = sources_on(geometry)

    file = written(made_on(geometry, sources), tmp_path)["Seg"][0]

    seen = readers.READERS[reader](file)
    assert seen.segments == list(PLACES)
    row, column = np.array(sources[0].ImageOrientationPatient, float).reshape(2, 3)
    down, right = (float(mm) for mm in sources[0].PixelSpacing)
    for number, frame, corner in zip(seen.segment_of, seen.pixels, seen.places, strict=True):
        ((y, x),) = np.argwhere(frame)
        found = corner + column * down * y + row * right * x
        true = geometry.affine_lps() @ (*PLACES[seen.segments[number - 1]], 1)
        assert np.allclose(found, true[:3], atol=1e-3)


@pytest.mark.parametrize("reader", readers.READERS)
@pytest.mark.parametrize("grid", ["oblique", "left-handed"])
def test_a_map_has_its_floats_in_their_places(grid: str, reader: str, tmp_path: Path) -> None:
    geometry = GRIDS[grid]
    true = content_on(geometry).maps[0].values

    file = written(made_on(geometry, sources_on(geometry)), tmp_path)["ReadingMap"][0]

    seen = readers.READERS[reader](file)
    corners = [(geometry.affine_lps() @ (z, 0, 0, 1))[:3] for z in range(geometry.shape[0])]
    for frame, corner in zip(seen.pixels, seen.places, strict=True):
        away = np.linalg.norm(corners - corner, axis=1)
        assert away.min() < 1e-3
        assert np.array_equal(frame.astype(np.float32), true[int(away.argmin())])


@pytest.mark.parametrize("reader", readers.READERS)
def test_the_report_has_each_number_with_its_unit_and_uncertainty(
    reader: str, tmp_path: Path
) -> None:
    grid = GRIDS["oblique"]
    sources = sources_on(grid)

    file = written(made_on(grid, sources), tmp_path)["Report"][0]

    assert readers.READERS[reader](file).numbers == [
        ("moment", -12.345678, "[ppm].mm3"),
        ("+, range of upper measurement uncertainty", 0.5, "[ppm].mm3"),
        ("-, range of lower measurement uncertainty", 0.5, "[ppm].mm3"),
        ("Magnetic Susceptibility", 143.2, "[ppb]"),
        ("bleed count", 2.0, "1"),
    ]


def test_the_report_says_how_from_what_and_how_sure(tmp_path: Path) -> None:
    grid = GRIDS["oblique"]
    sources = sources_on(grid)
    files = written(made_on(grid, sources), tmp_path)

    found, segments = dcmread(files["Report"][0]), dcmread(files["Seg"][0])

    texts = [str(item.value) for item in found.iterall() if item.keyword == "TextValue"]
    for words in (
        "method: Signed dipole moment", "contrast_ppm: 0.12", "chain: abc123", "near the edge",
        "1 of 2 places is indeterminate", "surroundings", "CSF", "doi: 10.1148",
    ):  # fmt: skip
        assert any(words in text for text in texts), words
    referred = {str(i.value) for i in found.iterall() if i.keyword == "ReferencedSOPInstanceUID"}
    assert referred >= {str(each.SOPInstanceUID) for each in sources}
    assert str(segments.SOPInstanceUID) in referred
    tracked = {str(i.value) for i in found.iterall() if i.keyword == "UID"}
    assert {str(each.TrackingUID) for each in segments.SegmentSequence} <= tracked
    assert (found.VerificationFlag, found.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def test_a_refused_reading_is_a_report_of_its_reason(tmp_path: Path) -> None:
    refused = Reading(kind="iron", outcome=Outcome.REFUSED, method="", reasons=("no labels",))
    grid = GRIDS["axial"]

    objects = objects_of_reading(
        ReadingContent(reading=refused), sources_on(grid), grid, run="1", chain="", made=NOW
    )

    files = written(objects, tmp_path)
    assert list(files) == ["Report"]
    assert not [line for line in complaints(files["Report"])[files["Report"][0]] if "Error" in line]
    values = [str(item.value) for item in dcmread(files["Report"][0]).iterall()]
    assert "no labels" in values
    assert "refused" in values


def test_the_same_reading_has_the_same_uids_and_another_one_others() -> None:
    grid = GRIDS["axial"]
    sources = sources_on(grid)

    first, again, other = (made_on(grid, sources, run) for run in ("1", "1", "2"))

    uids = [
        {str(image.SOPInstanceUID) for images in made for image in images.datasets}
        for made in (first, again, other)
    ]
    assert uids[0] == uids[1]
    assert uids[0].isdisjoint(uids[2])
    assert len({images.series_number for images in first}) == len(first)


def test_who_was_taken_out_of_the_images_does_not_come_back() -> None:
    grid = GRIDS["axial"]
    sources = sources_on(grid, secret=b"of the site")

    objects = made_on(grid, sources)

    for image in (image for images in objects for image in images.datasets):
        said = {str(item.value) for item in image.iterall()}
        assert image.PatientIdentityRemoved == "YES"
        assert image.PatientID == sources[0].PatientID
        assert not {text for text in said if "20261128" in text or "PID-7" in text}
        assert image.StudyInstanceUID != IDS.study_uid


def test_images_of_upright_planes_take_the_same_voxels(tmp_path: Path) -> None:
    grid = GRIDS["sagittal"]
    sources = sources_on(grid, is_upright=True)

    file = written(made_on(grid, sources), tmp_path)["Seg"][0]

    seen = readers.READERS["highdicom"](file)
    row, column = np.array(sources[0].ImageOrientationPatient, float).reshape(2, 3)
    down, right = (float(mm) for mm in sources[0].PixelSpacing)
    ((y, x),) = np.argwhere(seen.pixels[0])
    found = seen.places[0] + column * down * y + row * right * x
    assert np.allclose(found, (grid.affine_lps() @ (*PLACES["lesion 1"], 1))[:3], atol=1e-3)


def test_segments_may_overlap(tmp_path: Path) -> None:
    grid = GRIDS["oblique"]
    content = content_on(grid, page=False)
    first, second = np.array([3, 4, 5]), np.array([4, 5, 6])
    both = [Extent("lesion 1", "lesion", first), Extent("rim of lesion 1", "rim", second)]

    objects = objects_of_reading(
        replace(content, extents=both, maps=()), sources_on(grid), grid, run="1", chain="", made=NOW
    )

    seen = readers.READERS["highdicom"](written(objects, tmp_path)["Seg"][0])
    assert [np.flatnonzero(frame).tolist() for frame in seen.pixels] == [[3, 4, 5], [4, 5, 6]]


def test_images_of_other_voxels_are_refused() -> None:
    grid = GRIDS["axial"]
    moved = replace(grid, centre_lps_mm=(12.5, -23.25, 47.125))

    with pytest.raises(DataError, match="lies on another grid"):
        made_on(moved, sources_on(grid))


def test_a_reading_without_images_is_refused() -> None:
    with pytest.raises(DataError, match="found no images, needed those it was made of"):
        made_on(GRIDS["axial"], [])


def test_without_the_extra_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_objects, "find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"streamrecon\[objects\]"):
        made_on(GRIDS["axial"], [])


@pytest.mark.parametrize("name", GRIDS)
def test_the_grid_of_slices_is_that_of_the_volume(name: str) -> None:
    assert grid_of_slices(sources_on(GRIDS[name])).same_as(GRIDS[name], tolerance_mm=1e-3)


def test_a_turned_array_keeps_every_value_in_its_place() -> None:
    grid = GRIDS["oblique"]
    values: NDArray[np.float64] = np.random.default_rng(1).normal(size=grid.shape)
    z, y, x = grid.shape
    corner = grid.affine_lps() @ (z - 1 - z // 2, y // 2, x - 1 - x // 2, 1)
    dz, dy, dx = grid.voxel_mm
    left, posterior, superior, _ = corner.tolist()
    other = Geometry(
        (y, x, z), (dy, dx, dz), grid.axes_lps[[1, 2, 0]] * [[1], [-1], [-1]],
        (left, posterior, superior),
    )  # fmt: skip

    turned = turned_to(values, grid, other)

    assert is_same_voxels(grid, other)
    assert turned.shape == other.shape
    echoes = turned_to(np.stack([values, -values]), grid, other)
    np.testing.assert_array_equal(echoes, [turned, -turned])
    for index in np.ndindex(other.shape):
        place = other.affine_lps() @ (*index, 1)
        old = np.rint(np.linalg.solve(grid.affine_lps(), place))[:3].astype(int)
        assert turned[index] == values[tuple(old)]
