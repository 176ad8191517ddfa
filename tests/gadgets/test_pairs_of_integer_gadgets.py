"""Unit, slope and intercept travel with the numbers through every gadget that takes volumes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from pydicom import dcmread
from streamrecon_gadgets import ALL
from streamrecon_gadgets.exchange.gadgetron_names import AutoScale, FloatToShort, FloatToUShort
from streamrecon_gadgets.exchange.integer_ppb import IntegerPpb
from streamrecon_gadgets.maps.projection import ProjectSlabs
from test_dicom_gadgets import GRID, SCAN

from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.images.volumes_from_images import stacks_of
from streamrecon.stream.gadget import Gadget

INTEGER: dict[str, Callable[[], Gadget[Volume]]] = {
    "ppb": IntegerPpb,
    "ppb unsigned": lambda: IntegerPpb(signed=False),
    "ppb 16 bits": lambda: IntegerPpb(signed=False, bits=16),
    "short": FloatToShort,
    "ushort": FloatToUShort,
    "ushort wide": lambda: FloatToUShort(max_intensity=65535, intensity_offset=32768),
}
PAIRS = list(product(INTEGER, INTEGER))
REAL = [each for each in Quantity if each is not Quantity.COMPLEX]

# Signed and of the size that the quantity has; odd numbers, so that no step divides them.
VALUES = {
    "ppm": np.linspace(-1.9, 1.7, 60),
    "rad": np.linspace(-3.1, 3.13, 60),
    "s": np.linspace(0.003, 0.2, 60),
}
_OTHER = np.linspace(0.7, 913.0, 60)


def truth(quantity: Quantity) -> np.ndarray:
    return VALUES.get(quantity.unit, _OTHER).reshape(GRID.shape).astype(np.float32)


def volume(quantity: Quantity) -> Volume:
    echo = 0 if quantity.row.part else None
    return Volume(truth(quantity), GRID, quantity, SCAN, echo=echo)


def through(item: Volume, gadgets: Iterable[Gadget[Volume]]) -> tuple[Volume, list[str]]:
    told: list[str] = []
    for gadget in gadgets:
        emitted = list(gadget.feed(item))
        (item,) = [each for each in emitted if isinstance(each, Volume)]
        told += [str(each) for each in emitted if isinstance(each, Notice)]
    return item, told


def step(name: str, quantity: Quantity) -> float:
    """What one integer is worth where a gadget is the first."""
    if name.startswith("ppb"):
        return 1e-3
    return quantity.row.integer_step


@pytest.mark.parametrize("quantity", REAL, ids=lambda each: each.label)
@pytest.mark.parametrize("pair", PAIRS, ids=" then ".join)
def test_a_reader_gets_the_quantity_back_or_is_told_how_many_voxels_not(
    pair: tuple[str, str], quantity: Quantity
) -> None:
    made, told = through(volume(quantity), [INTEGER[name]() for name in pair])

    (stack,) = stacks_of(images_of(made, series=1))

    assert stack.unit == quantity.unit
    allowed = sum(0.5 * step(name, quantity) for name in pair) * (1 + 1e-5)
    wrong = np.abs(stack.values - truth(quantity)) > allowed + 1e-6 * np.abs(truth(quantity))
    counts = [re.search(r"(\d+) voxels beyond", line) for line in told]
    beyond = sum(int(count[1]) for count in counts if count)
    assert int(wrong.sum()) <= beyond
    assert not wrong.any() or beyond


@pytest.mark.parametrize("second", INTEGER)
def test_whole_ppb_stay_whole_ppb(second: str) -> None:
    """What a site saw 1,000 times off: all of it came to 0, 1 or 2."""
    gadgets = [IntegerPpb(signed=False), FloatToUShort(), INTEGER[second]()]
    made, told = through(volume(Quantity.CHI), gadgets)

    (image,) = images_of(made, series=1)
    shown = image.data[0] * float(image.meta["RescaleSlope"][0])
    shown = shown + float(image.meta["RescaleIntercept"][0])

    assert image.meta["STREAMRECON_Unit"] == ("ppb",)
    assert told == []
    assert np.abs(shown - 1e3 * truth(Quantity.CHI)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("name", INTEGER)
@pytest.mark.parametrize("quantity", [Quantity.CHI, Quantity.PHASE, Quantity.R2_STAR])
def test_dicom_of_integers_is_that_of_the_numbers(name: str, quantity: Quantity) -> None:
    made, told = through(volume(quantity), [INTEGER[name]()])

    images = DicomScan(SCAN.protocol.ids, Run()).images(made)
    stored = [dcmread(BytesIO(part10(image))) for image in images.datasets]
    read = np.stack(
        [
            image.pixel_array * float(image.get("RescaleSlope", 1))
            + float(image.get("RescaleIntercept", 0))
            for image in sorted(stored, key=lambda image: image.InstanceNumber)
        ]
    )

    form = quantity.dicom
    assert form is not None
    allowed = 0.5 * (step(name, quantity) * form.per_unit + form.slope) * (1 + 1e-4)
    wrong = np.abs(read - truth(quantity) * form.per_unit) > allowed
    assert not wrong.any() or any("beyond" in line for line in told)


@pytest.mark.parametrize("name", INTEGER)
def test_a_projection_of_integers_is_that_of_the_numbers(name: str) -> None:
    projector = ProjectSlabs(chi=True, slab_mm=4.0)
    made, told = through(volume(Quantity.CHI), [INTEGER[name]()])

    _, wanted = projector.feed(volume(Quantity.CHI))
    passed, found = projector.feed(made)

    assert passed is made
    allowed = 0.5 * step(name, Quantity.CHI) + 1e-6
    wrong = np.abs(found.in_unit() - wanted.in_unit()) > allowed
    assert not wrong.any() or any("beyond" in line for line in told)


@pytest.mark.parametrize("name", INTEGER)
def test_a_common_scale_is_the_same_for_integers_with_an_offset(name: str) -> None:
    magnitude = volume(Quantity.MAGNITUDE)
    integers, _ = through(magnitude, [INTEGER[name]()])

    (wanted,) = AutoScale().feed(magnitude)
    (found,) = AutoScale().feed(integers)

    # half a step of the brightest, scaled to 2,048
    np.testing.assert_allclose(found.in_unit(), wanted.in_unit(), atol=1.1 * 2048 / 913)


def test_every_gadget_that_makes_integers_is_walked() -> None:
    candidates = [each for each in ALL if each.accepts == (Volume,) and each.way_out is None]
    found = set()
    for gadget in candidates:
        for quantity in (Quantity.CHI, Quantity.MAGNITUDE, Quantity.PHASE):
            emitted = list(gadget().feed(volume(quantity)))
            volumes = [each for each in emitted if isinstance(each, Volume)]
            if any(np.issubdtype(each.values.dtype, np.integer) for each in volumes):
                found.add(gadget)

    assert found == {type(make()) for make in INTEGER.values()}
