"""DICOM of three vendors: which image is what, in what order, and what is refused."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pydicom
import pytest
import scanner_scan as scan
from scanner_scan import write_dicom
from vendor_folders import VENDORS, ge, named, siemens

from streamrecon.cli import main
from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.commands.image_inputs.given_images import first_of_pair
from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import complex_echoes


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


def keep(folder: Path, *kept: int) -> None:
    """Leave those of GE's parts alone."""
    for path in folder.iterdir():
        if pydicom.dcmread(path)[0x0043, 0x102F].value not in kept:
            path.unlink()


@pytest.mark.parametrize(
    ("kept", "expected"),
    [((0, 1, 2, 3), ("phase", "mag")), ((0, 2, 3), ("real", "imag"))],
    ids=["all", "no phase"],
)
def test_a_folder_is_taken_for_the_pair_that_it_has(
    tmp_path: Path, kept: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    ge(tmp_path, scan.echoes())
    keep(tmp_path, *kept)
    options = argparse.Namespace(
        folder=tmp_path, phase=None, mag=None, real=None, imag=None, phase_ends=None
    )

    assert first_of_pair(options) == tmp_path

    assert tuple(name for name in ("phase", "mag", "real", "imag") if getattr(options, name)) == (
        expected
    )


def test_a_folder_without_a_pair_says_what_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "scan"
    source.mkdir()
    ge(source, scan.echoes())
    keep(source, 0, 2)

    assert main(["qsm", str(source), "-o", str(tmp_path / "out")]) == 1

    assert "found magnitude and real, needed DICOM of phase and" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--phase", "--local"])
def test_a_folder_beside_an_option_that_names_images_is_refused(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["qsm", str(tmp_path), option, str(tmp_path), "--b0", "3", "-o", str(tmp_path / "o")]

    assert main(words) == 2

    assert "folder" in capsys.readouterr().err.lower()


def test_a_file_is_no_folder_of_dicom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gre.nii"
    file.write_bytes(b"x" * 400)

    assert main(["maps", str(file), "-o", str(tmp_path / "o")]) == 2

    assert "needed a folder of DICOM files" in capsys.readouterr().err


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
    names = named(source, patient="P7", study="1.2.3.4", frame="1.2.3.5")
    words = [str(source), "--sign", "+1", "--quality", "fast"]

    assert main(["qsm", *words, "--dicom", "-o", str(out)]) == 0

    theirs = pydicom.dcmread(next(source.iterdir()))
    maps = [pydicom.dcmread(path) for path in sorted((out / "dicom").iterdir())]
    assert len(maps) == scan.echoes().shape[2]  # a slice each
    for image in maps:
        assert {tag: str(image[tag].value) for tag in names} == names
        assert image.SeriesInstanceUID != theirs.SeriesInstanceUID
    places = {tuple(map(float, image.ImagePositionPatient)) for image in maps}
    first = tuple(map(float, theirs.ImagePositionPatient))
    assert min(np.linalg.norm(np.subtract(place, first)) for place in places) < 0.01


def without(folder: Path, keyword: str) -> list[Path]:
    """The folder of a scan whose images lack an attribute."""
    siemens(folder, scan.echoes())
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        delattr(image, keyword)
        image.save_as(path)
    return [folder]


def test_images_without_the_uid_of_a_series_are_read(tmp_path: Path) -> None:
    folder = without(tmp_path, "SeriesInstanceUID")
    assert read_echo_files(folder, folder).te_s == pytest.approx(scan.TE_S)


def test_images_without_echo_times_are_refused(tmp_path: Path) -> None:
    folder = without(tmp_path, "EchoTime")
    with pytest.raises(DataError, match="found images without EchoTime"):
        read_echo_files(folder, folder)


def test_pixels_that_are_cut_short_are_named(tmp_path: Path) -> None:
    siemens(tmp_path, scan.echoes())
    path = tmp_path / "00003.dcm"
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(DataError, match=r"00003\.dcm: found pixels that are cut short"):
        read_echo_files([tmp_path], [tmp_path])
