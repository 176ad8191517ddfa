"""Files that make a wrong map if nobody asks: each is refused in a sentence, or doubted aloud."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from echo_images import PLAIN, SHAPE, TE_S, echoes, write

from streamrecon.cli import main
from streamrecon.commands.image_inputs.dicom_ids import refuse_other_study
from streamrecon.commands.image_inputs.echo_files import EchoFiles, read_echo_files
from streamrecon.commands.image_inputs.mask_files import read_regions
from streamrecon.commands.image_inputs.nifti_files import load_nifti
from streamrecon.commands.qsm import sign_of_files
from streamrecon.errors import ConfigError, DataError, ReconError
from streamrecon.input_checks import echo_times_s
from streamrecon.model.scan import Ids, PhaseSign, SignOrigin
from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject
from streamrecon.qsm.total_field import total_field


class Files:
    """Paths of three echoes, any of which a test may spoil."""

    def __init__(self, folder: Path, name: str = "sub-1_echo-{}_part-{}", **facts: object) -> None:
        self.folder, self.name, self.facts = folder, name, facts
        self.magnitude, self.turn = echoes()
        self.phase = [self.write("phase", k, self.turn[..., k]) for k in range(3)]
        self.mag = [self.write("mag", k, self.magnitude[..., k]) for k in range(3)]

    def write(self, part: str, k: int, values: np.ndarray) -> Path:
        facts = {"EchoTime": TE_S[k], "MagneticFieldStrength": 3.0} | self.facts
        return Path(write(self.folder, self.name.format(k + 1, part), values, **facts))

    def read(self, ends: tuple[float, float] | None = None) -> EchoFiles:
        return read_echo_files(self.phase, self.mag, ends=ends)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize(
    "name", ["sub-01_ses-1_echo-{}_part-{}", "张_echo-{}_part-{}", "a b_e{}_{}"]
)
def test_a_map_is_not_replaced_under_whatever_name_it_was_written(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = Files(tmp_path, name)
    words = ["qsm", "--phase", *map(str, files.phase), "--mag", *map(str, files.mag)]
    words += ["--quality", "fast", "-o", str(tmp_path / "out")]

    assert main(words) == 0
    assert main(words) == 2
    assert "there already" in capsys.readouterr().err


def test_a_map_of_a_local_field_is_not_replaced_either(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    field = 0.02 * np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    path = write(files.folder, "sub-01_ses-1_localfield", field)
    words = ["qsm", "--local", str(path), "--b0", "3", "--quality", "fast"]
    words += ["-o", str(files.folder / "out")]

    assert main(words) == 0
    assert main(words) == 2
    assert "there already" in capsys.readouterr().err


def test_a_complex_local_field_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(files.folder, "sub-1_localfield", np.ones(SHAPE, np.complex64))
    words = ["qsm", "--local", str(path), "--b0", "3", "-o", str(files.folder / "out")]

    assert main(words) == 1
    assert "found complex numbers" in capsys.readouterr().err


def test_files_of_two_subjects_sessions_or_runs_are_refused(tmp_path: Path) -> None:
    one = Files(tmp_path)
    other = Files(tmp_path, "sub-2_echo-{}_part-{}")
    with pytest.raises(ConfigError, match="found files of sub-1 and sub-2, needed one subject"):
        read_echo_files(one.phase, other.mag)


def test_echoes_out_of_order_by_their_names_are_refused(files: Files) -> None:
    files.phase.reverse()
    files.mag.reverse()
    with pytest.raises(ConfigError, match="found echoes 3, 2, 1 by the files' names"):
        files.read()


def test_parts_of_two_patients_or_studies_are_refused() -> None:
    def ids(patient: str, study: str) -> Ids:
        visit = StudyInfo(Subject(patient_id=patient), Study(), SourceSeries())
        return replace(Ids(), study_uid=study, visit=visit)

    refuse_other_study(ids("a", "1"), ids("a", "1"))
    refuse_other_study(ids("a", "1"), Ids())
    with pytest.raises(DataError, match="another patient"):
        refuse_other_study(ids("a", "1"), ids("b", "1"))
    with pytest.raises(DataError, match="another study"):
        refuse_other_study(ids("a", "1"), ids("a", "2"))


def test_a_magnitude_that_grows_with_the_echo_is_doubted(files: Files) -> None:
    assert not [doubt for doubt in files.read().doubts if "as bright" in doubt]
    for k in range(3):
        files.write("mag", k, files.magnitude[..., 2 - k])
    assert [doubt for doubt in files.read().doubts if "found echo 2 1.2 times as bright" in doubt]


def test_echoes_of_unlike_units_are_refused(files: Files) -> None:
    files.write("phase", 1, np.degrees(files.turn[..., 1]))
    with pytest.raises(DataError, match="needed all in one unit"):
        files.read()


def test_an_echo_in_another_scale_is_refused(files: Files) -> None:
    files.write("phase", 1, files.turn[..., 1] / 2)
    with pytest.raises(DataError, match=r"found echo 2 to wrap at -1\.57 and 1\.57"):
        files.read()


@pytest.mark.parametrize("part", ["phase", "mag"])
@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_an_echo_without_numbers_is_named(files: Files, part: str, value: float) -> None:
    files.write(part, 1, np.full(SHAPE, value, np.float32))
    said = "found echoes of .*; 0 … 0;" if part == "phase" and value == 0 else "in echo 2"
    with pytest.raises(DataError, match=said):
        files.read()


@pytest.mark.parametrize("factor", [1e30, 1e-30])
def test_a_magnitude_whose_square_is_no_number_is_refused(files: Files, factor: float) -> None:
    for k in range(3):
        files.write("mag", k, files.magnitude[..., k] * np.float32(factor))
    with pytest.raises(DataError, match="needed a scale in which the largest is between"):
        files.read()


def test_numbers_that_a_sidecar_has_as_text_are_read(tmp_path: Path) -> None:
    files = Files(tmp_path, MagneticFieldStrength="3")
    for k in range(3):
        files.write("phase", k, files.turn[..., k])
        path = files.phase[k].with_name(files.phase[k].name.replace(".nii.gz", ".json"))
        path.write_text(f'{{"EchoTime": "{TE_S[k]}", "MagneticFieldStrength": "3"}}')

    read = files.read()

    assert (read.te_s, read.b0_t) == (TE_S, 3.0)


def test_a_refusal_of_times_or_field_names_the_scan(files: Files) -> None:
    for path in files.folder.glob("*.json"):
        path.unlink()
    with pytest.raises(
        ConfigError, match="TE: found 0 from the JSON sidecar for 3 echoes of sub-1"
    ):
        files.read()
    with pytest.raises(ConfigError, match="B0: found none in the JSON sidecar of sub-1"):
        read_echo_files(files.phase, files.mag, te=["4", "8", "12"])


def test_parts_of_which_one_is_corrected_for_distortion_are_doubted(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert not [doubt for doubt in files.read().doubts if "distortion" in doubt]
    files.facts = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "DIS3D"]}
    for k in range(3):
        files.write("mag", k, files.magnitude[..., k])
    assert [doubt for doubt in files.read().doubts if "DIS3D in the other" in doubt]


def test_a_copied_echo_is_refused(files: Files) -> None:
    files.write("phase", 2, files.turn[..., 0])
    with pytest.raises(DataError, match="the same numbers in echoes 1 and 3"):
        files.read()


@pytest.mark.parametrize("ends", [(-0.5, 0.5), (-4096.0, 4094.0)])
def test_ends_that_the_phase_contradicts_are_refused(
    files: Files, ends: tuple[float, float]
) -> None:
    with pytest.raises(DataError, match="does not fill them"):
        files.read(ends)


def test_radians_that_do_not_reach_the_ends_are_doubted(files: Files) -> None:
    slope = np.linspace(-0.4, 0.4, SHAPE[0], dtype=np.float32)[:, None, None]
    for k in range(3):
        files.write("phase", k, (k + 1) * np.broadcast_to(slope, SHAPE))
    assert [doubt for doubt in files.read().doubts if "do not reach" in doubt]


def test_filtered_phase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="phase SWI has filtered"):
        Files(tmp_path, SeriesDescription="Pha_Images").read()


@pytest.mark.parametrize("facts", [{"Units": "Hz"}, {"ImageType": ["ORIGINAL", "B0", "B0"]}])
def test_a_map_of_the_field_is_no_phase(tmp_path: Path, facts: dict[str, object]) -> None:
    files = Files(tmp_path)
    files.facts = facts
    for k in range(3):
        files.write("phase", k, files.turn[..., k])
    with pytest.raises(ConfigError, match="which is a map of the field"):
        files.read()


def test_phase_without_offset_may_be_small_in_the_first_echo(files: Files) -> None:
    inside = files.magnitude[..., 0] > 50
    for k in range(3):
        small = inside * np.float32((0.1, 1.0, 3.0)[k]) * np.sin(np.arange(SHAPE[0]))[:, None, None]
        files.write("phase", k, small.astype(np.float32))
    assert files.read().scale.rad_per_step == 1


@pytest.mark.parametrize("value", [1, -1])
def test_a_sidecar_may_state_the_sign(tmp_path: Path, value: int) -> None:
    files = Files(tmp_path, PhaseSign=value).read()
    assert sign_of_files(files) == PhaseSign(value, SignOrigin.HEADER)


@pytest.mark.parametrize("last_s", [5e-6, 2e-4])
def test_echo_times_that_no_echo_has_are_refused(last_s: float) -> None:
    with pytest.raises(ConfigError, match=r"needed seconds of 0\.0003 or more"):
        echo_times_s([last_s / 2, last_s], echoes=2)


def test_a_mask_that_holds_air_is_doubted(files: Files) -> None:
    read, inside = files.read(), files.magnitude[..., 0] > 50

    def doubts(mask: np.ndarray) -> tuple[str, ...]:
        path = write(files.folder, "mask", mask.astype(np.uint8))
        found = read_regions(str(path), None, read.geometry, beside=None, magnitude=read.magnitude)
        return found.doubts

    assert not doubts(inside)
    assert "has no signal" in " ".join(doubts(np.roll(inside, 5, axis=0)))


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = PLAIN.copy()
    affine[:3, :3] = 2 * np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return affine


@pytest.mark.parametrize(("q", "s", "taken"), [(1, 4, "q"), (1, 2, "q"), (2, 1, "s"), (0, 4, "s")])
def test_the_affine_is_the_scanners(tmp_path: Path, q: int, s: int, taken: str) -> None:
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), PLAIN)
    image.set_qform(turned(0), q)
    image.set_sform(turned(28), s)
    image.to_filename(tmp_path / "a.nii")

    found = load_nifti(tmp_path / "a.nii").affine

    np.testing.assert_allclose(found, turned(0 if taken == "q" else 28), atol=1e-5)


def test_two_scanner_affines_are_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), PLAIN)
    image.set_qform(turned(0), 1)
    image.set_sform(turned(28), 1)
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(DataError, match=r"qform .code 1. and sform .code 1. place differently"):
        load_nifti(tmp_path / "a.nii")


@pytest.mark.parametrize(("unit", "side"), [("micron", 2000.0), ("meter", 0.002)])
def test_lengths_are_turned_into_mm(tmp_path: Path, unit: str, side: float) -> None:
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), np.diag([side] * 3 + [1.0]))
    image.header.set_xyzt_units(unit)
    image.to_filename(tmp_path / "a.nii")

    affine = load_nifti(tmp_path / "a.nii").affine

    np.testing.assert_allclose(np.abs(np.diag(affine)), [2, 2, 2, 1], rtol=1e-5)


@pytest.mark.parametrize("side", [2000.0, 0.001])
def test_voxels_that_no_scan_has_are_refused(tmp_path: Path, side: float) -> None:
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), np.diag([side] * 3 + [1.0]))
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(DataError, match="found voxels of"):
        load_nifti(tmp_path / "a.nii")


def test_a_sheared_grid_is_refused_with_its_name(tmp_path: Path) -> None:
    affine = PLAIN.copy()
    affine[0, 1] = 0.4
    nibabel.Nifti1Image(np.zeros(SHAPE, np.float32), affine).to_filename(tmp_path / "a.nii")
    with pytest.raises(DataError, match=r"a\.nii: found axes that are not at right angles"):
        load_nifti(tmp_path / "a.nii")


@pytest.mark.parametrize("kind", [nibabel.MGHImage, nibabel.Nifti1Pair])
def test_other_kinds_of_volumes_are_named(tmp_path: Path, kind: type) -> None:
    path = tmp_path / ("a.mgz" if kind is nibabel.MGHImage else "a.img")
    nibabel.save(kind(np.zeros(SHAPE, np.float32), PLAIN), path)
    with pytest.raises(DataError, match="needed NIfTI in one file"):
        load_nifti(path)


def test_colours_are_no_values(tmp_path: Path) -> None:
    colours = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.Nifti1Image(colours, PLAIN).to_filename(tmp_path / "a.nii")
    with pytest.raises(DataError, match="needed one number each"):
        load_nifti(tmp_path / "a.nii")


@pytest.mark.parametrize("slope", [np.nan, np.inf])
def test_a_header_that_is_damaged_is_one_sentence(tmp_path: Path, slope: float) -> None:
    path = tmp_path / "a.nii"
    nibabel.Nifti1Image(np.ones(SHAPE, np.int16), PLAIN).to_filename(path)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([1, slope], "<f4").tobytes()
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match=r"a\.nii"):
        load_nifti(path)


@pytest.mark.parametrize("polarity", [(1,), (1, 0, 1), (1, -1, 1, -1)])
def test_polarities_that_are_none_are_refused(files: Files, polarity: tuple[int, ...]) -> None:
    read = files.read()
    data = np.ones(read.phase.shape, np.complex64)
    with pytest.raises(ReconError, match="readout polarity: found"):
        total_field(data, TE_S, 3.0, read.geometry, readout_polarity=polarity)
