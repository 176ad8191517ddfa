"""Data that other programs made: cylinders of known susceptibility, and a brain."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from streamrecon.model.geometry import Geometry
from streamrecon.phase.unwrap import unwrap_individually, unwrap_volume
from streamrecon.qsm.pipeline import susceptibility

pytestmark = pytest.mark.shared

RAS = np.array([[0, 0, 1.0], [0, -1, 0], [-1, 0, 0]])  # rows z, y, x of an untilted NIfTI, in LPS


def volume(path: Path) -> np.ndarray:
    """Values as [Z, Y, X] or [E, Z, Y, X]."""
    return np.asarray(nib.load(path).dataobj).T


def test_every_cylinder_of_qsm_forward_stands_out_by_its_susceptibility(shared_data: Path) -> None:
    anat = shared_data / "qsmforward-simple/sub-1/anat"
    truth = shared_data / "qsmforward-simple/derivatives/qsm-forward/sub-1/anat"
    magnitude, phase = (
        np.stack([volume(anat / f"sub-1_echo-{e}_part-{part}_MEGRE.nii.gz") for e in range(1, 5)])
        for part in ("mag", "phase")
    )
    mask = volume(truth / "sub-1_mask.nii.gz") > 0
    chi = volume(truth / "sub-1_Chimap.nii.gz")
    grid = Geometry(chi.shape, (1.0, 1.0, 1.0), RAS)
    echoes = (magnitude * np.exp(1j * phase)).astype(np.complex64)

    found = susceptibility(echoes, (0.005, 0.010, 0.015, 0.020), 3.0, grid, mask=mask)

    levels = np.unique(chi[mask])
    assert levels.size == 5
    tissue, *cylinders = levels
    for level in cylinders:
        inside = (chi == level) & mask
        ring = binary_dilation(inside, iterations=5) & ~binary_dilation(inside)
        around = ring & mask & (chi == tissue)
        rise = found.map.chi_ppm[inside].mean() - found.map.chi_ppm[around].mean()
        assert 0.95 < rise / (level - tissue) < 1.05, (level, rise)


def seams(phase: np.ndarray, inside: np.ndarray) -> float:
    """Share of neighbours inside that differ by more than half a turn."""
    open_ones = []
    for axis in range(3):
        here, values = np.moveaxis(inside, axis, 0), np.moveaxis(phase, axis, 0)
        open_ones.append(abs(np.diff(values, axis=0))[here[1:] & here[:-1]] > np.pi)
    return float(np.concatenate(open_ones).mean())


def assert_whole_turns(added: np.ndarray) -> None:
    turns = added / (2 * np.pi)
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-3)


def test_a_brain_is_unwrapped_without_open_seams(shared_data: Path) -> None:
    folder = shared_data / "romeo-crop"
    magnitude = volume(folder / "Mag.nii").astype(np.float32)
    stored = volume(folder / "Phase.nii")
    phase = stored * np.float32(np.pi / abs(stored).max())
    signal = magnitude[0] > 0.2 * np.quantile(magnitude[0], 0.95)

    found = unwrap_individually(phase, magnitude, signal, (0.004, 0.008, 0.012))

    inside = found.region == 1
    assert inside[signal].mean() > 0.95
    assert_whole_turns((found.phase_rad - phase)[:, inside])
    for before, after in zip(phase, found.phase_rad, strict=True):
        assert seams(after, inside) < 0.02 * seams(before, inside)  # vessels and noise are left


def test_voxels_without_a_phase_are_left_out_of_a_brain(shared_data: Path) -> None:
    phase = volume(shared_data / "romeo-crop/phase_with_nan.nii")[0]
    finite = np.isfinite(phase)

    found = unwrap_volume(phase, np.ones_like(phase), np.ones(phase.shape, bool))

    assert 0 < (~finite).mean() < 0.9
    assert ((found.region > 0) == finite).all()
    assert np.isfinite(found.phase_rad).all()
    assert_whole_turns((found.phase_rad[0] - phase)[finite])
    assert seams(found.phase_rad[0], found.quality > 0.8) == 0
