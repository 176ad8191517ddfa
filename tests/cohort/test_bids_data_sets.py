"""A validator of BIDS takes every output, whatever command wrote it, without a .bidsignore."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import scanner_scan
from bids_validator import errors_in, type_of
from streamrecon_simulator.__main__ import main as simulate
from vendor_folders import siemens

from streamrecon.cli import main
from streamrecon.cohort.single_scan import add_to_data_set, entities_named
from streamrecon.errors import ConfigError
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import volume_of
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.output.formats import ScanResults, write_harvest

GRID = Geometry((3, 4, 5), (2.0, 1.5, 1.0), np.eye(3)[::-1])


@pytest.fixture(scope="module")
def every_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with two repetitions of every quantity, each volume of one number."""
    scan = bare_scan(GRID, (0.005, 0.010), 3.0, PhaseSign(1, SignOrigin.GIVEN), name="p")
    series = ImageSeries()
    images = [
        image
        for repetition in range(2)
        for quantity in Quantity
        for image in series.images(
            volume_of(scan, quantity, np.full(GRID.shape, 1 + repetition, np.float32), repetition)
        )
    ]
    made, output = (tmp_path_factory.mktemp(name) for name in ("made", "data"))
    write_harvest(ScanResults(b"", images, known=scan.protocol), made, ["nifti"])
    add_to_data_set(made, entities_named("sub-01_ses-2"), output, {"Software": "streamrecon"})
    return output


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `batch` makes of a raw file, NIfTI files and a DICOM folder, with readings."""
    tree, output = (tmp_path_factory.mktemp(name) for name in ("tree", "cohort"))
    matrix = ["--matrix", "12,24,26", "--coils", "4", "--no-truth"]
    assert simulate(["write", "head", "-o", str(tree / "sub-raw_ses-1.h5"), *matrix]) == 0
    (tree / "sub-dicom").mkdir()
    siemens(tree / "sub-dicom", scanner_scan.echoes())
    for part, values in (("phase", np.angle), ("mag", np.abs)):
        scanner_scan.write_nifti(tree, part, values(scanner_scan.echoes()))
    asked = ("quality=fast", "MakeReadings.readings=qc,lesions,veins,oximetry,iron")
    words = [word for value in asked for word in ("--set", value)]
    assert main(["batch", str(tree), "-o", str(output), *words]) == 0
    return output


def test_a_validator_takes_every_output(every_output: Path) -> None:
    names = [path.name for path in every_output.rglob("*.nii.gz")]

    assert len(names) == 2 * (len(Quantity) + 1)  # a field map has a magnitude beside it
    assert errors_in(every_output) == []
    assert type_of(every_output) == "derivative"
    assert not (every_output / ".bidsignore").exists()


def test_a_validator_does_not_take_any_name(every_output: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(every_output, tmp_path / "data") / "sub-01" / "ses-2" / "anat"
    next(folder.glob("*_desc-swi_T2starw.nii.gz")).rename(folder / "sub-01_ses-2_swi.nii.gz")

    assert any("sub-01_ses-2_swi.nii.gz" in error for error in errors_in(tmp_path / "data"))


def test_a_field_map_has_the_magnitude_of_its_own_repetition(every_output: Path) -> None:
    folder = every_output / "sub-01" / "ses-2" / "fmap"

    for repetition in (1, 2):
        path = folder / f"sub-01_ses-2_run-{repetition}_magnitude.nii.gz"
        assert np.all(np.asarray(nib.load(path).dataobj) == repetition)


@pytest.mark.long
def test_a_validator_takes_raw_nifti_and_dicom_scans_with_readings(cohort: Path) -> None:
    assert errors_in(cohort) == []
    assert type_of(cohort) == "derivative"
    assert not (cohort / ".bidsignore").exists()
    subjects = {path.name for path in cohort.glob("sub-*")}
    assert subjects == {"sub-raw", "sub-dicom", "sub-9"}
    reports = sorted((cohort / "code" / "streamrecon" / "readings").glob("*/analysis.json"))
    assert len(reports) == len(subjects)


def words(folder: Path, output: Path, *more: str) -> list[str]:
    """Maps of the NIfTI files of a folder."""
    parts = [sorted(map(str, folder.glob(f"*part-{part}*.nii.gz"))) for part in ("phase", "mag")]
    return ["maps", "--phase", *parts[0], "--mag", *parts[1], "-o", str(output),
            "--set", "quality=fast", *more]  # fmt: skip


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """NIfTI files, and the data set that `maps` makes of them."""
    given, output = tmp_path_factory.mktemp("given"), tmp_path_factory.mktemp("home") / "maps"
    for part, values in (("phase", np.angle), ("mag", np.abs)):
        scanner_scan.write_nifti(given, part, values(scanner_scan.echoes()))
    more = ["--bids", "sub-07_ses-1", "--set", "MakeReadings.readings=qc"]
    assert main(words(given, output, *more)) == 0
    return given, output


def test_maps_make_a_data_set_that_a_validator_takes(maps: tuple[Path, Path]) -> None:
    _, output = maps

    assert errors_in(output) == []
    assert type_of(output) == "derivative"
    assert sorted(path.name for path in output.iterdir()) == [
        "README", "code", "dataset_description.json", "participants.tsv", "sub-07",
    ]  # fmt: skip
    own = output / "code" / "streamrecon"
    assert (own / "sheets" / "sub-07_ses-1.png").is_file()
    assert (own / "readings" / "sub-07_ses-1" / "analysis.json").is_file()


def test_its_sidecars_say_what_made_them_without_the_place_of_the_files(
    maps: tuple[Path, Path],
) -> None:
    given, output = maps

    text = (output / "sub-07/ses-1/anat/sub-07_ses-1_Chimap.json").read_text(encoding="utf-8")

    provenance = json.loads(text)["Provenance"]
    assert provenance["Command"][:2] == ["streamrecon", "maps"]
    assert "MakeReadings.readings=qc" in provenance["Command"]
    assert set(provenance["Inputs"]) == {path.name for path in given.glob("*.nii.gz")}
    assert str(given) not in text
    assert str(output.parent) not in text


def test_another_subject_joins_and_the_same_one_is_not_written_over(
    maps: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = maps[0]
    output = shutil.copytree(maps[1], tmp_path / "maps")
    table = output / "participants.tsv"
    table.write_text("participant_id\tage\nsub-07\t61\n", encoding="utf-8")

    assert main(words(given, output, "--bids", "sub-07_ses-1")) == 2
    assert main(words(given, output, "--bids", "sub-02")) == 0

    assert "found sub-07_ses-1_Chimap.nii.gz there already" in capsys.readouterr().err
    assert (output / "sub-02/anat/sub-02_Chimap.nii.gz").is_file()
    rows = table.read_text(encoding="utf-8").splitlines()
    assert rows == ["participant_id\tage", "sub-02\tn/a", "sub-07\t61"]


@pytest.mark.parametrize(
    "text", ["07", "sub-", "sub-07_task-rest", "sub-07_ses-1_ses-2", "sub-a/b"]
)
def test_what_names_no_scan_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"needed sub-01, or that with ses-, acq-, rec-, run-"):
        entities_named(text)


def test_a_data_set_of_raw_images_takes_no_maps(
    maps: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')

    assert main(words(maps[0], tmp_path, "--bids", "sub-02")) == 2

    assert "found a data set of type raw, needed derivative" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1
