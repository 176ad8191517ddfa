"""A noise scan in a session of its own serves the scans that name it, and the client that asks."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from narrowing import as_a
from stock_forms import FORMS, legacy
from streamrecon_simulator.lines.coils import noise_covariance
from streamrecon_simulator.phantoms.phantom import Phantom
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from wire_images import COMPLEX, echoes
from wire_service import as_gadgetrons_client, reconstructed, serving, talk, with_complex_images

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import Close, Dependency, Message
from streamrecon.noise_query import ask_noise

EMPTY = Scene(
    "nothing but noise", matrix=(16, 40, 48), voxel_mm=(10.0, 5.0, 4.4), snr=1e-6, n_coils=1,
    te_s=(0.005, 0.01), noise_lines=0, noise_measurement_id="n-single", seed=11,
)  # fmt: skip
# 200 lines of 256 samples: their variance is known within half a percent.
NOISE = replace(
    EMPTY, noise_only=True, noise_lines=200, noise_measurement_id="", measurement_id="n-single"
)
NOISE_OF_ARRAY = replace(NOISE, n_coils=6, measurement_id="n-array", seed=12)
NOISE_CHAIN = legacy(FORMS["default_measurement_dependencies"])
QUERY = """<?xml version="1.0" encoding="utf-8"?>
<gadgetronStreamConfiguration xmlns="http://gadgetron.sf.net/gadgetron">
<writer><slot>1019</slot><dll>gadgetron_mricore</dll><classname>DependencyQueryWriter</classname></writer>
<gadget><name>NoiseSummary</name><dll>gadgetron_mricore</dll><classname>NoiseSummaryGadget</classname>
<property><name>noise_file</name><value>GadgetronNoiseCovarianceMatrix_{}</value></property></gadget>
</gadgetronStreamConfiguration>"""


@pytest.fixture(scope="module")
def after_noise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[Message]]]:
    """A service of its own that has had both noise scans, and all that it said to them."""
    with serving(tmp_path_factory.mktemp("storage")) as server:
        heard = []
        for scene in (NOISE, NOISE_OF_ARRAY):
            scan = simulate(scene).messages()
            heard += talk(server, as_gadgetrons_client(NOISE_CHAIN, scan))
        yield server, heard


def test_a_noise_scan_is_kept_and_gives_no_image(after_noise: tuple[Server, list[Message]]) -> None:
    _, heard = after_noise

    *told, close = (str(message) for message in heard)

    assert close == str(Close())
    assert sum("kept for the scans that depend on it" in text for text in told) == 2
    assert not any("ERR" in text or text.startswith("Image") for text in told)


def test_an_empty_scan_whitened_with_it_has_unit_deviation(
    after_noise: tuple[Server, list[Message]],
) -> None:
    server, _ = after_noise

    reply = reconstructed(simulate(EMPTY).messages(), server, with_complex_images())

    assert any("whitened with the noise scan of" in str(notice) for notice in reply.notices)
    values = echoes(reply.images, COMPLEX)
    # 30,720 samples an echo: known within half a percent, as is the noise scan
    np.testing.assert_allclose(values.real.std(axis=(1, 2, 3)), 1, atol=0.02)
    np.testing.assert_allclose(values.imag.std(axis=(1, 2, 3)), 1, atol=0.02)
    assert abs(np.corrcoef(values.real.ravel(), values.imag.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("measurement", "n_coils"), [("n-elsewhere", 1), ("n-single", 3)], ids=["unknown", "other coil"]
)
def test_without_its_noise_scan_a_scan_is_whitened_by_its_edges_and_says_so(
    after_noise: tuple[Server, list[Message]], measurement: str, n_coils: int
) -> None:
    server, _ = after_noise
    scene = replace(EMPTY, noise_measurement_id=measurement, n_coils=n_coils)

    reply = reconstructed(simulate(scene).messages(), server, with_complex_images())

    assert any("at the edges of k-space" in str(notice) for notice in reply.notices)
    values = echoes(reply.images, COMPLEX)
    # 1,500 samples: 2 % by chance, 2 % by what is taken for signal
    np.testing.assert_allclose(values.real.std(axis=(1, 2, 3)), 1, atol=0.06)


def test_without_noise_at_the_edges_channels_are_not_whitened_and_that_is_said(
    after_noise: tuple[Server, list[Message]],
) -> None:
    server, _ = after_noise
    scene = replace(EMPTY, snr=float("inf"), noise_measurement_id="n-elsewhere")

    reply = reconstructed(simulate(scene).messages(), server)

    assert any("the channels are not whitened" in str(notice) for notice in reply.notices)


def test_gadgetrons_client_is_answered_with_the_noise_that_was_measured(
    after_noise: tuple[Server, list[Message]],
) -> None:
    server, _ = after_noise

    answer, close = talk(server, as_gadgetrons_client(QUERY.format("n-array")))

    assert close == Close()
    assert isinstance(answer, Dependency)
    assert answer.meta["status"] == ("success",)
    assert answer.meta["channels"] == ("6",)
    assert float(answer.meta["noise_dwell_time_us"][0]) == pytest.approx(5.0)
    sigma = true_sigma(NOISE_OF_ARRAY)
    for name, expected in (
        ("min_sigma", sigma.min()),
        ("max_sigma", sigma.max()),
        ("mean_sigma", sigma.mean()),
    ):
        assert float(answer.meta[name][0]) == pytest.approx(expected, rel=0.01)


def true_sigma(scene: Scene) -> np.ndarray:
    """Standard deviation of a complex sample of the noise scan, per channel."""
    level = as_a(Phantom, scene.phantom).parts[0].tissue.density / scene.snr
    variance = scene.dwell_s / scene.noise_dwell_s * scene.noise_bandwidth
    return level * np.sqrt(2 * variance * noise_covariance(scene.n_coils).diagonal().real)


def test_an_unknown_noise_scan_is_answered_without_a_text(
    after_noise: tuple[Server, list[Message]],
) -> None:
    server, _ = after_noise

    heard = talk(server, as_gadgetrons_client(QUERY.format("n-elsewhere")))

    assert heard == [Dependency({"status": ("failed",)}), Close()]


def test_our_client_is_told_of_the_noise_scan(after_noise: tuple[Server, list[Message]]) -> None:
    server, _ = after_noise

    assert "the server has the noise scan: 6 channels" in str(ask_noise(server, "n-array"))
