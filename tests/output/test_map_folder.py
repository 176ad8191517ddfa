"""A folder of outputs gives maps by what they are, or says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from map_files import oblique_grid, write_map

from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.label_map import read_labels
from streamrecon.output.readings.map_folder import read_map_folder

GRID = oblique_grid()
CHI = np.random.default_rng(3).normal(0, 0.05, GRID.shape).astype(np.float32)


def scan(folder: Path) -> Path:
    chi = CHI.copy()
    chi[0] = 0
    write_map(
        folder, "p_Chimap", Quantity.CHI, chi, GRID, MagneticFieldStrength=2.89,
        ImageComments=["preset standard", "zero: whole brain; cerebrospinal fluid +3.1 ± 9.0 ppb"],
    )  # fmt: skip
    for number, te_s in ((2, 0.011), (1, 0.004)):
        write_map(
            folder, f"p_echo-{number}_part-mag_MEGRE", Quantity.MAGNITUDE,
            np.full(GRID.shape, 1 / te_s, np.float32), GRID, EchoTime=te_s,
        )  # fmt: skip
    return folder


def test_maps_come_with_grid_field_echo_times_and_reference(tmp_path: Path) -> None:
    maps = read_map_folder(scan(tmp_path))

    assert maps.geometry.same_as(GRID)
    assert np.allclose(maps.geometry.b0_axis(), GRID.b0_axis(), atol=1e-6)
    assert maps.b0_t == 2.89
    assert maps.te_s == (0.004, 0.011)
    assert maps.whole() == "whole brain"
    assert np.array_equal(maps.map(Quantity.CHI)[1:], CHI[1:])
    echoes = maps.echoes(Quantity.MAGNITUDE)
    assert np.allclose(echoes[:, 0, 0, 0], (250, 1 / 0.011))  # sorted by time, not by name
    assert not maps.mask()[0].any()
    assert maps.mask()[1:].all()
    assert maps.map_if_there(Quantity.R2_STAR) is None


def test_a_map_in_ppb_is_no_map_in_ppm(tmp_path: Path) -> None:
    write_map(tmp_path, "p_Chimap", Quantity.CHI, CHI * 1e3, GRID)
    with pytest.raises(DataError, match=r"p_Chimap: found χ up to ±1\d\d.*, needed ppm"):
        read_map_folder(tmp_path).map(Quantity.CHI)


@pytest.mark.parametrize(
    "zero", ["zero: whole mask", "zero: slow decay; whole mask +3.1 ± 9.0 ppb"]
)
def test_a_mask_in_which_no_brain_was_recognised_is_called_so(tmp_path: Path, zero: str) -> None:
    write_map(
        tmp_path, "p_Chimap", Quantity.CHI, CHI, GRID, ImageComments=["preset standard", zero]
    )

    assert read_map_folder(tmp_path).whole() == "whole mask"


def test_what_is_missing_is_named_with_what_makes_it(tmp_path: Path) -> None:
    maps = read_map_folder(scan(tmp_path / "sub-1"))

    with pytest.raises(DataError, match=r"sub-1: found no local_field, which .*local_field=true"):
        maps.map(Quantity.LOCAL_FIELD)
    with pytest.raises(DataError, match=r"found no phase"):
        maps.echoes(Quantity.PHASE)
    with pytest.raises(DataError, match=r"found .*echo-1.*echo-2.*, needed one magnitude"):
        maps.map(Quantity.MAGNITUDE)


def test_no_field_strength_is_told_and_not_assumed(tmp_path: Path) -> None:
    write_map(tmp_path, "p_Chimap", Quantity.CHI, CHI, GRID)

    with pytest.raises(DataError, match="no file says MagneticFieldStrength"):
        _ = read_map_folder(tmp_path).b0_t


def test_a_repetition_has_to_be_named_where_there_are_several(tmp_path: Path) -> None:
    for run in (1, 2):
        write_map(tmp_path, f"p_run-{run}_Chimap", Quantity.CHI, run * CHI, GRID)

    second = read_map_folder(tmp_path, run=2)

    assert np.array_equal(second.map(Quantity.CHI), 2 * CHI)
    with pytest.raises(ConfigError, match="found repetitions 1, 2, needed --run N"):
        read_map_folder(tmp_path)


def test_a_folder_without_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found no such folder"):
        read_map_folder(tmp_path / "nowhere")
    write_nifti(tmp_path / "stranger.nii.gz", CHI, GRID)
    with pytest.raises(DataError, match=r"found no chi, local_field"):
        read_map_folder(tmp_path)


def test_sources_tell_other_voxels_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write_map(first, "p_Chimap", Quantity.CHI, CHI, GRID)
    write_map(second, "p_Chimap", Quantity.CHI, -CHI, GRID)

    one, other = (read_map_folder(folder).sources() for folder in (first, second))

    assert one.keys() == other.keys() == {"p_Chimap"}
    assert one != other
    assert one == read_map_folder(first).sources()


@pytest.mark.parametrize(("ending", "text"), [
    ("json", json.dumps({"1": "left putamen", "4": "right putamen"})),
    ("tsv", "index\tname\n1\tleft putamen\n4\tright putamen\n"),
])  # fmt: skip
def test_labels_have_names_from_the_file_beside_them(
    tmp_path: Path, ending: str, text: str
) -> None:
    numbers = np.zeros(GRID.shape, np.int16)
    numbers[2, 3, 4], numbers[5:7], numbers[8] = 4, 1, 9
    write_nifti(tmp_path / "nuclei.nii.gz", numbers, GRID)
    (tmp_path / f"nuclei.{ending}").write_text(text)

    labels = read_labels(tmp_path / "nuclei.nii.gz", GRID)

    assert dict(labels.names) == {1: "left putamen", 4: "right putamen", 9: "region 9"}
    regions = dict(labels.regions())
    assert np.argwhere(regions["right putamen"]).tolist() == [[2, 3, 4]]


def test_labels_of_another_grid_or_of_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    other = Geometry(GRID.shape, GRID.voxel_mm, GRID.axes_lps, (4.0, -7.5, 13.0))
    write_nifti(tmp_path / "moved.nii", np.ones(GRID.shape, np.int16), other)
    write_nifti(tmp_path / "smooth.nii", np.full(GRID.shape, 0.3, np.float32), GRID)
    write_nifti(tmp_path / "empty.nii", np.zeros(GRID.shape, np.int16), GRID)
    write_nifti(tmp_path / "good.nii", np.ones(GRID.shape, np.int16), GRID)
    (tmp_path / "bad.tsv").write_text("number\tname\n1\tx\n")

    for name, reason in (("moved", "another grid"), ("smooth", "no labels"), ("empty", "no voxel")):
        with pytest.raises(ConfigError, match=rf"{name}.nii: .*{reason}"):
            read_labels(tmp_path / f"{name}.nii", GRID)
    with pytest.raises(ConfigError, match=r"bad.tsv: cannot be read"):
        read_labels(tmp_path / "good.nii", GRID, names=tmp_path / "bad.tsv")


def with_zeros(folder: Path, scale: float, *, mask: bool) -> np.ndarray:
    """Where a map is known that has a 0 inside, one at its rim, and a rounded step or none."""
    chi = np.where(np.rint(CHI * 1e3) == 0, 1.0, np.rint(CHI * 1e3)).astype(np.float32)
    chi *= np.float32(scale)
    chi[0], chi[2, 3, 4], chi[1, 0, 0] = 0, 0, 0
    write_map(folder, "p_Chimap", Quantity.CHI, chi, GRID)
    if mask:
        inside = np.ones(GRID.shape, np.float32)
        inside[0], inside[2, 3, 4] = 0, 0
        write_map(folder, "p_mask", Quantity.MASK, inside, GRID)
    return read_map_folder(folder).mask()


def test_a_zero_inside_a_map_of_whole_ppb_is_a_value(tmp_path: Path) -> None:
    """A hole would take its rim off a region that is narrow by it, or keep that of a wide one."""
    whole = with_zeros(tmp_path / "whole", 1e-3, mask=False)
    finer = with_zeros(tmp_path / "finer", 1.00037e-3, mask=False)
    masked = with_zeros(tmp_path / "masked", 1e-3, mask=True)

    assert [each[2, 3, 4] for each in (whole, finer, masked)] == [True, False, False]
    for each in (whole, finer, masked):
        assert not each[0].any()
        assert not each[1, 0, 0]
        assert each.sum() == each[1:].size - 2 + each[2, 3, 4]
