"""Accelerated scans through the service, line by line, against their truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import relative_errors
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene
from streamrecon_simulator.truth import truth
from wire_images import COMPLEX, echoes
from wire_service import reconstructed, with_complex_images

from streamrecon.client import Server
from streamrecon.mrd.wire.messages import ConfigText

HEAD = Scene(
    "12 coils", matrix=(30, 60, 40), voxel_mm=(5.0, 3.6, 5.2), te_s=(0.005, 0.0103), n_coils=12,
    snr=float("inf"), noise_lines=0,
)  # fmt: skip
SLICES = replace(HEAD, slices=True, matrix=(3, 60, 40))
SHIFTED = Sampling((2, 2), caipi_shift=1)

SCANS = {
    "every second ky": replace(HEAD, sampling=Sampling((1, 2))),
    "every third ky": replace(HEAD, sampling=Sampling((1, 3))),
    "2 x 2, shifted": replace(HEAD, sampling=SHIFTED),
    "2 x 2, shifted, random order": replace(HEAD, sampling=SHIFTED, order=Order.RANDOM),
    "calibration before": replace(HEAD, sampling=Sampling((1, 2), separate_calibration=True)),
    "slices": replace(SLICES, sampling=Sampling((1, 2))),
}


def chain(unfolding: str) -> ConfigText:
    """The packaged chain, told how to unfold."""
    name = "<name>CombineCoils</name>"
    text = with_complex_images().xml
    assert name in text
    return ConfigText(text.replace(name, f'{name}<property name="unfolding" value="{unfolding}"/>'))


@pytest.mark.parametrize("unfolding", ["grappa", "sense"])
@pytest.mark.parametrize("scene", SCANS.values(), ids=SCANS.keys())
def test_an_accelerated_scan_is_its_truth(scene: Scene, unfolding: str, server: Server) -> None:
    known = truth(scene)

    reply = reconstructed(simulate(scene).messages(), server, chain(unfolding))

    found = echoes(reply.images, COMPLEX)
    errors = relative_errors(found, known.echoes, known.coil_rss)
    # no noise: aliases that stay, in one voxel of a hundred beside the edges of what is bright
    assert np.median(errors) < 0.012
    assert np.quantile(errors, 0.99) < 0.25
    signal = np.abs(known.echoes).min(axis=0) > 0.1 * np.abs(known.echoes[0]).max()
    turned = found * known.echoes.conj()
    bias_hz = np.angle(turned[1] * turned[0].conj()) / (2 * np.pi * (HEAD.te_s[1] - HEAD.te_s[0]))
    assert abs(bias_hz[signal].mean()) < 0.1
    assert np.quantile(np.abs(bias_hz[signal]), 0.99) < 2.0
