"""Where the scan lies in the patient: positions by hand, voxel by voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from mrd_headers import header_of, matrix, slices_of
from scipy.spatial.transform import Rotation

from streamrecon.errors import HeaderError
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.placement import NO_DIRECTIONS, NO_POSITIONS, place
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.wire.layout import ACQUISITION

OBLIQUE = Rotation.from_euler("zyx", [20, -15, 35], degrees=True).as_matrix()


def volume_protocol(nx: int = 31, ny: int = 44, nz: int = 7) -> ScanProtocol:
    return read_protocol(
        header_of(
            encoded=matrix("encodedSpace", (2 * nx, ny + 3, nz + 2), (2 * nx * 0.8, 70.5, 18)),
            recon=matrix("reconSpace", (nx, ny, nz), (nx * 0.8, ny * 1.5, nz * 2.0)),
        )
    )


def slice_protocol(n: int, thickness_mm: float = 3.0) -> ScanProtocol:
    return read_protocol(
        header_of(
            encoded=matrix("encodedSpace", (64, 45, 1), (64, 54, thickness_mm)),
            recon=matrix("reconSpace", (32, 45, 1), (32, 54, thickness_mm)),
            limits=slices_of(n),
        )
    )


def headers(
    positions: Sequence[tuple[float, float, float]],
    read: np.ndarray,
    phase: np.ndarray,
    normal: np.ndarray,
) -> np.ndarray:
    header = np.zeros(len(positions), ACQUISITION)
    header["position"] = positions
    header["read_dir"], header["phase_dir"], header["slice_dir"] = read, phase, normal
    header["idx"]["slice"] = np.arange(len(positions))
    header["sample_time_us"] = 2.5
    header["patient_table_position"] = (0, 0, -1234)
    return header


@pytest.mark.parametrize("hand", [1, -1], ids=["right-handed", "left-handed"])
def test_every_voxel_of_a_slab_lies_where_the_position_and_directions_say(hand: int) -> None:
    read, phase, normal = OBLIQUE[0], OBLIQUE[1], hand * OBLIQUE[2]
    header = headers([(10.0, -20.0, 35.0)], read, phase, normal)

    scan, comments = place(volume_protocol(), header)

    # dicom.md 1.3: position ± steps from the voxel n // 2 along each direction
    k, j, i = 6, 40, 2
    wanted = (
        np.array([10.0, -20.0, 35.0])
        + (i - 15) * 0.8 * read
        + (j - 22) * 1.5 * phase
        + (k - 3) * 2.0 * normal
    )
    assert (scan.geometry.affine_lps() @ (k, j, i, 1))[:3] == pytest.approx(wanted, abs=1e-4)
    assert np.sign(np.linalg.det(scan.geometry.axes_lps[::-1])) == hand
    assert scan.geometry.shape == (7, 44, 31)
    assert scan.geometry.voxel_mm == pytest.approx((2.0, 1.5, 0.8))
    assert scan.slice_thickness_mm == pytest.approx(2.0)
    assert scan.table_mm == (0, 0, -1234)
    assert scan.echoes.bandwidth_hz == pytest.approx(400e3)
    assert comments == ()


def test_every_slice_has_the_time_of_its_own_first_line() -> None:
    step = 3.0 * OBLIQUE[2]
    header = headers(np.arange(4)[[2, 0, 1, 0], None] * step, *OBLIQUE)
    header["idx"]["slice"] = (2, 0, 1, 0)
    header["acquisition_time_stamp"] = (300, 100, 200, 101)
    header["measurement_uid"] = 41

    all_slices, _ = place(slice_protocol(3), header)
    some_slices, _ = place(slice_protocol(4), header)

    assert all_slices.time_stamps == (100, 200, 300)
    assert all_slices.measurement_uid == 41
    assert some_slices.time_stamps == (300,)


@pytest.mark.parametrize("way", [1, -1], ids=["along slice_dir", "against slice_dir"])
@pytest.mark.parametrize("n", [2, 4, 5])
def test_slices_are_stacked_the_way_their_counter_grows(n: int, way: int) -> None:
    read, phase, normal = OBLIQUE
    first, step = np.array([5.0, -7.0, 11.0]), way * 4.2 * normal  # 3 mm thick, 1.2 mm gap

    scan, _ = place(slice_protocol(n), headers(first + np.arange(n)[:, None] * step, *OBLIQUE))

    for k in range(n):
        wanted = first + k * step + (3 - 16) * 1.0 * read + (40 - 22) * 1.2 * phase
        assert (scan.geometry.affine_lps() @ (k, 40, 3, 1))[:3] == pytest.approx(wanted, abs=1e-4)
    assert scan.geometry.voxel_mm[0] == pytest.approx(4.2, abs=1e-5)
    assert scan.slice_thickness_mm == pytest.approx(3.0)


def test_slices_that_came_so_far_place_all() -> None:
    positions = np.arange(5)[:, None] * np.array([0, 0, 3.5])
    header = headers(positions, *np.eye(3))[[4, 1, 1]]  # interleaved, one of them twice

    scan, _ = place(slice_protocol(5), header)

    assert scan.geometry.centre_lps_mm == pytest.approx((0, 0, 7.0))
    assert scan.geometry.voxel_mm[0] == pytest.approx(3.5)


def test_the_counter_may_begin_above_zero() -> None:
    limits = "<slice><minimum>2</minimum><maximum>4</maximum><center>0</center></slice>"
    protocol = read_protocol(
        header_of(
            encoded=matrix("encodedSpace", (64, 45, 1), (64, 54, 3)),
            recon=matrix("reconSpace", (32, 45, 1), (32, 54, 3)),
            limits=limits,
        )
    )
    header = headers(np.arange(3)[:, None] * np.array([0, 0, 3.5]), *np.eye(3))
    header["idx"]["slice"] += 2

    assert place(protocol, header).scan.geometry.centre_lps_mm == pytest.approx((0, 0, 3.5))


def test_absent_directions_are_assumed_and_told() -> None:
    scan, comments = place(volume_protocol(), np.zeros(1, ACQUISITION))

    assert comments == (NO_DIRECTIONS,)
    assert scan.geometry.axes_lps.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert scan.geometry.b0_axis() == (1, 0, 0)
    assert scan.echoes.bandwidth_hz is None


def test_slices_without_any_place_are_assumed_to_touch_and_told() -> None:
    header = np.zeros(3, ACQUISITION)
    header["idx"]["slice"] = range(3)

    scan, comments = place(slice_protocol(3), header)

    assert comments == (NO_DIRECTIONS, NO_POSITIONS)
    assert scan.geometry.voxel_mm[0] == 3
    assert scan.geometry.centre_lps_mm == (0, 0, 0)


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        ([(0, 0, 0), (0, 0, 3), (0, 0, 7)], "needed equal distances"),
        ([(0, 0, 0), (0, 0, 0), (0, 0, 0)], "needed equal distances"),
        ([(0, 0, 6), (0, 0, 0), (0, 0, 3)], "needed equal distances"),
        ([(0, 0, 0), (0, 1, 3), (0, 2, 6)], "stacked 18.4° away from slice_dir"),
    ],
)
def test_slices_that_make_no_stack_are_refused(
    positions: list[tuple[int, int, int]], told: str
) -> None:
    with pytest.raises(HeaderError, match=told):
        place(slice_protocol(3), headers(positions, *np.eye(3)))


def test_one_slice_of_several_does_not_tell_their_distance() -> None:
    with pytest.raises(HeaderError, match="lines of one slice of 3, needed two"):
        place(slice_protocol(3), headers([(0, 0, 0)], *np.eye(3)))


def test_stacked_slabs_are_refused() -> None:
    limits = slices_of(2)

    with pytest.raises(HeaderError, match="found 2 slabs of 20 partitions"):
        place(read_protocol(header_of(limits=limits)), headers([(0, 0, 0)] * 2, *np.eye(3)))


def test_directions_that_are_not_orthogonal_or_partly_absent_are_refused() -> None:
    askew = headers([(0, 0, 0)], *np.array([(1, 0, 0), (0.6, 0.8, 0), (0, 0, 1)]))
    partly = headers([(0, 0, 0)], *np.array([(1, 0, 0), (0, 0, 0), (0, 0, 1)]))

    with pytest.raises(HeaderError, match="orthogonal"):
        place(volume_protocol(), askew)
    with pytest.raises(HeaderError, match="needed none of length 0"):
        place(volume_protocol(), partly)


def test_a_stack_that_is_longer_than_any_body_is_refused() -> None:
    with pytest.raises(HeaderError, match="found 400 slices or slabs of 30 mm, needed at most 100"):
        slice_protocol(400, thickness_mm=30.0)


def test_slices_that_lie_farther_apart_than_any_body_are_refused() -> None:
    places = [(0.0, 0.0, 6000.0 * n) for n in range(3)]

    with pytest.raises(HeaderError, match=r"found 18000 × 54 × 32 mm \(z, y, x\), needed at most"):
        place(slice_protocol(3), headers(places, *np.eye(3)))
