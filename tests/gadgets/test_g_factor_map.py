"""The g-factor leaves the chain as an image of its own, and is what noise does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, volumes
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene
from test_accelerated_chain import CHAIN, SCENE, field_hz, in_pieces

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.stream.chainfile.build import build_chain

MAPPED = """<gadget><name>CombineCoils</name>
<property name="send_out_gfactor" value="true"/></gadget>"""
SMALL = replace(SCENE, matrix=(24, 48, 32), voxel_mm=(7.0, 4.5, 6.6), snr=40.0, noise_lines=256)
SCANS = 24


def emitted_by(simulation: Simulation, last: str = MAPPED) -> list[object]:
    emitted: list[object] = []
    chain = build_chain(CHAIN.format(last=last), REGISTRY)
    chain.run(in_pieces(simulation.messages()), emitted.append)
    return emitted


@pytest.mark.parametrize(
    "sampling", [Sampling((1, 2)), Sampling((2, 2), caipi_shift=1)], ids=["R=2", "2x2 CAIPI"]
)
def test_the_map_says_how_noise_spreads_over_repetitions(sampling: Sampling) -> None:
    # noise of a scan is what sets its repetitions apart: they share the weights of the first
    scene = replace(SMALL, sampling=sampling, repetitions=SCANS)

    emitted = emitted_by(simulate(scene))

    (volume,) = volumes(emitted, Quantity.G_FACTOR)
    images = np.stack([echoes.data for echoes in complex_echoes(emitted)])
    variance = images.var(axis=0, ddof=1).mean(axis=0)  # of complex samples: 2 in each line
    factor = np.prod(sampling.acceleration)
    measured = np.sqrt(variance / 2 / factor)
    ratio = measured / volume.values
    assert volume.values.shape == measured.shape
    assert volume.values[12, 24, 16] > 1.1  # amid the head; in air the ridge leaves less than 1
    assert abs(ratio.mean() - 1) < 0.015  # the whitening of 256 noise lines adds to it
    assert ratio.std() < 0.12  # of 2 echoes and 23 degrees of freedom: 0.074


def test_a_scan_of_all_lines_or_one_that_was_not_asked_has_no_map() -> None:
    scene: Scene = replace(SMALL, matrix=(4, 40, 32), voxel_mm=(20.0, 5.0, 6.6))
    accelerated = replace(scene, sampling=Sampling((1, 2)))

    whole = emitted_by(simulate(scene))
    unasked = emitted_by(simulate(accelerated), "<gadget><name>CombineCoils</name></gadget>")

    for emitted in (whole, unasked):
        assert len(complex_echoes(emitted)) == 1
        assert not volumes(emitted, Quantity.G_FACTOR)


def test_kernels_of_each_echo_unfold_it_and_amplify_its_noise_as_its_own_map_says() -> None:
    scene = replace(SMALL, sampling=Sampling((1, 2)), repetitions=SCANS)
    own = MAPPED.replace("</gadget>", "<property name='per_echo' value='true'/></gadget>")

    emitted = emitted_by(simulate(scene), own)
    (whole,) = complex_echoes(emitted_by(simulate(replace(SMALL, snr=1e4))))

    maps = volumes(emitted, Quantity.G_FACTOR)
    images = np.stack([echoes.data for echoes in complex_echoes(emitted)])
    measured = np.sqrt(images.var(axis=0, ddof=1) / 2 / 2)
    assert [volume.echo for volume in maps] == [0, 1]
    for echo, volume in enumerate(maps):
        assert abs((measured[echo] / volume.values).mean() - 1) < 0.02
    assert np.abs(maps[0].values / maps[1].values - 1).max() > 0.005  # learnt from other lines
    mean, full = images.mean(axis=0), whole.data
    signal = np.abs(full[0]) > 0.1 * np.abs(full[0]).max()
    bias_hz = field_hz(mean * full.conj())[signal]
    assert abs(bias_hz.mean()) < 0.05
    assert np.percentile(np.abs(bias_hz), 99) < 2.0  # 1.0, mostly noise of the mean
