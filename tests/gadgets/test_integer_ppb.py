"""Susceptibility on the wire is whole ppb; what a reader makes of it is ppm again."""

from __future__ import annotations

import numpy as np
import pytest
from streamrecon_gadgets.exchange.integer_ppb import IntegerPpb
from test_dicom_gadgets import GRID, SCAN

from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.images.volumes_from_images import stacks_of

CHI_PPM = np.linspace(-2.0, 2.0, 60, dtype=np.float32).reshape(GRID.shape)


def sent(gadget: IntegerPpb, values: np.ndarray = CHI_PPM) -> tuple[Volume, list[str]]:
    """The volume as it reaches the wire, and what is told."""
    volume = Volume(values, GRID, Quantity.CHI, SCAN)
    emitted = list(gadget.feed(volume))
    (made,) = [item for item in emitted if isinstance(item, Volume)]
    return made, [str(item) for item in emitted if isinstance(item, Notice)]


@pytest.mark.parametrize(
    ("gadget", "dtype", "intercept", "clipped"),
    [
        (IntegerPpb(), np.int16, "0", 0),
        (IntegerPpb(signed=False), np.uint16, "-2048", 0),
        (IntegerPpb(signed=False, bits=16), np.uint16, "-32768", 0),
    ],
    ids=["signed", "unsigned 12 bits", "unsigned 16 bits"],
)
def test_a_host_gets_ppb_and_a_reader_ppm(
    gadget: IntegerPpb, dtype: type, intercept: str, clipped: int
) -> None:
    volume, told = sent(gadget)
    (image,) = images_of(volume, series=1)
    (stack,) = stacks_of([image])

    assert image.data.dtype == dtype
    slope, offset = image.meta["RescaleSlope"], image.meta["RescaleIntercept"]
    assert (slope, offset, image.meta["STREAMRECON_Unit"]) == (("1",), (intercept,), ("ppb",))
    shown = image.data[0] * 1.0 + float(intercept)
    assert np.abs(shown - 1e3 * CHI_PPM).max() <= 0.5 + 1e-4
    assert image.meta["WindowCenter"] == ("0",)
    assert image.meta["WindowWidth"] == ("400",)
    assert stack.unit == "ppm"
    assert np.abs(stack.values.astype(np.float64) - CHI_PPM).max() <= 0.5e-3 + 1e-6
    assert len(told) == clipped


def test_what_a_host_cannot_hold_is_counted_told_and_kept_at_the_end() -> None:
    values = CHI_PPM.copy()
    values.flat[:3] = (2.5, -3.0, np.nan)

    volume, told = sent(IntegerPpb(signed=False), values)

    assert told == ["WRN chi: 2 voxels beyond the range of the host"]
    assert volume.values.ravel()[:3].tolist() == [4095, 0, 2048]


def test_magnitudes_and_standard_deviations_pass() -> None:
    magnitude = Volume(np.abs(CHI_PPM), GRID, Quantity.MAGNITUDE, SCAN, echo=0)
    spread = Volume(np.full(GRID.shape, 1.4e-3, np.float32), GRID, Quantity.CHI_SD, SCAN)

    assert list(IntegerPpb().feed(magnitude)) == [magnitude]
    assert list(IntegerPpb().feed(spread)) == [spread], "1.4 ppb is not 1"
