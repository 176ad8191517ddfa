"""Noiseless scans through a socket: every echo is the simulator's truth, at its place."""

from dataclasses import replace

import numpy as np
import pytest
from chains import relative_errors
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Orientation, Scene
from streamrecon_simulator.truth import truth, voxel_centres
from wire_images import COMPLEX, MAGNITUDE, PHASE, all_places_lps_mm, echoes, of_type
from wire_service import reconstructed, with_complex_images

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import Image

QUIET = Scene(
    "small noiseless head", matrix=(14, 40, 48), voxel_mm=(10.0, 5.0, 4.4), n_coils=4,
    snr=float("inf"), noise_lines=0,
)  # fmt: skip
ODD = replace(QUIET, matrix=(13, 41, 47), oversampling=(1.0, 1.0, 1.0))


def oblique(scene: Scene) -> Scene:
    return replace(scene, tilt_deg=(30.0, -20.0), centre_lps_mm=(5.0, -8.0, 3.0))


def in_slices(scene: Scene) -> Scene:
    return replace(scene, slices=True, gap_mm=2.0, order=Order.KZ_INNER)


SCANS = {
    "even": QUIET,
    "odd, doubly oblique": oblique(ODD),
    "odd, bipolar": replace(ODD, bipolar=True, delay_samples=0.4),
    "bipolar, sagittal, left-handed": replace(
        QUIET, bipolar=True, delay_samples=-0.3, orientation=Orientation.SAGITTAL, left_handed=True
    ),
    "slices, oblique": oblique(in_slices(QUIET)),
    "odd slices, bipolar, coronal, left-handed": replace(
        in_slices(ODD), bipolar=True, orientation=Orientation.CORONAL, left_handed=True
    ),
    "oversampled everywhere, centre out": replace(
        QUIET, oversampling=(8 / 7, 1.2, 2.0), order=Order.CENTRE_OUT, left_handed=True
    ),
    "opposite sign, two averages, one coil": replace(
        oblique(ODD), phase_sign=-1, averages=2, n_coils=1, left_handed=True
    ),
}

Answer = tuple[Scene, tuple[Image, ...]]


@pytest.fixture(scope="module", params=list(SCANS.values()), ids=list(SCANS))
def answer(server: Server, request: pytest.FixtureRequest) -> Answer:
    """A scan, and the images that came back."""
    scene: Scene = request.param
    return scene, reconstructed(simulate(scene).messages(), server, with_complex_images()).images


def test_every_echo_on_the_wire_is_the_truth_within_one_percent(answer: Answer) -> None:
    scene, images = answer
    known = truth(scene)

    found = echoes(images, COMPLEX)

    assert found.dtype == np.complex64
    errors = relative_errors(found, known.echoes, known.coil_rss)
    assert errors.max() < 0.01  # in every voxel with signal


def test_every_voxel_on_the_wire_lies_where_it_was_scanned(answer: Answer) -> None:
    scene, images = answer
    expected = np.moveaxis(voxel_centres(scene.geometry), 0, -1)

    for image_type in (MAGNITUDE, PHASE, COMPLEX):
        for echo in range(len(scene.te_s)):
            places = all_places_lps_mm(of_type(images, image_type, echo))

            # directions are float32: a micrometre at 200 mm
            np.testing.assert_allclose(places, expected, atol=1e-3)


def test_magnitude_and_phase_are_those_of_the_complex_images(answer: Answer) -> None:
    _, images = answer
    values = echoes(images, COMPLEX)

    magnitude, phase = echoes(images, MAGNITUDE), echoes(images, PHASE)

    assert magnitude.dtype == phase.dtype == np.float32
    np.testing.assert_allclose(magnitude, np.abs(values), rtol=1e-5)
    # float32 angle; where there is no signal the angle is one of rounding errors, and still agrees
    turned = np.angle(values * np.exp(-1j * phase))
    np.testing.assert_allclose(turned, 0, atol=1e-5)
    assert np.abs(phase).max() <= np.float32(np.pi)
