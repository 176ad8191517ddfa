"""Whether a phase image is one: noise of an image, and loops around which its phase turns."""

import numpy as np


def noise_of(image: np.ndarray) -> float:
    """Standard deviation of a real part, from the median magnitude in a corner without signal."""
    corner = np.abs(image[..., : image.shape[-2] // 8, : image.shape[-1] // 8])
    return float(np.median(corner)) / 1.1774  # median of a Rayleigh distribution


def residues(phase: np.ndarray, where: np.ndarray) -> int:
    """Loops of 2×2 voxels inside ``where`` around which the phase [Y, X] turns."""

    def wrapped(step: np.ndarray) -> np.ndarray:
        return np.angle(np.exp(1j * step))

    right, down = wrapped(np.diff(phase, axis=1)), wrapped(np.diff(phase, axis=0))
    curl = right[:-1] + down[:, 1:] - right[1:] - down[:, :-1]
    inside = where[:-1, :-1] & where[1:, :-1] & where[:-1, 1:] & where[1:, 1:]
    return int((np.rint(np.abs(curl[inside]) / (2 * np.pi))).sum())
