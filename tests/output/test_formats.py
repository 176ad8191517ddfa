"""A harvest of images in every format, read back by what the formats' users read with."""

from __future__ import annotations

import json
from pathlib import Path

import ismrmrd
import nibabel
import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import dcmread

from streamrecon.errors import ConfigError, DataError, HeaderError
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import DicomFile, Image
from streamrecon.output.formats import FORMATS, ScanResults, usual_formats, write_harvest

_HEADER = b"""<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<measurementInformation><protocolName>gre 3D</protocolName></measurementInformation>
<experimentalConditions><H1resonanceFrequency_Hz>127700000</H1resonanceFrequency_Hz>
</experimentalConditions>
<encoding><trajectory>cartesian</trajectory>
<encodedSpace><matrixSize><x>12</x><y>10</y><z>9</z></matrixSize>
<fieldOfView_mm><x>12</x><y>10</y><z>18</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>12</x><y>10</y><z>9</z></matrixSize>
<fieldOfView_mm><x>12</x><y>10</y><z>18</z></fieldOfView_mm></reconSpace></encoding>
<sequenceParameters><TR>30</TR><TE>5</TE><TE>10</TE></sequenceParameters></ismrmrdHeader>"""


def image(*, echo: int, kind: int, repetition: int = 0) -> Image:
    head = np.zeros(1, IMAGE)[0]
    head["version"] = 1
    head["matrix_size"] = (12, 10, 9)
    head["field_of_view"] = (12, 10, 18)
    head["channels"] = 1
    head["read_dir"], head["phase_dir"], head["slice_dir"] = np.eye(3)
    head["contrast"], head["repetition"], head["image_type"] = echo, repetition, kind
    head["image_series_index"] = kind
    rng = np.random.default_rng((echo, kind, repetition))
    return Image(head, rng.uniform(0.1, 3, (1, 9, 10, 12)).astype(np.float32))


@pytest.fixture
def harvest() -> ScanResults:
    return ScanResults(_HEADER, [image(echo=e, kind=k) for e in (0, 1) for k in (1, 2)])


def test_every_format_but_dicom_is_written_by_default(tmp_path: Path, harvest: ScanResults) -> None:
    write_harvest(harvest, tmp_path, usual_formats(harvest))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gre-3D_echo-1_part-mag_MEGRE.json",
        "gre-3D_echo-1_part-mag_MEGRE.nii.gz",
        "gre-3D_echo-1_part-phase_MEGRE.json",
        "gre-3D_echo-1_part-phase_MEGRE.nii.gz",
        "gre-3D_echo-2_part-mag_MEGRE.json",
        "gre-3D_echo-2_part-mag_MEGRE.nii.gz",
        "gre-3D_echo-2_part-phase_MEGRE.json",
        "gre-3D_echo-2_part-phase_MEGRE.nii.gz",
        "gre-3D_images.h5",
        "gre-3D_sheet.png",
    ]


def test_a_nifti_holds_the_pixels_of_its_image(tmp_path: Path, harvest: ScanResults) -> None:
    write_harvest(harvest, tmp_path, ["nifti"])

    file = nibabel.load(tmp_path / "gre-3D_echo-2_part-phase_MEGRE.nii.gz")
    np.testing.assert_array_equal(file.get_fdata(), harvest.images[3].data[0].transpose(2, 1, 0))
    # centre voxel (6, 5, 4) at the isocentre; x to L and y to P are -R and -A
    np.testing.assert_allclose(file.affine @ (6, 5, 4, 1), (0, 0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(np.diag(file.affine), (-1, -1, 2, 1), atol=1e-6)
    facts = json.loads((tmp_path / "gre-3D_echo-2_part-phase_MEGRE.json").read_text())
    assert (facts["EchoTime"], facts["RepetitionTime"]) == (0.010, 0.030)


def test_mrd_images_are_read_by_the_reference_library(tmp_path: Path, harvest: ScanResults) -> None:
    write_harvest(harvest, tmp_path, ["mrd"])

    with ismrmrd.Dataset(tmp_path / "gre-3D_images.h5", "dataset", create_if_needed=False) as file:
        assert file.number_of_images("image_2") == 2
        second = file.read_image("image_2", 1)
    np.testing.assert_array_equal(second.data, harvest.images[3].data)
    assert second.contrast == 1


def test_each_repetition_has_its_files_and_its_sheet(tmp_path: Path) -> None:
    harvest = ScanResults(_HEADER, [image(echo=0, kind=1, repetition=n) for n in (0, 1)])

    written = write_harvest(harvest, tmp_path, ["nifti", "png"])

    assert [path.name for path in written] == [
        "gre-3D_run-1_echo-1_part-mag_MEGRE.nii.gz",
        "gre-3D_run-2_echo-1_part-mag_MEGRE.nii.gz",
        "gre-3D_run-1_sheet.png",
        "gre-3D_run-2_sheet.png",
    ]
    with Picture.open(written[2]) as sheet:
        assert sheet.size[0] > 200


def test_images_of_an_unreadable_header_are_written_all_the_same(tmp_path: Path) -> None:
    written = write_harvest(ScanResults(b"not xml", [image(echo=0, kind=1)]), tmp_path, ["nifti"])

    assert [path.name for path in written] == ["scan_echo-1_part-mag_MEGRE.nii.gz"]


def test_an_unknown_format_is_refused_with_those_there_are(
    tmp_path: Path, harvest: ScanResults
) -> None:
    with pytest.raises(ConfigError, match=r"^format: found jpeg, needed nifti, png, mrd, dicom$"):
        write_harvest(harvest, tmp_path, ["jpeg"])

    assert not list(tmp_path.iterdir())


def test_no_image_makes_no_file(tmp_path: Path) -> None:
    assert write_harvest(ScanResults(_HEADER, []), tmp_path, list(FORMATS)) == []
    assert not list(tmp_path.iterdir())


def test_a_servers_dicom_files_stay_in_the_folder_and_keep_their_bytes(tmp_path: Path) -> None:
    files = [DicomFile(b"one", "../../evil.dcm"), DicomFile(b"two")]

    written = write_harvest(ScanResults(_HEADER, [], files), tmp_path, list(FORMATS))

    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "dicom/000001_evil.dcm",
        "dicom/000002_image.dcm",
    ]
    assert [path.read_bytes() for path in written] == [b"one", b"two"]


def test_dicom_is_made_where_it_is_wanted_and_the_server_made_none(
    tmp_path: Path, harvest: ScanResults
) -> None:
    written = write_harvest(harvest, tmp_path, ["dicom"])

    files = [dcmread(path) for path in written]
    assert len(files) == 4 * 9  # echoes by parts, slices
    assert len({file.SOPInstanceUID for file in files}) == len(files)
    assert len({file.StudyInstanceUID for file in files}) == 1
    phase = [f for f in files if "P" in f.ImageType and float(f.EchoTime) == 10.0]
    stored = np.stack(
        [
            f.pixel_array * float(f.RescaleSlope) + float(f.RescaleIntercept)
            for f in sorted(phase, key=lambda f: f.InstanceNumber)
        ]
    )
    # half a step of pi/4096 rad, and the rounding of the slope's decimal string
    np.testing.assert_allclose(stored, harvest.images[3].data[0], atol=0.5 * np.pi / 4096 + 1e-6)


def test_images_that_have_no_dicom_form_are_told(tmp_path: Path) -> None:
    one = image(echo=0, kind=5)
    complex_image = Image(one.header, one.data.astype(np.complex64))

    with pytest.raises(DataError, match=r"^dicom: found complex, needed an image that has a DICOM"):
        write_harvest(ScanResults(_HEADER, [complex_image]), tmp_path, ["dicom"])


def test_dicom_of_an_unreadable_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeaderError):
        write_harvest(ScanResults(b"not xml", [image(echo=0, kind=1)]), tmp_path, ["dicom"])
