"""What unfolding leaves of the aliases, apart from noise: the head at 3 T, 12 coils, SNR 40."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from narrowing import as_a
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.phantoms.phantom import Phantom
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene
from test_accelerated_chain import CHAIN, field_hz, in_pieces

from streamrecon.model.lattice import ALL_LINES
from streamrecon.recon.images.coil_combination import combine_coils
from streamrecon.recon.kspace.assemble import HybridSpace, KSpace
from streamrecon.recon.parallel.unfolding import sense_unfolding, unfolding
from streamrecon.recon.parallel.unmixing_weights import Unmixing, noise_amplification
from streamrecon.stream.chainfile.build import build_chain

SNR = 40.0
SCENE = replace(  # `r2`, `r3`, `caipi-2x2`: two of their echoes, no readout oversampling
    SCENES["r3"], te_s=(0.005, 0.0103), oversampling=(1.0, 1.0, 1.0)
)
HALF, THIRD = Sampling((1, 2)), Sampling((1, 3))
QUARTER = Sampling((2, 2), caipi_shift=1)


@cache
def object_sampled() -> Simulation:
    return simulate(replace(SCENE, sampling=Sampling(), snr=math.inf))


def scan(sampling: Sampling, snr: float) -> list[object]:
    """Messages of a scan; its k-space is that of the one object."""
    scene: Scene = replace(SCENE, sampling=sampling, snr=snr, noise_lines=256)
    level = as_a(Phantom, scene.phantom).parts[0].tissue.density / snr
    return list(Simulation(scene, object_sampled().kspace, line_order(scene), level).messages())


def assembled(messages: list[object]) -> HybridSpace:
    emitted: list[object] = []
    build_chain(CHAIN.format(last=""), REGISTRY).run(in_pieces(messages), emitted.append)
    (item,) = (item for item in emitted if isinstance(item, KSpace))
    return item.space


def noisy_and_clean(sampling: Sampling) -> tuple[HybridSpace, HybridSpace]:
    """A scan, and the same without noise in its lines, whitened alike."""
    noisy, clean = scan(sampling, SNR), scan(sampling, math.inf)
    header, noise_lines, *_ = noisy
    return assembled(noisy), assembled([header, noise_lines, *clean[1:]])


@cache
def all_lines() -> HybridSpace:
    """The scan without acceleration and without noise."""
    return noisy_and_clean(Sampling())[1]


def on_the_phase_of(full: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Sensitivities have an offset of phase of their own, the same in all echoes."""
    overlap = np.vdot(images, full)
    return np.asarray(images * (overlap / abs(overlap)))


@pytest.mark.parametrize("way", [unfolding, sense_unfolding], ids=["GRAPPA", "SENSE"])
@pytest.mark.parametrize("sampling", [HALF, THIRD, QUARTER], ids=["R=2", "R=3", "2x2 CAIPI"])
def test_aliases_that_stay_are_below_the_noise_and_bias_no_field(
    sampling: Sampling, way: Callable[..., Unmixing]
) -> None:
    """Weights learnt from the noisy calibration, applied to lines without noise: the bias."""
    noisy, clean = noisy_and_clean(sampling)
    full = combine_coils(all_lines(), way(noisy.calibration, ALL_LINES, noisy.grid))
    signal = np.abs(full[0]) > 0.1 * np.abs(full[0]).max()

    weights = way(noisy.calibration, noisy.lattice, noisy.grid)
    found, with_noise = (on_the_phase_of(full, combine_coils(s, weights)) for s in (clean, noisy))

    assert isinstance(weights, Unmixing)
    # white noise has the deviation 1 in each part of a line's sample
    deviation = noise_amplification(weights) * math.sqrt(2 * weights.factor)
    aliases, errors = (
        (np.abs(images - full) / deviation)[:, signal] for images in (found, with_noise)
    )
    assert np.percentile(aliases, 99.9) < 1.5  # in units of each voxel's own noise; 0.5 to 0.7
    assert math.sqrt((aliases**2).mean()) < 0.2
    assert math.sqrt((errors**2).mean()) < 1.05  # noise, and nothing but noise: 1.01
    bias_hz = field_hz(found * full.conj())[signal]
    assert abs(bias_hz.mean()) < 0.3
    assert np.percentile(np.abs(bias_hz), 99) < 2.0
    assert abs(field_hz(with_noise * full.conj())[signal].mean()) < 0.3
