"""Gadgetron's own chain files, by what stands in them: they load here and make images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from chains import run_chain, volumes
from stock_forms import FORMS, IMAGE_ARRAY, Form, legacy, version_2
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import ConfigError
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Image
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.run.chain import Chain

WHITENED = Scene("small head", matrix=(8, 24, 28), voxel_mm=(14.0, 8.0, 8.0), n_coils=3, snr=500.0)
QUIET_SCAN = replace(WHITENED, snr=float("inf"), noise_lines=0)
# The generic file turns numbers into integers without a scale: it needs whitened data, whose unit
# is the noise. The default files do not whiten; noise in the scan would set them apart from ours.
SCENES = {
    "default": QUIET_SCAN,
    "default_short": QUIET_SCAN,
    "Generic_Cartesian_FFT": WHITENED,
    "Generic_Cartesian_Grappa": replace(
        WHITENED, matrix=(8, 40, 28), voxel_mm=(14.0, 5.0, 8.0), sampling=Sampling((1, 2))
    ),
}


def emitted_by(chain: Chain, items: Iterable[object]) -> list[object]:
    emitted: list[object] = []
    chain.run(items, emitted.append)
    return emitted


@pytest.mark.parametrize("write", [legacy, version_2])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_property_is_a_parameter_or_named_in_a_warning(
    form: Form, write: Callable[[Form], bytes]
) -> None:
    chain = build_chain(write(form), REGISTRY)

    named = {n.text.partition(":")[0]: n.text for n in chain.notices if n.level is Level.WARNING}
    for step, (name, _, properties) in zip(chain.steps, form, strict=True):
        idle = set(properties) - set(type(step.gadget).model_fields)
        assert all(key in named[name] for key in idle)
        assert (name in named) == bool(idle)


@pytest.mark.parametrize("name", SCENES)
def test_a_stock_file_makes_a_magnitude_image_of_every_echo(name: str) -> None:
    chain = build_chain(legacy(FORMS[name]), REGISTRY)

    emitted = emitted_by(chain, simulate(SCENES[name]).messages())

    images = [pixels(item) for item in emitted if isinstance(item, Volume | Image)]
    ours = volumes(
        run_chain("gre_recon.xml", simulate(SCENES[name]).messages()), Quantity.MAGNITUDE
    )
    found, expected = np.stack(images), np.stack([volume.values for volume in ours])
    bright = expected > 0.5 * expected.max()
    scale = found[bright] / expected[bright]
    assert len(images) == 4
    assert scale.mean() > 0
    rounding = 0.6 / found[bright].min() if found.dtype == np.uint16 else 0
    np.testing.assert_allclose(scale, scale.mean(), rtol=1e-5 + rounding)
    assert not [n for n in emitted if isinstance(n, Notice) and n.level is Level.ERROR]


def test_the_stock_file_for_snr_sends_the_g_factor_in_hundredths() -> None:
    scene = SCENES["Generic_Cartesian_Grappa"]

    emitted = emitted_by(
        build_chain(legacy(FORMS["Generic_Cartesian_Grappa_SNR"]), REGISTRY),
        simulate(scene).messages(),
    )
    ours = run_chain("Generic_Cartesian_Grappa_SNR.xml", simulate(scene).messages())

    (stock,), (own,) = (volumes(items, Quantity.G_FACTOR) for items in (emitted, ours))
    np.testing.assert_allclose(stock.values / 100, own.values, atol=0.006)
    assert own.values[4, 20, 14] > 1
    assert len(volumes(emitted, Quantity.MAGNITUDE)) == 4


def test_the_stock_file_for_snr_sends_every_echo_in_tenths_of_its_noise() -> None:
    scene = SCENES["Generic_Cartesian_Grappa"]
    chain = build_chain(legacy(FORMS["Generic_Cartesian_Grappa_SNR"]), REGISTRY)

    emitted = emitted_by(chain, simulate(scene).messages())
    ours = run_chain("Generic_Cartesian_Grappa_SNR.xml", simulate(scene).messages())

    assert not [n.text for n in chain.notices if "send_out_snr_map" in n.text]
    stock, own = (volumes(items, Quantity.SNR) for items in (emitted, ours))
    assert [volume.echo for volume in stock] == [0, 1, 2, 3]
    for one, other in zip(stock, own, strict=True):
        np.testing.assert_allclose(one.values * 0.1, other.values, atol=0.051)
    assert 100 < own[0].values[4, 20, 14] < 500  # 500 for one coil of sensitivity 1, all lines


def test_the_stock_file_for_complex_images_sends_ours() -> None:
    scene = SCENES["Generic_Cartesian_Grappa"]

    emitted = emitted_by(
        build_chain(legacy(FORMS["Generic_Cartesian_Grappa_Complex"]), REGISTRY),
        simulate(scene).messages(),
    )
    ours = run_chain("Generic_Cartesian_Grappa_Complex.xml", simulate(scene).messages())

    stock, own = (volumes(items, Quantity.COMPLEX) for items in (emitted, ours))
    assert [volume.echo for volume in stock] == [0, 1, 2, 3]
    for one, other in zip(stock, own, strict=True):
        assert one.values.dtype == np.complex64
        np.testing.assert_array_equal(one.values, other.values)


def test_the_stock_file_for_cine_fills_a_partial_scan_by_pocs() -> None:
    scene = replace(WHITENED, sampling=Sampling(partial=(1.0, 0.75)))

    emitted = emitted_by(
        build_chain(legacy(FORMS["Generic_Cartesian_Grappa_RealTimeCine"]), REGISTRY),
        simulate(scene).messages(),
    )

    assert len(volumes(emitted, Quantity.MAGNITUDE)) == 4
    assert any("along y: filled by POCS" in str(item) for item in emitted)


@pytest.mark.parametrize("write", [legacy, version_2])
def test_a_stock_file_that_ends_with_arrays_is_refused_with_what_is_missing(
    write: Callable[[Form], bytes],
) -> None:
    with pytest.raises(ConfigError, match=r"Recon: no image .* behind it: ImageArraySplitG"):
        build_chain(write(IMAGE_ARRAY), REGISTRY)


def pixels(item: Volume | Image) -> np.ndarray:
    """Values [Z, Y, X] of either."""
    return item.values if isinstance(item, Volume) else item.data[0]
