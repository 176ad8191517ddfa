"""Lines in any order become the image that a plain Fourier sum gives."""

import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.model.scan import CounterRange
from streamrecon.recon.images.coil_combination import coil_images
from streamrecon.recon.kspace.assemble import Assembler
from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.kspace.readout import ReadoutTransform

RNG = np.random.default_rng(11)


def plain_image(kspace: np.ndarray, axes: tuple[Axis, Axis, Axis]) -> np.ndarray:
    """Image [..., Z, Y, X] by the sum over all samples, each axis in turn."""
    for position, axis in zip((-3, -2, -1), axes, strict=True):
        k = np.arange(axis.n_encoded) - axis.n_encoded // 2
        kept = (k >= -(axis.n_transform // 2)) & (k < (axis.n_transform + 1) // 2)
        r = np.arange(axis.n_image) - axis.n_image // 2
        matrix = np.exp(2j * np.pi * np.outer(r, k) / axis.n_transform) * kept
        matrix /= np.sqrt(axis.n_encoded)
        kspace = np.moveaxis(np.moveaxis(kspace, position, -1) @ matrix.T, -1, position)
    return kspace


def axis(n_encoded: int, n_transform: int | None = None, n_image: int | None = None) -> Axis:
    n_transform = n_transform or n_encoded
    return Axis(n_encoded, n_transform, n_image or n_transform, 200.0)


AXES = {
    "even": (axis(8), axis(10), axis(12)),
    "odd": (axis(7), axis(9), axis(11)),
    "oversampled everywhere": (axis(8, 8, 6), axis(10, 10, 7), axis(24, 24, 12)),
    "odd oversampled": (axis(9, 9, 7), axis(11, 11, 6), axis(25, 25, 13)),
    "zero-filled": (axis(5, 8, 8), axis(7, 12, 9), axis(11, 16, 16)),
    "fewer voxels than lines": (axis(8, 5, 5), axis(10, 7, 7), axis(12, 9, 9)),
}


def grid_of(axes: tuple[Axis, Axis, Axis], n_slices: int = 1) -> Grid:
    z, y, x = axes
    ky = CounterRange(0, y.n_encoded - 1, y.n_encoded // 2)
    kz = CounterRange(0, z.n_encoded - 1, z.n_encoded // 2)
    return Grid(z, y, x, ky=ky, kz=kz, n_slices=n_slices)


def order_of(name: str, n_echoes: int, n_z: int, n_y: int) -> np.ndarray:
    """Line order as rows (echo, kz, ky)."""
    e, z, y = np.meshgrid(range(n_echoes), range(n_z), range(n_y), indexing="ij")
    lines = np.stack([e.ravel(), z.ravel(), y.ravel()], axis=1)
    if name == "partitions inside":
        return lines[np.lexsort((lines[:, 0], lines[:, 1], lines[:, 2]))]
    if name == "steps inside":
        return lines[np.lexsort((lines[:, 0], lines[:, 2], lines[:, 1]))]
    return RNG.permutation(lines)


@pytest.mark.parametrize("order", ["steps inside", "partitions inside", "random"])
@pytest.mark.parametrize("axes", AXES.values(), ids=AXES.keys())
def test_any_order_on_any_grid_gives_the_plain_sum(
    axes: tuple[Axis, Axis, Axis], order: str
) -> None:
    n_z, n_y, n_x = (a.n_encoded for a in axes)
    kspace = (RNG.normal(size=(2, 3, n_z, n_y, n_x, 2)) @ [1, 1j]).astype(np.complex64)
    assembler = Assembler(grid_of(axes), n_echoes=2, n_channels=3)
    readout = ReadoutTransform(axes[2], n_channels=3)

    for batch in np.array_split(order_of(order, 2, n_z, n_y), 13):
        e, z, y = batch.T
        centre = np.full(len(batch), n_x // 2)
        rows = readout.rows(kspace[e, :, z, y], centre, np.zeros(len(batch), bool))
        assembler.add(rows, echo=e, kz=z, ky=y)

    assert assembler.complete
    found = coil_images(assembler.finish())
    np.testing.assert_allclose(found, plain_image(kspace, axes), atol=2e-5)


@pytest.mark.parametrize("n", [12, 13])
def test_a_reversed_line_is_the_line_read_the_other_way(n: int) -> None:
    forward = (RNG.normal(size=(3, 2, n)) + 1j).astype(np.complex64)
    readout = ReadoutTransform(axis(n), n_channels=2)
    k0 = n // 2

    expected = readout.rows(forward, np.full(3, k0), np.zeros(3, bool))
    found = readout.rows(forward[:, :, ::-1], np.full(3, k0), np.ones(3, bool))

    np.testing.assert_array_equal(found, expected)


def test_an_asymmetric_echo_is_placed_by_its_centre_and_filled_with_zeros() -> None:
    full = (RNG.normal(size=(1, 2, 16)) + 1j).astype(np.complex64)
    full[:, :, :5] = 0
    readout = ReadoutTransform(axis(16), n_channels=2)

    expected = readout.rows(full, np.array([8]), np.zeros(1, bool))
    found = readout.rows(full[:, :, 5:], np.array([3]), np.zeros(1, bool))

    np.testing.assert_array_equal(found, expected)


def test_mixing_is_linear_in_the_channels_whatever_the_batch() -> None:
    mix = (RNG.normal(size=(2, 5)) + 1j * RNG.normal(size=(2, 5))).astype(np.complex64)
    lines = (RNG.normal(size=(700, 5, 20)) + 1j).astype(np.complex64)
    at, forward = np.full(700, 10), np.zeros(700, bool)

    plain = ReadoutTransform(axis(20, 20, 10), n_channels=5).rows(lines, at, forward)
    mixed = ReadoutTransform(axis(20, 20, 10), n_channels=5, mix=mix).rows(lines, at, forward)

    np.testing.assert_allclose(mixed, mix @ plain, atol=1e-4)


def test_averages_give_their_mean() -> None:
    axes = AXES["odd"]
    n_z, n_y, n_x = (a.n_encoded for a in axes)
    kspace = (RNG.normal(size=(3, 1, 1, n_z, n_y, n_x)) + 1j).astype(np.complex64)
    assembler = Assembler(grid_of(axes), n_echoes=1, n_channels=1, n_averages=3)
    readout = ReadoutTransform(axes[2], n_channels=1)

    for volume in kspace:
        e, z, y = order_of("steps inside", 1, n_z, n_y).T
        rows = readout.rows(volume[e, :, z, y], np.full(len(e), n_x // 2), np.zeros(len(e), bool))
        assert not assembler.complete
        assembler.add(rows, echo=e, kz=z, ky=y)

    assert assembler.complete
    found = coil_images(assembler.finish())
    np.testing.assert_allclose(found, plain_image(kspace.mean(axis=0), axes), atol=2e-5)


def test_white_noise_keeps_its_standard_deviation_when_zero_filled() -> None:
    axes = (axis(20, 30, 30), axis(24, 32, 20), axis(64, 96, 48))
    n_z, n_y, n_x = (a.n_encoded for a in axes)
    kspace = (RNG.normal(size=(1, 2, n_z, n_y, n_x, 2)) @ [1, 1j]).astype(np.complex64)
    assembler = Assembler(grid_of(axes), n_echoes=1, n_channels=2)
    readout = ReadoutTransform(axes[2], n_channels=2)
    e, z, y = order_of("steps inside", 1, n_z, n_y).T

    assembler.add(
        readout.rows(kspace[e, :, z, y], np.full(len(e), n_x // 2), np.zeros(len(e), bool)),
        echo=e, kz=z, ky=y,
    )  # fmt: skip

    images = coil_images(assembler.finish())
    assert images.real.std() == pytest.approx(1, abs=0.02)  # 30 thousand independent samples
    assert images.imag.std() == pytest.approx(1, abs=0.02)


def test_missing_lines_are_named_and_extra_ones_refused() -> None:
    axes = AXES["even"]
    assembler = Assembler(grid_of(axes), n_echoes=1, n_channels=1)
    row = np.ones((1, 1, 12), np.complex64)
    assembler.add(row, echo=np.array([0]), kz=np.array([2]), ky=np.array([3]))

    missing = assembler.missing()

    assert missing.sum() == 79
    assert not missing[0, 2, 3]
    with pytest.raises(DataError, match="echo 0, ky 3, kz or slice 2 came more than 1 times"):
        assembler.add(row, echo=np.array([0]), kz=np.array([2]), ky=np.array([3]))
    with pytest.raises(DataError, match="ky 10"):
        assembler.add(row, echo=np.array([0]), kz=np.array([2]), ky=np.array([10]))


def test_whitening_of_another_number_of_channels_is_refused() -> None:
    with pytest.raises(DataError, match="found 4 channels, but whitening or compression of 6"):
        ReadoutTransform(axis(8), n_channels=4, mix=np.eye(6, dtype=np.complex64))
