"""Two small scans and their results, and what a cohort runs on.

Modules name the fixtures that they use: a conftest.py in this folder would come before that of all
tests, and pytest, which looks for examples in both, takes the second for another file of one name.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
import nibabel as nib
import numpy as np
import pytest
from distributed import LocalCluster

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


def one_worker(*, processes: bool) -> LocalCluster:
    """Dask's own scheduler on loopback with one worker, in a process of its own or in this one."""
    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=1, threads_per_worker=1, processes=processes, dashboard_address="127.0.0.1:0"
    )


def wait_for_a_scan(output: Path) -> Path:
    """Wait until the first scan is worked on; give the folder of those that are."""
    scratch = output / "code" / "streamrecon" / "unfinished"
    deadline = time.monotonic() + 120
    while not any(scratch.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return scratch


@contextmanager
def empty_memory() -> Iterator[fsspec.AbstractFileSystem]:
    """The store of `memory://`, and nothing in it afterwards."""
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
