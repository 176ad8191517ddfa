"""DICOM of three vendors: which image is what, in what order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import scanner_scan as scan
from scanner_scan import write_dicom

from streamrecon.cli import main
from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import complex_echoes

PI = np.pi


def siemens(folder: Path, values: np.ndarray) -> None:
    """A series for each part; phase and its relatives around 0 by their rescaling."""
    bits = (2.0, -4096.0)
    write_dicom(folder, np.abs(values), ("ORIGINAL", "PRIMARY", "M", "ND"), series="2")
    phase = np.angle(values) * 4096 / PI
    write_dicom(folder, phase, ("ORIGINAL", "PRIMARY", "P", "ND"), series="3", scale=bits)
    for number, (word, part) in enumerate((("R", values.real), ("I", values.imag)), start=4):
        words = ("ORIGINAL", "PRIMARY", word, "ND")
        write_dicom(folder, part * 10, words, series=str(number), scale=(0.5, -2048.0))


def ge(folder: Path, values: np.ndarray) -> None:
    """One series of all parts, which a private number tells apart."""
    parts = np.abs(values), np.angle(values) * 1000, values.real * 10, values.imag * 10
    words = ("ORIGINAL", "PRIMARY", "OTHER")
    for number, part in enumerate(parts):
        write_dicom(folder, part, words, series="7", private=number, maker="GE MEDICAL SYSTEMS")


def philips(folder: Path, values: np.ndarray) -> None:
    """One series of all parts, in the words of Philips."""
    kinds = {
        ("M_FFE", "M"): (np.abs(values), (0.05, 0.0)),
        ("PHASE MAP", "P"): (np.angle(values) * 1000, (1.5345543, -3142.0)),
        ("R_FFE", "R"): (values.real * 10, (0.5, -1500.0)),
        ("I_FFE", "I"): (values.imag * 10, (0.5, -1500.0)),
    }
    for (long, short), (part, scale) in kinds.items():
        words = ("ORIGINAL", "PRIMARY", long, short, "FFE")
        write_dicom(folder, part, words, series="13", scale=scale, maker="Philips")


VENDORS = {"siemens": siemens, "ge": ge, "philips": philips}


@pytest.fixture(scope="module", params=list(VENDORS.values()), ids=list(VENDORS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("dicom")
    request.param(place, scan.echoes())
    return place


def test_magnitude_and_phase_are_the_echoes(folder: Path) -> None:
    files = read_echo_files([folder], [folder])

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, scan.echoes().T, atol=1.0)  # magnitude in whole numbers
    assert files.te_s == pytest.approx(scan.TE_S)
    assert files.b0_t == 3.0
    assert "from DICOM" in files.messages[1]
    assert not files.doubts


def test_real_and_imaginary_parts_are_the_echoes(folder: Path) -> None:
    files = read_complex_files([folder], [folder])

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, 10 * scan.echoes().T, atol=1.0)  # in half numbers


def test_the_images_lie_where_nifti_has_them(folder: Path, tmp_path: Path) -> None:
    nifti = [
        [Path(p) for p in scan.write_nifti(tmp_path, part, values)]
        for part, values in (
            ("phase", np.angle(scan.echoes())),
            ("mag", np.abs(scan.echoes())),
        )
    ]

    grid = read_echo_files([folder], [folder]).geometry

    assert grid.same_as(read_echo_files(*nifti).geometry, tolerance_mm=0.01)


def test_a_slice_that_is_missing_is_refused(tmp_path: Path) -> None:
    siemens(tmp_path, scan.echoes())
    sorted(tmp_path.glob("*.dcm"))[5].unlink()

    with pytest.raises(DataError, match="needed all of them, evenly"):
        read_echo_files([tmp_path], [tmp_path])


def test_a_second_series_of_the_same_part_is_refused(tmp_path: Path) -> None:
    siemens(tmp_path, scan.echoes())
    write_dicom(tmp_path, np.abs(scan.echoes()), ("ORIGINAL", "PRIMARY", "M", "NORM"), series="9")

    with pytest.raises(DataError, match=r"magnitude images of 2 series \(numbers 2, 9\)"):
        read_echo_files([tmp_path], [tmp_path])


def test_images_of_several_frames_are_refused(tmp_path: Path) -> None:
    siemens(tmp_path, scan.echoes())
    path = min(tmp_path.glob("*.dcm"))
    image = pydicom.dcmread(path)
    image.NumberOfFrames = 22
    image.save_as(path)

    with pytest.raises(DataError, match="several frames"):
        read_echo_files([tmp_path], [tmp_path])


def test_a_part_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dicom(tmp_path, np.abs(scan.echoes()), ("ORIGINAL", "PRIMARY", "M", "ND"), series="2")
    words = ["--real", str(tmp_path), "--imag", str(tmp_path), "-o", str(tmp_path / "out")]

    assert main(["qsm", *words]) == 1
    assert "found no DICOM image of the real" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.shared
def test_a_real_field_map_is_a_difference(shared_data: Path) -> None:
    place = shared_data / "dicom-in" / "siemens-ve-phase-difference"

    files = read_echo_files([place], [place])

    assert files.te_s == pytest.approx((0.00246,))
    assert files.magnitude.shape == (1, 8, 64, 64)
    assert "the difference of those at 5.19, 7.65 ms" in files.messages[1]
    assert files.vendor == "SIEMENS"


@pytest.mark.shared
def test_two_real_echoes_in_one_series_are_told_apart(shared_data: Path) -> None:
    place = shared_data / "dicom-in" / "philips-dual-echo"

    files = read_echo_files([place], [place])

    assert files.te_s == pytest.approx((0.007001, 0.010))
    assert files.phase.shape == (2, 12, 96, 96)
    assert "milliradians" in files.messages[-1]


def test_maps_join_the_study_of_their_images(tmp_path: Path) -> None:
    source, out = tmp_path / "scan", tmp_path / "out"
    source.mkdir()
    siemens(source, scan.echoes())
    named = {"StudyInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.3.5", "PatientID": "P7"}
    for path in source.iterdir():
        image = pydicom.dcmread(path)
        for tag, value in named.items():
            setattr(image, tag, value)
        image.save_as(path)
    words = ["--phase", str(source), "--mag", str(source), "--sign", "+1", "--quality", "fast"]

    assert main(["qsm", *words, "--dicom", "-o", str(out)]) == 0

    theirs = pydicom.dcmread(next(source.iterdir()))
    maps = [pydicom.dcmread(path) for path in sorted((out / "dicom").iterdir())]
    assert len(maps) == scan.echoes().shape[2]  # a slice each
    for image in maps:
        assert {tag: str(image[tag].value) for tag in named} == named
        assert image.SeriesInstanceUID != theirs.SeriesInstanceUID
    places = {tuple(map(float, image.ImagePositionPatient)) for image in maps}
    first = tuple(map(float, theirs.ImagePositionPatient))
    assert min(np.linalg.norm(np.subtract(place, first)) for place in places) < 0.01
