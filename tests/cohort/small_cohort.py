"""Two small scans and their results, by path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from streamrecon.cli import main


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("raw")
    for number in (1, 2):
        words = ["write", "tiny", "-o", f"sub-0{number}.h5", "--seed", str(number), "--no-truth"]
        subprocess.run(
            [sys.executable, "-m", "streamrecon_simulator", *words],
            cwd=tree, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return tree


@pytest.fixture(scope="session")
def done(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole data set of both scans."""
    output = tmp_path_factory.mktemp("done")
    assert main(words(raw, output)) == 0
    return output


def words(tree: Path | str, output: Path | str, *more: str) -> list[str]:
    return ["batch", str(tree), "-o", str(output), "--config", "gre_recon", *more]


def results(output: Path) -> dict[str, np.ndarray]:
    """Numbers of all images by their names."""
    paths = sorted(output.glob("sub-*/**/*.nii.gz"))
    return {path.name: np.asarray(nib.load(path).dataobj) for path in paths}


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)
