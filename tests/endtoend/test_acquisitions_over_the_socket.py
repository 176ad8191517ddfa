"""The acquisitions that clinics run, on tiny grids through the service, against their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import relative_errors
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene
from streamrecon_simulator.truth import truth, voxel_centres
from wire_images import COMPLEX, all_places_lps_mm, echoes, of_type
from wire_service import answered, reconstructed, with_complex_images

from streamrecon.client import Reply, Server
from streamrecon.mrd.wire.messages import ConfigText

TINY = Scene(
    "tiny noiseless head", matrix=(12, 26, 30), voxel_mm=(13.0, 8.0, 7.0), n_coils=4,
    te_s=(0.005, 0.01, 0.015), snr=float("inf"), noise_lines=0,
)  # fmt: skip

SCANS = {
    "partial Fourier along ky and kz": replace(TINY, sampling=Sampling(partial=(0.75, 0.75))),
    "asymmetric echo": replace(TINY, skipped_samples=12),
    "partial slices": replace(TINY, slices=True, sampling=Sampling(partial=(1.0, 0.75))),
    "elliptical": replace(TINY, sampling=Sampling(elliptical=True)),
    "elliptical, centre out": replace(
        TINY, sampling=Sampling(elliptical=True), order=Order.CENTRE_OUT
    ),
    "oversampled along all axes, off centre, table moved": replace(
        TINY,
        oversampling=(1.5, 2.0, 2.0),
        centre_lps_mm=(12.0, -18.0, 25.0),
        table_mm=(0.0, 0.0, -1230.0),
        tilt_deg=(10.0, -5.0),
    ),
    "four segments, two averages": replace(TINY, sampling=Sampling(segments=4), averages=2),
    "random order": replace(TINY, order=Order.RANDOM),
    "centre measured again": replace(TINY, sampling=Sampling(centre_repeats=5)),
    "breath and navigators": replace(
        TINY, sampling=Sampling(navigators=True), faults=Faults(breathing_hz=3.0), waveforms=True
    ),
    "breath and navigators, interleaved slices": replace(
        TINY,
        slices=True,
        order=Order.KZ_INNER,
        sampling=Sampling(navigators=True),
        faults=Faults(breathing_hz=3.0, breathing_s=8.0),
    ),
}


@pytest.fixture(scope="module", params=list(SCANS.values()), ids=list(SCANS))
def answer(server: Server, request: pytest.FixtureRequest) -> tuple[Scene, Reply]:
    """A scan, and what came back."""
    scene: Scene = request.param
    return scene, reconstructed(simulate(scene).messages(), server, with_complex_images())


def test_every_acquisition_is_its_truth_at_its_place(answer: tuple[Scene, Reply]) -> None:
    scene, reply = answer
    known = truth(scene)

    found = echoes(reply.images, COMPLEX)

    places = all_places_lps_mm(of_type(reply.images, COMPLEX, 0))
    np.testing.assert_allclose(places, np.moveaxis(voxel_centres(scene.geometry), 0, -1), atol=1e-3)
    errors = relative_errors(found, known.echoes, known.coil_rss)
    # coil images of a truncated k-space are not sensitivity times truncated truth at edges
    truncated = scene.sampling.elliptical or scene.skipped_samples or scene.sampling.partial[1] < 1
    # each slice keeps the field of its own first navigator, up to 3 Hz after some excitations
    offset = scene.slices and scene.sampling.navigators
    assert np.median(errors) < (0.02 if truncated or offset else 0.005)
    assert np.quantile(errors, 0.99) < (0.15 if truncated else 0.1 if offset else 0.02)


def told(reply: Reply) -> str:
    return "\n".join(str(notice) for notice in reply.notices)


def test_what_was_partial_is_told(server: Server) -> None:
    for name, words in (
        ("partial Fourier along ky and kz", "partial k-space along z, y: zero-filled"),
        ("asymmetric echo", "partial k-space along x: zero-filled"),
    ):
        assert words in told(reconstructed(simulate(SCANS[name]).messages(), server))


def test_navigators_and_physiology_are_told_and_no_ghost_is_left(server: Server) -> None:
    scene = SCANS["breath and navigators"]
    still = replace(scene, sampling=Sampling(), faults=Faults())
    unseen = replace(scene, sampling=Sampling())

    reply, expected, ghosted = (
        reconstructed(simulate(each).messages(), server, with_complex_images())
        for each in (scene, still, unseen)
    )

    true = echoes(expected.images, COMPLEX)
    left, before = (
        np.linalg.norm(echoes(each.images, COMPLEX)[2] - true[2]) / np.linalg.norm(true[2])
        for each in (reply, ghosted)
    )
    assert before > 0.1  # 3 Hz at 15 ms are 0.28 rad
    assert left < 0.01
    assert "field -3.0" in told(reply)
    assert "waveforms of kind 0" in told(reply)


def test_bipolar_echoes_with_a_late_gradient_give_the_field(server: Server) -> None:
    scene = replace(
        TINY,
        te_s=(0.004, 0.008, 0.012, 0.016),
        bipolar=True,
        delay_samples=0.3,
        faults=Faults(polarity_rad=0.4, polarity_slow_rad=0.3),
        snr=100.0,
        noise_lines=64,
    )
    known = truth(scene).echoes

    images = reconstructed(simulate(scene).messages(), server, with_complex_images()).images

    turned = np.angle(echoes(images, COMPLEX) * known.conj())
    te_s = np.array(scene.te_s)
    slope = np.linalg.pinv(np.stack([np.ones(4), te_s], axis=1))[1] / (2 * np.pi)
    signal = np.abs(known).min(axis=0) > 0.3 * np.abs(known[0]).max()
    relative = np.angle(np.exp(1j * (turned - turned[0])))  # free of the coils' phase
    bias_hz = np.tensordot(slope, relative, axes=1)[signal]
    assert abs(bias_hz.mean()) < 0.2
    assert np.abs(np.median(bias_hz)) < 0.2


def test_a_dead_coil_is_named_and_left_out(server: Server) -> None:
    scene = replace(TINY, faults=Faults(dead_coils=(2,)), snr=200.0, noise_lines=64)
    whole = replace(TINY, snr=200.0, noise_lines=64)

    reply, other = (
        reconstructed(simulate(each).messages(), server, with_complex_images())
        for each in (scene, whole)
    )

    assert "dead channels, without noise or signal: 2 (HE3)" in told(reply)
    # turned by the smooth phase of another coil combination; ratios between echoes are free of it
    ratio, expected = (
        (image := echoes(each.images, COMPLEX))[2] / image[0] for each in (reply, other)
    )
    signal = truth(scene).mask
    assert np.median(np.abs(ratio - expected)[signal]) < 0.03


def test_a_scan_that_loses_a_line_hears_of_it_before_its_end(server: Server) -> None:
    reply = answered(simulate(replace(TINY, dropped=(100,))).messages(), server)

    assert "quality: lines are missing" in told(reply)
    assert not reply.complete


@pytest.mark.parametrize("repetitions", [1, 2])
def test_each_slab_is_a_volume_in_its_own_place(server: Server, repetitions: int) -> None:
    scene = replace(TINY, slabs=2, gap_mm=-26.0, repetitions=repetitions, tilt_deg=(20.0, 0.0))

    images = reconstructed(simulate(scene).messages(), server, with_complex_images()).images

    numbers = {int(image.header["repetition"]) for image in images}
    assert numbers == set(range(2 * repetitions))
    for number in numbers:
        slab = scene.slab_scenes()[number % 2]  # slabs within repetitions
        own = [image for image in images if image.header["repetition"] == number]
        known = truth(slab)
        errors = relative_errors(echoes(own, COMPLEX), known.echoes, known.coil_rss)
        assert np.quantile(errors, 0.99) < 0.02
        places = all_places_lps_mm(of_type(own, COMPLEX, 0))
        expected = np.moveaxis(voxel_centres(slab.geometry), 0, -1)
        np.testing.assert_allclose(places, expected, atol=1e-3)


@pytest.mark.parametrize("method", ["geometric", "pca"])
def test_sixteen_coils_are_compressed_without_a_trace(server: Server, method: str) -> None:
    scene = replace(TINY, n_coils=16, matrix=(12, 26, 48), voxel_mm=(13.0, 8.0, 4.4))
    known, plain = truth(scene), with_complex_images().xml
    before = "<gadget><name>AssembleKSpace</name></gadget>"
    wanted = (
        f'<gadget><name>CompressCoils</name><property name="method" value="{method}"/></gadget>'
    )
    config = ConfigText(plain.replace(before, wanted + before))

    reply = reconstructed(simulate(scene).messages(), server, config)

    assert f"channels compressed ({method}) from 16 to " in told(reply)
    errors = relative_errors(echoes(reply.images, COMPLEX), known.echoes, known.coil_rss)
    assert np.median(errors) < 0.005
    assert np.quantile(errors, 0.99) < 0.02
