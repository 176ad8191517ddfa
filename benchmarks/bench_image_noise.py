"""Noise of images of heads by their air, by blocks of the object, and by the smoothest of those.

    python benchmarks/bench_image_noise.py PHANTOMS

PHANTOMS holds p3x, tex and p3t; whole heads are the simulator's, with noise of .0070. The figure of
an image is the smallest of its echoes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from bench_qsm import head, load, row
from bench_qsm_goals import whole_head
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.truth import receive, truth

from streamrecon.phase.image_noise import measure_noise, noise_of_air, noise_of_object
from streamrecon.phase.magnitude import signal_mask

Complex = NDArray[np.complex64]
HEADS = ((41, 1.5, 0.0), (83, 1.5, 20.0), (83, 1.0, 0.0))
PHANTOMS = ("p3x", "tex", "p3t")
FAR_VOXELS = 3


def images(phantoms: Path) -> Iterator[tuple[str, Complex]]:
    """Echoes [E, Z, Y, X] of each head, and what it is called."""
    for anatomy, size_mm, tilt_deg in HEADS:
        scene = whole_head(anatomy, size_mm, (tilt_deg, 0.0))
        echoes = noisy_images(scene, truth(scene), receive(scene)).astype(np.complex64)
        yield f"head {anatomy}, {size_mm:g} mm, {tilt_deg:g}°", echoes
    for name in PHANTOMS:
        yield name, load(phantoms / name).echoes


def least(figures: Iterable[float | None]) -> float:
    """The smallest of those that are known."""
    return min(each for each in figures if each is not None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    chosen = parser.parse_args()
    columns = "air", "object, half of its blocks", "its smoothest tenth", "measured"
    head("Noise of images", "head", *columns)
    for name, echoes in images(chosen.phantoms):
        inside = signal_mask(np.sqrt((np.abs(echoes) ** 2).sum(axis=0)))
        far = ~binary_dilation(inside, iterations=FAR_VOXELS)
        air = least(noise_of_air(echo, far) for echo in echoes)
        usual = least(noise_of_object(echo, inside, part=0.5) for echo in echoes)
        smoothest = least(noise_of_object(echo, inside) for echo in echoes)
        found = measure_noise(echoes, inside)
        row(name, air, usual, smoothest, f"{found.sd:.3g} ({found.source.value})")


if __name__ == "__main__":
    main()
