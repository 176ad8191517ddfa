"""The chain with compressed channels against the simulator's truth."""

from dataclasses import replace

import numpy as np
from chains import complex_echoes, relative_errors, texts

from gadgets import REGISTRY
from simulator.scan import simulate
from simulator.scene import Scene
from simulator.truth import truth
from streamrecon.stream.config import build_chain

CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget>
<gadget><name>CompressCoils</name><property name="loss" value="0.01"/></gadget>
<gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget>
</stream></configuration>"""

SCENE = Scene(
    "16 coils", matrix=(12, 40, 48), voxel_mm=(10.0, 5.0, 4.4), n_coils=16, snr=float("inf"),
    noise_lines=0,
)  # fmt: skip


def run(scene: Scene) -> list[object]:
    emitted: list[object] = []
    build_chain(CHAIN, REGISTRY).run(simulate(scene).messages(), emitted.append)
    return emitted


def test_compressed_channels_give_the_truth_within_the_loss() -> None:
    known = truth(SCENE)

    emitted = run(SCENE)

    (told,) = (text for text in texts(emitted) if "compressed" in text)
    assert int(told.split()[-1]) < 16
    (echoes,) = complex_echoes(emitted)
    errors = relative_errors(echoes.data, known.echoes, known.coil_rss)
    assert np.sqrt((errors**2).mean(axis=1)).max() < 0.02


def test_no_line_is_lost_while_the_gadget_waits() -> None:
    scene = replace(SCENE, snr=40.0, noise_lines=64, repetitions=2)

    echoes = complex_echoes(run(scene))

    assert [each.repetition for each in echoes] == [0, 1]
