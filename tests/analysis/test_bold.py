"""BOLD beside veins: fractions of a known cylinder, regression of known responses."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from streamrecon.analysis.bold.confounds import vein_confounds
from streamrecon.analysis.bold.partial_veins import vein_fraction, without_veins
from streamrecon.analysis.bold.phase_regression import regress_phase
from streamrecon.analysis.bold.task import expected_responses, task_model
from streamrecon.cli import main
from streamrecon.commands.study_inputs.bold_series import read_phase, read_series
from streamrecon.errors import DataError
from streamrecon.model.geometry import Geometry
from streamrecon.output.ras import in_ras

VOLUMES, TR_S = 300, 2.0
BLOCKS = {"move": [(onset, 20.0) for onset in np.arange(20.0, 600.0, 40.0).tolist()]}
Series = NDArray[np.float64]


def series(
    voxels: int, *, vein: float, tissue: float, noise_rad: float, seed: int
) -> tuple[Series, Series]:
    """Magnitude with responses in per cent of 1000 and noise of 1 %, phase with that of the vein.

    A vein of 4 % has 0.06 rad.
    """
    random = np.random.default_rng(seed)
    response = expected_responses(BLOCKS, VOLUMES, TR_S)["move"][:, None]
    drift = np.linspace(0, 1, VOLUMES)[:, None]
    magnitude = 1000 + 10 * (vein + tissue) * response + 15 * drift
    magnitude = magnitude + random.normal(0, 10, (VOLUMES, voxels))
    phase = 3.0 + 0.015 * vein * response + 0.5 * drift
    phase = phase + random.normal(0, noise_rad, (VOLUMES, voxels))
    return magnitude, np.angle(np.exp(1j * phase))  # wraps as a scanner does


def in_a_brain(pair: tuple[Series, Series], seed: int) -> tuple[Series, Series]:
    """Beside 30 vein voxels and 2000 without a response: most of a brain has none."""
    veins = series(30, vein=4, tissue=0, noise_rad=0.03, seed=seed)
    silent = series(2000, vein=0, tissue=0, noise_rad=0.03, seed=seed + 100)
    magnitude, phase = (np.hstack(each) for each in zip(pair, veins, silent, strict=True))
    return magnitude, phase


def effect(magnitude: Series) -> Series:
    return task_model(magnitude, expected_responses(BLOCKS, VOLUMES, TR_S)).effect_percent


@pytest.mark.parametrize("noise_rad", [0.01, 0.03, 0.06])
def test_the_response_of_a_vein_goes_with_its_phase(noise_rad: float) -> None:
    pair = in_a_brain(series(200, vein=4, tissue=0, noise_rad=noise_rad, seed=1), 2)
    before = effect(pair[0])[:200].mean()
    assert before == pytest.approx(4.0, rel=0.05)  # per cent of a mean with the response in it

    found = regress_phase(*pair, TR_S)

    assert abs(effect(found.corrected)[:200].mean()) < 0.08 * before
    # the median over all voxels, which is taken off, has a little of the veins in it
    assert found.slope[:200].mean() == pytest.approx(10 * 4 / 0.06, rel=0.2)


@pytest.mark.parametrize("noise_rad", [0.01, 0.03, 0.06])
def test_the_response_of_tissue_stays(noise_rad: float) -> None:
    pair = in_a_brain(series(200, vein=0, tissue=2, noise_rad=noise_rad, seed=3), 4)

    found = regress_phase(*pair, TR_S)

    assert effect(found.corrected)[:200].mean() == pytest.approx(
        effect(pair[0])[:200].mean(), rel=0.02
    )
    assert (found.slope[:200] == 0).mean() > 0.99  # nearly all are left as they are


def test_a_phase_that_falls_is_taken_off_alike() -> None:
    magnitude, phase = in_a_brain(series(50, vein=4, tissue=0, noise_rad=0.02, seed=5), 6)

    one, other = regress_phase(magnitude, phase, TR_S), regress_phase(magnitude, -phase, TR_S)

    np.testing.assert_allclose(other.corrected, one.corrected, rtol=1e-9)
    np.testing.assert_allclose(other.slope, -one.slope, rtol=1e-6, atol=1e-9)


def test_a_voxel_of_both_loses_both() -> None:
    """What no regression on phase can tell apart, as the docstring says."""
    pair = in_a_brain(series(200, vein=3, tissue=1, noise_rad=0.01, seed=7), 8)

    found = regress_phase(*pair, TR_S)

    assert abs(effect(found.corrected)[:200].mean()) < 0.3


def test_courses_of_veins_have_the_task_in_them_unless_it_is_taken_off() -> None:
    magnitude, _ = series(80, vein=4, tissue=0, noise_rad=0.01, seed=9)
    responses = expected_responses(BLOCKS, VOLUMES, TR_S)

    as_found = vein_confounds(magnitude, responses)
    orthogonal = vein_confounds(magnitude, responses, orthogonal=True)

    assert list(as_found.courses) == ["vein_mean", *(f"vein_pc_0{n}" for n in range(1, 6))]
    assert as_found.task_part["vein_mean"] > 0.95
    assert as_found.inflation("vein_mean") > 20
    assert max(orthogonal.task_part.values()) < 1e-9


def cylinder(grid: Geometry, radius_mm: float, direction: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Voxels whose centre lies in a cylinder through the origin of the scanner."""
    place = np.moveaxis(np.indices(grid.shape), 0, -1) @ grid.affine_lps()[:3, :3].T
    place = place + grid.affine_lps()[:3, 3]
    across = place - (place @ direction)[..., None] * direction
    return np.asarray(np.linalg.norm(across, axis=-1) < radius_mm)


def turned(degrees: float) -> NDArray[np.float64]:
    """About the L axis, and then about S by half of it."""
    a, b = np.radians(degrees), np.radians(degrees / 2)
    about_l = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_s = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    both: NDArray[np.float64] = about_s @ about_l
    return both


AXES = np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]])
FINE = Geometry((59, 91, 87), (1.2, 0.8, 0.8), AXES)
EPI = Geometry((17, 23, 21), (3.0, 2.2, 2.2), AXES @ turned(12).T)


def test_vein_voxels_of_an_oblique_cylinder_are_found() -> None:
    direction = np.array([0.3, 0.5, np.sqrt(1 - 0.34)])
    fine = Geometry((170, 230, 210), (0.3, 0.22, 0.22), EPI.axes_lps)  # ten points a side
    shift = np.array([1.5, -2.0, 0.7])  # of the head between both scans
    motion = np.eye(4)
    motion[:3, 3] = -shift  # from the EPI to the first scan
    inside = cylinder(FINE, 1.6, direction).astype(np.float32)

    found = vein_fraction(inside, FINE, EPI, motion)

    moved = Geometry(fine.shape, fine.voxel_mm, fine.axes_lps, tuple((-shift).tolist()))
    parts = cylinder(moved, 1.6, direction).reshape(17, 10, 23, 10, 21, 10).mean(axis=(1, 3, 5))
    truth, mask = parts >= 0.3, found >= 0.3
    assert 2 * (truth & mask).sum() / (truth.sum() + mask.sum()) >= 0.8
    assert found.sum() == pytest.approx(parts.sum(), rel=0.05)


def test_a_displaced_image_is_asked_where_its_tissue_lies() -> None:
    ball = cylinder(FINE, 4.0, np.array([0, 0, 1.0])).astype(np.float32)
    shift = np.zeros((*EPI.shape, 3))
    shift[..., 1] = 2.2  # one voxel of the EPI, were it not oblique

    straight = vein_fraction(ball, FINE, EPI, np.eye(4))
    displaced = vein_fraction(ball, FINE, EPI, np.eye(4), shift)

    places = np.moveaxis(np.indices(EPI.shape), 0, -1) @ EPI.affine_lps()[:3, :3].T
    middle = [np.average(places, axis=(0, 1, 2), weights=np.repeat(f[..., None], 3, -1))
              for f in (straight, displaced)]  # fmt: skip
    assert middle[1][1] - middle[0][1] == pytest.approx(2.2, abs=0.1)  # it is shown farther back


def test_a_rim_around_veins_is_left_out_in_millimetres() -> None:
    veins = np.zeros(EPI.shape, np.bool_)
    veins[8, 11, 10] = True

    kept = without_veins(veins, EPI, 2.5)

    assert not kept[8, 12, 10]  # 2.2 mm
    assert kept[9, 11, 10]  # 3.0 mm


def write_nifti(path: Path, values: NDArray[np.float32], grid: Geometry) -> None:
    """A volume [Z, Y, X] or a series [T, Z, Y, X] of 2 s."""
    _, affine = in_ras(np.zeros(grid.shape), grid)
    image = nibabel.Nifti1Image(values.T, affine)
    image.header.set_xyzt_units("mm", "sec")
    if values.ndim == 4:
        image.header["pixdim"][4] = TR_S
    image.to_filename(path)


def test_a_phase_whose_axes_a_tool_has_turned_is_put_in_the_order_of_its_magnitude(
    tmp_path: Path,
) -> None:
    shape = (VOLUMES, *EPI.shape)
    rng = np.random.default_rng(3)
    magnitude = rng.uniform(1, 2, shape).astype(np.float32)
    phase = rng.uniform(-np.pi, np.pi, shape).astype(np.float32)
    write_nifti(tmp_path / "m_bold.nii.gz", magnitude, EPI)
    write_nifti(tmp_path / "phase.nii.gz", phase, EPI)
    beside = read_series(tmp_path / "m_bold.nii.gz", None)
    before = read_phase(tmp_path / "phase.nii.gz", beside)
    image = nibabel.load(tmp_path / "phase.nii.gz")
    image.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]])).to_filename(tmp_path / "turned.nii")
    moved = image.affine + np.outer([1, 0, 0, 0], [0, 0, 0, 5.0])
    nibabel.Nifti1Image(np.asarray(image.dataobj), moved).to_filename(tmp_path / "moved.nii")

    np.testing.assert_array_equal(read_phase(tmp_path / "turned.nii", beside), before)
    with pytest.raises(DataError, match="lies on another grid than the magnitude: corner voxels"):
        read_phase(tmp_path / "moved.nii", beside)


def test_the_command_writes_what_belongs_to_the_veins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    veins = np.roll(cylinder(FINE, 3.0, np.array([0, 0, 1.0])), 16, axis=2)  # off the middle
    inside = (vein_fraction(veins, FINE, EPI, np.eye(4)) >= 0.3).ravel()
    magnitude, phase = series(EPI.shape[0] * EPI.shape[1] * EPI.shape[2], vein=0, tissue=0,
                              noise_rad=0.03, seed=11)  # fmt: skip
    pair = series(int(inside.sum()), vein=4, tissue=0, noise_rad=0.03, seed=12)
    magnitude[:, inside], phase[:, inside] = pair
    write_nifti(tmp_path / "vein.nii.gz", veins.astype(np.float32), FINE)
    for name, values in (("m_bold", magnitude), ("phase", phase)):
        shaped = values.reshape(-1, *EPI.shape).astype(np.float32)
        write_nifti(tmp_path / f"{name}.nii.gz", shaped, EPI)
    rows = [f"{onset:g}\t20\tmove" for onset, _ in BLOCKS["move"]]
    events = "\n".join(["onset\tduration\ttrial_type", *rows]) + "\n"
    (tmp_path / "events.tsv").write_text(events, encoding="utf-8")
    given = {"bold": "m_bold.nii.gz", "phase": "phase.nii.gz", "vein": "vein.nii.gz",
             "events": "events.tsv"}  # fmt: skip
    words = [word for name, file in given.items() for word in (f"--{name}", str(tmp_path / file))]

    assert main(["analyze", "bold", *words, "-o", str(tmp_path / "out")]) == 1

    assert "of it goes with the task" in capsys.readouterr().err
    picture = np.asarray(Image.open(tmp_path / "out" / "bold_veins.png").convert("RGB"), np.int16)
    is_red = (picture[..., 0] - picture[..., 1]) > 100
    thirds = np.array_split(is_red, 3, axis=1)  # axial, coronal, sagittal
    assert [bool(each.any()) for each in thirds] == [True, True, True]
    out = tmp_path / "out"
    mask = np.asarray(nibabel.load(out / "m_desc-veins_mask.nii.gz").dataobj).T
    assert (mask.ravel() > 0).tolist() == inside.tolist()
    image = nibabel.load(out / "m_desc-phaseregressed_bold.nii.gz")
    assert image.header.get_zooms()[3] == pytest.approx(TR_S)
    after = np.asarray(image.dataobj, np.float64).T.reshape(VOLUMES, -1)[:, inside]
    assert abs(effect(after).mean()) < 0.08 * effect(magnitude[:, inside]).mean()
    head = (out / "m_desc-veins_timeseries.tsv").read_text(encoding="utf-8").splitlines()[0]
    assert head.split("\t")[:2] == ["vein_mean", "vein_pc_01"]
