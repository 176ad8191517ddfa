"""When the middle of k-space is complete, in every order of lines; the coarser grid of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.scene import Order, Scene

from streamrecon.model.scan import CounterRange, Encoding
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.recon.kspace.central_kspace import (
    CentralLines,
    CentreTracker,
    coarse_encoding,
    lines_within,
)
from streamrecon.recon.kspace.encoding_grid import grid_of

SCENE = Scene(
    "only its order counts", matrix=(28, 40, 32), voxel_mm=(2.0, 1.5, 1.5), te_s=(0.005, 0.01),
    oversampling=(8 / 7, 1.0, 2.0), n_coils=1,
)  # fmt: skip
SHARES = (0.25, 0.5)


def watched(scene: Scene) -> list[tuple[float, CentralLines]]:
    """How much of the scan was in when each share was told."""
    encoding = read_protocol(header_xml(scene)).encoding
    watch = CentreTracker(encoding, len(scene.te_s), SHARES)
    lines = line_order(scene)
    told = []
    for n, line in enumerate(lines, start=1):
        told += [(n / len(lines), m) for _, m in watch.add(line["kz"][None], line["ky"][None])]
    assert watch.has_all
    assert watch.is_done == (len(told) == len(SHARES))
    return told


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("at_once", [7, 500, 10**6])
def test_what_is_told_does_not_hang_on_how_many_lines_come_at_once(
    order: Order, at_once: int
) -> None:
    scene = replace(SCENE, order=order)
    watch = CentreTracker(read_protocol(header_xml(scene)).encoding, len(scene.te_s), SHARES)
    lines = line_order(scene)

    told = [
        ((start + count) / len(lines), middle)
        for start in range(0, len(lines), at_once)
        for count, middle in watch.add(*(lines[n][start : start + at_once] for n in ("kz", "ky")))
    ]

    for (part, middle), (expected, one) in zip(told, watched(scene), strict=True):
        assert part == expected
        np.testing.assert_array_equal(middle.lines, one.lines)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.LINEAR, (0.625, 0.75)),
        (Order.KZ_INNER, (0.625, 0.75)),
        (Order.CENTRE_OUT, (0.25, 0.5)),
        (Order.ECHO_OUTER, (0.8125, 0.875)),  # the last echo counts
    ],
)
def test_a_share_is_told_when_its_last_line_is_in(
    order: Order, expected: tuple[float, float]
) -> None:
    told = watched(replace(SCENE, order=order))

    assert [middle.fraction for _, middle in told] == [0.25, 0.5]
    np.testing.assert_allclose([part for part, _ in told], expected, atol=0.02)
    for _, middle in told:
        assert middle.lines[16, 20]  # the centre of 32 by 40
        assert abs(middle.lines.mean() - middle.fraction) < 0.04


def test_slices_have_a_middle_of_steps_alone() -> None:
    scene = replace(SCENE, slices=True, oversampling=(1.0, 1.0, 2.0), order=Order.KZ_INNER)

    told = watched(scene)

    assert [round(part, 2) for part, _ in told] == [0.62, 0.75]
    assert told[0][1].lines.all(axis=0).sum() == 10


def test_averages_are_waited_for() -> None:
    told = watched(replace(SCENE, averages=2))

    np.testing.assert_allclose([part for part, _ in told], (0.8125, 0.875), atol=0.01)


def test_lines_beyond_the_limits_are_not_waited_for() -> None:
    """Partial Fourier: the limits of ky leave out its first quarter."""
    encoding = read_protocol(header_xml(SCENE)).encoding
    partial = replace(encoding, ky=CounterRange(10, 39, 20))
    watch = CentreTracker(partial, 1, SHARES)
    z, y = np.mgrid[12:20, 10:40].reshape(2, -1)

    (*_, (_, middle)) = watch.add(z, y)

    assert middle.lines.sum() == 8 * 30


def test_an_accelerated_scan_has_no_complete_middle() -> None:
    watch = CentreTracker(read_protocol(header_xml(SCENE)).encoding, 1, SHARES)
    z, y = np.mgrid[0:32, 0:40:2].reshape(2, -1)

    assert not watch.add(z, y)
    assert not watch.has_all


@pytest.mark.parametrize("oversampling", [(8 / 7, 1.0, 2.0), (1.0, 1.25, 1.0)])
def test_the_coarse_encoding_keeps_the_fields_of_view_and_the_centre(
    oversampling: tuple[float, float, float],
) -> None:
    scene = replace(SCENE, oversampling=oversampling)
    encoding: Encoding = read_protocol(header_xml(scene)).encoding
    n_z, n_y, _ = encoding.encoded_shape
    lines = np.zeros((n_z, n_y), bool)
    lines[n_z // 2 - 4 : n_z // 2 + 4] = True

    coarse = coarse_encoding(encoding, CentralLines(0.25, lines), 2.0)

    assert coarse.encoded_fov_mm == encoding.encoded_fov_mm
    assert coarse.recon_fov_mm == encoding.recon_fov_mm
    assert coarse.encoded_shape[0] == 8
    assert coarse.kz == CounterRange(n_z // 2 - 4, n_z // 2 + 3, n_z // 2)
    grid = grid_of(coarse)  # refuses what does not fit together
    assert min(grid.y.voxel_mm, grid.x.voxel_mm) > 1.8
    kept = lines_within(grid_of(encoding), coarse.ky, coarse.kz)
    assert kept.sum() == 8 * coarse.encoded_shape[1]
    assert kept[n_z // 2, n_y // 2]
