"""Which lines are sent: lattices, calibration, partial Fourier, ellipses, slabs, navigators."""

from dataclasses import replace

import numpy as np
import pytest
from streamrecon_simulator import Scene
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.truth import truth
from test_lines import SCENE, has, lines_of

from streamrecon.errors import ConfigError
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.wire.layout import (
    NAVIGATION,
    PARALLEL_CALIBRATION,
    PARALLEL_CALIBRATION_AND_IMAGING,
)
from streamrecon.mrd.wire.messages import Header

GRID = replace(SCENE, matrix=(6, 12, 8), te_s=(0.004, 0.009))


def sent(scene: Scene, flag: int | None = None) -> set[tuple[int, int]]:
    """Counters (kz, ky) of the first echo's lines, once each."""
    head, _ = lines_of(scene)
    chosen = head["idx"]["contrast"] == 0
    chosen &= True if flag is None else has(head, flag)
    idx = head["idx"][chosen]
    return set(zip(idx["kspace_encode_step_2"], idx["kspace_encode_step_1"], strict=True))


def protocol_of(scene: Scene) -> ScanProtocol:
    header = next(m for m in simulate(scene).messages() if isinstance(m, Header))
    return read_protocol(header.xml)


def test_a_caipi_lattice_moves_along_z_from_one_y_to_the_next_and_holds_the_centre() -> None:
    sampling = Sampling((2, 2), caipi_shift=1, calibration_lines=0)

    lines = sent(replace(GRID, sampling=sampling))

    assert len(lines) == 6 * 12 / 4
    assert {(3, 6), (2, 8), (2, 4), (3, 2)} <= lines
    assert not {(2, 6), (3, 8), (3, 7)} & lines


def test_embedded_calibration_lines_say_whether_they_belong_to_the_image_too() -> None:
    scene = replace(GRID, sampling=Sampling((1, 3), calibration_lines=4))

    both = sent(scene, PARALLEL_CALIBRATION_AND_IMAGING)
    only = sent(scene, PARALLEL_CALIBRATION)

    assert {ky for _, ky in both} == {6}
    assert {ky for _, ky in only} == {4, 5, 7}
    assert {ky for _, ky in sent(scene)} == {0, 3, 4, 5, 6, 7, 9}


def test_a_calibration_of_its_own_comes_first_and_the_image_lattice_is_whole() -> None:
    sampling = Sampling((1, 2), calibration_lines=4, separate_calibration=True)
    head, _ = lines_of(replace(GRID, sampling=sampling))

    calibrates = has(head, PARALLEL_CALIBRATION)

    assert calibrates[: 6 * 4 * 2].all()
    assert not calibrates[6 * 4 * 2 :].any()
    imaging = head["idx"]["kspace_encode_step_1"][~calibrates]
    assert set(imaging.tolist()) == set(range(0, 12, 2))


@pytest.mark.parametrize("separate", [True, False])
def test_the_header_tells_the_acceleration(separate: bool) -> None:
    scene = replace(GRID, sampling=Sampling((3, 2), separate_calibration=separate))

    assert protocol_of(scene).encoding.acceleration == (2, 3)  # ky, kz


def test_partial_fourier_leaves_out_the_first_lines_and_counts_from_its_own_first() -> None:
    scene = replace(GRID, sampling=Sampling(partial=(1.0, 0.75)))
    limit = protocol_of(scene).encoding.ky

    assert {ky for _, ky in sent(scene)} == set(range(9))
    assert (limit.minimum, limit.maximum, limit.centre) == (0, 8, 3)


def test_an_ellipse_has_no_corners() -> None:
    lines = sent(replace(GRID, sampling=Sampling(elliptical=True)))

    assert {(3, 0), (0, 6), (3, 6)} <= lines
    assert not {(0, 0), (5, 0), (5, 11), (0, 11)} & lines
    assert 0.7 < len(lines) / 72 < 0.9  # π/4, on a coarse grid


def test_segments_are_interleaved_and_the_repeated_centre_is_spread_over_the_scan() -> None:
    scene = replace(GRID, sampling=Sampling(segments=3, centre_repeats=2), te_s=(0.004,))
    head, _ = lines_of(scene)

    centre = np.flatnonzero(
        (head["idx"]["kspace_encode_step_1"] == 6) & (head["idx"]["kspace_encode_step_2"] == 3)
    )

    others = np.delete(head["idx"]["segment"].astype(int), centre)
    assert (np.diff(others) >= 0).all()
    assert head["idx"]["kspace_encode_step_1"][:3].tolist() == [0, 3, 6]
    assert len(centre) == 3
    assert len(head) == 72 + 2


def test_slabs_lie_a_slab_apart_and_hold_what_each_alone_would() -> None:
    scene = replace(GRID, slabs=2, gap_mm=-20.0, tilt_deg=(20.0, 0.0))
    head, data = lines_of(scene)
    alone = lines_of(scene.slab_scenes()[1])

    second = head["idx"]["slice"] == 1

    np.testing.assert_array_equal(data[second], alone[1])
    np.testing.assert_array_equal(head["position"][second], alone[0]["position"])
    apart = head["position"][second][0] - head["position"][~second][0]
    np.testing.assert_allclose(apart @ head["slice_dir"][0], 6 * 20.0 - 20.0, rtol=1e-5)


def test_a_navigator_follows_each_train_and_turns_with_the_breath() -> None:
    faults = Faults(breathing_hz=3.0, breathing_s=0.5)
    scene = replace(GRID, sampling=Sampling(navigators=True), faults=faults, tr_s=0.05)
    head, data = lines_of(scene)

    navigates = has(head, NAVIGATION)

    assert (navigates.reshape(-1, 3) == (False, False, True)).all()
    turn = np.angle((data[navigates] * data[2].conj()).sum(axis=(1, 2)))
    time_s = 0.05 * np.arange(len(turn))
    # the breath moves 3 Hz either way, the navigator is read at 9 ms
    expected = 2 * np.pi * 3.0 * np.sin(2 * np.pi * time_s / 0.5) * 0.009
    np.testing.assert_allclose(turn, expected, atol=1e-4)


def test_a_dead_coil_sends_zeros_in_the_noise_scan_too() -> None:
    scene = replace(GRID, snr=10.0, n_coils=3, faults=Faults(dead_coils=(1,)))
    scan = simulate(scene)

    noise, lines = [m for m in scan.messages() if hasattr(m, "data")]

    for message in (noise, lines):
        assert not message.data[:, 1].any()
        assert message.data[:, [0, 2]].all()


def test_channels_may_be_connected_in_another_order() -> None:
    _, straight = lines_of(replace(GRID, n_coils=3))
    other = replace(GRID, n_coils=3, coil_order=(2, 0, 1))

    _, mixed = lines_of(other)

    np.testing.assert_array_equal(mixed, straight[:, [2, 0, 1]])
    assert protocol_of(other).coil_labels == ("HE3", "HE1", "HE2")


def test_the_truth_of_an_accelerated_scan_is_that_of_all_its_lines() -> None:
    whole = truth(GRID).echoes

    accelerated = truth(replace(GRID, sampling=Sampling((2, 2), calibration_lines=2))).echoes

    np.testing.assert_array_equal(accelerated, whole)


def test_slices_have_no_acceleration_along_z() -> None:
    with pytest.raises(ConfigError, match="slices"):
        replace(SCENES["r2-slices"], sampling=Sampling((2, 1)))
