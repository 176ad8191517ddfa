"""A client of Gadgetron sends one of Gadgetron's chain files, and has the images it expects."""

from dataclasses import replace

import numpy as np
import pytest
from stock_forms import FORMS, legacy, version_2
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import voxel_centres
from wire_images import MAGNITUDE, all_places_lps_mm, echoes, of_type
from wire_service import as_gadgetrons_client, reconstructed, talk

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import Close, Image, Text

WHITENED = Scene(
    "small head", matrix=(8, 24, 28), voxel_mm=(14.0, 8.0, 8.0), n_coils=3, snr=500.0,
    tilt_deg=(20.0, -10.0), centre_lps_mm=(4.0, -3.0, 6.0),
)  # fmt: skip
# What the files whiten is up to them; where they do not, noise would set them apart from ours.
QUIET = replace(WHITENED, snr=float("inf"), noise_lines=0)
FILES = {
    "default": (version_2(FORMS["default"]), QUIET, np.float32),
    "default_short": (legacy(FORMS["default_short"]), QUIET, np.uint16),
    "Generic_Cartesian_FFT": (legacy(FORMS["Generic_Cartesian_FFT"]), WHITENED, np.uint16),
}
_IMAGE_STAGES = {"ImageArraySplit", "ComplexToFloatAttrib", "FloatToShortAttrib", "ImageFinish"}


@pytest.mark.parametrize("name", FILES)
def test_a_stock_file_gives_the_magnitude_of_every_echo_in_place(server: Server, name: str) -> None:
    config, scene, dtype = FILES[name]
    scan = list(simulate(scene).messages())

    heard = talk(server, as_gadgetrons_client(config, scan))

    assert heard[-1] == Close()
    assert not [m for m in heard if isinstance(m, Text) and m.text.startswith("ERR")]
    images = [m for m in heard if isinstance(m, Image)]
    assert [int(image.header["contrast"]) for image in images] == [0, 1, 2, 3]
    assert {image.data.dtype for image in images} == {np.dtype(dtype)}
    for image in images:
        places = np.moveaxis(voxel_centres(scene.geometry), 0, -1)
        np.testing.assert_allclose(all_places_lps_mm([image]), places, atol=1e-3)
    found = echoes(images, MAGNITUDE).astype(np.float64)
    ours = echoes(of_type(reconstructed(scan, server).images, MAGNITUDE), MAGNITUDE)
    bright = ours > 0.5 * ours.max()
    scale = found[bright] / ours[bright]
    assert scale.mean() > 0
    rounding = 0.6 / found[bright].min() if dtype is np.uint16 else 0
    np.testing.assert_allclose(scale, scale.mean(), rtol=1e-4 + rounding)


WITHOUT_IMAGES = (
    "<configuration><version>2</version><stream><gadget><name>AssembleKSpace</name></gadget>"
    "<gadget><name>CombineCoils</name></gadget></stream></configuration>"
)


def test_a_stock_file_that_ends_before_its_images_is_refused(server: Server) -> None:
    """Gadgetron's Generic_Cartesian_Grappa_ImageArray ends with image arrays: nobody makes them."""
    form = [part for part in FORMS["Generic_Cartesian_Grappa"] if part[0] not in _IMAGE_STAGES]
    scan = list(simulate(QUIET).messages())

    heard = talk(server, as_gadgetrons_client(legacy(form), scan))

    texts = [m.text for m in heard if isinstance(m, Text)]
    assert heard[-1] == Close()
    assert not [m for m in heard if isinstance(m, Image)]
    (refusal,) = [text for text in texts if text.startswith("ERR [config]")]
    assert refusal.endswith("missing behind it: ImageArraySplitGadget or ExtractGadget")


def test_a_file_of_ours_that_ends_before_its_images_says_so(server: Server) -> None:
    scan = list(simulate(QUIET).messages())

    heard = talk(server, as_gadgetrons_client(WITHOUT_IMAGES, scan))

    texts = [m.text for m in heard if isinstance(m, Text)]
    assert heard[-1] == Close()
    assert not [m for m in heard if isinstance(m, Image)]
    assert [text for text in texts if text.startswith("WRN no image: the chain ends with Echoes;")]


def test_a_noise_scan_that_gives_no_image_says_nothing_of_it(server: Server) -> None:
    scan = list(simulate(WHITENED).messages())
    noise = legacy(FORMS["default_measurement_dependencies"])

    heard = talk(server, as_gadgetrons_client(noise, scan))

    assert heard[-1] == Close()
    assert not [m for m in heard if isinstance(m, Text) and "no image" in m.text]
