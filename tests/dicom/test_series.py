"""UIDs, numbers, references and comments of a reconstruction's images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dicom_scans import GRIDS, IDS, VISIT, scan_of, session_of, volume_of
from pydicom.dataset import Dataset

from streamrecon.dicom.objects.identity import NO_PATIENT_ID, NO_STUDY_UID
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Ids
from streamrecon.model.study import StudyInfo

SCAN = scan_of(GRIDS["oblique"])


def session(run: Run, ids: Ids = IDS) -> list[Dataset]:
    dicom = DicomScan(ids, run)
    return [image for volume in session_of(SCAN) for image in dicom.images(volume).datasets]


def chi_of(values: np.ndarray) -> Volume:
    return Volume(values.astype(np.float32), SCAN.geometry, Quantity.CHI, SCAN)


def told(volume: Volume, ids: Ids = IDS) -> list[str]:
    return [notice.text for notice in DicomScan(ids, Run()).images(volume).notices]


def test_a_second_sending_has_the_uids_of_the_first() -> None:
    first, second = session(Run("run")), session(Run("run"))

    assert [i.SOPInstanceUID for i in first] == [i.SOPInstanceUID for i in second]
    assert [i.SeriesInstanceUID for i in first] == [i.SeriesInstanceUID for i in second]


def test_another_reconstruction_shares_the_study_and_no_image_or_series() -> None:
    first, second = session(Run("one")), session(Run("two"))

    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert not {i[keyword].value for i in first} & {i[keyword].value for i in second}
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        assert {i[keyword].value for i in first + second} == {first[0][keyword].value}


def test_every_image_has_its_own_uid_and_a_place_in_its_series() -> None:
    images = session(Run())

    assert len({i.SOPInstanceUID for i in images}) == len(images)
    assert len({(i.SeriesInstanceUID, i.InstanceNumber) for i in images}) == len(images)
    assert max(len(i.SOPInstanceUID) for i in images) <= 64


def test_study_and_frame_are_those_of_the_header() -> None:
    images = session(Run())

    assert {i.StudyInstanceUID for i in images} == {IDS.study_uid}
    assert {i.FrameOfReferenceUID for i in images} == {IDS.frame_of_reference_uid}


def test_instance_numbers_rise_along_the_normal_for_both_hands() -> None:
    for name in ("oblique", "left-handed", "mirrored"):
        volume = volume_of(scan_of(GRIDS[name]), Quantity.CHI)

        images = sorted(
            DicomScan(IDS, Run()).images(volume).datasets, key=lambda i: i.InstanceNumber
        )

        row, column = np.reshape(images[0].ImageOrientationPatient, (2, 3)).astype(float)
        heights = [np.cross(row, column) @ np.array(i.ImagePositionPatient, float) for i in images]
        assert np.diff(heights) == pytest.approx(2.0)
        assert [float(i.SliceLocation) for i in images] == pytest.approx(heights)


@pytest.mark.parametrize("is_first", [True, False], ids=["map first", "map last"])
def test_a_map_refers_to_the_echo_images_of_its_slice(is_first: bool) -> None:
    dicom = DicomScan(IDS, Run(), sources=[Quantity.MAGNITUDE, Quantity.PHASE])
    volumes = [*session_of(SCAN)[:4], volume_of(SCAN, Quantity.CHI)]

    made = {id(v): dicom.images(v) for v in (reversed(volumes) if is_first else volumes)}

    *echoes, chi = (made[id(volume)] for volume in volumes)
    for k, image in enumerate(chi.datasets):
        found = [i.ReferencedSOPInstanceUID for i in image.SourceImageSequence]
        assert found == [echo.datasets[k].SOPInstanceUID for echo in echoes]


def test_a_volume_that_comes_again_keeps_its_names_and_another_like_it_gets_its_own() -> None:
    dicom, chi = DicomScan(IDS, Run()), volume_of(SCAN, Quantity.CHI)
    twin = replace(chi, values=chi.values.copy())

    first, other, again = (
        [image.SOPInstanceUID for image in dicom.images(volume).datasets]
        for volume in (chi, twin, chi)
    )

    assert again == first
    assert not set(other) & set(first)


def test_series_numbers_follow_that_of_the_scanner() -> None:
    chi = volume_of(SCAN, Quantity.CHI)
    unnumbered = replace(IDS, visit=StudyInfo(VISIT.subject, VISIT.study))

    assert DicomScan(IDS, Run()).images(chi).series_number == 507
    assert DicomScan(unnumbered, Run()).images(chi).series_number == 9007


def test_every_image_says_research_version_and_chain() -> None:
    for image in session(Run(chain="sha256:0123abcd")):
        assert image.ContentQualification == "RESEARCH"
        assert image.SoftwareVersions.startswith("streamrecon ")
        assert "sha256:0123abcd" in image.ContributingEquipmentSequence[0].ContributionDescription


def test_what_must_be_known_of_a_volume_stands_on_its_images() -> None:
    chi = replace(volume_of(SCAN, Quantity.CHI), comments=("phase sign assumed",))

    image = DicomScan(IDS, Run()).images(chi).datasets[0]

    assert "phase sign assumed" in image.ImageComments
    assert "phase sign assumed" in image.DerivationDescription


def test_missing_ids_are_told_once_and_never_made_up() -> None:
    dicom = DicomScan(Ids(), Run())

    first = dicom.images(volume_of(SCAN, Quantity.CHI))
    second = dicom.images(volume_of(SCAN, Quantity.SWI))

    assert [n.text for n in first.notices] == [NO_PATIENT_ID, NO_STUDY_UID]
    assert second.notices == ()
    assert first.datasets[0].PatientName == ""
    assert first.datasets[0].StudyDate == ""


def test_two_scans_without_study_and_patient_share_no_study() -> None:
    one, two = (DicomScan(Ids(), Run()).identity for _ in range(2))

    assert one.study_uid != two.study_uid


def test_two_scans_of_one_patient_and_day_share_a_generated_study() -> None:
    one, two = (
        DicomScan(replace(IDS, study_uid="", measurement=name), Run()).identity for name in "ab"
    )

    assert one.study_uid == two.study_uid
    assert one.scan_uid != two.scan_uid


def test_saturated_voxels_are_counted_and_told() -> None:
    values = np.zeros(SCAN.geometry.shape)
    values.flat[:4] = -32.8, -32.768, 32.767, 40.0

    notices = told(chi_of(values))
    image = DicomScan(IDS, Run()).images(chi_of(values)).datasets[0]

    assert notices == ["QSM_ppb: 2 voxels beyond the range of 16 bits"]
    assert image.pixel_array.ravel()[:4].tolist() == [-32768, -32768, 32767, 32767]


def test_voxels_without_a_number_are_stored_as_zero_and_told() -> None:
    values = np.full(SCAN.geometry.shape, 0.1)
    values.flat[:2] = np.nan

    image = DicomScan(IDS, Run()).images(chi_of(values)).datasets[0]

    assert "2 of 126 voxels were no finite numbers, and are 0" in image.ImageComments
    assert image.pixel_array.ravel()[:3].tolist() == [0, 0, 100]


def test_negative_values_of_an_unsigned_kind_are_told() -> None:
    magnitude = Volume(-np.ones(SCAN.geometry.shape, np.float32), SCAN.geometry, Quantity.SWI, SCAN)

    assert told(magnitude) == ["SWI: 126 voxels beyond the range of 16 bits"]


def test_integers_with_a_rescale_are_read_as_what_they_mean() -> None:
    steps = np.full(SCAN.geometry.shape, 3000, np.uint16)
    volume = Volume(steps, SCAN.geometry, Quantity.CHI, SCAN, rescale=(1e-3, -4.0))

    image = DicomScan(IDS, Run()).images(volume).datasets[0]

    assert set(image.pixel_array.ravel().tolist()) == {-1000}


def test_integer_magnitudes_are_stored_as_they_are() -> None:
    steps = np.full(SCAN.geometry.shape, 1234, np.uint16)
    volume = Volume(steps, SCAN.geometry, Quantity.MAGNITUDE, SCAN, echo=0, rescale=(0.5, 0.0))

    image = DicomScan(IDS, Run()).images(volume).datasets[0]

    assert set(image.pixel_array.ravel().tolist()) == {1234}


def test_complex_images_are_refused() -> None:
    values = np.zeros(SCAN.geometry.shape, np.complex64)

    with pytest.raises(DataError, match="complex: has no DICOM form"):
        DicomScan(IDS, Run()).images(Volume(values, SCAN.geometry, Quantity.COMPLEX, SCAN, echo=0))


def test_texts_that_do_not_fit_are_told_by_keyword_alone() -> None:
    long = replace(VISIT, subject=replace(VISIT.subject, name="N" * 70, weight_kg="heavy"))

    notices = told(volume_of(SCAN, Quantity.CHI), replace(IDS, visit=long))

    assert [text.split(":")[0] for text in notices] == ["PatientName", "PatientWeight"]
    assert not any("NNN" in text or "heavy" in text for text in notices)


def test_names_of_any_script_survive() -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ids = replace(IDS, visit=replace(VISIT, subject=replace(VISIT.subject, name=name)))

    image = DicomScan(ids, Run()).images(volume_of(SCAN, Quantity.CHI)).datasets[0]

    assert str(image.PatientName) == name


def test_without_the_person_nothing_of_the_header_is_left() -> None:
    images = session(Run(secret=b"s"))

    values = [element for image in images for element in image.iterall()]
    # A sequence prints its UIDs, new in every run, and a UID may hold any year by chance.
    chance = {"UI", "OW", "SQ"}
    text = "\n".join(str(element.value) for element in values if element.VR not in chance)
    for known in ("ller", "PID-7", "1970", "2026", "A0017", "rztin", "Hospital", "SN0815X", "MR1"):
        assert known not in text
    assert IDS.study_uid not in {image.StudyInstanceUID for image in images}
    assert IDS.frame_of_reference_uid not in {image.FrameOfReferenceUID for image in images}


def test_a_pseudonym_is_the_same_for_all_scans_of_a_patient_and_needs_the_secret() -> None:
    other = replace(IDS, measurement="M2")

    one, two, foreign = (
        DicomScan(ids, Run(secret=secret)).identity
        for ids, secret in ((IDS, b"s"), (other, b"s"), (IDS, b"t"))
    )

    assert one.visit.subject.patient_id == two.visit.subject.patient_id
    assert one.study_uid == two.study_uid
    assert one.visit.subject.patient_id != foreign.visit.subject.patient_id
    assert one.study_uid != foreign.study_uid
