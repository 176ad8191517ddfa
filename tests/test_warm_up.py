"""The first scan of a worker, which nobody sees."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from streamrecon.commands.run_setup import warm_up as warming
from streamrecon.commands.run_setup.warm_up import warm
from streamrecon.model.geometry import Geometry
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.qsm import _surface_kernels
from streamrecon.qsm.mask import find_mask
from streamrecon.recon import _kernels


def test_warming_up_compiles_the_kernels_of_a_reconstruction() -> None:
    warm()

    kernels = [kernel for kernel in vars(_kernels).values() if hasattr(kernel, "signatures")]
    assert kernels
    assert all(kernel.signatures for kernel in kernels)


def test_a_mask_needs_no_kernel_that_the_warm_up_did_not_compile() -> None:
    grid = Geometry((19, 21, 23), (9.0, 8.0, 8.5), np.eye(3)[::-1])
    place = np.indices(grid.shape) - np.reshape([n // 2 for n in grid.shape], (3, 1, 1, 1))
    away_mm = np.linalg.norm(place * np.reshape(grid.voxel_mm, (3, 1, 1, 1)), axis=0)
    ball = np.where(away_mm < 65, 1.0, 0.01)

    warm()
    before = compiled(_surface_kernels)
    find_mask(ball, ball, grid)

    assert before["evolve"] and before["fill_inside"] and before["darkest_beyond"]
    assert compiled(_surface_kernels) == before


def compiled(module: ModuleType) -> dict[str, int]:
    """How many kinds of arguments each kernel is compiled for."""
    return {
        name: len(kernel.signatures)
        for name, kernel in vars(module).items()
        if hasattr(kernel, "signatures")
    }


def test_the_scan_of_the_warm_up_has_every_kind_of_line() -> None:
    noise, lines = (m for m in warming._scan() if isinstance(m, Acquisitions))

    assert len(set(noise.header["flags"])) == 1
    assert len(set(lines.header["flags"])) == 2  # forward and backward
