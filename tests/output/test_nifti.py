"""NIfTI files against nibabel and closed form: data order, affine, handedness, atomicity."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry
from streamrecon.output.nifti import write_nifti
from streamrecon.storage.atomic_file import whole

_TILT = Rotation.from_euler("zyx", [20, -35, 70], degrees=True).as_matrix()
_MIRROR = np.diag([1.0, -1.0, 1.0])
_VOXEL = (2.5, 0.7, 1.1)
_CENTRE = (12.0, -31.0, 44.5)


def grid(axes: np.ndarray, shape: tuple[int, int, int] = (5, 7, 4)) -> Geometry:
    return Geometry(shape, _VOXEL, axes, _CENTRE)


@pytest.mark.parametrize("axes", [_TILT, _MIRROR @ _TILT], ids=["right-handed", "left-handed"])
def test_a_voxel_lies_in_the_file_where_it_lies_in_the_patient(
    tmp_path: Path, axes: np.ndarray
) -> None:
    values = np.zeros((5, 7, 4), np.float32)
    values[4, 1, 3] = 9.0
    # closed form: from the centre voxel (2, 3, 2) it is 2, -2, 1 voxels along the rows z, y, x
    lps = np.array(_CENTRE) + 2 * 2.5 * axes[0] - 2 * 0.7 * axes[1] + 1 * 1.1 * axes[2]

    write_nifti(tmp_path / "v.nii.gz", values, grid(axes))

    image = nibabel.load(tmp_path / "v.nii.gz")
    (index,) = np.argwhere(image.get_fdata() == 9.0)
    found = image.affine @ (*index, 1)
    np.testing.assert_allclose(found[:3], lps * (-1, -1, 1), atol=1e-4)  # float32 in the header


@pytest.mark.parametrize("axes", [_TILT, _MIRROR @ _TILT], ids=["right-handed", "left-handed"])
def test_qform_and_sform_agree_and_are_in_scanner_space(tmp_path: Path, axes: np.ndarray) -> None:
    write_nifti(tmp_path / "v.nii", np.ones((5, 7, 4), np.float32), grid(axes))

    header = nibabel.load(tmp_path / "v.nii").header
    qform, qcode = header.get_qform(coded=True)
    sform, scode = header.get_sform(coded=True)
    assert (qcode, scode) == (1, 1)
    np.testing.assert_allclose(qform, sform, atol=1e-4)
    np.testing.assert_allclose(header.get_zooms(), _VOXEL[::-1], rtol=1e-6)
    assert header.get_xyzt_units() == ("mm", "sec")


def test_a_mirrored_grid_keeps_its_handedness(tmp_path: Path) -> None:
    signs = []
    for name, axes in [("a.nii", _TILT), ("b.nii", _MIRROR @ _TILT)]:
        write_nifti(tmp_path / name, np.ones((5, 7, 4), np.float32), grid(axes))
        signs.append(np.sign(np.linalg.det(nibabel.load(tmp_path / name).affine[:3, :3])))

    # rows z, y, x that turn right are columns x, y, z that turn left; LPS to RAS keeps the turn
    assert signs == [-1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int16])
def test_numbers_come_back_unscaled_in_their_own_type(
    tmp_path: Path, dtype: type[np.generic]
) -> None:
    values = np.random.default_rng(3).integers(-3000, 3000, (3, 4, 5)).astype(dtype)
    values = values * dtype(1j) if dtype is np.complex64 else values

    write_nifti(tmp_path / "v.nii.gz", values, grid(np.eye(3), (3, 4, 5)))

    found = np.asanyarray(nibabel.load(tmp_path / "v.nii.gz").dataobj)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values.transpose(2, 1, 0))


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("before")

    with pytest.raises(OSError, match="disk full"), whole(path) as scratch:
        scratch.write_text("half")
        raise OSError("disk full")

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
