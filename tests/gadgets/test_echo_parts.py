"""What echoes are sent as."""

from __future__ import annotations

import numpy as np
from chains import volumes
from dicom_scans import GRIDS, scan_of
from narrowing import all_of
from streamrecon_gadgets.maps.images import EchoImages

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.outputs.quantities import Quantity

SCAN = scan_of(GRIDS["oblique"])


def echoes_of_three_and_four() -> Echoes:
    turns = np.random.default_rng(1).uniform(-np.pi, np.pi, (2, *SCAN.geometry.shape))
    sizes = np.array([3.0, 4.0])[:, None, None, None]
    return Echoes((sizes * np.exp(1j * turns)).astype(np.complex64), SCAN, repetition=2)


def test_the_combined_magnitude_is_the_root_of_the_sum_of_squares() -> None:
    emitted = list(EchoImages(combined=True).feed(echoes_of_three_and_four()))

    (combined,) = volumes(emitted, Quantity.MAGNITUDE_COMBINED)
    np.testing.assert_allclose(combined.values, 5.0, rtol=1e-6)  # 3² + 4² = 5², in float32
    assert (combined.echo, combined.repetition) == (None, 2)


def test_magnitude_and_phase_alone_are_sent_unless_more_is_asked_for() -> None:
    echoes = echoes_of_three_and_four()

    *images, last = EchoImages().feed(echoes)

    pairs = [(image.quantity, image.echo) for image in all_of(Volume, images)]
    assert pairs == [(q, e) for e in (0, 1) for q in (Quantity.MAGNITUDE, Quantity.PHASE)]
    assert last is echoes
