"""Noise that whitening makes known reaches the fits: the stated one is what scans scatter by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, texts, volumes
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scene import Scene
from test_snr_map import SMALL, emitted_by

from streamrecon.model.outputs.quantities import Quantity

SCANS = 20
COMBINED = "<gadget><name>CombineCoils</name></gadget>"
RATES = f"""{COMBINED}<gadget><name>MapField</name></gadget>
<gadget><name>DecayImages</name><property name="uncertainty" value="true"/>
<property name="gradient" value="off"/></gadget>
<gadget><name>FieldImages</name><property name="b0_ppm" value="true"/>
<property name="b0_sd" value="true"/></gadget>"""
FOUR = replace(SMALL, te_s=(0.004, 0.010, 0.016, 0.022), repetitions=SCANS)
CASES = {
    "all lines": FOUR,
    "2x2 CAIPI": replace(
        FOUR, matrix=(32, 40, 32), voxel_mm=(5.0, 5.4, 6.6), sampling=Sampling((2, 2), 1), snr=120.0
    ),
    "slices": replace(FOUR, matrix=(7, 41, 32), slices=True),
}


@pytest.mark.parametrize("scene", CASES.values(), ids=CASES.keys())
def test_the_noise_behind_the_coils_is_the_scatter_of_scans(scene: Scene) -> None:
    echoes = complex_echoes(emitted_by(scene, COMBINED))

    images = np.stack([each.data for each in echoes])
    scatter = np.sqrt(images.var(axis=0, ddof=1).mean(axis=0) / 2)
    signal = np.abs(images).mean(axis=(0, 1)) > 10 * np.median(scatter)
    assert echoes[0].noise is not None
    ratio = np.broadcast_to(echoes[0].noise, scatter.shape)[signal] / scatter[signal]
    assert np.median(ratio) == pytest.approx(1, abs=0.025)  # 256 noise lines whiten
    assert ratio.std() < 0.09  # of 152 degrees of freedom: 0.057, and the g-factor's interpolation


@pytest.mark.parametrize("scene", CASES.values(), ids=CASES.keys())
def test_deviations_of_rate_and_field_are_the_scatter_of_scans(scene: Scene) -> None:
    emitted = emitted_by(scene, RATES)

    for quantity, stated_by in (
        (Quantity.R2_STAR, Quantity.R2_STAR_SD),
        (Quantity.FIELD, Quantity.FIELD_SD),
    ):
        found = np.stack([each.values for each in volumes(emitted, quantity)])
        stated = np.stack([each.values for each in volumes(emitted, stated_by)])
        known = (stated > 0).all(axis=0) & (stated.mean(axis=0) < 3 * np.median(stated[stated > 0]))
        ratio = stated.mean(axis=0)[known] / found.std(axis=0, ddof=1)[known]
        assert known.sum() > 500
        assert np.median(ratio) == pytest.approx(1, abs=0.08)  # 19 degrees of freedom: 1.4 % high


def test_a_scan_that_is_not_white_leaves_the_noise_to_the_images() -> None:
    scene = replace(SMALL, repetitions=1, noise_lines=0, snr=float("inf"))

    assert complex_echoes(emitted_by(scene, COMBINED))[0].noise is None


def test_filled_k_space_has_no_known_noise() -> None:
    scene = replace(SMALL, repetitions=1, sampling=Sampling(partial=(0.75, 0.75)))
    filled = (
        '<gadget><name>FillPartialFourier</name><property name="method" value="pocs"/></gadget>'
    )

    assert complex_echoes(emitted_by(scene, COMBINED + filled))[0].noise is None


def test_the_fraction_of_decays_that_are_no_exponentials_is_stated() -> None:
    notices = "\n".join(texts(emitted_by(replace(FOUR, repetitions=1), RATES)))

    assert "no exponential" in notices
