"""Three different scans at once on one service: each client has its own images, and right ones."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from chains import relative_errors
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene
from streamrecon_simulator.truth import truth
from wire_images import COMPLEX, echoes
from wire_service import reconstructed, with_complex_images

from streamrecon.client import Reply, Server
from streamrecon.mrd.wire.messages import Message

QUIET = Scene(
    "small noiseless head", matrix=(14, 40, 48), voxel_mm=(10.0, 5.0, 4.4), n_coils=4,
    snr=float("inf"), noise_lines=0,
)  # fmt: skip
# Two of them have one size and differ in what is in the voxels only.
SCENES = (
    QUIET,
    replace(QUIET, orientation=Orientation.CORONAL, bipolar=True, delay_samples=0.3),
    replace(QUIET, matrix=(13, 41, 47), oversampling=(1.0, 1.0, 1.0), slices=True, n_coils=2),
)


def test_three_scans_at_once_are_what_they_are_one_by_one(server: Server) -> None:
    scans: list[list[Message]] = [list(simulate(scene).messages()) for scene in SCENES]

    def take(scan: list[Message]) -> Reply:
        return reconstructed(scan, server, with_complex_images())

    with ThreadPoolExecutor(len(scans)) as clients:
        together = list(clients.map(take, scans))

    for scene, scan, reply in zip(SCENES, scans, together, strict=True):
        found = echoes(reply.images, COMPLEX)
        alone = echoes(take(scan).images, COMPLEX)
        # sums are taken in the order in which lines arrive: float32 rounding
        np.testing.assert_allclose(found, alone, atol=1e-4 * np.abs(alone).max())
        known = truth(scene)
        errors = relative_errors(found, known.echoes, known.coil_rss)
        assert errors.max() < 0.01
