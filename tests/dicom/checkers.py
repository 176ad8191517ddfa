"""Programs of others that read or check DICOM: dicom3tools, and dcm2niix in two versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import nibabel
import numpy as np
import pytest

DCM2NIIX = {"Debian": "/usr/bin/dcm2niix", "PyPI": str(Path(sys.executable).parent / "dcm2niix")}
"""The two versions that are in use: of 2022 and the newest."""

ALLOWED = Path(__file__).with_name("dciodvfy-allowed.txt")
"""Warnings of dciodvfy that are accepted, and for which outputs."""


def program(name: str) -> str:
    """Path of a program; without it the test skips."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def complaints(files: Iterable[Path]) -> dict[Path, list[str]]:
    """What dciodvfy says of each file, beside naming it."""
    verify = program("dciodvfy")
    said = {}
    for file in files:
        run = subprocess.run([verify, file], capture_output=True, text=True, check=False)
        lines = (run.stdout + run.stderr).splitlines()
        said[file] = [line for line in lines if line.strip() not in {"", "MRImage"}]
    return said


def entity_complaints(files: Iterable[Path]) -> str:
    """What dcentvfy says of the files together: empty where they agree."""
    run = subprocess.run(
        [program("dcentvfy"), *map(str, files)], capture_output=True, text=True, check=False
    )
    return (run.stdout + run.stderr).strip()


def allowed_warnings() -> list[list[str]]:
    """Beginnings of accepted warnings: for fractional slopes, for values the header lacks."""
    lines = [line for line in ALLOWED.read_text().splitlines() if not line.startswith("#")]
    return [block.split("\n") for block in "\n".join(lines).strip().split("\n\n")]


def niftis(folder: Path, out: Path, version: str) -> dict[str, nibabel.Nifti1Image]:
    """What dcm2niix makes of a folder: images by name, series number in front."""
    reader = program(DCM2NIIX[version])
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [reader, "-b", "y", "-z", "n", "-f", "%s_%d", "-o", out, folder],
        check=True,
        capture_output=True,
    )
    return {path.stem: nibabel.load(path) for path in sorted(out.glob("*.nii"))}


def lps_affine(image: nibabel.Nifti1Image) -> np.ndarray:
    """From the index (i, j, k, 1) to the position (L, P, S, 1)."""
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)


def at(image: nibabel.Nifti1Image, position_lps_mm: np.ndarray) -> tuple[float, float]:
    """Value of the voxel nearest to a position, and how far its centre lies from it [mm]."""
    affine = lps_affine(image)
    index = np.rint(np.linalg.solve(affine, [*position_lps_mm, 1])).astype(int)
    distance = np.linalg.norm((affine @ index)[:3] - position_lps_mm)
    return float(image.get_fdata()[tuple(index[:3])]), float(distance)
