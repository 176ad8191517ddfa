"""The reconstruction chain against the simulator's truth, in every geometry it can scan."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chains import complex_echoes, relative_errors, run_chain, texts, volumes
from streamrecon_gadgets.acquisition.header import ReadHeader
from streamrecon_gadgets.acquisition.kspace import AssembleKSpace
from streamrecon_gadgets.acquisition.lines import WhitenNoise
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Orientation, Scene
from streamrecon_simulator.truth import truth

from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.layout import REVERSE
from streamrecon.mrd.wire.messages import Acquisitions, Message
from streamrecon.recon.kspace.assemble import KSpace
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.serial import Serial, Step

QUIET = Scene(
    "small noiseless head", matrix=(14, 40, 48), voxel_mm=(10.0, 5.0, 4.4), n_coils=4,
    snr=float("inf"), noise_lines=0,
)  # fmt: skip
ODD = replace(QUIET, matrix=(13, 41, 47), oversampling=(1.0, 1.0, 1.0))

SCANS = {
    "even": QUIET,
    "odd": ODD,
    "odd bipolar": replace(ODD, bipolar=True, delay_samples=0.4),
    "bipolar": replace(QUIET, bipolar=True, delay_samples=-0.3),
    "one coil": replace(QUIET, n_coils=1),
    "two coils": replace(QUIET, n_coils=2),
    "slices": replace(QUIET, slices=True, gap_mm=2.0, order=Order.KZ_INNER),
    "odd slices, left-handed": replace(ODD, slices=True, left_handed=True),
    "doubly oblique": replace(QUIET, tilt_deg=(30.0, -20.0), centre_lps_mm=(5.0, -8.0, 3.0)),
    "sagittal, left-handed": replace(QUIET, orientation=Orientation.SAGITTAL, left_handed=True),
    "coronal": replace(QUIET, orientation=Orientation.CORONAL, tilt_deg=(0.0, 15.0)),
    "partitions inside": replace(QUIET, order=Order.KZ_INNER),
    "centre out": replace(QUIET, order=Order.CENTRE_OUT),
    "echo after echo": replace(QUIET, order=Order.ECHO_OUTER),
    "oversampled everywhere": replace(QUIET, oversampling=(8 / 7, 1.2, 2.0)),
    "opposite sign": replace(QUIET, phase_sign=-1),
    "averages": replace(QUIET, averages=2),
}


@pytest.mark.parametrize("scene", SCANS.values(), ids=SCANS.keys())
def test_every_echo_is_the_truth_within_one_percent(scene: Scene) -> None:
    known = truth(scene)

    (echoes,) = complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages()))

    errors = relative_errors(echoes.data, known.echoes, known.coil_rss)
    assert np.sqrt((errors**2).mean(axis=1)).max() < 0.01
    assert echoes.scan.geometry.same_as(scene.geometry)
    assert echoes.scan.echoes.readout_polarity == ((1, -1) * 2 if scene.bipolar else (1,) * 4)


@pytest.mark.parametrize("matrix", [(14, 56, 64), (15, 45, 61)])
def test_a_zero_filled_scan_is_the_band_limited_truth(matrix: tuple[int, int, int]) -> None:
    scene = replace(QUIET, recon_matrix=matrix)
    known = truth(scene)

    (echoes,) = complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages()))

    errors = relative_errors(echoes.data, known.echoes, known.coil_rss)
    # between samples the coils' root sum of squares rings at the head's edge: most voxels count
    assert np.median(errors) < 0.01
    assert echoes.scan.geometry.same_as(scene.geometry)


def test_an_asymmetric_echo_gives_what_its_samples_hold() -> None:
    scene = replace(QUIET, skipped_samples=16, n_coils=1)
    known = truth(scene)

    (echoes,) = complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages()))

    errors = relative_errors(echoes.data, known.echoes, known.coil_rss)
    assert errors.max() < 1e-3


def test_repetitions_leave_one_after_the_other_with_their_own_field() -> None:
    scene = replace(QUIET, repetitions=3, drift_hz=2.0, n_coils=1)

    found = complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages()))

    assert [echoes.repetition for echoes in found] == [0, 1, 2]
    signal = np.abs(found[0].data[0]) > 0.3 * np.abs(found[0].data[0]).max()
    for echoes in found:
        turn = np.angle((echoes.data * found[0].data.conj())[:, signal].sum(axis=1))
        expected = 2 * np.pi * 2.0 * echoes.repetition * np.array(scene.te_s)
        np.testing.assert_allclose(turn, expected, atol=1e-3)


def test_whitened_noise_has_unit_deviation_in_every_channel() -> None:
    empty = replace(QUIET, n_coils=6, noise_lines=200, snr=1e-6, oversampling=(1.0, 1.0, 1.0))
    emitted: list[object] = []
    steps = Serial((Step("h", ReadHeader()), Step("w", WhitenNoise()), Step("k", AssembleKSpace())))

    Chain(steps).run(simulate(empty).messages(), emitted.append)

    (kspace,) = (item for item in emitted if isinstance(item, KSpace))
    samples = np.moveaxis(kspace.space.data, 1, 0).reshape(6, -1).astype(np.complex128)
    np.testing.assert_allclose(samples.real.std(axis=1), 1, atol=0.02)
    np.testing.assert_allclose(samples.imag.std(axis=1), 1, atol=0.02)
    covariance = samples @ samples.conj().T / samples.shape[1] / 2
    assert np.abs(covariance - np.diag(covariance.diagonal())).max() < 0.03


def test_missing_lines_are_named_and_nothing_is_sent() -> None:
    scene = replace(QUIET, dropped=(5, 6, 7))

    with pytest.raises(DataError, match=r"AssembleKSpace: volume 0: missing 3 of 2240 lines \(ec"):
        run_chain("gre_recon.xml", simulate(scene).messages())


def test_an_incomplete_scan_is_reconstructed_where_the_file_says_so() -> None:
    scene = replace(QUIET, stop_after=2000)
    messages = simulate(scene).messages()

    emitted = run_chain("gre_recon.xml", messages, incomplete="reconstruct")

    magnitudes = volumes(emitted, Quantity.MAGNITUDE)
    assert len(magnitudes) == 4
    assert all("reconstructed without 240 of 2240 lines" in m.comments[-1] for m in magnitudes)
    assert any(text.startswith("WRN AssembleKSpace") or "240 of 2240" in text
               for text in texts(emitted))  # fmt: skip


def test_noise_of_an_earlier_scan_is_found_by_its_id(tmp_path: Path) -> None:
    noise = replace(QUIET, snr=50.0, noise_lines=64, noise_only=True, measurement_id="n1")
    scan = replace(QUIET, snr=50.0, noise_lines=0, noise_measurement_id="n1", measurement_id="s1")

    first = run_chain("gre_recon.xml", simulate(noise).messages(), tmp_path)
    second = run_chain("gre_recon.xml", simulate(scan).messages(), tmp_path)

    assert any("kept for the scans that depend on it" in text for text in texts(first))
    assert any("whitened with the noise scan of" in text for text in texts(second))


def test_the_assumed_sign_is_told_on_every_image() -> None:
    scene = replace(QUIET, n_coils=1, says_phase_sign=False)

    emitted = run_chain("gre_recon.xml", simulate(scene).messages())

    assert any(text == "WRN phase sign +1 (assumed)" for text in texts(emitted))
    for volume in volumes(emitted, Quantity.PHASE):
        assert "phase sign +1 (assumed)" in volume.comments


def test_the_chain_files_sign_wins_over_the_header() -> None:
    scene = replace(QUIET, n_coils=1, phase_sign=1)
    known = truth(scene)

    emitted = run_chain("gre_recon.xml", simulate(scene).messages(), phase_sign="-1")

    (echoes,) = complex_echoes(emitted)
    errors = relative_errors(echoes.data, known.echoes.conj(), known.coil_rss)
    assert errors.max() < 0.01


@pytest.mark.parametrize("bipolar", [False, True])
def test_discarded_samples_leave_the_centre_where_it_is(bipolar: bool) -> None:
    scene = replace(QUIET, n_coils=1, bipolar=bipolar)
    known = truth(scene)

    def padded() -> Iterator[Message]:
        for message in simulate(scene).messages():
            if not isinstance(message, Acquisitions):
                yield message
                continue
            head, backward = message.header.copy(), (message.header["flags"] & REVERSE) != 0
            head["discard_pre"], head["discard_post"] = 6, 2
            head["number_of_samples"] += 8
            head["center_sample"] += np.where(backward, 2, 6).astype(np.uint16)
            data = np.pad(message.data, ((0, 0), (0, 0), (6, 2)), constant_values=1e6)
            yield Acquisitions(head, data, np.empty((*data.shape[::2], 0), np.float32))

    (echoes,) = complex_echoes(run_chain("gre_recon.xml", padded()))

    assert relative_errors(echoes.data, known.echoes, known.coil_rss).max() < 1e-3


def test_noise_of_a_larger_coil_serves_the_channels_it_shares(tmp_path: Path) -> None:
    noise = replace(
        QUIET, snr=50.0, noise_lines=64, noise_only=True, measurement_id="n1", n_coils=6
    )
    scan = replace(QUIET, snr=50.0, noise_lines=0, noise_measurement_id="n1", measurement_id="s1")
    run_chain("gre_recon.xml", simulate(noise).messages(), tmp_path)

    emitted = run_chain("gre_recon.xml", simulate(scan).messages(), tmp_path)

    assert any("whitened with the noise scan of" in text for text in texts(emitted))
