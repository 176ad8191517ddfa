"""The first scan of a worker, which nobody sees."""

from __future__ import annotations

from streamrecon.commands import warm_up as warming
from streamrecon.commands.warm_up import warm
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon import _kernels


def test_warming_up_compiles_the_kernels_of_a_reconstruction() -> None:
    warm()

    kernels = [kernel for kernel in vars(_kernels).values() if hasattr(kernel, "signatures")]
    assert kernels
    assert all(kernel.signatures for kernel in kernels)


def test_the_scan_of_the_warm_up_has_every_kind_of_line() -> None:
    noise, lines = (m for m in warming._scan() if isinstance(m, Acquisitions))

    assert len(set(noise.header["flags"])) == 1
    assert len(set(lines.header["flags"])) == 2  # forward and backward
