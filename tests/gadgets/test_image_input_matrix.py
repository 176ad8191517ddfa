"""Images as scanners send them: each form gives the echoes of the plain one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from images_as_sent import (
    COMPLEX,
    IMAGINARY,
    MAGNITUDE,
    NX,
    NY,
    NZ,
    PHASE,
    REAL,
    SCENE,
    TE_MS,
    TRUTH,
    assembled,
    changed,
    dicom_json,
    header,
    minihead,
    sent,
)

from streamrecon.mrd.wire.messages import Header, Image

DZ, DY, DX = SCENE.voxel_mm


class Case(NamedTuple):
    """Images, what must be said of them, and the header that comes with them."""

    images: list[Image]
    told: str = ""
    head: Header | None = None
    overrides: Mapping[str, str] = MappingProxyType({})
    scale: float = 1.0


def stored(kind: int, *, sign: int, step_rad: float, zero: float = 0.0) -> np.ndarray:
    """Magnitude in whole numbers, phase in steps."""
    if kind == MAGNITUDE:
        return np.asarray(np.round(np.abs(TRUTH)).astype(np.uint16))
    steps = np.round(sign * np.angle(TRUTH) / step_rad + zero)
    return np.asarray(steps.astype(np.int16))


def parts(kind: int, *, sign: int = 1, zero: int = 0, chopped: bool = False) -> np.ndarray:
    """Real and imaginary parts in whole numbers."""
    image = TRUTH if sign > 0 else TRUTH.conj()
    if chopped:
        image = image * (-1.0) ** np.arange(NZ)[:, None, None]
    return np.round((image.real if kind == REAL else image.imag) + zero).astype(np.int16)


def of_siemens(kind: int) -> np.ndarray:
    return stored(kind, sign=1, step_rad=np.pi / 2048, zero=2048).clip(0, 4095)


def concatenated(image: Image) -> Image:
    odd = int(image.header["slice"]) % 2
    series = int(image.header["image_series_index"]) + odd
    return changed(image, image_series_index=series, slice=int(image.header["slice"]) // 2)


def one_partition(image: Image) -> Image:
    normal = SCENE.geometry.axes_lps[0]
    first = image.header["position"] - NZ // 2 * DZ * normal
    return changed(image, position=first, field_of_view=(NX * DX, NY * DY, DZ))


def with_versions(tell: Callable[[Image, str], dict[str, tuple[str, ...]]]) -> list[Image]:
    """Every image plain, and once more warped, in a series of its own."""
    plain = sent()
    warped = [replace(image, data=np.roll(image.data, 2, axis=-1)) for image in plain]
    return [
        *(changed(image, tell(image, "ND")) for image in plain),
        *(
            changed(image, tell(image, "DIS2D"), image_series_index=55 + image.header["image_type"])
            for image in warped
        ),
    ]


def normalised() -> list[Image]:
    """Magnitude with and without the correction of intensities."""
    plain = sent(change=lambda image: changed(image, {"ImageTypeValue4": ("ND",)}))
    more = [
        changed(replace(image, data=image.data * 3), {"ImageTypeValue4": ("ND", "NORM")},
                image_series_index=77)
        for image in plain if image.header["image_type"] == MAGNITUDE
    ]  # fmt: skip
    return [*plain, *more]


def dicom_of(image: Image, **more: object) -> dict[str, tuple[str, ...]]:
    echo, letter = int(image.header["contrast"]), "MP"[int(image.header["image_type"]) - 1]
    return dicom_json(
        t00080008=("ORIGINAL", "PRIMARY", letter, "ND"),
        t00180081=TE_MS[echo],
        t00180086=echo + 1,
        **more,
    )


def minihead_of(image: Image) -> dict[str, tuple[str, ...]]:
    echo, letter = int(image.header["contrast"]), "MP"[int(image.header["image_type"]) - 1]
    return minihead(
        f'<ParamLong."EchoNumber">{{ {echo + 1} }}\n<ParamDouble."TE">{{ <Precision> 6 }}\n'
        f'<ParamString."ImageTypeValue3">{{ "{letter}" }}\n'
        f'<ParamArray."ImageTypeValue4">\n{{ {{ "ND" }} }}'
    )


def philips(image: Image) -> Image:
    """As a converter of DICOM makes it: magnitude by its header, the rest in the data set."""
    echo, kind = int(image.header["contrast"]), int(image.header["image_type"])
    scale = {"t00281053": 1.0, "t00281052": 0.0, "t2005100e": 0.5 + 0.1 * echo}
    words: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE")
    if kind == PHASE:
        scale = {"t00281053": 2 * 3142 / 4095, "t00281052": -3142.0, "t2005100e": 0.7}
        words = ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE")
    meta = dicom_json(t00080008=words, t00180081=TE_MS[echo], t00080070="Philips", **scale)
    return changed(image, meta, image_type=MAGNITUDE, contrast=0)


def of_philips(kind: int) -> np.ndarray:
    if kind == PHASE:
        mrad = 1e3 * np.angle(TRUTH)
        return np.asarray(np.round((mrad + 3142) / (2 * 3142 / 4095)).astype(np.uint16))
    slopes = (0.5 + 0.1 * np.arange(3))[:, None, None, None]
    return np.asarray(np.round(np.abs(TRUTH) * 4 * slopes).astype(np.uint16))


def of_ge(image: Image) -> Image:
    """GE says what an image is by a private number alone."""
    number = {REAL: 2, IMAGINARY: 3, MAGNITUDE: 0, PHASE: 1}[int(image.header["image_type"])]
    echo = int(image.header["contrast"])
    meta = dicom_json(
        t00080008=("ORIGINAL", "PRIMARY", "OTHER"), t00180081=TE_MS[echo], t0043102f=number
    )
    return changed(image, meta, image_type=MAGNITUDE, image_series_index=3)


def at_corner(image: Image) -> Image:
    """A converter's image: the corner as position, field of view by rows and columns."""
    _, y, x = SCENE.geometry.axes_lps
    corner = image.header["position"] - NX // 2 * DX * x - NY // 2 * DY * y
    place = {"t00200032": tuple(map(float, corner)), "t00280030": (DY, DX)}
    return changed(
        image, dicom_of(image, **place), position=corner,
        field_of_view=(NY * DY, NX * DX, DZ), contrast=0,
    )  # fmt: skip


def slab_depth(image: Image) -> Image:
    return changed(image, field_of_view=(NX * DX, NY * DY, NZ * DZ))


def repeated(**fields: Any) -> list[Image]:
    """A second repetition with another signal behind the first."""
    second = sent(change=lambda image: changed(image, **fields))
    return [*sent(), *second]


def with_swi() -> list[Image]:
    swi = sent(
        kinds=(MAGNITUDE,),
        change=lambda i: changed(i, {"ImageTypeValue4": ("SWI", "ND")}, image_series_index=80),
    )
    return [*sent(), *swi]


NO_TE = header(with_te=False)
GE = header(vendor="GE MEDICAL SYSTEMS")

RIGHT: dict[str, Callable[[], Case]] = {
    "slices of Siemens": lambda: Case(sent(of_siemens), "12 bits from 0"),
    "packed volumes": lambda: Case(sent(packed=True)),
    "packed volumes as deep as a partition": lambda: Case(
        sent(packed=True, change=one_partition), "read as depth and place of the first"
    ),
    "slices as deep as the slab": lambda: Case(
        sent(change=slab_depth), "the depth of 7 slices, not of each"
    ),
    "concatenations": lambda: Case(sent(change=concatenated), "taken as one"),
    "ND and DIS by FIRE's names": lambda: Case(
        with_versions(lambda _, word: {"ImageTypeValue4": (word,)}), "taken uncorrected"
    ),
    "ND and DIS by DICOM's words": lambda: Case(
        with_versions(lambda _, word: dicom_json(t00080008=("ORIGINAL", "PRIMARY", word))),
        "taken uncorrected",
    ),
    "ND and DIS in the minihead": lambda: Case(
        with_versions(
            lambda _, word: minihead(f'<ParamArray."ImageTypeValue4"> {{ {{ "{word}" }} }}')
        ),
        "taken uncorrected",
    ),
    "ND and DIS by the series' names": lambda: Case(
        with_versions(lambda _, word: {"SeriesDescription": (f"gre_qsm_{word}",)}),
        "taken uncorrected",
    ),
    "with and without NORM": lambda: Case(normalised(), "magnitude came uncorrected and with NORM"),
    "with NORM where that is wanted": lambda: Case(
        normalised(), "taken with NORM", overrides={"correction": "with"}, scale=3.0
    ),
    "one series chosen of two that say the same": lambda: Case(
        [*sent(), *sent(kinds=(MAGNITUDE,), change=lambda i: changed(i, image_series_index=11))],
        overrides={"series": "10 20"},
    ),
    "echo times and numbers in DICOM's words": lambda: Case(
        sent(change=lambda i: changed(i, dicom_of(i), contrast=0)), head=NO_TE
    ),
    "echo numbers in the minihead": lambda: Case(
        sent(change=lambda i: changed(i, minihead_of(i), contrast=0, image_type=MAGNITUDE)),
        "of type 1 in the header, phase by their meta",
    ),
    "Philips, as converters write it": lambda: Case(
        sent(of_philips, change=philips), "milliradians; sign +1 (vendor table)", NO_TE, scale=4.0
    ),
    "GE, magnitude and phase": lambda: Case(
        sent(partial(stored, sign=-1, step_rad=1e-3)), "sign -1 (vendor table)", GE
    ),
    "GE, real and imaginary": lambda: Case(
        sent(
            partial(parts, sign=-1, chopped=True), kinds=(REAL, IMAGINARY),
            change=of_ge,
        ),
        "every second slice had the other sign", GE,
    ),
    "real and imaginary around 2048": lambda: Case(
        sent(partial(parts, zero=2048), kinds=(REAL, IMAGINARY))
    ),
    "complex images": lambda: Case(
        sent(lambda _: TRUTH.astype(np.complex64), kinds=(COMPLEX,), packed=True)
    ),
    "the corner as position": lambda: Case(sent(change=at_corner), "DICOM's corner"),
    "susceptibility-weighted images beside": lambda: Case(with_swi(), "21 left out"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_the_echoes_are_those_of_the_plain_images(name: str) -> None:
    case = RIGHT[name]()

    (echoes,), said = assembled(case.images, case.head, **case.overrides)

    assert any(case.told in text for text in said), said
    expected = TRUTH * case.scale
    product = np.vdot(expected, echoes.data)
    correlation = product.real / np.linalg.norm(expected) / np.linalg.norm(echoes.data)
    assert correlation > 0.9995  # whole numbers and 12 bits of phase cost less
    assert product.real / np.linalg.norm(expected) ** 2 == pytest.approx(1, abs=2e-3)
    assert echoes.scan.geometry.same_as(SCENE.geometry, tolerance_mm=1e-3)
    assert echoes.scan.echoes.te_s == pytest.approx(SCENE.te_s)
    assert echoes.scan.slice_thickness_mm == pytest.approx(DZ)


@pytest.mark.parametrize(
    "fields", [{"repetition": 1}, {"average": 1}, {"acquisition_time_stamp": 5000}], ids=str
)
def test_repetitions_by_counter_or_by_time_are_volumes_of_their_own(fields: dict[str, int]) -> None:
    echoes, _ = assembled(repeated(**fields))

    assert [volume.repetition for volume in echoes] == [0, 1]
    np.testing.assert_array_equal(echoes[0].data, echoes[1].data)


@pytest.mark.parametrize("fields", [{"repetition": 1}, {"acquisition_time_stamp": 5000}], ids=str)
def test_a_repetition_that_was_stopped_is_left_out_and_told(fields: dict[str, int]) -> None:
    unfinished = [
        image for image in repeated(**fields)[len(sent()) :] if image.header["image_type"] == PHASE
    ]

    (echoes,), said = assembled([*sent(), *unfinished])

    assert any("1 of 2 repetitions are not whole" in text for text in said)
    np.testing.assert_allclose(echoes.data, TRUTH, rtol=1e-5)
