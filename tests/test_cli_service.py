"""`streamrecon serve` and `streamrecon send` as two processes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from narrowing import given
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan

from streamrecon.cli import main

_LIMIT_S = 60.0


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "streamrecon", "serve", "--port", "0", "--warm-workers", "1"]
    command += ["--storage", str(tmp_path / "noise")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            found = re.search(r"127\.0\.0\.1:\d+", given(service.stdout).readline())
            yield given(found)[0]
        finally:
            service.terminate()
            assert service.wait(_LIMIT_S) == 0


def test_a_socket_changes_no_voxel(address: str, tmp_path: Path) -> None:
    scan = tmp_path / "tiny.h5"
    write_scan(simulate(SCENES["tiny"]), scan)

    sent = main(
        ["send", str(scan), "--to", address, "--config", "gre_recon", "-o", str(tmp_path / "sent")]
    )
    replayed = main(["replay", str(scan), "--config", "gre_recon", "-o", str(tmp_path)])

    assert (sent, replayed) == (0, 0)
    names = {path.name for path in (tmp_path / "sent").iterdir()}
    assert names == {path.name for path in (tmp_path / "tiny").iterdir()}
    volumes = sorted(name for name in names if name.endswith(".nii.gz"))
    assert len(volumes) == 4
    for name in volumes:
        over_socket, without = (
            nibabel.load(tmp_path / folder / name) for folder in ("sent", "tiny")
        )
        # the order of sums may differ with the batches in which lines arrive
        np.testing.assert_allclose(
            over_socket.get_fdata(), without.get_fdata(), atol=1e-4 * without.get_fdata().max()
        )
        np.testing.assert_array_equal(over_socket.affine, without.affine)
