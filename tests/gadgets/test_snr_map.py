"""The map of the signal-to-noise ratio is what noise does from scan to scan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, texts, volumes
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from test_accelerated_chain import CHAIN, SCENE, in_pieces

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.stream.chainfile.build import build_chain

MAPPED = """<gadget><name>CombineCoils</name>
<property name="send_out_snr_map" value="true"/></gadget>"""
SCANS = 30
SMALL = replace(
    SCENE, matrix=(16, 40, 32), voxel_mm=(10.0, 5.4, 6.6), n_coils=8, snr=30.0, noise_lines=256,
    repetitions=SCANS,
)  # fmt: skip
CASES = {
    "all lines": SMALL,
    "R=2": replace(SMALL, sampling=Sampling((1, 2))),
    "2x2 CAIPI": replace(
        SMALL, matrix=(32, 40, 32), voxel_mm=(5.0, 5.4, 6.6), sampling=Sampling((2, 2), 1), snr=80.0
    ),
    "partial Fourier": replace(SMALL, sampling=Sampling(partial=(0.75, 0.75))),
    "asymmetric echo, two averages": replace(SMALL, skipped_samples=24, averages=2),
    "zero-filled, oversampled": replace(
        SMALL, recon_matrix=(16, 45, 48), oversampling=(1.25, 1.2, 2.0)
    ),
    "fewer voxels than lines": replace(SMALL, matrix=(16, 40, 33), recon_matrix=(13, 31, 21)),
    "slices": replace(SMALL, matrix=(5, 41, 32), slices=True, sampling=Sampling(partial=(1, 0.8))),
}


def emitted_by(scene: Scene, last: str = MAPPED, chain: str = CHAIN) -> list[object]:
    emitted: list[object] = []
    made = build_chain(chain.format(last=last), REGISTRY)
    made.run(in_pieces(simulate(scene).messages()), emitted.append)
    return emitted


def measured(emitted: list[object]) -> np.ndarray:
    """Mean over deviation [E, Z, Y, X] of repeated scans, of real and imaginary part alike."""
    images = np.stack([echoes.data for echoes in complex_echoes(emitted)])
    deviation = np.sqrt(images.var(axis=0, ddof=1) / 2)
    return np.asarray(np.abs(images.mean(axis=0)) / deviation)


@pytest.mark.parametrize("scene", CASES.values(), ids=CASES.keys())
def test_the_map_is_mean_over_deviation_of_thirty_scans(scene: Scene) -> None:
    emitted = emitted_by(scene)

    maps = volumes(emitted, Quantity.SNR)
    found = measured(emitted)
    predicted = np.stack([[each.values for each in maps if each.echo == e] for e in (0, 1)])
    signal = np.abs(found) > 10
    ratio = predicted.mean(axis=1)[signal] / found[signal]
    assert [(each.repetition, each.echo) for each in maps[:3]] == [(0, 0), (0, 1), (1, 0)]
    assert len(maps) == 2 * SCANS
    assert signal.mean() > 0.15
    # the deviation of 58 degrees of freedom has its median 0.6 % low; 256 noise lines whiten
    assert abs(np.median(ratio) - 1) < 0.025
    assert ratio.std() < 0.13  # of 58 degrees of freedom: 0.093


def test_compressed_channels_have_the_same_map() -> None:
    scene = replace(SMALL, repetitions=1, n_coils=16)
    assembled = "<gadget><name>AssembleKSpace</name></gadget>"
    compressed = CHAIN.replace(assembled, "<gadget><name>CompressCoils</name></gadget>" + assembled)

    emitted, whole = (emitted_by(scene, chain=chain) for chain in (compressed, CHAIN))

    found, expected = (volumes(items, Quantity.SNR)[0].values for items in (emitted, whole))
    signal = expected > 20
    assert "channels compressed" in "\n".join(texts(emitted))
    np.testing.assert_allclose(found[signal], expected[signal], rtol=0.05)
    assert abs(np.median(found[signal] / expected[signal]) - 1) < 0.005


def test_channels_that_are_not_white_have_no_map_and_that_is_told() -> None:
    emitted = emitted_by(replace(SMALL, repetitions=1, noise_lines=0, snr=float("inf")))

    assert not volumes(emitted, Quantity.SNR)
    assert "no map of the signal-to-noise ratio: channels not whitened" in "\n".join(texts(emitted))


def test_coils_combined_by_offsets_have_no_map_and_that_is_told() -> None:
    chosen = '<property name="combination" value="mcpc-3d-s"/></gadget>'
    offsets = MAPPED.replace("</gadget>", chosen)

    emitted = emitted_by(replace(SMALL, repetitions=1), offsets)

    assert not volumes(emitted, Quantity.SNR)
    assert "coils combined by their offsets" in "\n".join(texts(emitted))


def test_a_scan_that_was_not_asked_has_no_map() -> None:
    unasked = "<gadget><name>CombineCoils</name></gadget>"

    emitted = emitted_by(replace(SMALL, repetitions=1), unasked)

    assert len(complex_echoes(emitted)) == 1
    assert not volumes(emitted, Quantity.SNR)
