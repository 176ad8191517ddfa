"""Maps of a cohort as DICOM: in the study of each scan's images, whole or not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import scanner_scan
from bids_validator import errors_in
from checkers import complaints
from pydicom.dataset import FileDataset
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from vendor_folders import ge, named, philips, siemens

from streamrecon.cli import main
from streamrecon.mrd.files.hdf5_writer import FileWriter

MAKERS = ("siemens", "ge", "philips")
Names = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Names]:
    """A tree of three scanners' folders, of GE real and imaginary part alone, and their names."""
    tree, found = tmp_path_factory.mktemp("dicom"), {}
    for number, write in enumerate((siemens, ge, philips), start=1):
        folder = tree / f"sub-{write.__name__}"
        folder.mkdir()
        write(folder, scanner_scan.echoes())
        if write is ge:
            for path in folder.iterdir():
                if pydicom.dcmread(path)[0x0043, 0x102F].value < 2:
                    path.unlink()
        found[write.__name__] = named(
            folder, patient=f"P{number}", study=f"1.2.3.{number}.1", frame=f"1.2.3.{number}.2"
        )
    return tree, found


@pytest.fixture(scope="module")
def done(names: tuple[Path, Names], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("derivatives")
    assert main(words(names[0], output)) == 0
    return output


def words(tree: Path, output: Path, *more: str) -> list[str]:
    chain = ("--images-config", "gre_qsm_images", "--set", "quality=fast")
    return ["batch", str(tree), "-o", str(output), *chain, "--dicom", *more]


def images_of(output: Path, maker: str) -> list[FileDataset]:
    folder = output / "code" / "streamrecon" / "dicom" / f"sub-{maker}"
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def chi_of(images: list[FileDataset]) -> list[FileDataset]:
    """Slices of the map in the order of the grid."""
    found = [i for i in images if i.SeriesDescription.endswith("QSM_ppb")]
    return sorted(found, key=lambda image: int(image.InstanceNumber))


@pytest.mark.parametrize("maker", MAKERS)
def test_the_maps_join_the_study_of_their_images(
    maker: str, done: Path, names: tuple[Path, Names]
) -> None:
    tree, theirs = names
    sources = [pydicom.dcmread(path) for path in (tree / f"sub-{maker}").iterdir()]

    images = images_of(done, maker)

    assert images
    for image in images:
        assert {tag: str(image[tag].value) for tag in theirs[maker]} == dict(theirs[maker])
    series = {image.SeriesInstanceUID for image in images}
    assert not series & {source.SeriesInstanceUID for source in sources}
    places = {tuple(np.round(np.array(s.ImagePositionPatient, float), 2)) for s in sources}
    chi = chi_of(images)
    assert {tuple(np.round(np.array(i.ImagePositionPatient, float), 2)) for i in chi} == places


@pytest.mark.parametrize("maker", MAKERS)
def test_the_numbers_are_those_of_the_nifti_files(maker: str, done: Path) -> None:
    nifti = nib.load(done / f"sub-{maker}" / "anat" / f"sub-{maker}_Chimap.nii.gz")
    expected = np.asarray(nifti.dataobj)

    chi = chi_of(images_of(done, maker))

    found = np.stack([image.pixel_array for image in chi])  # whole ppb
    assert found.max() > 100  # the ball
    np.testing.assert_allclose(
        np.sort(found, axis=None), np.sort(1e3 * expected, axis=None), atol=0.5 + 1e-3
    )  # rows and columns may run the other way


def test_a_validator_of_dicom_finds_no_error_in_them(done: Path) -> None:
    files = sorted((done / "code" / "streamrecon" / "dicom").rglob("*.dcm"))[::20]

    said = complaints(files)

    assert len(said) >= len(MAKERS)
    errors = [line for lines in said.values() for line in lines if line.startswith("Error")]
    assert errors == []


def test_a_validator_of_bids_finds_none_beside_them(done: Path) -> None:
    assert errors_in(done) == []


def test_a_scan_whose_dicom_is_lost_is_done_again(
    names: tuple[Path, Names], done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = done / "code" / "streamrecon" / "dicom" / "sub-ge"
    before = sorted(path.name.partition("_")[0] for path in folder.iterdir())
    next(folder.iterdir()).unlink()

    assert main(words(names[0], done)) == 0

    assert "3 scans: 1 done now, 2 before, 0 failed" in capsys.readouterr().err
    assert sorted(path.name.partition("_")[0] for path in folder.iterdir()) == before


def test_a_run_without_them_does_not_replace_one_with_them(
    names: tuple[Path, Names], done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = [word for word in words(names[0], done) if word != "--dicom"]

    assert main(without) == 1

    assert "results of other settings" in capsys.readouterr().err
    assert images_of(done, "siemens")


def test_raw_files_join_the_study_that_their_header_names(tmp_path: Path) -> None:
    tree = tmp_path / "raw"
    tree.mkdir()
    with FileWriter(tree / "sub-1.h5") as file:
        for message in simulate(replace(SCENES["tiny"], study_uid="1.2.3.4")).messages():
            file.write(message)
    words = ["batch", str(tree), "-o", str(tmp_path / "out"), "--config", "gre_recon", "--dicom"]

    assert main(words) == 0

    assert {image.StudyInstanceUID for image in images_of(tmp_path / "out", "1")} == {"1.2.3.4"}


def test_nifti_files_have_no_study_to_join(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "bids"
    tree.mkdir()
    for part in ("phase", "mag"):
        scanner_scan.write_nifti(tree, part, np.abs(scanner_scan.echoes()))

    assert main(words(tree, tmp_path / "out")) == 2

    assert "found sub-9 in NIfTI files, which name no study" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
