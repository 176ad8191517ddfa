"""A console gets slices of integers, and whoever reads its meta has the quantity back."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, Literal

import numpy as np
import pytest
from dicom_scans import GRIDS, scan_of
from narrowing import as_a

from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.mrd.images.volumes_from_images import stacks_of
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.console_integers import Depth
from streamrecon.output.console_meta import Console, dicom_image_type
from streamrecon.output.console_scan import ConsoleForm, ConsoleScan
from streamrecon.output.console_series import ConsoleSeries, Grouping

OBLIQUE = replace(scan_of(GRIDS["oblique"]), time_stamps=(4321,), measurement_uid=17)
SHOWN = [each for each in Quantity if each is not Quantity.COMPLEX]
BITS: tuple[Literal[12], Literal[16]] = (12, 16)
DEPTHS = [Depth(bits, signed) for bits in BITS for signed in (False, True)]
FORMS = [ConsoleForm(console, depth) for console, depth in product(Console, DEPTHS)]

# By unit, of the size that quantities have; odd numbers, so that no step divides them.
RANGES = {
    "ppm": (-1.9, 1.7),
    "rad": (-np.pi, np.pi),
    "s": (0.003, 0.2),
    "1/s": (-20.3, 190.7),
    "Hz": (-190.1, 180.3),
    "": (0.0, 0.997),
}


def volume(quantity: Quantity, scan: Scan = OBLIQUE, **changes: Any) -> Volume:
    low, high = RANGES[quantity.unit]
    if quantity.dicom is None or not quantity.dicom.signed:
        low = max(low, 0.0)
    if quantity in {Quantity.CHI_SD, Quantity.FIELD_SD, Quantity.R2_STAR_SD}:
        high = 0.0391 * high / 1.7
    shape = scan.geometry.shape
    values = np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    whole = Volume(values, scan.geometry, quantity, scan, echo=0 if quantity.row.part else None)
    return replace(whole, **changes)


def console(form: ConsoleForm = FORMS[0], **how: Any) -> ConsoleScan:
    return ConsoleScan(form, ConsoleSeries(**how))


def sent(scan: ConsoleScan, *volumes: Volume) -> tuple[list[Image], list[str]]:
    items = [item for each in volumes for item in scan.images(each)]
    images = [item for item in items if isinstance(item, Image)]
    return images, [str(item) for item in items if isinstance(item, Notice)]


def rescaled(image: Image) -> np.ndarray:
    """Pixels as a host shows them."""
    slope, intercept = (float(image.meta[f"Rescale{x}"][0]) for x in ("Slope", "Intercept"))
    return np.asarray(image.data[0, 0] * slope + intercept)


def in_gadgetrons_words(image: Image) -> np.ndarray:
    """Pixels as Gadgetron scales them: pixel = ratio · value + offset."""
    ratio, offset = (float(image.meta[f"GADGETRON_Scale{x}"][0]) for x in ("Ratio", "Offset"))
    return np.asarray((image.data[0, 0] - offset) / ratio)


@pytest.mark.parametrize("quantity", SHOWN, ids=lambda each: each.label)
@pytest.mark.parametrize(
    "form", FORMS, ids=lambda f: f"{f.console.value} {f.depth.bits} {'+-'[f.depth.is_signed :]}"
)
def test_every_quantity_comes_back_within_half_a_step(
    form: ConsoleForm, quantity: Quantity
) -> None:
    given = volume(quantity)

    images, told = sent(console(form), given)

    low, high = form.depth.limits
    per_unit = {"ppb": 1e3, "ms": 1e3}.get(images[0].meta.get("STREAMRECON_Unit", ("",))[0], 1.0)
    step = 1 / float(images[0].meta["GADGETRON_ScaleRatio"][0])
    assert len(images) == given.geometry.shape[0]
    for image, truth in zip(images, given.values, strict=True):
        assert image.data.dtype == (np.int16 if form.depth.is_signed else np.uint16)
        assert image.data.min() >= low
        assert image.data.max() <= high
        wrong = in_gadgetrons_words(image) - truth * per_unit
        if quantity is Quantity.PHASE:
            wrong = np.angle(np.exp(1j * wrong))
        assert np.abs(wrong).max() <= 0.5 * step * (1 + 1e-4)
        if quantity.dicom is not None and quantity.dicom.unit is not None:
            np.testing.assert_allclose(in_gadgetrons_words(image), rescaled(image), atol=1e-6)
    assert told == []


@pytest.mark.parametrize(
    ("quantity", "bits", "meta"),
    [
        (Quantity.CHI, 12, ("ppb", "1", "-2048", "0", "400")),
        (Quantity.CHI, 16, ("ppb", "1", "-32768", "0", "400")),
        (Quantity.FIELD, 12, ("ppb", "4", "-8192", "0", "4000")),
        (Quantity.T2_STAR, 12, ("ms", "0.125", "0", "50", "100")),
        (Quantity.T2_STAR, 16, ("ms", "0.1", "0", "50", "100")),
        (Quantity.R2_STAR, 12, ("1/s", "0.25", "-512", "50", "100")),
        (Quantity.FIELD_HZ, 12, ("Hz", "0.5", "-1024", "0", "400")),
        (Quantity.PHASE, 12, ("rad", "0.00153398079", "-3.14159265", "0", "6")),
        (Quantity.MASK, 12, ("", "1", "0", "1", "2")),
    ],
)
def test_scale_unit_and_window_are_those_of_the_table(
    quantity: Quantity, bits: Literal[12, 16], meta: tuple[str, ...]
) -> None:
    images, _ = sent(console(ConsoleForm(Console.FIRE, Depth(bits))), volume(quantity))

    names = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth")
    for image in images:
        unit, *numbers = meta
        assert image.meta.get("STREAMRECON_Unit", ("",)) == (unit,)
        assert [image.meta[name][0] for name in names] == numbers


@pytest.mark.parametrize("is_2d", [False, True], ids=["3-D", "2-D"])
def test_a_slice_has_its_own_place_time_and_number(is_2d: bool) -> None:
    scan = OBLIQUE
    if is_2d:
        encoding = replace(scan.protocol.encoding, encoded_shape=(1, 9, 9))
        n = scan.geometry.shape[0]
        scan = replace(
            scan,
            protocol=replace(scan.protocol, encoding=encoding),
            slice_thickness_mm=1.25,
            time_stamps=tuple(range(100, 100 + n)),
        )
    given = volume(Quantity.CHI, scan)

    images, _ = sent(console(), given, replace(given, repetition=1))

    n, ny, nx = given.geometry.shape
    for number, image in enumerate(images):
        header, k = image.header, number % n
        middle = (given.geometry.affine_lps() @ (k, ny // 2, nx // 2, 1))[:3]
        np.testing.assert_allclose(header["position"], middle, atol=1e-3)
        assert header["matrix_size"].tolist() == [nx, ny, 1]
        thickness_mm = 1.25 if is_2d else given.geometry.voxel_mm[0]
        assert header["field_of_view"][2] == pytest.approx(thickness_mm)
        assert header["acquisition_time_stamp"] == (100 + k if is_2d else 4321)
        assert header["measurement_uid"] == 17
        assert (header["image_index"], header["slice"]) == (number + 1, k)
        assert header["image_series_index"] == 208


def test_our_own_reader_has_the_map_and_its_place_back() -> None:
    given: Any = volume(Quantity.T2_STAR)

    images, _ = sent(console(), given)
    (stack,) = stacks_of(images)

    assert stack.geometry.same_as(given.geometry)
    assert (stack.label, stack.unit) == ("t2star", "s")
    np.testing.assert_allclose(as_a(np.ndarray, stack.values), given.values, atol=0.0626e-3)


def test_what_does_not_fit_is_counted_and_told_with_the_range() -> None:
    values = volume(Quantity.CHI).values.copy()
    values.flat[:4] = (2.5, -3.0, np.nan, np.inf)

    images, told = sent(console(), volume(Quantity.CHI, values=values))

    assert images[0].data.ravel()[:4].tolist() == [4095, 0, 2048, 2048]
    assert told == [
        f"WRN chi: 2 of {values.size} voxels beyond -2048 … 2047 ppb, clipped",
        "WRN chi: 2 voxels were no finite numbers, and are 0",
    ]


def test_echoes_and_repetitions_keep_their_ratios() -> None:
    first = volume(Quantity.MAGNITUDE, values=volume(Quantity.MAGNITUDE).values * 3e-4)
    second = replace(first, values=first.values * 0.5, echo=1)

    images, _ = sent(console(), first, second, replace(first, repetition=1))

    ratios = {image.meta["GADGETRON_ScaleRatio"] for image in images}
    top = max(int(image.data.max()) for image in images)
    assert len(ratios) == 1
    assert 1024 <= top < 2048
    assert images[0].meta["RescaleSlope"] == ("1",)
    assert [int(i.header["contrast"]) for i in images[:: first.geometry.shape[0]]] == [0, 1, 0]


def test_series_keep_clear_of_those_of_the_scanner() -> None:
    scan = console()
    for number in (2, 208, 308):
        header = np.zeros(1, IMAGE)[0]
        header["image_series_index"] = number
        scan.seen(Image(header, np.zeros((1, 1, 2, 2), np.uint16)))

    images, told = sent(scan, volume(Quantity.CHI), volume(Quantity.CHI), volume(Quantity.SWI))

    numbers = [int(image.header["image_series_index"]) for image in images]
    n = OBLIQUE.geometry.shape[0]
    assert numbers == [408] * 2 * n + [211] * n
    assert told == ["WRN series 208 is the scanner's own: chi is series 408"]


def test_one_series_is_one_for_images_of_one_size() -> None:
    n, ny, nx = OBLIQUE.geometry.shape
    coarse = Geometry((2, ny - 1, nx), (3.0, 2.0, 1.0), np.eye(3))
    preview = Volume(np.ones(coarse.shape, np.float32), coarse, Quantity.CHI_PREVIEW, OBLIQUE)
    maps = (volume(Quantity.CHI), volume(Quantity.SWI))

    images, _ = sent(console(first=50, grouping=Grouping.ONE), *maps, preview)

    found = [(int(i.header["image_series_index"]), int(i.header["image_index"])) for i in images]
    assert found == [(50, k + 1) for k in range(2 * n)] + [(150, 1), (150, 2)]


def test_previews_of_two_sizes_are_two_series() -> None:
    grids = [Geometry((2, n, n), (1.0, 1.0, 1.0), np.eye(3)) for n in (5, 9)]
    previews = [
        Volume(np.ones(grid.shape, np.float32), grid, Quantity.SWI_PREVIEW, OBLIQUE)
        for grid in grids
    ]

    images, _ = sent(console(), *previews)

    found = [(int(i.header["image_series_index"]), int(i.header["image_index"])) for i in images]
    assert found == [(230, 1), (230, 2), (330, 1), (330, 2)]


def test_roles_are_those_that_scanners_write_or_what_the_images_are() -> None:
    given = [volume(quantity) for quantity in (Quantity.MAGNITUDE, Quantity.PHASE, Quantity.CHI)]
    as_they_are = ConsoleForm(Console.FIRE, Depth(12), as_scanners=False)

    types = [
        [int(image.header["image_type"]) for image in sent(console(form), each)[0][:1]]
        for form in (FORMS[0], as_they_are)
        for each in given
    ]

    assert types == [[1], [2], [1], [1], [2], [3]]
    assert dicom_image_type(Quantity.PHASE, as_scanners=True) == ("ORIGINAL", "PRIMARY", "P", "ND")


def test_fire_is_given_what_it_appends_and_openrecon_the_whole() -> None:
    fire, openrecon = (
        sent(console(ConsoleForm(each, Depth(12))), volume(Quantity.SWI_MINIP))[0][1]
        for each in (Console.FIRE, Console.OPENRECON)
    )

    assert fire.meta["ImageType"] == ("MINIP", "SWI")
    assert openrecon.meta["ImageType"] == ("DERIVED\\PRIMARY\\M\\MINIP\\SWI",)
    assert openrecon.meta["ImageTypeValue4"] == ("MINIP",)
    assert openrecon.meta["SliceNo"] == ("1",)
    assert openrecon.meta["NumberOfSlices"] == (str(OBLIQUE.geometry.shape[0]),)
    for image in (fire, openrecon):
        assert image.meta["SeriesDescription"] == ("SWI_mIP",)
        assert image.meta["DataRole"] == ("Quantitative",)
        assert image.meta["Keep_image_geometry"] == ("1",)
        assert len(image.meta["ImageComment"]) > 1


def test_a_person_reads_the_formula_in_the_comments() -> None:
    images, _ = sent(console(), volume(Quantity.CHI), volume(Quantity.T2_STAR))

    assert "chi, ppb = 1 * pixel - 2048" in images[0].meta["ImageComments"][0]
    assert "t2star, ms = 0.125 * pixel" in images[-1].meta["ImageComments"][0]


def test_complex_images_are_not_sent_and_only_what_is_asked_for_is() -> None:
    values = np.ones(OBLIQUE.geometry.shape, np.complex64)
    both = Volume(values, OBLIQUE.geometry, Quantity.COMPLEX, OBLIQUE, echo=0)
    asked = ConsoleForm(Console.FIRE, Depth(12), outputs="SWI,QSM_ppb")

    none, told = sent(console(), both, replace(both, echo=1))
    some, _ = sent(console(asked), volume(Quantity.CHI), volume(Quantity.MAGNITUDE))

    assert none == []
    assert told == ["WRN complex: no console shows complex images; not sent"]
    assert {image.meta["SeriesDescription"] for image in some} == {("QSM_ppb",)}
