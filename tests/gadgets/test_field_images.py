"""Each image of the field, its trust and its mask has its own numbers, and comes when asked for."""

from __future__ import annotations

import numpy as np
import pytest
from made_maps import total_field_of
from narrowing import all_of
from streamrecon_gadgets.maps.field import FieldImages

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.field_maps import FieldMap, LocalFieldMap
from streamrecon.qsm.pipeline import Quality

GRID = Geometry((3, 4, 5), (2.0, 1.5, 1.0), np.eye(3)[::-1])
SCAN = bare_scan(GRID, (0.005, 0.02), 3.0, PhaseSign(1, SignOrigin.GIVEN))
NONE = {"b0_hz": False}
FIELD_PPM = np.linspace(-0.5, 0.7, 60).reshape(GRID.shape)
MASK = FIELD_PPM > -0.3
SD_PPM = np.where(MASK, 0.002, np.inf)

FIELD = FieldMap(
    total_field_of(MASK, field_ppm=FIELD_PPM, sd_ppm=SD_PPM, magnitude=50 * MASK, noise=2.0), SCAN
)
EXPECTED = {
    "b0_hz": (Quantity.FIELD_HZ, 42.577478518 * 3.0 * FIELD_PPM),
    "b0_ppm": (Quantity.FIELD, FIELD_PPM),
    "b0_sd": (Quantity.FIELD_SD, 0.002 * MASK),  # without bound where nothing is known: shown as 0
    "mask": (Quantity.MASK, 1.0 * MASK),
    "phase_quality": (Quantity.PHASE_QUALITY, 0.5 * MASK),
    "snr": (Quantity.SNR, 25.0 * MASK),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_image_that_is_asked_for_comes_alone_with_its_numbers(name: str) -> None:
    quantity, expected = EXPECTED[name]

    *images, last = FieldImages.model_validate(NONE | {name: True}).feed(FIELD)

    (image,) = all_of(Volume, images)
    assert last is FIELD
    assert image.quantity is quantity
    assert image.values.dtype == np.float32
    np.testing.assert_allclose(image.values, expected, rtol=1e-6)


def test_all_images_come_in_the_order_of_the_parameters() -> None:
    *images, _ = FieldImages.model_validate(dict.fromkeys(EXPECTED, True)).feed(FIELD)

    assert [i.quantity for i in all_of(Volume, images)] == [q for q, _ in EXPECTED.values()]


@pytest.mark.parametrize("is_preview", [False, True])
def test_the_local_field_is_sent_once_and_not_with_the_preview(*, is_preview: bool) -> None:
    local = LocalField("given", FIELD.total.fit.field_ppm, MASK)
    item = LocalFieldMap(local, FIELD.total, Quality.STANDARD, SCAN, is_preview=is_preview)

    *images, last = FieldImages(local_field=True).feed(item)

    assert last is item
    assert [i.quantity for i in all_of(Volume, images)] == [Quantity.LOCAL_FIELD] * (not is_preview)
