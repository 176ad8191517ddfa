"""A series on the wire has images of one size and one type."""

from __future__ import annotations

import numpy as np
import pytest
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Header, Image

HEADER = next(m for m in simulate(SCENES["tiny"]).messages() if isinstance(m, Header))


def volume(quantity: Quantity, shape: tuple[int, int, int], dtype: type) -> Volume:
    grid = Geometry(shape, (1.0, 1.5, 2.0), np.eye(3))
    scan = Scan(grid, read_protocol(HEADER.xml), slice_thickness_mm=1.0)
    rescale = (0.001, 0.0) if np.issubdtype(dtype, np.integer) else None
    return Volume(np.ones(shape, dtype), grid, quantity, scan, rescale=rescale)


def passing(series: int, dtype: type) -> Image:
    """An image of a client's own that goes through the chain."""
    header = np.zeros(1, IMAGE)[0]
    header["image_series_index"] = series
    return Image(header, np.zeros((1, 3, 5, 7), dtype))


def test_no_series_mixes_sizes_or_types_whatever_is_sent() -> None:
    rng = np.random.default_rng(4)
    quantities = (Quantity.CHI, Quantity.CHI_PREVIEW, Quantity.MAGNITUDE)
    shapes, types = ((3, 4, 5), (3, 5, 7), (3, 4, 7)), (np.float32, np.int16)
    series = ImageSeries()
    forms: dict[int, object] = {}
    counted: dict[int, list[int]] = {}
    for _ in range(200):
        dtype = types[rng.integers(2)]
        item: Image | Volume
        if rng.random() < 0.3:
            item = passing(int(rng.choice([1, 8, 14, 108, 65_500])), dtype)
        else:
            item = volume(quantities[rng.integers(3)], shapes[rng.integers(3)], dtype)
        for image in series.sent(item, (Image,)):
            number = int(image.header["image_series_index"])
            form = (image.data.shape, image.data.dtype)
            assert forms.setdefault(number, form) == form
            if isinstance(item, Volume):
                counted.setdefault(number, []).append(int(image.header["image_index"]))

    assert len(forms) > 15
    assert all(found == list(range(1, len(found) + 1)) for found in counted.values())


def test_the_first_form_keeps_the_number_and_others_have_it_a_hundred_higher() -> None:
    series = ImageSeries()
    sent = [
        volume(Quantity.CHI_PREVIEW, (3, 4, 5), np.float32),
        volume(Quantity.CHI_PREVIEW, (3, 8, 10), np.float32),
        volume(Quantity.CHI_PREVIEW, (3, 4, 5), np.float32),
        volume(Quantity.CHI_PREVIEW, (3, 4, 5), np.int16),
    ]

    numbers = [int(i.header["image_series_index"]) for v in sent for i in series.images(v)]

    assert numbers == [14, 114, 14, 214]


@pytest.mark.parametrize("own", [7, 507])
def test_a_passing_image_keeps_its_number_where_it_is_free(own: int) -> None:
    series = ImageSeries()
    series.images(volume(Quantity.CHI, (3, 4, 5), np.float32))
    image = passing(own, np.int16)

    assert next(series.sent(image, (Image,))) is image
