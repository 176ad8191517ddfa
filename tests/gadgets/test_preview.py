"""Previews: in time, in their place, of the right sign, without a trace in the final images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from chains import CONFIG, in_units, texts, volumes
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.phantoms.phantom import HEAD, Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Sphere
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Acquisitions, Message
from streamrecon.stream.chainfile.build import build_chain

BLEED, CALCIFICATION = (-32.0, 20.0, 20.0), (32.0, 20.0, 20.0)
LESIONS = Phantom(
    parts=(
        Part(Ellipsoid((0.0, 0.0, 0.0), (70.0, 88.0, 78.0)), Tissue(0.8, 18.0, 0.0)),
        Part(Sphere(BLEED, 2.0), Tissue(0.6, 60.0, 0.8)),
        Part(Sphere(CALCIFICATION, 2.0), Tissue(0.5, 40.0, -0.8)),
    ),
    background_ppm=HEAD.background_ppm,
)
SCENE = Scene(
    "4 mm lesions", phantom=LESIONS, matrix=(64, 92, 96), voxel_mm=(2.5, 2.2, 2.0), n_coils=3,
    te_s=(0.005, 0.0103, 0.0156), noise_lines=0, supersampling=2, snr=60.0,
)  # fmt: skip
SMALL = replace(SCENE, matrix=(24, 40, 48), voxel_mm=(7.0, 5.0, 4.0), supersampling=1)
KINDS = (Quantity.MAGNITUDE_PREVIEW, Quantity.SWI_PREVIEW, Quantity.CHI_PREVIEW)


def run(
    scene: Scene, *, pause_at: float = 2.0, **overrides: str
) -> tuple[list[object], list[float]]:
    """What comes out of the chain, and how much of the scan was in before each item.

    The scanner pauses where ``pause_at`` of the lines are in, until three previews have come.
    """
    emitted: list[object] = []
    parts: list[float] = []
    sent = [0]
    three = Event()
    batch = len(scene.te_s) if pause_at < 1 else 64
    total = scene.encoded_matrix[0] * scene.encoded_matrix[1] * len(scene.te_s)

    def messages() -> Iterator[Message]:
        for message in simulate(scene).messages():
            if isinstance(message, Acquisitions):
                for start in range(0, len(message), batch):
                    part = message.select(slice(start, start + batch))
                    sent[0] += len(part)
                    yield part
                    if sent[0] - len(part) < pause_at * total <= sent[0]:
                        assert three.wait(60)
            else:
                yield message

    def emit(item: object) -> None:
        emitted.append(item)
        parts.append(sent[0] / total)
        if sum(map(is_preview, emitted)) == 3:
            three.set()

    xml = (CONFIG / "gre_preview.xml").read_bytes()
    build_chain(xml, REGISTRY, overrides=overrides).run(messages(), emit)
    return emitted, parts


def is_preview(item: object) -> bool:
    return isinstance(item, Volume) and item.quantity in KINDS


def around(volume: Volume, place_lps: tuple[float, float, float]) -> float:
    """Value of the voxel at a place in the patient, in its unit."""
    index = np.linalg.inv(volume.geometry.affine_lps()) @ (*place_lps, 1)
    return float(in_units(volume)[tuple(np.rint(index[:3]).astype(int))])


@pytest.mark.parametrize(("order", "phase_sign"), [(Order.LINEAR, -1), (Order.CENTRE_OUT, 1)])
def test_a_bleed_and_a_calcification_of_4_mm_have_their_sign(order: Order, phase_sign: int) -> None:
    emitted, _ = run(replace(SCENE, order=order, phase_sign=phase_sign), even_late="true")

    previews = volumes(emitted, Quantity.CHI_PREVIEW)
    assert len(previews) == 2
    for preview in previews:
        print(
            order.value,
            preview.geometry.voxel_mm,
            around(preview, BLEED),
            around(preview, CALCIFICATION),
        )
        assert around(preview, BLEED) > 0.08
        assert around(preview, CALCIFICATION) < -0.08


@pytest.mark.parametrize(
    ("order", "part"),
    [
        (Order.LINEAR, 0.625),
        (Order.KZ_INNER, 0.625),
        (Order.CENTRE_OUT, 0.25),
        (Order.ECHO_OUTER, (2 + 0.625) / 3),
    ],
)
def test_a_preview_leaves_when_its_lines_are_in_and_needs_no_more(
    order: Order, part: float
) -> None:
    """The scanner stands still right there, so that no later line can have been waited for."""
    one_step = 1 / (SMALL.encoded_matrix[0] * SMALL.encoded_matrix[1])
    pause_at = part + 20 * one_step if order is Order.CENTRE_OUT else part

    emitted, parts = run(replace(SMALL, order=order), pause_at=pause_at)

    early = [p for item, p in zip(emitted, parts, strict=True) if is_preview(item)][:3]
    print(order.value, early)
    assert early[0] >= part - one_step
    assert early[-1] <= pause_at + one_step


def test_each_share_gives_three_images_marked_and_in_their_place() -> None:
    scene = replace(SMALL, tilt_deg=(20.0, -10.0), centre_lps_mm=(5.0, -8.0, 3.0))

    emitted, _ = run(scene, even_late="true")

    for quantity in KINDS:
        first, second = volumes(emitted, quantity)
        for volume, share in ((first, "25%"), (second, "50%")):
            assert f"PREVIEW from the central {share} of k-space" in volume.comments
            assert volume.geometry.centre_lps_mm == pytest.approx(scene.centre_lps_mm)
            np.testing.assert_allclose(volume.geometry.axes_lps, scene.geometry.axes_lps, atol=1e-6)
            extent = np.array(volume.geometry.shape) * volume.geometry.voxel_mm
            full = np.array(scene.matrix) * scene.voxel_mm
            np.testing.assert_allclose(extent, full, rtol=1e-6)
        assert first.geometry.voxel_mm[0] == pytest.approx(4 * scene.voxel_mm[0])
        assert second.geometry.voxel_mm[0] == pytest.approx(2 * scene.voxel_mm[0])


def test_final_images_are_the_same_bits_with_and_without_previews() -> None:
    with_previews, _ = run(SMALL, even_late="true")
    without, _ = run(SMALL, fractions="1.0")

    for quantity in (Quantity.MAGNITUDE, Quantity.PHASE):
        final, plain = volumes(with_previews, quantity), volumes(without, quantity)
        assert len(final) == len(plain) == 3
        for one, other in zip(final, plain, strict=True):
            np.testing.assert_array_equal(one.values, other.values)


def test_a_preview_that_comes_too_late_is_left_out_and_told() -> None:
    """The lines come at once; the magnitude is ready only after the last of them, or before."""
    emitted, _ = run(SMALL, even_late="false")

    assert len(volumes(emitted, Quantity.CHI_PREVIEW)) < 2
    assert any("the scan ended first" in text for text in texts(emitted))
    assert len(volumes(emitted, Quantity.MAGNITUDE)) == 3


def test_slices_and_single_echoes_have_previews_too() -> None:
    scene = replace(SMALL, slices=True, te_s=(0.015,), order=Order.KZ_INNER)

    emitted, _ = run(scene, even_late="true")

    first, second = volumes(emitted, Quantity.MAGNITUDE_PREVIEW)
    assert first.geometry.shape == (24, 10, 48)
    assert second.geometry.shape == (24, 20, 48)
    assert len(volumes(emitted, Quantity.SWI_PREVIEW)) == 2


def test_later_repetitions_have_none() -> None:
    emitted, _ = run(replace(SMALL, repetitions=2), even_late="true")

    assert len(volumes(emitted, Quantity.MAGNITUDE_PREVIEW)) == 2
    assert len(volumes(emitted, Quantity.MAGNITUDE)) == 6
    assert not [item for item in emitted if isinstance(item, Notice) and "failed" in str(item)]
