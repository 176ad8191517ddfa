"""Our DICOM keeps, through dcm2niix, what a later reader needs of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checkers import DCM2NIIX, niftis
from dicom_scans import GRIDS, IDS, scan_of, volume_of
from pydicom.dataset import Dataset
from test_valid_files import write_volume

from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.images import Volume
from streamrecon.model.outputs.own_images import phase_grows_with_field
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import CounterRange, Ids
from streamrecon.mrd.header.phase_sign import image_sign

GE = scan_of(replace(GRIDS["oblique"], shape=(5, 7, 6)), vendor="GE MEDICAL SYSTEMS")


def first_image(volume: Volume, ids: Ids = IDS, run: Run | None = None) -> Dataset:
    return DicomScan(ids, run or Run()).images(volume).datasets[0]


@pytest.mark.parametrize("version", DCM2NIIX)
@pytest.mark.parametrize("secret", [None, b"0123456789abcdef"], ids=["named", "pseudonym"])
def test_our_phase_is_known_though_the_scanners_vendor_turns_it(
    version: str, secret: bytes | None, tmp_path: Path
) -> None:
    (tmp_path / "dicom").mkdir()
    dicom = DicomScan(IDS, Run(secret=secret))
    for echo in (0, 1):
        for quantity in (Quantity.MAGNITUDE, Quantity.PHASE):
            write_volume(dicom, volume_of(GE, quantity, echo=echo), tmp_path / "dicom")
    niftis(tmp_path / "dicom", tmp_path / "nifti", version)
    phase = sorted((tmp_path / "nifti").glob("*_ph.nii"))
    magnitude = sorted(set((tmp_path / "nifti").glob("*.nii")) - set(phase))

    files = read_echo_files(phase, magnitude)

    assert image_sign(chain=None, vendor=files.vendor).value == -1, "the trap"
    assert files.grows_with_field
    for name in ("SoftwareVersions", "ImageComments"):  # each is enough
        facts = json.loads(phase[1].with_suffix(".json").read_text())
        assert phase_grows_with_field({name: facts[name]})


def test_a_scanners_own_images_are_not_taken_for_ours() -> None:
    for software in ("27\\LX\\MR Software", "syngo MR E11", "streamreconstruct 2", "", None):
        assert not phase_grows_with_field({"SoftwareVersions": software, "ImageComments": "x"})


def test_negative_rates_survive() -> None:
    values = np.linspace(-40.0, 300.0, int(np.prod(GE.geometry.shape)))
    rate = Volume(
        values.reshape(GE.geometry.shape).astype(np.float32), GE.geometry, Quantity.R2_STAR, GE
    )

    images = DicomScan(IDS, Run()).images(rate)

    stored = np.stack([image.pixel_array for image in images.datasets]) * 0.1
    assert np.abs(stored - rate.values).max() <= 0.05 + 1e-4  # half a step
    assert all(image.PixelRepresentation == 1 for image in images.datasets)
    assert not [notice for notice in images.notices if "beyond" in notice.text]


def test_the_headers_facts_of_the_acquisition_stand_in_the_files() -> None:
    origin = replace(
        IDS.visit.origin, date="2026-02-03", time="12:41:07.25", sequence="*fl3d4_quite_a_long_name"
    )
    ids = replace(IDS, visit=replace(IDS.visit, origin=origin))
    encoding = replace(GE.protocol.encoding, average=CounterRange(0, 2))
    scan = scan_of(
        GRIDS["oblique"],
        ids=ids,
        encoding=encoding,
        coil_labels=("HeadNeck_20:1:H1", "HeadNeck_20:1:H2"),
    )

    image = first_image(volume_of(scan, Quantity.MAGNITUDE, echo=0), ids)

    assert (image.AcquisitionDate, image.AcquisitionTime) == ("20260203", "124107.250000")
    assert image.SequenceName == "*fl3d4_quite_a_l"
    assert image.NumberOfAverages == 3
    assert image.ReceiveCoilName == "HeadNeck_20"


def test_what_the_header_lacks_is_left_out() -> None:
    origin = replace(IDS.visit.origin, date="", time="", sequence="")
    ids = replace(IDS, visit=replace(IDS.visit, origin=origin))
    scan = scan_of(GRIDS["oblique"], ids=replace(ids, header_xml=b""), coil_labels=("A:1", "B:1"))

    image = first_image(volume_of(scan, Quantity.MAGNITUDE, echo=0), ids)

    for keyword in ("AcquisitionDate", "AcquisitionTime", "SequenceName", "ReceiveCoilName",
                    "InPlanePhaseEncodingDirection"):  # fmt: skip
        assert keyword not in image


def test_a_pseudonym_has_no_acquisition_date_and_no_sequence() -> None:
    origin = replace(IDS.visit.origin, date="2026-02-03", time="12:41:07", sequence="secret")
    ids = replace(IDS, visit=replace(IDS.visit, origin=origin))

    image = first_image(volume_of(GE, Quantity.CHI), ids, Run(secret=b"0123456789abcdef"))

    assert not {"AcquisitionDate", "AcquisitionTime", "SequenceName"} & set(image.dir())


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("is_upright", [False, True])
def test_the_phase_encoding_is_along_the_axis_that_it_is_said_to_be(
    grid: str, is_upright: bool
) -> None:
    ids = replace(IDS, header_xml=b"<ismrmrdHeader/>")
    scan = scan_of(GRIDS[grid], ids=ids)

    image = first_image(volume_of(scan, Quantity.CHI), ids, Run(is_upright=is_upright))

    rows, columns = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
    along = {"ROW": rows, "COL": columns}[image.InPlanePhaseEncodingDirection]
    assert abs(abs(along @ scan.geometry.axes_lps[1]) - 1) < 1e-6
