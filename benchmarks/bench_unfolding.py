"""GRAPPA and SENSE against all lines: aliases, noise, and the field between two echoes.

A head at 3 T, 12 coils, 24 calibration lines at an SNR of 40. "aliases" are what weights learnt
from that calibration leave in lines without noise; "error" is that of lines with noise. The field
is that of the echoes' phase difference, without noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from bench_parallel import grid_of
from streamrecon_simulator.lines.encode import encode, sample_object
from streamrecon_simulator.phantoms.phantom import Phantom
from streamrecon_simulator.presets import SCENES

from streamrecon.fourier import ifft
from streamrecon.model.lattice import ALL_LINES, Lattice
from streamrecon.recon.images.coil_combination import combine_coils
from streamrecon.recon.kspace.assemble import HybridSpace
from streamrecon.recon.parallel.unfolding import sense_unfolding, unfolding
from streamrecon.recon.parallel.unmixing_weights import noise_amplification

SNR, CALIBRATION, TE_S = 40.0, 24, (0.005, 0.0103)
SCENE = replace(SCENES["r3"], te_s=TE_S, oversampling=(1.0, 1.0, 1.0))
LATTICES = {"R = 2": Lattice(1, 2), "R = 3": Lattice(1, 3), "2 x 2, shifted": Lattice(2, 2, 1)}
WAYS = {"GRAPPA": unfolding, "SENSE": sense_unfolding}


def main() -> None:
    """Print one row for each lattice and way."""
    grid = grid_of(SCENE)
    clean = ifft(encode(SCENE, sample_object(SCENE)), (4,))
    assert isinstance(SCENE.phantom, Phantom)
    density = SCENE.phantom.parts[0].tissue.density
    random = np.random.default_rng(5).standard_normal((*clean.shape, 2), np.float32)
    noise = random.view(np.complex64)[..., 0] * np.float32(density / SNR)
    z, y = (slice(n // 2 - CALIBRATION // 2, n // 2 + CALIBRATION // 2) for n in SCENE.matrix[:2])
    calibration = np.ascontiguousarray((clean + noise)[:, :, z, y])
    print("| lines | way | aliases % | error % | g, mean | field, 99 % below, Hz | mean, Hz |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, lattice in LATTICES.items():
        for way, learn in WAYS.items():
            full = combined(clean, ALL_LINES, learn(calibration, ALL_LINES, grid))
            weights: Any = learn(calibration, lattice, grid)
            images = [combined(data, lattice, weights) for data in (clean, clean + noise)]
            signal = np.abs(full[0]) > 0.1 * np.abs(full[0]).max()
            left, error = (distance(image, full, signal) for image in images)
            g = noise_amplification(weights)[signal].mean()
            bias = field_hz(images[0] * full.conj())[signal]
            print(
                f"| {name} | {way} | {100 * left:.2f} | {100 * error:.1f} | {g:.2f} | "
                f"{np.percentile(np.abs(bias), 99):.2f} | {bias.mean():.3f} |"
            )


def combined(hybrid: np.ndarray, lattice: Lattice, weights: Any) -> np.ndarray:
    """Images [E, Z, Y, X] of the lattice's lines, on the phase that weights have."""
    n_z, n_y, _ = SCENE.matrix
    taken = lattice.mask((n_z, n_y), (n_z // 2, n_y // 2))
    planes = ifft((hybrid * taken[:, :, None]).astype(np.complex64), (2,))
    space = HybridSpace(planes, "y", planes, taken, grid_of(SCENE), lattice)
    return combine_coils(space, weights)


def distance(image: np.ndarray, full: np.ndarray, signal: np.ndarray) -> float:
    """Complex error after one turn of the phase of all echoes."""
    overlap = np.vdot(image[:, signal], full[:, signal])
    turned = image * (overlap / abs(overlap))
    error = np.linalg.norm((turned - full)[:, signal]) / np.linalg.norm(full[:, signal])
    return float(error)


def field_hz(echoes: np.ndarray) -> np.ndarray:
    """Field between two echoes."""
    return np.asarray(np.angle(echoes[1] * echoes[0].conj()) / (2 * np.pi * (TE_S[1] - TE_S[0])))


if __name__ == "__main__":
    main()
