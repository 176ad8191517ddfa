"""Slabs against a loop, and where they lie."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from streamrecon.errors import ReconError
from streamrecon.maps.projection import Extreme, project_slabs
from streamrecon.model.geometry import Geometry

OBLIQUE = np.eye(3)[::-1] @ Rotation.from_euler("xyz", [25, -35, 20], degrees=True).as_matrix()
AXES = {"axial": np.eye(3)[::-1], "oblique": OBLIQUE, "left": np.diag([-1.0, 1, 1]) @ OBLIQUE}


def grid(n: int, dz: float, axes: str = "axial") -> Geometry:
    return Geometry((n, 3, 4), (dz, 1.0, 0.7), AXES[axes], (5.0, -3.0, 40.0))


@pytest.mark.parametrize(
    ("n", "dz", "width"), [(17, 2.0, 4), (16, 1.5, 5), (11, 1.0, 8), (9, 2.7, 3)]
)
@pytest.mark.parametrize("extreme", Extreme)
def test_every_slice_is_the_extreme_of_its_slab_and_none_is_empty(
    n: int, dz: float, width: int, extreme: Extreme
) -> None:
    values = np.random.default_rng(n).uniform(1, 2, (n, 3, 4)).astype(np.float32)

    found = project_slabs(values, grid(n, dz), extreme=extreme)

    pick = np.min if extreme is Extreme.MINIMUM else np.max
    expected = [pick(values[i : i + width], axis=0) for i in range(n - width + 1)]
    np.testing.assert_array_equal(found.values, expected)
    assert found.values.min() >= 1  # no black tail
    assert found.slab_mm == pytest.approx(width * dz)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("slab_mm", [2.0, 4.0, 6.0, 10.0])
def test_a_slice_lies_in_the_middle_of_the_slices_that_it_shows(axes: str, slab_mm: float) -> None:
    source = grid(9, 2.0, axes)
    found = project_slabs(np.ones(source.shape), source, slab_mm=slab_mm)

    width = round(slab_mm / 2)
    last = found.geometry.shape[0] - 1
    for i in (0, last):
        at = found.geometry.affine_lps() @ (i, 1, 2, 1)
        ends = [source.affine_lps() @ (z, 1, 2, 1) for z in (i, i + width - 1)]
        np.testing.assert_allclose(at, np.mean(ends, axis=0), atol=1e-9)
    assert last == 9 - width
    assert found.geometry.voxel_mm == source.voxel_mm


def test_gaps_between_slices_are_not_counted_as_thickness() -> None:
    found = project_slabs(np.ones((9, 3, 4)), grid(9, 3.0), slab_mm=9, thickness_mm=2.0)
    assert found.slab_mm == pytest.approx(8.0)  # 2 + 3 + 3


def test_a_slab_thinner_than_a_slice_or_thicker_than_all_is_what_there_is() -> None:
    values = np.arange(60.0).reshape(5, 3, 4)
    thin = project_slabs(values, grid(5, 3.0), slab_mm=1.0)
    np.testing.assert_array_equal(thin.values, values)
    assert thin.slab_mm == 3
    thick = project_slabs(values, grid(5, 3.0), slab_mm=100.0)
    np.testing.assert_array_equal(thick.values, values[:1])
    assert thick.slab_mm == 15


def test_the_source_is_left_as_it_is() -> None:
    values = np.random.default_rng(0).random((6, 3, 4)).astype(np.float32)
    before = values.copy()
    found = project_slabs(values, grid(6, 1.0), slab_mm=1.0)
    found.values[:] = 0
    np.testing.assert_array_equal(values, before)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ReconError, match="positive"):
        project_slabs(np.ones((5, 3, 4)), grid(5, 1.0), slab_mm=0)
    with pytest.raises(ReconError, match="needed"):
        project_slabs(np.ones((4, 3, 4)), grid(5, 1.0))
