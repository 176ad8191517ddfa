"""Accelerated scans through the chain give the image and the field of all lines."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from chains import complex_echoes
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.errors import DataError
from streamrecon.model.kspace import Calibration
from streamrecon.model.lattice import Lattice
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.assemble import KSpace
from streamrecon.stream.chainfile.build import build_chain

CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget>
<gadget><name>AssembleKSpace</name></gadget>{last}
</stream></configuration>"""
COMBINED = "<gadget><name>CombineCoils</name></gadget>"
SENSE = (
    '<gadget><name>CombineCoils</name><property name="unfolding" value="sense"/>'
    '<property name="per_echo" value="{per_echo}"/></gadget>'
)

SCENE = Scene(
    "12 coils", matrix=(40, 64, 48), voxel_mm=(4.0, 3.4, 4.4), te_s=(0.005, 0.0103), n_coils=12,
    snr=float("inf"), noise_lines=0,
)  # fmt: skip
SLICES = replace(SCENE, slices=True, matrix=(3, 63, 48))


def emitted_by(scene: Scene, last: str = COMBINED) -> list[object]:
    emitted: list[object] = []
    chain = build_chain(CHAIN.format(last=last), REGISTRY)
    chain.run(in_pieces(simulate(scene).messages()), emitted.append)
    return emitted


def in_pieces(messages: Iterable[object]) -> Iterator[object]:
    """A scanner sends a line at a time, and not a scan at once."""
    for message in messages:
        if not isinstance(message, Acquisitions):
            yield message
            continue
        for start in range(0, len(message), 64):
            yield message.select(slice(start, start + 64))


@cache
def all_lines(*, slices: bool, last: str = COMBINED) -> np.ndarray:
    return complex_echoes(emitted_by(SLICES if slices else SCENE, last))[0].data


def field_hz(echoes: np.ndarray) -> np.ndarray:
    return np.asarray(
        np.angle(echoes[1] * echoes[0].conj()) / (2 * np.pi * (SCENE.te_s[1] - SCENE.te_s[0]))
    )


def assert_alike(found: np.ndarray, full: np.ndarray) -> None:
    """Images and their field, without noise: what kernels or wrong sensitivities leave."""
    signal = np.abs(full[0]) > 0.1 * np.abs(full[0]).max()
    error = np.linalg.norm((found - full)[:, signal]) / np.linalg.norm(full[:, signal])
    assert error < 0.06
    bias = field_hz(found * full.conj())[signal]
    assert abs(bias.mean()) < 0.05
    assert np.percentile(np.abs(bias), 99) < 1.5


@pytest.mark.parametrize(
    ("sampling", "order", "slices"),
    [
        (Sampling((1, 2)), Order.LINEAR, False),
        (Sampling((1, 2)), Order.CENTRE_OUT, True),
        (Sampling((2, 2), caipi_shift=1), Order.LINEAR, False),
        (Sampling((2, 2), caipi_shift=1), Order.RANDOM, False),
        (Sampling((2, 2), caipi_shift=1, separate_calibration=True), Order.LINEAR, False),
        (Sampling((2, 1)), Order.KZ_INNER, False),
    ],
)
def test_the_field_is_that_of_all_lines(sampling: Sampling, order: Order, slices: bool) -> None:
    scene = replace(SLICES if slices else SCENE, sampling=sampling, order=order)

    (echoes,) = complex_echoes(emitted_by(scene))

    assert_alike(echoes.data, all_lines(slices=slices))


@pytest.mark.parametrize("per_echo", ["false", "true"])
@pytest.mark.parametrize(
    ("sampling", "slices"),
    [
        (Sampling((1, 2)), True),
        (Sampling((2, 2), caipi_shift=1), False),
        (Sampling((1, 2), separate_calibration=True), False),
    ],
)
def test_sense_is_a_choice_of_the_chain(sampling: Sampling, slices: bool, per_echo: str) -> None:
    scene = replace(SLICES if slices else SCENE, sampling=sampling)
    last = SENSE.format(per_echo=per_echo)

    (echoes,) = complex_echoes(emitted_by(scene, last))

    shared = SENSE.format(per_echo="false")
    assert_alike(echoes.data, all_lines(slices=slices, last=shared))


def test_the_lattice_is_told_by_the_lines_and_goes_with_the_calibration() -> None:
    emitted = emitted_by(replace(SCENE, sampling=Sampling((2, 2), caipi_shift=1)), last="")

    *ahead, volume = (item for item in emitted if isinstance(item, Calibration | KSpace))
    assert isinstance(volume, KSpace)
    space = volume.space
    assert space.lattice == Lattice(2, 2, 1)
    assert min(space.calibration.shape[2:4]) >= 24
    assert space.sampled.mean() == pytest.approx(0.25)
    assert [item.lattice for item in ahead if isinstance(item, Calibration)] == [space.lattice]


def test_repetitions_of_an_accelerated_partial_scan_leave_one_by_one() -> None:
    sampling = Sampling((2, 2), caipi_shift=1, partial=(1.0, 0.75))

    volumes = complex_echoes(emitted_by(replace(SCENE, sampling=sampling, repetitions=2)))

    assert [volume.repetition for volume in volumes] == [0, 1]


@pytest.mark.parametrize("acceleration", [(1, 1), (2, 2)])
def test_an_elliptical_scan_lacks_nothing(acceleration: tuple[int, int]) -> None:
    scene = replace(SCENE, sampling=Sampling(acceleration, elliptical=True), repetitions=2)

    volumes = complex_echoes(emitted_by(scene))

    assert [volume.repetition for volume in volumes] == [0, 1]


def test_a_lost_line_of_the_lattice_is_named() -> None:
    scene = replace(SCENE, sampling=Sampling((2, 2), caipi_shift=1), dropped=(0,))

    with pytest.raises(DataError, match="volume 0: missing 1 of"):
        emitted_by(scene)
