"""Masks in files of others: which one is taken, what is read, what is refused."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from streamrecon.commands.image_inputs.mask_files import mask_beside, read_mask
from streamrecon.errors import ConfigError, DataError
from streamrecon.output.ras import from_ras

AFFINE = np.array([[2.0, 0, 0, -9], [0, -3.0, 0, 7], [0, 0, 2.5, 1], [0, 0, 0, 1]])
SHAPE = (7, 5, 6)  # x, y, z
INSIDE = np.zeros(SHAPE, bool)
INSIDE[2:5, 1:3, 4] = True
GEOMETRY = from_ras(INSIDE, AFFINE)[1]


def written(
    folder: Path, values: np.ndarray, affine: np.ndarray = AFFINE, name: str = "sub-1_mask.nii.gz"
) -> Path:
    path = folder / name
    nibabel.Nifti1Image(values, affine).to_filename(path)
    return path


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_zero_and_one_other_number_are_a_mask(
    tmp_path: Path, scale: int, kind: type[np.generic]
) -> None:
    found = read_mask(written(tmp_path, (INSIDE * scale).astype(kind)), GEOMETRY)

    assert np.array_equal(found.mask, INSIDE.T)
    assert found.doubts == ()


def test_probabilities_are_cut_at_a_half_and_told(tmp_path: Path) -> None:
    values = np.where(INSIDE, 0.5, 0.49).astype(np.float32)
    values[0, 0, 0] = 0.1

    found = read_mask(written(tmp_path, values), GEOMETRY)

    assert np.array_equal(found.mask, INSIDE.T)
    assert found.doubts == ("sub-1_mask.nii.gz: probabilities; 0.5 and more are inside",)


def test_the_whole_field_of_view_is_told(tmp_path: Path) -> None:
    found = read_mask(written(tmp_path, np.ones(SHAPE, np.uint8)), GEOMETRY)

    assert found.mask.all()
    assert found.doubts == ("sub-1_mask.nii.gz: the whole field of view is inside",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.where(INSIDE, np.nan, 0).astype(np.float32), "6 voxels that are no number"),
        (np.zeros(SHAPE, np.uint8), "no voxel inside"),
        ((INSIDE * 3 + (np.arange(6) == 1)).astype(np.int16), "3 different numbers in 0 … 3"),
        ((INSIDE - 1.0).astype(np.float32), "needed 0 and 1, or probabilities"),
        (np.stack([INSIDE, INSIDE], axis=-1).astype(np.uint8), "needed a mask of 3 dimensions"),
        (INSIDE[:-1].astype(np.uint8), "lies on another grid"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(tmp_path: Path, values: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        read_mask(written(tmp_path, values), GEOMETRY)

    assert "sub-1_mask.nii.gz" in str(refused.value)


def test_a_broken_file_and_another_place_are_refused(tmp_path: Path) -> None:
    broken = written(tmp_path, INSIDE.astype(np.uint8))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    moved = written(tmp_path, INSIDE.astype(np.uint8), AFFINE + np.eye(4, k=3), "m.nii")

    with pytest.raises(DataError, match=r"cut short or damaged|needed NIfTI"):
        read_mask(broken, GEOMETRY)
    with pytest.raises(DataError, match="another grid"):
        read_mask(moved, GEOMETRY)


def test_a_mask_whose_axes_a_tool_has_turned_is_the_same_mask(tmp_path: Path) -> None:
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(INSIDE.astype(np.uint8), AFFINE))
    turned = turned.as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))

    found = read_mask(written(tmp_path, np.asarray(turned.dataobj), turned.affine), GEOMETRY)

    assert turned.shape != SHAPE
    assert np.array_equal(found.mask, INSIDE.T)


def test_another_grid_is_told_by_its_difference(tmp_path: Path) -> None:
    short = written(tmp_path, INSIDE[:-1].astype(np.uint8), name="short.nii")
    moved = written(tmp_path, INSIDE.astype(np.uint8), AFFINE + 4 * np.eye(4, k=3), "moved.nii")

    with pytest.raises(DataError, match="6 × 5 × 6 voxels in place of 7 × 5 × 6"):
        read_mask(short, GEOMETRY)
    with pytest.raises(DataError, match="corner voxels up to 4 mm away"):
        read_mask(moved, GEOMETRY)


def test_the_difference_from_another_grid_is_that_which_turning_leaves(tmp_path: Path) -> None:
    moved = nibabel.Nifti1Image(INSIDE.astype(np.uint8), AFFINE + 4 * np.eye(4, k=3))
    turned = moved.as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    path = written(tmp_path, np.asarray(turned.dataobj), turned.affine)

    with pytest.raises(DataError, match=r"another grid than the images: corner .* up to 4 mm away"):
        read_mask(path, GEOMETRY)


def test_the_mask_beside_the_magnitude_is_found_by_its_name(tmp_path: Path) -> None:
    magnitude = tmp_path / "sub-1_ses-2_echo-1_part-mag_MEGRE.nii.gz"
    names = ["sub-1_ses-2_mask.nii.gz", "sub-1_ses-2_desc-brain_mask.nii", "sub-11_mask.nii.gz"]

    with pytest.raises(ConfigError, match="found no sub-1_ses-2_desc-brain_mask"):
        mask_beside(magnitude)
    written(tmp_path, INSIDE.astype(np.uint8), name=names[2])
    written(tmp_path, INSIDE.astype(np.uint8), name=names[0])
    assert mask_beside(magnitude).name == names[0]
    written(tmp_path, INSIDE.astype(np.uint8), name=names[1])
    assert mask_beside(magnitude).name == names[1]
    written(tmp_path, INSIDE.astype(np.uint8), name="sub-1_ses-2_space-t_desc-brain_mask.nii.gz")
    with pytest.raises(ConfigError, match="needed one; name it by --mask"):
        mask_beside(magnitude)
