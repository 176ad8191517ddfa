"""Magnitude and phase of a ball in three echoes, as NIfTI files that a test may spoil."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np

SHAPE = (14, 16, 12)  # x, y, z
TE_S = (0.004, 0.008, 0.012)
PLAIN = np.diag([2.0, 2.0, 2.0, 1.0])


def echoes() -> tuple[np.ndarray, np.ndarray]:
    """Magnitude and phase [X, Y, Z, E] of a ball in noise that decays."""
    rng = np.random.default_rng(1)
    x, y, z = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij")
    ball = (x / 5) ** 2 + (y / 6) ** 2 + (z / 4) ** 2 < 1
    turn = 0.3 * (x - y)[..., None] * np.array([1, 2, 3])
    signal = ball[..., None] * np.array([100, 85, 72]) * np.exp(1j * turn)
    signal = signal + rng.normal(0, 3, signal.shape) + 1j * rng.normal(0, 3, signal.shape)
    return np.abs(signal).astype(np.float32), np.angle(signal).astype(np.float32)


def write(folder: Path, name: str, values: np.ndarray, **sidecar: object) -> str:
    """Path of a file in the scanner's space; its sidecar is beside it where it has something."""
    path = folder / f"{name}.nii.gz"
    image = nibabel.Nifti1Image(values, PLAIN)
    image.set_sform(PLAIN, 1)
    image.to_filename(path)
    if sidecar:
        (folder / f"{name}.json").write_text(json.dumps(sidecar))
    return str(path)
