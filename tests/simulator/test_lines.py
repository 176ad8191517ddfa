from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.fft
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.mrd.wire.layout import (
    FIRST_IN_SLICE,
    LAST_IN_MEASUREMENT,
    LAST_IN_REPETITION,
    LAST_IN_SLICE,
    REVERSE,
)
from streamrecon.mrd.wire.messages import Acquisitions, Waveform

BALL = Phantom((Part(Sphere((0.0, 0.0, 0.0), 30.0), Tissue(1.0, 0.0, 0.0)),))
SCENE = Scene(
    "odd and noiseless",
    phantom=BALL,
    matrix=(5, 9, 8),
    voxel_mm=(20.0, 12.0, 12.0),
    te_s=(0.004, 0.009, 0.015),
    n_coils=2,
    snr=float("inf"),
)


def lines_of(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    messages = [m for m in simulate(scene).messages() if isinstance(m, Acquisitions)]
    return (
        np.concatenate([m.header for m in messages]),
        np.concatenate([m.data for m in messages]),
    )


def has(head: np.ndarray, flag: int) -> np.ndarray:
    return np.asarray((head["flags"] & np.uint64(flag)) != 0)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("slices", [False, True])
def test_every_order_measures_every_line_once(order: Order, slices: bool) -> None:
    head, _ = lines_of(replace(SCENE, order=order, slices=slices, averages=2, repetitions=3))

    names = ("contrast", "kspace_encode_step_1", "average", "repetition")
    depth = "slice" if slices else "kspace_encode_step_2"
    counters = np.stack([head["idx"][name] for name in (*names, depth)], axis=1)
    assert len(np.unique(counters, axis=0)) == len(counters) == 3 * 9 * 2 * 3 * 5
    assert (counters.max(axis=0) == (2, 8, 1, 2, 4)).all()


@pytest.mark.parametrize("order", [order for order in Order if order is not Order.ECHO_OUTER])
def test_echoes_of_an_excitation_follow_one_another(order: Order) -> None:
    head, _ = lines_of(replace(SCENE, order=order))

    echoes = head["idx"]["contrast"].reshape(-1, 3)

    assert (echoes == (0, 1, 2)).all()
    assert (np.ptp(head["acquisition_time_stamp"].reshape(-1, 3), axis=1) == 0).all()


def test_orders_differ_as_their_names_say() -> None:
    first = {
        order: line_order(replace(SCENE, order=order, te_s=(0.004,)))[["kz", "ky"]].tolist()[:3]
        for order in Order
    }

    assert first[Order.LINEAR] == [(0, 0), (0, 1), (0, 2)]
    assert first[Order.KZ_INNER] == [(0, 0), (1, 0), (2, 0)]
    assert first[Order.CENTRE_OUT] == [(2, 4), (2, 3), (2, 5)]
    assert first[Order.RANDOM] not in (first[Order.LINEAR], first[Order.KZ_INNER])


def test_whole_echoes_follow_one_another_when_asked_for() -> None:
    lines = line_order(replace(SCENE, order=Order.ECHO_OUTER))

    assert lines["echo"].tolist() == [0] * 45 + [1] * 45 + [2] * 45


def test_reversed_lines_turned_round_equal_the_forward_ones() -> None:
    forward_head, forward = lines_of(SCENE)
    head, data = lines_of(replace(SCENE, bipolar=True))

    backwards = has(head, REVERSE)
    data[backwards] = data[backwards, :, ::-1]

    np.testing.assert_array_equal(backwards, head["idx"]["contrast"] == 1)
    np.testing.assert_array_equal(data, forward)
    assert not has(forward_head, REVERSE).any()


@pytest.mark.parametrize(("skipped", "bipolar"), [(0, False), (5, False), (3, True)])
def test_centre_sample_is_where_a_centred_ball_peaks_once_turned_round(
    skipped: int, bipolar: bool
) -> None:
    head, data = lines_of(replace(SCENE, skipped_samples=skipped, bipolar=bipolar))
    backwards = has(head, REVERSE)
    data[backwards] = data[backwards, :, ::-1]

    middle = (head["idx"]["kspace_encode_step_1"] == 4) & (head["idx"]["kspace_encode_step_2"] == 2)
    peaks = np.abs(data[middle]).sum(axis=1).argmax(axis=1)

    np.testing.assert_array_equal(peaks, head["center_sample"][middle])
    assert (head["number_of_samples"] == data.shape[-1]).all()
    assert data.shape[-1] == 16 - skipped


@pytest.mark.shared
def test_a_real_bipolar_scan_counts_its_centre_sample_alike(shared_data: Path) -> None:
    with h5py.File(shared_data / "raw-siemens" / "phantom3T_gre3echo_bipolar_1ch.h5") as file:
        real = file["dataset/data"]["head"]
    head, _ = lines_of(replace(SCENE, bipolar=True))

    for heads, readout in ((real, 256), (head, 16)):
        backwards = has(heads, REVERSE)
        assert set(heads["center_sample"][backwards]) == {readout // 2}
        assert set(heads["center_sample"][~backwards]) == {readout // 2}


@pytest.mark.shared
def test_a_real_bipolar_scan_turns_its_lines_round_alike(shared_data: Path) -> None:
    with h5py.File(shared_data / "raw-siemens" / "phantom3T_gre3echo_bipolar_1ch.h5") as file:
        rows = file["dataset/data"][:]
    idx = rows["head"]["idx"]
    kspace = np.zeros((3, 256, 256), np.complex64)
    for row, backwards in zip(rows, has(rows["head"], REVERSE), strict=True):
        line = row["data"].view(np.complex64)
        place = row["head"]["idx"]
        kspace[place["contrast"], place["kspace_encode_step_1"]] = line[:: -1 if backwards else 1]

    images = scipy.fft.fftshift(scipy.fft.ifft2(scipy.fft.ifftshift(kspace, axes=(1, 2))), (1, 2))
    signal = np.abs(images[0]) > 0.3 * np.abs(images[0]).max()
    samples = [
        np.angle((step[:, 1:] * step[:, :-1].conj())[signal[:, 1:] & signal[:, :-1]].sum())
        * (256 / (2 * np.pi))
        for step in (images[1] * images[0].conj(), images[2] * images[0].conj())
    ]

    # The field moves the echo along k in proportion to TE − 4 ms: 5 of 11 ms. What is left is the
    # delay of the gradient; a line turned round about another sample would leave a whole one.
    assert set(idx["contrast"]) == {0, 1, 2}
    assert abs(samples[0] - samples[1] * 5 / 11) < 0.3


def test_lost_lines_are_lost_and_no_others() -> None:
    whole, _ = lines_of(SCENE)
    head, _ = lines_of(replace(SCENE, dropped=(3, 40)))

    np.testing.assert_array_equal(head["idx"], np.delete(whole["idx"], (3, 40)))


def test_an_early_end_gives_no_last_flag() -> None:
    whole, _ = lines_of(SCENE)
    head, _ = lines_of(replace(SCENE, stop_after=50))

    assert len(head) == 50
    assert not has(head, LAST_IN_MEASUREMENT | LAST_IN_REPETITION | LAST_IN_SLICE).any()
    assert has(whole[-1:], LAST_IN_MEASUREMENT).all()


def test_a_scan_that_ends_at_once_is_a_header_alone() -> None:
    messages = list(simulate(replace(SCENE, stop_after=0)).messages())

    assert len(messages) == 1


def test_first_and_last_flags_stand_once_per_slice_and_echo() -> None:
    head, _ = lines_of(replace(SCENE, slices=True, order=Order.KZ_INNER, repetitions=2))

    first, last = has(head, FIRST_IN_SLICE), has(head, LAST_IN_SLICE)

    assert first.sum() == last.sum() == 5 * 3 * 2
    assert set(head["idx"]["kspace_encode_step_1"][first]) == {0}
    assert set(head["idx"]["kspace_encode_step_1"][last]) == {8}
    assert has(head, LAST_IN_REPETITION).sum() == 2


def test_averages_carry_the_same_signal_and_other_noise() -> None:
    head, data = lines_of(replace(SCENE, averages=2, snr=50.0, noise_lines=0))

    first, second = (data[head["idx"]["average"] == average] for average in (0, 1))

    # The difference of two noises of 1/50.
    assert (first - second).real.std() == pytest.approx(np.sqrt(2) / 50, rel=0.1)


def test_drift_turns_later_repetitions() -> None:
    head, data = lines_of(replace(SCENE, repetitions=2, drift_hz=10.0))

    first, second = (data[head["idx"]["repetition"] == number] for number in (0, 1))
    te_s = np.array(SCENE.te_s)[head["idx"]["contrast"][head["idx"]["repetition"] == 0]]

    turned = first * np.exp(2j * np.pi * 10.0 * te_s)[:, None, None]
    np.testing.assert_allclose(second, turned, atol=1e-6)


def test_slices_have_positions_of_their_own() -> None:
    scene = replace(SCENE, slices=True, gap_mm=4.0, centre_lps_mm=(1.0, 2.0, 3.0))

    head, _ = lines_of(scene)

    slices = head["idx"]["slice"].astype(int)
    np.testing.assert_allclose(head["position"][:, 2], 3 + 24.0 * (slices - 2))
    np.testing.assert_allclose(head["position"][:, :2], [[1, 2]] * len(head))


def test_waveforms_come_between_the_lines_when_asked_for() -> None:
    messages = list(simulate(replace(SCENE, waveforms=True)).messages())

    assert any(isinstance(m, Waveform) for m in messages)
    assert not any(isinstance(m, Waveform) for m in simulate(SCENE).messages())
