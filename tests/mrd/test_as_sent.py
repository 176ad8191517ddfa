"""Images as scanners send them become the volumes that they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.scene import Orientation, Scene

from streamrecon.errors import HeaderError
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.as_sent import images_as_meant
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image

SCENE = Scene(
    "oblique", matrix=(7, 10, 12), voxel_mm=(4.0, 2.0, 1.5), oversampling=(1.0, 1.0, 1.0),
    te_s=(0.005,), orientation=Orientation.CORONAL, tilt_deg=(20.0, -15.0), n_coils=1,
    centre_lps_mm=(11.0, -4.0, 7.0),
)  # fmt: skip
PROTOCOL = read_protocol(header_xml(SCENE))
VALUES = np.random.default_rng(2).normal(size=SCENE.matrix).astype(np.float32)


def image(first: int, count: int, *, series: int = 1, **fields: object) -> Image:
    """Partitions from ``first`` on, in the place of their middle one."""
    geometry = SCENE.geometry
    header = np.zeros(1, IMAGE)[0]
    dz, dy, dx = geometry.voxel_mm
    normal = geometry.axes_lps[0]
    shift_mm = (first + count // 2 - SCENE.matrix[0] // 2) * dz
    header["position"] = np.array(geometry.centre_lps_mm) + shift_mm * normal
    header["slice_dir"], header["phase_dir"], header["read_dir"] = geometry.axes_lps
    header["matrix_size"] = (SCENE.matrix[2], SCENE.matrix[1], count)
    header["field_of_view"] = (SCENE.matrix[2] * dx, SCENE.matrix[1] * dy, count * dz)
    header["channels"], header["image_type"], header["image_series_index"] = 1, 1, series
    header["slice"] = first if count == 1 else 0
    for name, value in fields.items():
        header[name] = value
    return Image(header, VALUES[None, first : first + count])


def volume(images: list[Image]) -> tuple[Stack, tuple[str, ...]]:
    meant, corrections = images_as_meant(images, PROTOCOL)
    (stack,) = stacks_of(meant)
    return stack, corrections


def assert_right(stack: Stack) -> None:
    np.testing.assert_array_equal(stack.values, VALUES)
    assert stack.geometry.same_as(SCENE.geometry, tolerance_mm=1e-3)


def test_a_packed_volume_as_it_should_be_is_left_alone() -> None:
    stack, corrections = volume([image(0, 7)])

    assert_right(stack)
    assert not corrections


def test_a_packed_volume_under_the_header_of_its_first_partition_has_all_of_them() -> None:
    first = image(0, 1).header
    place = {name: first[name] for name in ("position", "field_of_view")}

    stack, (correction,) = volume([image(0, 7, **place)])

    assert_right(stack)
    assert "7 partitions in 4 mm, but 28 mm in the MRD header" in correction


def test_a_depth_that_is_neither_is_kept_and_told() -> None:
    stack, (correction,) = volume([image(0, 7, field_of_view=(18.0, 20.0, 21.0))])

    assert stack.geometry.voxel_mm == (3.0, 2.0, 1.5)
    assert "7 partitions in 21 mm, but 28 mm in the MRD header: the images' own" in correction


def test_partitions_thinner_than_any_are_refused_with_the_numbers() -> None:
    flat = image(0, 7, field_of_view=(18.0, 20.0, 0.7))

    with pytest.raises(HeaderError, match=r"7 partitions of 0.1 mm with pixels of 1.5 by 2 mm"):
        images_as_meant([flat], PROTOCOL)


@pytest.mark.parametrize("counted_on", [True, False])
def test_concatenations_are_one_volume(counted_on: bool) -> None:
    """Every second slice is in a series of its own, its counter going on or beginning again."""
    slices = [image(n, 1, series=1 + 2 * (n % 2)) for n in (0, 2, 4, 6, 1, 3, 5)]
    if not counted_on:
        for number, one in enumerate(slices):
            one.header["slice"] = number % 4

    stack, (correction,) = volume(slices)

    assert_right(stack)
    assert "series [1, 3]: taken as one" in correction


def test_two_series_of_the_same_places_stay_two() -> None:
    """Distortion corrected and not, say: nobody has said which is wanted."""
    slices = [image(n, 1, series=series) for series in (1, 2) for n in range(7)]

    meant, corrections = images_as_meant(slices, PROTOCOL)

    assert len(stacks_of(meant)) == 2
    assert not corrections


def test_images_are_not_modified() -> None:
    given = image(0, 7, field_of_view=(18.0, 20.0, 4.0))
    before = replace(given, header=given.header.copy())

    images_as_meant([given], PROTOCOL)

    assert given.header == before.header
